"""`vbench doctor`: what works on this machine, and what is missing."""

from __future__ import annotations

from itertools import groupby

import typer

from vbench.cli.options import EXIT_USER, BenchPath, Json, print_json, print_line

MARKS = {"ok": "✓", "missing": "–", "problem": "✗"}


def doctor(bench: BenchPath = None, as_json: Json = False) -> None:
    """Say what this machine can do: versions, GPU, codecs, weights, keys, disk."""
    from vbench.doctor import as_json as to_json
    from vbench.doctor import examine

    checks = examine(bench)
    if as_json:
        print_json(to_json(checks))
    else:
        for topic, members in groupby(checks, key=lambda check: check.topic):
            print_line(topic)
            for check in members:
                print_line(f"  {MARKS[check.state]} {check.name:<28} {check.detail}")
    if any(check.state == "problem" for check in checks):
        raise typer.Exit(EXIT_USER)
