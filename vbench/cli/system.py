"""`vbench doctor` and `vbench demo`: whether this machine, and the bench on it, does what it should."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from vbench.cli.options import EXIT_USER, BenchPath, Json, print_json, print_line

MARKS = {"ok": "✓", "missing": "–", "problem": "✗"}
EXIT_SELF_TEST = 1
"""A bench that does not see a planted fault is a bug."""


def doctor(bench: BenchPath = None, as_json: Json = False) -> None:
    """Say what this machine can do: versions, GPU, codecs, weights, keys, disk."""
    from vbench.doctor import examine

    checks = examine(bench)
    if as_json:
        from vbench.schema import to_json

        print_json({"checks": [to_json(check) for check in checks]})
    else:
        for topic, members in groupby(checks, key=lambda check: check.topic):
            print_line(topic)
            for check in members:
                print_line(f"  {MARKS[check.state]} {check.name:<28} {check.detail}")
    if any(check.state == "problem" for check in checks):
        raise typer.Exit(EXIT_USER)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the bench, the board and the report.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """Draw, measure and rank clips of synthetic tools with known faults, offline, and check that each is seen."""
    from vbench.demo import TOOLS, run_demo

    report = run_demo(out, say=lambda text: print(f"{text} ...", file=sys.stderr, flush=True))
    failed = [finding for finding in report.findings if not finding.passed]
    if as_json:
        from vbench.schema import to_json

        print_json(
            {
                "passed": report.passed,
                "bench": str(report.bench),
                "report": str(report.report),
                "board": str(report.board),
                "n_clips": report.n_clips,
                "seconds": round(report.seconds, 1),
                "findings": [to_json(finding) for finding in report.findings],
            }
        )
    else:
        width = max(len(finding.check) for finding in report.findings)
        for finding in report.findings:
            print_line(f"{'pass' if finding.passed else 'FAIL'}  {finding.check:<{width}}  {finding.found}")
        print_line()
        print_line(f"{report.n_clips} clips of {len(TOOLS)} tools drawn, measured and ranked in {report.seconds:.0f} s")
        print_line(f"report  {report.report}")
        print_line(f"board   {report.board}, or: vbench board --bench {report.bench}")
        print_line(f"page    vbench ui --bench {report.bench}")
    if failed:
        print(f"vbench: {len(failed)} of {len(report.findings)} checks of the self-test failed", file=sys.stderr)
        raise typer.Exit(EXIT_SELF_TEST)
