"""`vbench validate`: our measures against a public set of people's ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import BenchPath, Json, option, print_json, print_line, takes
from vbench.cli.score import choices_of, spec_options

if TYPE_CHECKING:
    from vbench.score.spec import ScoreChoices

SET_OPTIONS = (
    option("folder", Path | None, help="Where the set's files lie, instead of the hub."),
    option("revision", str, default="", help="Commit of the hub, instead of the pinned one."),
    option("limit", int | None, min=4, help="About so many clips, whole prompts."),
)


@takes("where", SET_OPTIONS)
@takes("choices", spec_options("preset", "metrics", "device", "workers", "set_", preset="offline"), choices_of)
def validate(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            help="video-bench, videogen-rewardbench, genai-bench, videofeedback, uve-bench, fetv, or a CSV of ratings.",
        ),
    ],
    where: Mapping[str, Any],
    report: Annotated[Path | None, typer.Option(help="Write the result into its section of this page.")] = None,
    bench: BenchPath = None,
    choices: ScoreChoices,
    json: Json = False,
) -> None:
    """Score a public set of ratings and say how well each measure agrees with people."""
    from vbench.bench import Bench
    from vbench.validate import validate as run
    from vbench.validate.page import write_page

    with Bench.open(bench) as opened:
        validation = run(opened, name, **where, **choices)
    if report is not None:
        write_page(report, validation)
    if json:
        document = asdict(validation)
        order = {key: document[key] for key in ("set", "revision", "rows", "ceiling", "n_clips", "notes")}
        print_json(order)
        return
    print_line(f"{validation.set}: {validation.n_clips} clips{f', {validation.revision}' * bool(validation.revision)}")
    for rating, rows in groupby(validation.rows, key=lambda row: row.rating):
        ceiling = validation.ceiling.get(rating)
        print_line(f"{rating}{f'  (a rater against the others {ceiling.spearman:+.2f})' if ceiling else ''}")
        heads = "".join(f"{head:>8}" for head in ("within", "across", "pairs", "VBench"))
        print_line(f"  {'metric':<26}{'Spearman':<24}{heads}{'clips':>7}{'prompts':>9}")
        for row in rows:
            limits = "" if row.ci_low is None else f" [{row.ci_low:+.2f}, {row.ci_high:+.2f}]"
            cells = "".join(f"{_shown(v):>8}" for v in (row.within_prompt, row.across_prompts))
            pairs = "–" if row.pair_accuracy is None else f"{row.pair_accuracy:.0%}"
            print_line(
                f"  {row.metric:<26}{_shown(row.spearman) + limits:<24}{cells}{pairs:>8}"
                f"{_shown(row.vbench_published):>8}{row.n_clips:>7}{row.n_prompts:>9}"
            )
    for note in validation.notes:
        print_line(f"note: {note}")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
