"""`vbench board`: rank the tools of a bench."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Strict, option, takes
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.rank.board import BoardQuery


class Format(StrEnum):
    """How a board is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    HTML = "html"
    PARQUET = "parquet"


QUERY_OPTIONS = (
    option("metric", list[str] | None, "--metric", "-m", help="Only this metric; repeatable."),
    option("by", str | None, help="Split by a tag or a facet of tags, such as camera."),
    option("tool", list[str] | None, "--model", help="Only this tool; repeatable."),
    option("tag", list[str] | None, help="Only prompts with this tag; repeatable."),
    option("whole_only", bool, "--whole-only", default=False, help="Leave out clips that are cut off or damaged."),
)


def query_of(values: Mapping[str, Any]) -> BoardQuery:
    """What the options above ask for."""
    from vbench.rank.board import BoardQuery

    return BoardQuery(
        metrics=tuple(values["metric"]) if values["metric"] else None,
        by=values["by"] or "",
        models=tuple(values["tool"]) if values["tool"] else None,
        tags=tuple(values["tag"] or ()),
        whole_only=values["whole_only"],
    )


@takes("query", QUERY_OPTIONS, query_of)
def board(
    *,
    bench: BenchPath = None,
    query: BoardQuery,
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
        ranked = leaderboard(opened, query)
        content = render(ranked, format.value, bench=opened, everything=everything)
    if out is not None:
        write(content, out)
        print(f"{out}", file=sys.stderr)
    else:
        sys.stdout.write(content if isinstance(content, str) else content.decode())
    if strict and any(row.n_failed for row in ranked.rows):
        raise typer.Exit(EXIT_FAILURES)
