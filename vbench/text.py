"""Text on its way to a person, a database or a file."""

from __future__ import annotations

import os
from pathlib import Path


def first_line(error: BaseException | str, limit: int = 200) -> str:
    """What an error says first, on one line; never empty: an error without a message is told by its type.

    Args:
        error: The error, or the text of one.
        limit: Characters at most.
    """
    lines = str(error).strip().splitlines()
    if lines:
        return lines[0].strip()[:limit]
    return type(error).__name__ if isinstance(error, BaseException) else "no reason given"


def printable(path: Path | str) -> str:
    """A path that every terminal, database and JSON file takes, whatever bytes are in its name."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def storable(text: str) -> str:
    """`text` as every database and page takes it: a tool may cut a message in the middle of a character."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "?")


def spreadsheet_cell(value: object) -> object:
    """`value` as a cell of a CSV: text that a spreadsheet would run as a formula is made text by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
