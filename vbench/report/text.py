"""A board as text: for a terminal, and as Markdown."""

from __future__ import annotations

import io
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbench.rank.board import Board
from vbench.rank.columns import BoardRow, CellFormat, Column, shown
from vbench.records import MetricInfo

METRICS_PER_TABLE = 4
LEADING = (
    "overall",
    "overall_temporal",
    "overall_motion",
    "overall_picture",
    "overall_text",
    "temporal_consistency",
    "temporal_worst",
    "appearance_consistency",
    "appearance_worst",
    "flicker",
    "cut_count",
    "motion_amount",
    "freeze_ratio",
    "clip_alignment",
    "align_rank",
    "spec_adherence",
)
"""What a terminal shows of a long board, as far as it was measured; groups together."""
MARKS = {
    "best": "●",
    "worse": " ",
    "not distinguishable": "○",
    "not comparable": "?",
    "too few prompts": "·",
    "neutral": " ",
}

LEGEND = (
    "● best mean   ○ not distinguishable from it (all pairs together, 95 %)   · one prompt only   [ ] 95 % interval"
)


def number(value: float | None, *, digits: int = 3) -> str:
    """A value for people: three significant digits, and all that stand before the point."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 6)}f}"


def with_interval(row: BoardRow) -> str:
    """Mean and 95 % interval, with as many decimals as the interval's width allows."""
    if row.mean is None:
        return "–"
    if row.ci_low is None or row.ci_high is None:
        return number(row.mean)
    width = row.ci_high - row.ci_low
    if width <= 0:
        return f"{number(row.mean)} [{number(row.ci_low)}, {number(row.ci_high)}]"
    places = max(0, min(4, 1 - math.floor(math.log10(width / 2))))
    return f"{row.mean:.{places}f} [{row.ci_low:.{places}f}, {row.ci_high:.{places}f}]"


def arrow(info: MetricInfo) -> str:
    """Which way is better."""
    return {True: "↑", False: "↓", None: "·"}[info.higher_is_better]


def table(board: Board, *, width: int | None = None, everything: bool = False) -> str:
    """For a terminal: one table per group of metrics, or a detailed one where a single metric is asked for.

    Args:
        board: What to show.
        width: In characters; the terminal's by default.
        everything: All metrics of a long board, not the leading ones only.
    """
    out = io.StringIO()
    width = width or max(100, min(180, shutil.get_terminal_size((120, 24)).columns))
    console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
    if not board.rows:
        console.print("Nothing to rank yet: vbench import or vbench generate, then vbench score.")
    names = list(board.metrics)
    if not everything and len(names) > len(LEADING):
        measured = {row.metric for row in board.rows if row.mean is not None}
        names = [name for name in LEADING if name in measured] or names
    for tag, rows in groupby(board.rows, key=lambda row: row.tag):
        members = list(rows)
        if tag:
            console.print(f"\n{tag}", style="bold")
        if len(board.metrics) == 1:
            console.print(_detail(board, members))
        else:
            for group in _wide(board, members, names):
                console.print(group)
    if board.rows:
        console.print(LEGEND)
    if n_more := len(board.metrics) - len(names):
        console.print(f"{n_more} more metrics: --all, --metric NAME, or --format html")
    for line in _gaps(board, names):
        console.print(line)
    for note in board.notes:
        console.print(f"Note: {note}")
    return out.getvalue()


def _gaps(board: Board, names: Sequence[str]) -> list[str]:
    """Per tool, the clips that stand in no mean above."""
    lines = []
    first = [row for row in board.rows if row.metric in names]
    for tool, rows in groupby(sorted(first, key=lambda row: row.model), key=lambda row: row.model):
        members = list(rows)
        refused = max(row.n_refused for row in members)
        failed = [f"{row.n_failed} in {row.metric}" for row in members if row.n_failed and not row.tag]
        if refused or failed:
            parts = ([f"{refused} refused"] if refused else []) + ([f"failed: {', '.join(failed)}"] if failed else [])
            lines.append(f"{tool}: {'; '.join(parts)}")
    return lines


