"""`vbench board`: rank the tools of a bench."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Strict
from vbench.errors import OptionError


class Format(StrEnum):
    """How a board is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    HTML = "html"
    PARQUET = "parquet"


def board(
    bench: BenchPath = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", "-m", help="Only this metric; repeatable.")] = None,
    by: Annotated[str | None, typer.Option(help="Split by a tag or a facet of tags, such as camera.")] = None,
    tool: Annotated[list[str] | None, typer.Option("--model", help="Only this tool; repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only prompts with this tag; repeatable.")] = None,
    format: Annotated[Format, typer.Option(help="How to write it.")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All metrics, where the terminal shows a choice.")] = False,
    strict: Strict = False,
) -> None:
    """Rank the tools of a bench, with intervals, completion and cost."""
    from vbench.bench import Bench
    from vbench.rank.board import leaderboard
    from vbench.report import render, write

    if json:
        format = Format.JSON
    if format is Format.PARQUET and out is None:
        raise OptionError("--format parquet is not text; say where to with --out FILE")
    with Bench.open(bench, create=False) as opened:
        ranked = leaderboard(opened, metrics=metric or None, by=by, models=tool or None, tags=tag or ())
        content = render(ranked, format.value, bench=opened, everything=everything)
    if out is not None:
        write(content, out)
        print(f"{out}", file=sys.stderr)
    else:
        sys.stdout.write(content if isinstance(content, str) else content.decode())
    if strict and any(row.n_failed for row in ranked.rows):
        raise typer.Exit(EXIT_FAILURES)
