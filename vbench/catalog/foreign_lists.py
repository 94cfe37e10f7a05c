"""Reads lists of prompts in formats that are not ours: a key that is no field becomes a tag, a missing id is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vbench.catalog.prompt_lines import NumberedPrompt, PromptLine, Tag, Text, mark, record, slug
from vbench.catalog.row_lines import csv_table, json_items, json_value, jsonl_rows, separator_of
from vbench.catalog.yaml_lines import check, read_text
from vbench.errors import CatalogError
from vbench.registry import did_you_mean

TEXT_NAMES = ("text", "prompt", "prompts", "prompt_en", "caption", "description", "sentence")
"""What other lists call the text, in any case of letters; it is read where there is one of them."""
SHOWN_REPEATS = 5


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class VBenchEntry(BaseModel):
    """One entry of `VBench_full_info.json` or its like; what tells of VBench's own runs (`video_list`) is left out."""

    model_config = ConfigDict(frozen=True)

    prompt_en: Text
    dimension: Annotated[tuple[Tag, ...], BeforeValidator(_several)]
    auxiliary_info: Any = None
    """By dimension in VBench 1; in VBench 2 what the only dimension asks: a word, questions, or an object."""

    def facts(self) -> dict[str, Any]:
        """What each dimension looks for."""
        info = self.auxiliary_info
        if info is None or info == "":
            return {}
        if isinstance(info, dict) and (not self.is_second or info.keys() <= set(self.dimension)):
            return info
        return dict.fromkeys(self.dimension, info)

    @property
    def is_second(self) -> bool:
        """VBench 2 writes its dimensions with capitals."""
        return any(name[:1].isupper() for name in self.dimension)


def jsonl_prompts(path: Path, suite: str, notes: list[str]) -> Iterator[NumberedPrompt]:
    """A mapping on each line."""
    yield from _with_ids(path, suite, jsonl_rows(path), notes)


def csv_prompts(path: Path, suite: str, notes: list[str]) -> Iterator[NumberedPrompt]:
    """A row each; `tags` and `references` are separated by semicolons, `expects` is JSON."""
    columns, rows = csv_table(path)
    if _text_name(columns) is None:
        naming = "name the columns on the first line, as in id,text"
        raise CatalogError(
            f"{path}:1: no column text, separated by {separator_of(path)} ({_found_names(columns, naming)})"
        )

    def with_lists() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, row in rows:
            fields: dict[str, Any] = dict(row)
            for name in ("tags", "references"):
                if name in fields:
                    fields[name] = [item.strip() for item in fields[name].split(";") if item.strip()]
            if "expects" in fields:
                fields["expects"] = json_value(path, number, fields["expects"])
            yield number, fields

    yield from _with_ids(path, suite, with_lists(), notes)


def txt_prompts(path: Path, suite: str, notes: list[str]) -> Iterator[NumberedPrompt]:
    """A prompt on each line."""
    rows = [(n, " ".join(row.split())) for n, row in enumerate(read_text(path).split("\n"), 1) if row.strip()]
    yield from _with_ids(path, suite, ((number, {"text": row}) for number, row in rows), notes)


def json_prompts(path: Path, suite: str, notes: list[str]) -> Iterator[NumberedPrompt]:
    """A list of prompts, VBench's `VBench_full_info.json` (1 and 2), or EvalCrafter's `metadata.json`."""
    items = json_items(path)
    rows = [(line, row) for line, _, row in items]
    if any(name for _, name, _ in items):
        if not all(isinstance(row, dict) and isinstance(row.get("prompt"), str) for _, row in rows):
            raise CatalogError(f"{path}:1: expected a list of prompts; found an object that is none of EvalCrafter's")
        yield from _with_ids(path, suite, [_evalcrafter(*item) for item in items], notes)
        return
    if not any(isinstance(row, dict) and "prompt_en" in row for _, row in rows):
        yield from _with_ids(path, suite, rows, notes)
        return
    merged: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, row in rows:
        entry = check(VBenchEntry, row, path=path, lines={(): line})
        tags = [f"{'vbench2' if entry.is_second else 'vbench'}:{name}" for name in entry.dimension]
        _, fields = merged.setdefault(entry.prompt_en, (line, {"text": entry.prompt_en, "tags": [], "expects": {}}))
        fields["tags"] += [tag for tag in tags if tag not in fields["tags"]]
        for name, info in entry.facts().items():
            if fields["expects"].setdefault("vbench", {}).setdefault(name, info) != info:
                raise CatalogError(f"{path}:{line}: another {name} for {entry.prompt_en!r} stands above; keep one")
    yield from _with_ids(path, suite, merged.values(), notes)


