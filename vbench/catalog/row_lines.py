"""Reads rows of JSON and CSV files with the line that each stands on; a complaint names file and line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from vbench.catalog.yaml_lines import read_text
from vbench.errors import CatalogError

V = TypeVar("V")


def _once(pairs: list[tuple[str, V]]) -> dict[str, V]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        twice = next(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        raise ValueError(f"{twice!r} stands twice; keep one")
    return mapping


def _not_json(word: str) -> None:
    raise ValueError(f"{word} is not JSON; write a number or null")


SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_not_json)


def json_value(path: Path, line: int, text: str) -> Any:
    """One JSON value that stands on one line.

    Raises:
        CatalogError: it is none.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise CatalogError(f"{path}:{line}: not valid JSON here: nested too deep; write it flatter") from None
    except ValueError as error:
        raise CatalogError(f"{path}:{line}: not valid JSON: {error}"[:300]) from None


def jsonl_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a file with one JSON value a line, each with its line; empty lines are left out.

    Raises:
        CatalogError: a line is not JSON.
    """
    for line, row in enumerate(read_text(path).split("\n"), 1):
        if row.strip():
            yield line, json_value(path, line, row)


def json_items(path: Path) -> list[tuple[int, str, Any]]:
    """The items of a JSON list or of an object, each with the line that it starts on and its name; in a list: none.

    Raises:
        CatalogError: it is not JSON, or neither of the two.
    """
    text = read_text(path)
    value = json_value(path, 1, text)
    if not isinstance(value, list | dict):
        raise CatalogError(f"{path}:1: expected a list of prompts; found a {type(value).__name__}")
    items: list[tuple[int, str, Any]] = []
    line, end, at = 1, 0, text.index("[" if isinstance(value, list) else "{") + 1
    between = re.compile(r"[\s,:]*")
    for entry in value:
        at = between.match(text, at).end()  # type: ignore[union-attr]  # matches nothing, at worst
        line, end = line + text.count("\n", end, at), at
        item, at = _DECODER.raw_decode(text, at)
        if isinstance(value, dict):
            item, at = _DECODER.raw_decode(text, between.match(text, at).end())  # type: ignore[union-attr]
        items.append((line, entry if isinstance(value, dict) else "", item))
    return items


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header, each with its line; empty cells are left out.

    Raises:
        CatalogError: no header, a column twice, or a row with more cells than columns.
    """
    return csv_table(path)[1]


def csv_table(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns of a CSV file, and its rows as `csv_rows` gives them.

    Columns are separated by commas, semicolons or tabs, as the header shows, or as a first line `sep=;` says. Empty
    columns at the end, which spreadsheets write, are left out.

    Raises:
        CatalogError: no header, a column twice; while reading, a row with more cells than columns.
    """
    text = read_text(path)
    separator, n_before = _separator(text)
    body = io.StringIO(text.split("\n", 1)[1] if n_before else text, newline="")
    reader = csv.reader(body, strict=True, delimiter=separator)
    try:
        header = _without_empty_end([name.strip() for name in next(reader, [])])
    except csv.Error as error:
        raise CatalogError(f"{path}:{reader.line_num + n_before}: not valid CSV: {error}; fix the line") from None
    if not all(header) or len(set(header)) != len(header) or not header:
        raise CatalogError(f"{path}:{1 + n_before}: expected a header of different column names; found {header}")

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        line = reader.line_num + 1 + n_before
        try:
            for row in reader:
                cells = _without_empty_end(row)
                if len(cells) > len(header):
                    raise CatalogError(
                        f"{path}:{line}: {len(cells)} cells under {len(header)} columns, which {SEPARATORS[separator]} "
                        f"separate; put quotes around a cell that has one"
                    )
                if cells:
                    yield line, {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
                line = reader.line_num + 1 + n_before
        except csv.Error as error:
            raise CatalogError(f"{path}:{reader.line_num + n_before}: not valid CSV: {error}; fix the line") from None

    return header, rows()


def separator_of(path: Path) -> str:
    """The name of what separates the columns of a CSV file, for a complaint."""
    return SEPARATORS[_separator(read_text(path))[0]]


def _separator(text: str) -> tuple[str, int]:
    """What separates the columns, and how many lines stand before the header."""
    first = text.split("\n", 1)[0].rstrip("\r")
    if (named := re.fullmatch(r'"?sep=(.)"?', first, re.IGNORECASE)) and named[1] in SEPARATORS:
        return named[1], 1
    counts = {separator: first.count(separator) for separator in SEPARATORS}
    return max(counts, key=lambda separator: counts[separator]), 0  # of equals the first: a comma


def _without_empty_end(cells: list[str]) -> list[str]:
    n = len(cells)
    while n and not cells[n - 1].strip():
        n -= 1
    return cells[:n]
