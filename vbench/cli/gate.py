"""`vbench gate`: stop a change that makes clips worse; exit code 0 pass, 100 regression, 101 inconclusive."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vbench.cli.options import BenchPath, Json, print_json, print_line

EXIT_CODES = {"pass": 0, "regression": 100, "inconclusive": 101}
RUN = "A folder of clips, the folder of a bench, a bundle, or a tool of the bench."


def gate(
    base: Annotated[str, typer.Argument(help=f"Before the change. {RUN}")],
    new: Annotated[str, typer.Argument(help="After it.")],
    fail_if: Annotated[
        list[str], typer.Option(help="'METRIC drop>0.01 p<0.05', 'METRIC rise>…' or 'psnr beyond noise'; repeatable.")
    ],
    repeats: Annotated[
        list[str] | None, typer.Option(help="A further run of what made BASE, for noise rules; repeatable.")
    ] = None,
    bench: BenchPath = None,
    junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write Markdown for a pull request here.")] = None,
    as_json: Json = False,
) -> None:
    """Judge a change by rules: exit code 0 pass, 100 regression, 101 inconclusive."""
    from vbench.cli.regress import regression_of
    from vbench.files import write_text
    from vbench.rank.compare import paired_values, side_of
    from vbench.rank.gate import checked, overall, rule_of
    from vbench.report import gate as report
    from vbench.sides import opened_side

    rules = [rule_of(text) for text in fail_if]
    metrics = sorted({rule.metric for rule in rules if rule.direction is not None})
    changes: dict[str, list[float]] = {}
    noise = {}
    if metrics:
        with ExitStack() as stack:
            opened = [(name, *stack.enter_context(opened_side(name, bench=bench))) for name in (base, new)]
            old, changed = (side_of(where, label, name=name, metrics=metrics) for name, where, label in opened)
            for metric in metrics:
                changes[metric] = [after - before for before, after in paired_values(old, changed, metric).values()]
    if any(rule.direction is None for rule in rules):
        regression = regression_of(base, new, repeats or [], bench=bench, tool="")
        noise = {summary.measure: summary for summary in regression.measures}
    checks = checked(rules, changes, noise)
    verdict = overall(checks)
    if junit is not None:
        write_text(junit, report.junit(checks, f"{new} against {base}"))
    if markdown is not None:
        write_text(markdown, report.markdown(checks, base, new))
    if as_json:
        print_json({"verdict": verdict, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            print_line(f"{check.verdict}: {check.rule}: {check.why}")
    if EXIT_CODES[verdict]:
        raise typer.Exit(EXIT_CODES[verdict])