def _evalcrafter(line: int, name: str, row: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Its clips are named by the numbers of its prompts, so that these are the ids."""
    attributes = row.get("attributes") or {}
    tags = [f"{key}:{value}" for key, value in attributes.items() if value not in ("", None)]
    return line, {"id": name, "text": row["prompt"], "tags": tags}


def _text_name(names: Iterable[Any]) -> Any:
    """Which of the names of a row holds the text; None: none, or more than one may."""
    known = list(names)
    if "text" in known:
        return "text"
    near = [name for name in known if str(name).strip().lower() in TEXT_NAMES]
    return near[0] if len(near) == 1 else None


def _found_names(names: Iterable[Any], otherwise: str = "add one") -> str:
    """What stands in place of a text, and what to write instead."""
    found = [str(name) for name in names]
    shown = f"found {', '.join(found)}"[:200]
    near = [name for name in found if name.strip().lower() in TEXT_NAMES]
    return f"{shown}; rename {' or '.join(near)} to text" if near else f"{shown}; {otherwise}"


def _with_ids(path: Path, suite: str, rows: Iterable[tuple[int, Any]], notes: list[str]) -> Iterator[NumberedPrompt]:
    """Check each row; where it has no id, the slug of its text, marked where a text before it has the same slug."""
    slugs: set[str] = set()
    for line, row in _each_once(path, rows, notes):
        fields = _fields_or_tags(path, line, row)
        if not fields.get("id") and isinstance(text := fields.get("text"), str) and text.strip():
            name = slug(text)
            fields["id"] = f"{name}-{mark(text)}" if name in slugs else name
            slugs.add(name)
        yield record(check(PromptLine, fields, path=path, lines={(): line}), path=path, at=line, suite=suite)


def _each_once(path: Path, rows: Iterable[tuple[int, Any]], notes: list[str]) -> list[tuple[int, dict[str, Any]]]:
    """The rows without those that only repeat one above; tags of repeats are put together, and it is noted.

    Raises:
        CatalogError: a row is no mapping, has no text, or says something else of a prompt that stands above.
    """
    by_prompt: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    ids: dict[str, str] = {}
    repeats, namesakes = [], []
    called: Counter[str] = Counter()
    for line, row in rows:
        if not isinstance(row, dict):
            raise CatalogError(f"{path}:{line}: expected a mapping with a text; found {row!r:.80}")
        if (name := _text_name(row)) is None:
            if not any(str(name).strip().lower() in TEXT_NAMES for name in row):
                _fields_or_tags(path, line, row)  # a misspelt key is told as one
            raise CatalogError(f"{path}:{line}: no text ({_found_names(row)})")
        if name != "text":
            called[str(name)] += 1
            row = {"text" if key == name else key: value for key, value in row.items()}
        if "id" not in row:
            row = {"id" if str(key).lower() == "id" else key: value for key, value in row.items()}
        text = " ".join(str(row["text"]).split())
        prompt_id = str(row.get("id") or "")
        before, kept = by_prompt.setdefault((prompt_id, text), (line, dict(row)))
        if prompt_id and ids.setdefault(text, prompt_id) != prompt_id:
            namesakes.append(f"{prompt_id} is {ids[text]}")
        if before == line:
            continue
        other = {name: value for name, value in row.items() if name != "tags"}
        if other != {name: value for name, value in kept.items() if name != "tags"}:
            name = next(name for name in [*other, *kept] if name != "tags" and row.get(name) != kept.get(name))
            raise CatalogError(f"{path}:{line}: another {name} for the prompt of line {before}; keep one")
        kept["tags"] = list(dict.fromkeys([*_several(kept.get("tags", [])), *_several(row.get("tags", []))]))
        repeats.append(f"line {line} is line {before}")
    for name, n in called.items():
        notes.append(f"{path}: {name!r} is taken for the text of {n} prompts")
    if repeats:
        notes.append(f"{path}: {len(repeats)} repeated, each counted once: {_few(repeats)}")
    if namesakes:
        notes.append(f"{path}: {len(namesakes)} of the same text under another id, kept apart: {_few(namesakes)}")
    return list(by_prompt.values())


def _few(items: list[str]) -> str:
    more = f" and {len(items) - SHOWN_REPEATS} more" if len(items) > SHOWN_REPEATS else ""
    return ", ".join(items[:SHOWN_REPEATS]) + more


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
