"""`vbench board`: rank the tools of a bench."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Strict
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


@dataclass(frozen=True, kw_only=True)
class QueryOptions:
    """The options that make a `BoardQuery`."""

    metric: Annotated[list[str] | None, typer.Option("--metric", "-m", help="Only this metric; repeatable.")] = None
    by: Annotated[str | None, typer.Option(help="Split by a tag or a facet of tags, such as camera.")] = None
    tool: Annotated[list[str] | None, typer.Option("--model", help="Only this tool; repeatable.")] = None
    tag: Annotated[list[str] | None, typer.Option(help="Only prompts with this tag; repeatable.")] = None

    def query(self) -> BoardQuery:
        """What they ask for."""
        from vbench.rank.board import BoardQuery

        return BoardQuery(
            metrics=tuple(self.metric) if self.metric else None,
            by=self.by or "",
            models=tuple(self.tool) if self.tool else None,
            tags=tuple(self.tag or ()),
        )


def takes_query(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options above instead of its parameter `wanted`: typer reads a flat signature."""
    hints = get_type_hints(command, include_extras=True)
    group = get_type_hints(QueryOptions, include_extras=True)
    flat: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        options = [(field.name, group[field.name], None) for field in fields(QueryOptions)]
        for option, kind, default in options if name == "wanted" else [(name, hints[name], parameter.default)]:
            flat.append(inspect.Parameter(option, parameter.kind, default=default, annotation=kind))

    @functools.wraps(command)
    def called(**values: Any) -> None:
        wanted = QueryOptions(**{field.name: values.pop(field.name) for field in fields(QueryOptions)})
        command(wanted=wanted, **values)

    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    return called


@takes_query
def board(
    bench: BenchPath = None,
    wanted: QueryOptions = QueryOptions(),
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
        ranked = leaderboard(opened, wanted.query())
        content = render(ranked, format.value, bench=opened, everything=everything)
    if out is not None:
        write(content, out)
        print(f"{out}", file=sys.stderr)
    else:
        sys.stdout.write(content if isinstance(content, str) else content.decode())
    if strict and any(row.n_failed for row in ranked.rows):
        raise typer.Exit(EXIT_FAILURES)
