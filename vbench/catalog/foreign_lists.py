"""Reads lists of prompts in formats that are not ours: a key that is no field becomes a tag, a missing id is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from vbench.catalog.prompt_lines import NumberedPrompt, PromptLine, Tag, Text, mark, record, slug
from vbench.catalog.row_lines import csv_rows, json_list, json_value, jsonl_rows
from vbench.catalog.yaml_lines import check, read_text
from vbench.errors import CatalogError
from vbench.registry import did_you_mean


class VBenchEntry(BaseModel):
    """One entry of `VBench_full_info.json`; keys that tell of VBench's own runs (`video_list`) are left out."""

    model_config = ConfigDict(frozen=True)

    prompt_en: Text
    dimension: tuple[Tag, ...]
    auxiliary_info: dict[str, Any] = Field(default_factory=dict)


def jsonl_prompts(path: Path, suite: str) -> Iterator[NumberedPrompt]:
    """A mapping on each line."""
    yield from _with_ids(path, suite, jsonl_rows(path))


def csv_prompts(path: Path, suite: str) -> Iterator[NumberedPrompt]:
    """A row each; `tags` are separated by semicolons, `expects` is JSON."""

    def with_lists() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, row in csv_rows(path):
            fields: dict[str, Any] = dict(row)
            if "tags" in fields:
                fields["tags"] = [tag for tag in fields["tags"].split(";") if tag.strip()]
            if "expects" in fields:
                fields["expects"] = json_value(path, number, fields["expects"])
            yield number, fields

    yield from _with_ids(path, suite, with_lists())


def txt_prompts(path: Path, suite: str) -> Iterator[NumberedPrompt]:
    """A prompt on each line."""
    first: dict[str, int] = {}
    rows = [(n, " ".join(row.split())) for n, row in enumerate(read_text(path).split("\n"), 1) if row.strip()]
    for number, row in rows:
        if (before := first.setdefault(row, number)) != number:
            raise CatalogError(f"{path}:{number}: the same prompt as line {before}; keep one")
    yield from _with_ids(path, suite, ((number, {"text": row}) for number, row in rows))


def json_prompts(path: Path, suite: str) -> Iterator[NumberedPrompt]:
    """A list of prompts, or VBench's own `VBench_full_info.json`."""
    rows = list(json_list(path))
    if not any(isinstance(row, dict) and "prompt_en" in row for _, row in rows):
        yield from _with_ids(path, suite, rows)
        return
    merged: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, row in rows:
        entry = check(VBenchEntry, row, path=path, lines={(): line})
        tags = [f"vbench:{name}" for name in entry.dimension]
        _, fields = merged.setdefault(entry.prompt_en, (line, {"text": entry.prompt_en, "tags": [], "expects": {}}))
        fields["tags"] += [tag for tag in tags if tag not in fields["tags"]]
        for name, info in entry.auxiliary_info.items():
            if fields["expects"].setdefault("vbench", {}).setdefault(name, info) != info:
                raise CatalogError(f"{path}:{line}: another {name} for {entry.prompt_en!r} stands above; keep one")
    yield from _with_ids(path, suite, merged.values())


def _with_ids(path: Path, suite: str, rows: Iterable[tuple[int, Any]]) -> Iterator[NumberedPrompt]:
    """Check each row; where it has no id, the slug of its text, marked where a text before it has the same slug."""
    slugs: set[str] = set()
    for line, row in rows:
        if not isinstance(row, dict):
            raise CatalogError(f"{path}:{line}: expected a mapping with a text; found {row!r:.80}")
        fields = _fields_or_tags(path, line, row)
        if not fields.get("id") and isinstance(text := fields.get("text"), str) and text.strip():
            name = slug(text)
            fields["id"] = f"{name}-{mark(text)}" if name in slugs else name
            slugs.add(name)
        yield record(check(PromptLine, fields, path=path, lines={(): line}), path=path, at=line, suite=suite)


def _fields_or_tags(path: Path, line: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with every key that a prompt does not have turned into a tag: `category: Actions` → `category:Actions`.

    Raises:
        CatalogError: the key looks like a misspelt one of ours, or its value is no plain text or number.
    """
    known = list(PromptLine.model_fields)
    fields = {key: value for key, value in row.items() if key in known}
    extra = []
    for key, value in row.items():
        if key in known:
            continue
        values = value if isinstance(value, list) else [value]
        plain = all(isinstance(v, str | int | float) for v in values)
        if not plain or get_close_matches(str(key), known, cutoff=0.75):
            raise CatalogError(f"{path}:{line}: unknown key {key!r}; {did_you_mean(str(key), known)}")
        extra += [f"{key}:{str(v).strip()}" for v in values if str(v).strip()]
    if extra:
        tags = fields.get("tags", [])
        fields["tags"] = [*(tags if isinstance(tags, list) else [tags]), *extra]
    return fields
