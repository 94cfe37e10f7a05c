"""Reads rows of JSON and CSV files with the line that each stands on; a complaint names file and line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from vbench.catalog.yaml_lines import read_text
from vbench.errors import CatalogError

V = TypeVar("V")


def _once(pairs: list[tuple[str, V]]) -> dict[str, V]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} stands twice; keep one")
    return mapping


def _not_json(word: str) -> None:
    raise ValueError(f"{word} is not JSON; write a number or null")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_not_json)


def json_value(path: Path, line: int, text: str) -> Any:
    """One JSON value that stands on one line.

    Raises:
        CatalogError: it is none.
    """
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"{path}:{line}: not valid JSON: {error}"[:300]) from None


def jsonl_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a file with one JSON value a line, each with its line; empty lines are left out.

    Raises:
        CatalogError: a line is not JSON.
    """
    for line, row in enumerate(read_text(path).split("\n"), 1):
        if row.strip():
            yield line, json_value(path, line, row)


def json_list(path: Path) -> Iterator[tuple[int, Any]]:
    """The items of a JSON list, each with the line that it starts on."""
    text = read_text(path)
    value = json_value(path, 1, text)
    if not isinstance(value, list):
        raise CatalogError(f"{path}:1: expected a list of prompts; found a {type(value).__name__}")
    line, end, at = 1, 0, text.index("[") + 1
    for _ in value:
        at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]  # matches nothing, at worst
        line, end = line + text.count("\n", end, at), at
        item, at = _DECODER.raw_decode(text, at)
        yield line, item


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header, each with its line; empty cells are left out.

    Raises:
        CatalogError: no header, a column twice, or a row with more cells than columns.
    """
    return csv_table(path)[1]


def csv_table(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns of a CSV file, and its rows as `csv_rows` gives them.

    Raises:
        CatalogError: no header, a column twice; while reading, a row with more cells than columns.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise CatalogError(f"{path}:{reader.line_num}: not valid CSV: {error}; fix the line") from None
    if not all(header) or len(set(header)) != len(header) or not header:
        raise CatalogError(f"{path}:1: expected a header of different column names; found {header}")

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        line = reader.line_num + 1
        try:
            for cells in reader:
                if len(cells) > len(header):
                    raise CatalogError(
                        f"{path}:{line}: {len(cells)} cells under {len(header)} columns; put quotes around a comma"
                    )
                if any(cell.strip() for cell in cells):
                    yield line, {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
                line = reader.line_num + 1
        except csv.Error as error:
            raise CatalogError(f"{path}:{reader.line_num}: not valid CSV: {error}; fix the line") from None

    return header, rows()