def cell(column: Column, row: BoardRow, *, to: str = " … ") -> str:
    """What a column says of a row, for people.

    Args:
        column: Which.
        row: Of the board.
        to: Stands between the ends of an interval.
    """
    return _WRITTEN[column.format](column.value(row), row, to)


def _interval(value: tuple[float | None, float | None], _row: BoardRow, to: str) -> str:
    low, high = value
    return "–" if low is None else f"{number(low, digits=4)}{to}{number(high, digits=4)}"


def _text(value: Any, _row: BoardRow, _to: str) -> str:
    return "–" if value is None else str(value)


def _number(value: float | None, _row: BoardRow, _to: str) -> str:
    return number(value)


_WRITTEN: Mapping[CellFormat, Callable[[Any, BoardRow, str], str]] = {
    "tool": _text,
    "metric": lambda name, row, _: f"{name} · {row.tag}" if row.tag else name,
    "text": _text,
    "mean": lambda mean, _row, _to: number(mean, digits=4),
    "number": _number,
    "interval": _interval,
    "rank": lambda ends, _row, _to: "–" if ends[0] is None else f"{ends[0]}–{ends[1]}",
    "share": lambda share, _row, _to: "–" if share is None else f"{share:.0%}",
    "whole": _text,
    "clips": _text,
    "seconds": _number,
    "usd": _number,
}


def _detail(board: Board, rows: Sequence[BoardRow]) -> Table:
    (info,) = board.metrics.values()
    table = Table(title=f"{info.name} {arrow(info)} ({info.unit}) – {info.about}", title_justify="left")
    columns = shown("table")
    for column in columns:
        title, is_tool = column.short or column.title, column.format == "tool"
        table.add_column(title, justify="left" if column.is_text else "right", no_wrap=is_tool)
    for above, row in zip((None, *rows), rows, strict=False):
        if above is not None and row.verdict == "too few prompts" != above.verdict:
            table.add_section()
        cells = (f"{MARKS[row.verdict]} {row.model}" if c.format == "tool" else cell(c, row) for c in columns)
        table.add_row(*(Text(text) for text in cells))
    return table


def _wide(board: Board, rows: Sequence[BoardRow], names: Sequence[str]) -> list[Table]:
    """Tools down, metrics across, a few metrics of one group at a time; tools stay in one order throughout."""
    tools = [row.model for row in rows if row.metric == names[0]]
    cells = {(row.model, row.metric): row for row in rows}
    tables = []
    for group, infos in groupby((board.metrics[name] for name in names), key=lambda info: info.group):
        members = list(infos)
        for start in range(0, len(members), METRICS_PER_TABLE):
            part = members[start : start + METRICS_PER_TABLE]
            shown = Table(title=group if start == 0 else None, title_justify="left")
            shown.add_column("tool", no_wrap=True)
            for info in part:
                shown.add_column(f"{info.name} {arrow(info)}\n{info.unit}", justify="right", no_wrap=True)
            for tool in tools:
                shown.add_row(Text(tool), *(_cell(cells[tool, info.name]) for info in part))
            tables.append(shown)
    return tables


def _cell(row: BoardRow) -> str:
    return with_interval(row) if row.mean is None else f"{MARKS[row.verdict]} {with_interval(row)}"


def markdown(board: Board) -> str:
    """One table per metric."""
    lines: list[str] = []
    columns = shown("md")
    for (tag, metric), rows in groupby(board.rows, key=lambda row: (row.tag, row.metric)):
        info = board.metrics[metric]
        lines += [f"### {metric} {arrow(info)} ({info.unit}){f', {_escaped(tag)}' if tag else ''}", "", info.about, ""]
        lines.append(f"| {' | '.join(column.title for column in columns)} |")
        lines.append(f"|{'|'.join('---' if column.is_text else '---:' for column in columns)}|")
        for row in rows:
            cells = [cell(column, row, to=" to ") for column in columns]
            cells = [_escaped(text) if c.is_text else text for c, text in zip(columns, cells, strict=True)]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    lines += [f"- {note}" for note in board.notes]
    return "\n".join(lines).rstrip() + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\|`*_[]<>#" else c for c in text.replace("\n", " "))
