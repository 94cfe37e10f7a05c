"""`vbench compare` and `vbench power`: two sides paired by prompt and seed, and what a suite could see."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vbench.cli.options import BenchPath, Json, print_json, print_line

if TYPE_CHECKING:
    from vbench.rank.compare import ComparedRow

SIDE = "A tool of the bench, the folder of another bench, or a bundle."
Tool = Annotated[str, typer.Option(help="Which tool, where a bench or bundle holds several.")]
Metrics = Annotated[list[str] | None, typer.Option("--metric", "-m", help="Only this metric; repeatable.")]


def compare(
    a: Annotated[str, typer.Argument(help=SIDE)],
    b: Annotated[str, typer.Argument(help=SIDE)],
    bench: BenchPath = None,
    metric: Metrics = None,
    by: Annotated[str, typer.Option(help="Also by a tag or a facet of tags, such as camera.")] = "",
    tool: Tool = "",
    as_json: Json = False,
) -> None:
    """Compare two tools, arms, benches or bundles: paired by prompt and seed, corrected over all rows."""
    from vbench.rank.compare import compare as run
    from vbench.rank.compare import side_of
    from vbench.sides import opened_side

    with ExitStack() as stack:
        opened = [(name, *stack.enter_context(opened_side(name, bench=bench, tool=tool))) for name in (a, b)]
        sides = [side_of(where, label, name=name, metrics=metric) for name, where, label in opened]
        report = run(*sides, by=by, metrics=metric)
    if as_json:
        print_json({**asdict(report)})
        return
    print_line(f"{report.a} against {report.b}; effect and verdict are of {report.a}")
    width = max(len(_name(row)) for row in report.rows) + 2
    print_line(f"{'':<{width}}{'pairs':>6}{'effect':>10}  {'95 % interval':<22}{'p':>7}{'could see':>11}  verdict")
    for row in report.rows:
        interval = "" if row.ci_low is None or row.ci_high is None else f"[{row.ci_low:+.4g}, {row.ci_high:+.4g}]"
        could = "nothing" if row.smallest_effect is None else f"{row.smallest_effect:.3g}"
        print_line(
            f"{_name(row):<{width}}{row.n_pairs:>6}{row.effect:>+10.4g}  {interval:<22}{row.p_value:>7.3f}"
            f"{could:>11}  {row.verdict}"
        )
    for note in report.notes:
        print_line(f"note: {note}")


def _name(row: ComparedRow) -> str:
    return f"{row.metric} · {row.tag}" if row.tag else row.metric


def power(
    effect: Annotated[float, typer.Option(help="The true difference, in the metric's unit.")],
    metric: Metrics = None,
    bench: BenchPath = None,
    prompts: Annotated[int | None, typer.Option(min=2, help="Of the suite planned.  [default: the bench's]")] = None,
    sd: Annotated[float | None, typer.Option(help="Spread of differences between prompts, without a bench.")] = None,
    comparisons: Annotated[int, typer.Option(min=1, help="How many will be compared together.")] = 1,
    as_json: Json = False,
) -> None:
    """Say what a suite could see of a difference, before anything is spent."""
    from vbench.bench import Bench
    from vbench.rank.power import WANTED
    from vbench.rank.power import power as run

    with ExitStack() as stack:
        opened = None if sd is not None else stack.enter_context(Bench.open(bench, create=False))
        rows = run(opened, effect=effect, metrics=metric, n_prompts=prompts, sd=sd, n_comparisons=comparisons)
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})
        return
    for row in rows:
        needed = "more than a million" if row.n_needed is None else f"{row.n_needed:,}"
        least = "nothing" if row.smallest_effect is None else f"{row.smallest_effect:.3g}"
        print_line(
            f"{row.metric or 'a metric'}: {row.n_prompts} prompts see {row.effect:g} with a power of {row.power:.2f}; "
            f"for {WANTED:g} it takes {needed} prompts; these see {least} (spread {row.sd:.3g})"
        )
