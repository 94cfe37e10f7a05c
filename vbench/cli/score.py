"""`vbench score`, `show`, `scores`, `selftest`: measure clips and print what was measured."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vbench.cli.options import (
    EXIT_FAILURES,
    SET_HELP,
    BenchPath,
    Engine,
    EngineSet,
    Json,
    Machines,
    Strict,
    fleet_of,
    names,
    option,
    print_json,
    print_line,
    settings_of,
    takes,
)

if TYPE_CHECKING:
    from vbench.score import Progress
    from vbench.score.spec import ScoreChoices

SHOWN_OF_SHOTS = ("overall", "overall_temporal", "overall_motion", "overall_picture", "motion_p95", "freeze_ratio")
"""What `vbench show` prints of each shot; `--json` has all that is known of it."""
TableFormat = Literal["csv", "json", "parquet"]
SPEC_OPTIONS = {
    each.name: each
    for each in (
        option("preset", str, help="offline, standard, full, or people, words, speech, vbench."),
        option("metrics", str | None, help="Names with commas, instead of a preset."),
        option("device", str, default="auto", help="auto, cpu, cuda, cuda:N, or several with commas."),
        option("workers", int | None, min=1, help="Decode processes.  [default: one per core]"),
        option("set_", list[str] | None, "--set", help=SET_HELP),
        option("precision", str, default="auto", help="auto (bf16 on CUDA), fp32 or bf16."),
        option("gpu_memory", float, default=0.8, help="Share of a GPU's free memory that one batch may take."),
        option(
            "compile",
            bool,
            "--compile",
            default=False,
            help="Put backbones through torch.compile; pays for hundreds of clips.",
        ),
    )
}
"""Options that make `ScoreChoices`."""


def spec_options(*options: str, preset: str) -> list[inspect.Parameter]:
    """Some of them, with the command's own preset where none is typed."""
    return [SPEC_OPTIONS[name].replace(default=preset) if name == "preset" else SPEC_OPTIONS[name] for name in options]


