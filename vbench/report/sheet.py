"""The shot sheet for people: a grid for each prompt on a terminal, rows of CSV, a page of HTML."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Literal

from vbench.judge.sheet import ROW_NAMES, Sheet, SheetCell
from vbench.text import spreadsheet_cell

SheetFormat = Literal["table", "json", "csv", "html"]
MARKS = {"seen": "yes", "not_seen": "NO", "unsure": "?", "failed": "failed", "open": "·"}
"""Of a verdict on a terminal."""
LEAST_TEXT = 24
"""Characters of a question that must fit beside its takes."""
CSS = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem}
body{color:#1b1b1a;background:#fbfbfa}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .3rem}table{border-collapse:collapse;width:100%}
.scroll{overflow-x:auto}th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.v{white-space:nowrap}.seen{color:#17603a}.not_seen{color:#a4231c;font-weight:700}.unsure{color:#7a5a00}
.failed,.open{color:#6a6a68}small{color:#5c5c5a}
@media(prefers-color-scheme:dark){body{color:#e8e8e6;background:#141414}th,td{border-color:#333}small{color:#a5a5a2}
.seen{color:#74c698}.not_seen{color:#ff8a80}.unsure{color:#e3bd5c}.failed,.open{color:#a5a5a2}}
"""


def sheet_text(sheet: Sheet, format: SheetFormat, *, width: int | None = None) -> str:
    """The sheet in one of the formats; a table that is wider than `width` characters stands take by take instead."""
    if format == "table":
        return _table(sheet, width)
    writers = {"json": _json, "csv": _csv, "html": _html}
    return writers[format](sheet)


def _json(sheet: Sheet) -> str:
    return json.dumps(sheet.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(sheet: Sheet) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(ROW_NAMES)
    for row in sheet.to_json()["rows"]:
        cells = [json.dumps(value) if isinstance(value, list | tuple) else value for value in row.values()]
        writer.writerow([spreadsheet_cell("" if cell is None else cell) for cell in cells])
    return stream.getvalue()


def _grids(sheet: Sheet) -> Iterator[tuple[str, list[str], list[tuple[SheetCell, Mapping[str, SheetCell]]]]]:
    """Prompt id, its takes, and for each question a cell that stands for it, with the cell of each take."""
    by_prompt: dict[str, list[SheetCell]] = {}
    for cell in sheet.cells:
        by_prompt.setdefault(cell.prompt_id, []).append(cell)
    for prompt_id, cells in by_prompt.items():
        takes = sorted({(cell.model, cell.sample) for cell in cells})
        names = {
            take: take[0] if sum(t[0] == take[0] for t in takes) == 1 else f"{take[0]} #{take[1]}" for take in takes
        }
        rows: dict[str, dict[str, SheetCell]] = {}
        for cell in cells:
            rows.setdefault(cell.digest, {})[names[cell.model, cell.sample]] = cell
        yield prompt_id, list(names.values()), [(next(iter(row.values())), row) for row in rows.values()]


def mark(cell: SheetCell) -> str:
    """A verdict as a person reads it, with a person's own beside it."""
    beside = f" ({MARKS[cell.overruled]}!)" if cell.overruled else ""
    return MARKS[cell.verdict] + beside


def _table(sheet: Sheet, most: int | None) -> str:
    lines: list[str] = []
    for prompt_id, takes, rows in _grids(sheet):
        width = min(70, max(len(row.text) for row, _ in rows))
        columns = [max(6, min(18, len(take))) for take in takes]
        around = 2 + sum(2 + n for n in columns)
        lines.append(prompt_id)
        if most is not None and around + min(width, LEAST_TEXT) > most:
            lines += _stacked(takes, rows, most)
            continue
        width = width if most is None else min(width, most - around)
        lines.append(
            f"  {'':<{width}}  " + "  ".join(f"{take[:n]:<{n}}" for take, n in zip(takes, columns, strict=True))
        )
        for row, cells in rows:
            text = row.text if len(row.text) <= width else row.text[: width - 1] + "…"
            marks = [mark(cells[take]) if take in cells else "" for take in takes]
            shown = "  ".join(f"{each:<{n}}" for each, n in zip(marks, columns, strict=True))
            lines.append(f"  {text:<{width}}  {shown}".rstrip())
        lines.append("")
    lines += wrapped(
        "yes seen · NO not seen · ? unsure · · nobody has answered; (…!) a person's own verdict beside it", most
    )
    for judge in sheet.distrusted:
        lines += wrapped(f"{judge} failed its report card: its answers are left out", most)
    return "\n".join(lines) + "\n"


def _stacked(
    takes: Sequence[str], rows: Sequence[tuple[SheetCell, Mapping[str, SheetCell]]], most: int
) -> Iterator[str]:
    """Each question over its takes, for narrow terminals."""
    for row, cells in rows:
        yield from wrapped(row.text, most, "  ")
        for take in takes:
            if take in cells:
                verdict = mark(cells[take])
                yield f"    {verdict:<6} {take[: max(4, most - 6 - len(verdict.ljust(6)))]}"
    yield ""


def wrapped(text: str, most: int | None, indent: str = "") -> list[str]:
    """A text in lines of at most so many characters."""
    if most is None:
        return [indent + text]
    return textwrap.wrap(text, max(20, most), initial_indent=indent, subsequent_indent=indent)


def _html(sheet: Sheet) -> str:
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Shot sheet</title><style>{CSS}</style><h1>Shot sheet</h1>"
        "<p>What each prompt asks, and whether each take shows it, by whom.</p>"
    ]
    parts += [
        f"<p class=not_seen>{escape(judge)} failed its report card: its answers are left out.</p>"
        for judge in sheet.distrusted
    ]
    for prompt_id, takes, rows in _grids(sheet):
        head = "".join(f"<th scope=col>{escape(take)}" for take in takes)
        parts.append(f"<h2>{escape(prompt_id)}</h2><div class=scroll><table><tr><th scope=col>asked{head}")
        for row, cells in rows:
            parts.append(f"<tr><th scope=row>{escape(row.text)}<br><small>{escape(row.kind)}</small>")
            parts += [_html_cell(cells.get(take)) for take in takes]
        parts.append("</table></div>")
    return "".join(parts) + "\n"


def _html_cell(cell: SheetCell | None) -> str:
    if cell is None:
        return "<td>"
    at = f" {cell.t_s:.2f} s" if cell.t_s is not None else ""
    who = f"<br><small>{escape(cell.by)}{at}</small>" if cell.by else ""
    return f'<td class="v {cell.verdict}" title="{escape(cell.reason, quote=True)}">{escape(mark(cell))}{who}'


def summary_lines(shares: Mapping[str, Mapping[str, float]]) -> Sequence[str]:
    """A line for each tool: what share of the things asked was seen."""
    width = max((len(tool) for tool in shares), default=4)
    return [
        f"{tool:<{width}}  seen {row['seen']:4.0%}  not seen {row['not_seen']:4.0%}  unsure {row['unsure']:4.0%}  "
        f"of {row['n']:.0f} asked, {row['open']:.0f} open"
        for tool, row in shares.items()
    ]
