"""`vbench regress`: do clips of a changed tool differ by more than the unchanged one differs from run to run?"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbench.cli.compare import Tool
from vbench.cli.options import BenchPath, Json, print_json, print_line

if TYPE_CHECKING:
    from vbench.regression import RegressReport

SCHEMA = 1
"""Of the JSON that this command prints."""
RUN = "A folder of clips, the folder of a bench, a bundle, or a tool of the bench."


def regress(
    base: Annotated[str, typer.Argument(help=f"Before the change. {RUN}")],
    new: Annotated[str, typer.Argument(help="After it: the same prompts and seeds.")],
    repeats: Annotated[
        list[str] | None, typer.Option(help="A further run of what made BASE, for the noise floor; repeatable.")
    ] = None,
    bench: BenchPath = None,
    tool: Tool = "",
    curves: Annotated[Path | None, typer.Option(help="Also write every measure frame by frame to this CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Compare clips of the same prompts and seeds before and after a change, beside the measured noise of repeats."""
    from vbench.regression import write_curves

    report = regression_of(base, new, repeats or [], bench=bench, tool=tool)
    if curves is not None:
        write_curves(report, curves)
    if as_json:
        print_json(as_document(report))
        return
    for row in report.rows:
        if row.verdict in ("beyond noise", "not compared"):
            when = "" if row.first_difference_s is None else f", first at {row.first_difference_s:.2f} s"
            value = row.reason if row.value is None else f"{row.value:.4g} beside a floor of {row.floor:.4g}"
            print_line(f"{row.prompt_id}: {row.measure} {row.verdict}: {value}{when}")
    for each in report.measures:
        floor = "no floor" if each.floor is None else f"floor {each.floor:.4g}, p = {each.p_value:.3f}"
        print_line(
            f"{each.measure:<14}{each.value:>9.4g}  {floor}  {each.n_beyond} of {each.n_prompts} prompts beyond noise  "
            f"{each.verdict}"
        )
    for drift in report.drift:
        if drift.verdict in ("better", "worse", "different"):
            print_line(f"drift: {drift.metric} {drift.effect:+.4g} ({drift.verdict}, p = {drift.p_value:.3f})")
    for note in report.notes:
        print_line(f"note: {note}")
    print_line(f"{report.new} against {report.base}: {report.verdict}")


def regression_of(base: str, new: str, repeats: list[str], *, bench: Path | None, tool: str) -> RegressReport:
    """The report on what was typed."""
    from vbench.regression import Run
    from vbench.regression import regress as run
    from vbench.sides import opened_side

    with ExitStack() as stack:
        names = [base, new, *repeats]
        opened = [stack.enter_context(opened_side(name, bench=bench, tool=tool)) for name in names]
        runs = [Run(name=name, bench=where, tool=label) for name, (where, label) in zip(names, opened, strict=True)]
        return run(runs[0], runs[1], runs[2:])


def as_document(report: RegressReport) -> dict[str, object]:
    """The JSON of a report; curves are written by themselves."""
    values = asdict(report)
    del values["curves"]
    return {"schema": SCHEMA, **values}
