"""Writes a board as a table, JSON, CSV, Markdown, Parquet or one self-contained HTML page."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Literal, get_args

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.files import written_whole
from vbench.rank.board import Board
from vbench.text import spreadsheet_cell

Format = Literal["table", "json", "csv", "md", "html", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(board: Board, format: Format, *, bench: Bench, everything: bool = False) -> str | bytes:
    """The board in one format.

    Args:
        board: What to show.
        format: Text for all but ``parquet``.
        bench: For the pictures of the ``html`` page.
        everything: For ``table``: all metrics of a long board, not the leading ones only.
    """
    if format == "json":
        return json.dumps(board.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if format == "csv":
        return str(board.frame().map(spreadsheet_cell).to_csv(index=False))
    if format == "parquet":
        buffer = io.BytesIO()
        board.frame().to_parquet(buffer, index=False)
        return buffer.getvalue()
    if format == "html":
        from vbench.report.html import page

        return page(board, bench)
    from vbench.report.text import markdown, table

    return markdown(board) if format == "md" else table(board, everything=everything)


def write(content: str | bytes, out: Path) -> None:
    """Put a rendered board into a file, whole or not at all.

    Raises:
        OptionError: the file cannot be written.
    """
    try:
        with written_whole(out) as part:
            part.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise OptionError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None