def choices_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `ScoreSpec` that the options of a command give.

    Raises:
        OptionError: one of them cannot be meant.
    """
    choices = {**values, "settings": settings_of(values["set_"])}
    del choices["set_"]
    if "metrics" in choices:
        choices["metrics"] = None if choices["metrics"] is None else names(choices["metrics"])
    return choices


@takes("choices", spec_options(*SPEC_OPTIONS, preset="standard"), choices_of)
def score(
    *,
    bench: BenchPath = None,
    choices: ScoreChoices,
    engine: Engine = "local",
    machines: Machines = None,
    engine_set: EngineSet = None,
    json: Json = False,
    strict: Strict = False,
) -> None:
    """Measure the clips of a bench; what is done is skipped."""
    from dataclasses import asdict

    from vbench.bench import Bench
    from vbench.score import score as run

    fleet = fleet_of(engine, machines, engine_set)
    with Bench.open(bench, create=False) as workspace, _progress(quiet=json) as progress:
        if fleet is None:
            report = run(workspace, progress=progress, **choices)
        else:
            from vbench.machines import score as run_shared
            from vbench.score.spec import ScoreSpec, spec_with

            spec = spec_with(ScoreSpec(), **choices)
            report = run_shared(workspace, spec, fleet, note=lambda text: progress(0, 0, text))
    if json:
        print_json(asdict(report))
    else:
        print_line(
            f"{report.n_clips} clips, {report.n_skipped} of them done before; {report.n_scores} scores"
            f"{report.without_score}; {report.seconds:.1f} s"
        )
        for name, reason in report.left_out.items():
            print_line(f"left out: {name} ({reason})")
    if strict and any(code != "not_applicable" for code in report.failures):
        raise typer.Exit(EXIT_FAILURES)


@takes("choices", spec_options("preset", "metrics", "device", "set_", "precision", preset="offline"), choices_of)
def show(
    *,
    clip: Annotated[str, typer.Argument(help="A clip id (its start is enough), or the path of a video file.")],
    bench: BenchPath = None,
    prompt: Annotated[str, typer.Option(help="What the file should show, where it is no clip of the bench.")] = "",
    choices: ScoreChoices,
    json: Json = False,
) -> None:
    """Show what was measured of a clip, or measure a file that is in no bench."""
    from vbench.bench import Bench
    from vbench.errors import ClipError, UserError
    from vbench.records import Prompt
    from vbench.report.scores import as_document, stored_outcomes

    path = Path(clip)
    if path.exists():
        from vbench.metrics import METRICS
        from vbench.score import measure_file

        try:
            shown, outcomes = measure_file(path, Prompt(id=path.stem, text=prompt), **choices)
        except ClipError as error:
            raise UserError(str(error)) from None
        units = {name: metric.unit for name, metric in METRICS.items()}
    else:
        with Bench.open(bench, create=False) as workspace:
            shown = workspace.clip(clip)
            outcomes = stored_outcomes(workspace, shown)
            units = {name: info.unit for name, info in workspace.metrics().items()}
    document = as_document(shown, outcomes, units)
    if json:
        print_json(document)
    else:
        _print_clip(document)


def scores(
    bench: BenchPath = None,
    format: Annotated[TableFormat, typer.Option("--format", help="csv, json or parquet.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", help="File to write; needed for parquet.")] = None,
) -> None:
    """Print a row per clip and metric: its value, or why there is none."""
    from vbench.bench import Bench
    from vbench.errors import OptionError
    from vbench.report.scores import score_text, write_scores

    with Bench.open(bench, create=False) as workspace:
        if out is not None:
            write_scores(workspace, out, format)
        elif format == "parquet":
            raise OptionError("parquet is not text; say where to write it with --out FILE")
        else:
            for piece in score_text(workspace, format):
                sys.stdout.write(piece)


@takes("choices", spec_options("preset", "device", "set_", preset="offline"), choices_of)
def selftest(
    *,
    clips: Annotated[
        Path | None, typer.Option("--clips", help="A folder of your own clips to try the controls on.")
    ] = None,
    choices: ScoreChoices,
    json: Json = False,
) -> None:
    """Check that every measure does what it should: frozen, doubled, cut, shuffled, blurred clips and more."""
    from vbench.selftest import run_selftest

    results = run_selftest(clips, **choices)
    if json:
        print_json({"controls": [result.as_mapping() for result in results]})
    else:
        for result in results:
            print_line(result.line())
        print_line(f"{sum(r.passed for r in results)} of {len(results)} controls passed")
    if not all(result.passed for result in results):
        raise typer.Exit(EXIT_FAILURES)


class _progress:
    """A bar on a terminal, plain lines elsewhere, notes on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._quiet:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
        return self._told

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _told(self, done: int, total: int, text: str) -> None:
        if text:
            self._console.print(text, style="yellow", markup=False)
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task("scoring", total=total)
            self._bar.update(self._task, completed=done, total=total)
        elif not self._quiet and not text and total and (done == total or done % 10 == 0):
            self._console.print(f"scored {done} of {total} clips", markup=False)


def _print_clip(document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from vbench.marks import marks_in

    clip, probe = document["clip"], document["probe"]
    console = Console()
    facts = f"{probe['width']}x{probe['height']} {probe['fps']:.3g} fps {probe['duration_s']:.2f} s {probe['codec']}"
    console.print(escape(f"{clip['model'] or clip['media']}  {clip['prompt']['text'][:80]}  {facts}"), highlight=False)
    for warning in probe["warnings"]:
        is_damage = any(mark.is_damage for mark in marks_in([warning]))
        console.print(escape(f"{'damaged' if is_damage else 'note'}: {warning}"), highlight=False)
    table = Table("metric", "value", "unit", box=None)
    for name, score in document["scores"].items():
        table.add_row(name, f"{score['value']:.4g}", score["unit"])
    for name, reason in document["failures"].items():
        table.add_row(name, "-", escape(reason[:90]))
    console.print(table)
    for event in document["events"]:
        console.print(
            f"{event['kind']:7} {event['start_s']:7.2f} to {event['end_s']:.2f} s, frame {event['frame']}",
            highlight=False,
        )
    if document["shots"]:
        _print_shots(console, document["shots"])


def _print_shots(console: Any, shots: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("shot", "from s", "to s", *SHOWN_OF_SHOTS, box=None)
    for number, shot in enumerate(shots, 1):
        values = [f"{shot['values'][name]:.4g}" if name in shot["values"] else "-" for name in SHOWN_OF_SHOTS]
        table.add_row(str(number), f"{shot['start_s']:.2f}", f"{shot['end_s']:.2f}", *values)
    console.print(table)
