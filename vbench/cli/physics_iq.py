"""`vbench physics-iq`: a suite of real experiments, and how near a tool comes to what really happened."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import typer

from vbench.cli.compare import Tool
from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, Strict, print_json, print_line

app = typer.Typer(help="Real experiments, and how near a tool comes to what happened.", no_args_is_help=True)
Data = Annotated[Path, typer.Option(help="Folder of the data set, the one that holds split-videos/.")]
RUN = "A folder of clips named 0001_..., one per run; or a tool of the bench, whose samples are runs."


@app.command("suite")
def suite(
    out: Annotated[Path, typer.Argument(help="Suite to write, such as prompts/physics-iq.yaml.")],
    data: Data,
    descriptions: Annotated[Path, typer.Option(help="CSV of its prompts: scenario, description, category.")],
) -> None:
    """Write the experiments as a suite: the prompts of a list, each with the picture it begins with."""
    from vbench.physics_iq import PhysicsData, write_suite

    n_prompts = write_suite(PhysicsData(data), descriptions, out)
    print_line(f"{out}: {n_prompts} prompts; make clips of 5 s with vbench generate --suite {out}")


@app.command("score")
def score(
    runs: Annotated[list[str], typer.Argument(help=RUN)],
    data: Data,
    bench: BenchPath = None,
    tool: Tool = "",
    views: Annotated[Path | None, typer.Option(help="Also write every clip's measures to this CSV.")] = None,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Compare runs of one tool with two real takes: four measures, both scores, mean and sd over runs, intervals."""
    from vbench.physics_iq import PhysicsData, Runs, physics_iq
    from vbench.sides import opened_side

    known = PhysicsData(data)
    with ExitStack() as stack:
        opened = [(name, *stack.enter_context(opened_side(name, bench=bench, tool=tool))) for name in runs]
        report = physics_iq(known, [Runs(name=name, bench=where, tool=label) for name, where, label in opened])
    if views is not None:
        _write_views(views, report.views)
    if as_json:
        print_json({**asdict(report), "is_complete": report.is_complete})
    else:
        print_line(f"{len(report.runs)} run(s), {report.n_views} of {report.n_expected} views")
        print_line(f"{'':<28}{'mean':>9}{'sd of runs':>12}  {'95 % interval':<20}{'two takes':>10}")
        for row in report.rows:
            sd = "–" if row.sd is None else f"{row.sd:.3g}"
            limits = "–" if row.ci_low is None or row.ci_high is None else f"[{row.ci_low:.4g}, {row.ci_high:.4g}]"
            name = f"{row.measure} {row.unit}"
            print_line(f"{name:<28}{row.value:>9.4g}{sd:>12}  {limits:<20}{row.ceiling:>10.4g}")
        for failure in report.failures:
            print_line(f"failed: {failure.run} {failure.id}: {failure.reason}")
        for note in report.notes:
            print_line(f"note: {note}")
    if strict and report.failures:
        raise typer.Exit(EXIT_FAILURES)


def _write_views(file: Path, rows: tuple[object, ...]) -> None:
    from vbench.files import written_whole
    from vbench.physics_iq.run import ViewRow

    with written_whole(file) as part, part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(ViewRow)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)  # type: ignore[call-overload]
