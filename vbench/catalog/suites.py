"""Suites: files of prompts in YAML, JSONL, JSON, CSV or TXT, read into records; a complaint names file and line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from vbench.catalog import SUITE_SUFFIXES, suite_files
from vbench.catalog.expects import Expects
from vbench.catalog.rows import csv_rows, json_list, json_value, jsonl_rows
from vbench.catalog.source import Lines, check, read_text, read_yaml
from vbench.errors import CatalogError
from vbench.records import Prompt
from vbench.registry import did_you_mean

__all__ = ["Expects", "Suite", "load_suite", "slug"]

MAX_ID_BYTES = 120
"""A clip's file is named after its prompt; file systems take 255 bytes."""
SLUG_LENGTH = 60


def _clean(text: str) -> str:
    """Strip the ends; refuse what no tool, database or terminal should be sent."""
    text = unicodedata.normalize("NFC", text.strip())
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t":
            raise ValueError(f"has the control character U+{ord(char):04X}; remove it")
    if not text:
        raise ValueError("is empty; write something or leave the line out")
    return text


def _name(text: str) -> str:
    """A name that is safe as part of a file name on every system."""
    text = unicodedata.normalize("NFC", text)
    if not re.fullmatch(r"\w[\w.-]*", text):
        near = slug(text) if any(c.isalnum() for c in text) else "dog-in-the-rain"
        raise ValueError(f"use letters, digits, '-', '_' and '.', and start with a letter or digit, as in {near!r}")
    if (n_bytes := len(text.encode())) > MAX_ID_BYTES:
        raise ValueError(f"is {n_bytes} bytes long; files are named after it, so keep it within {MAX_ID_BYTES}")
    return text


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_clean)]
Name = Annotated[str, AfterValidator(_name)]
Tag = Annotated[str, StringConstraints(max_length=100), AfterValidator(_clean)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PromptLine(_Checked):
    """One prompt as a suite writes it."""

    id: Name
    text: Text
    negative: str = Field(default="", max_length=10_000)
    tags: tuple[Tag, ...] = ()
    """`facet:value`, such as `shot:close-up` or `weather:rain`; boards can be split by them."""
    expects: Expects = Expects()
    image: str = ""
    """First frame for image-to-video; a path relative to the suite's file."""


class Include(_Checked):
    """Prompts of another suite, by id; all of them where no ids are given."""

    suite: str
    """The name of a suite, or a file relative to this one."""
    ids: tuple[str, ...] | None = None


class SuiteFile(_Checked):
    """A suite as its YAML file says it."""

    name: Name
    version: int = Field(default=1, ge=1)
    licence: str = ""
    about: str = ""
    include: tuple[Include, ...] = ()
    prompts: tuple[PromptLine, ...] = ()


class VBenchEntry(BaseModel):
    """One entry of `VBench_full_info.json`; keys that tell of VBench's own runs (`video_list`) are left out."""

    model_config = ConfigDict(frozen=True)

    prompt_en: Text
    dimension: tuple[Tag, ...]
    auxiliary_info: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A checked suite."""

    name: str
    version: int
    licence: str
    about: str
    prompts: tuple[Prompt, ...]
    """An included prompt keeps the name of the suite that it was written in."""
    path: Path


@dataclass(frozen=True, slots=True)
class _Found:
    line: int
    prompt: Prompt


def load_suite(path: Path) -> Suite:
    """Read and check a suite file; what it is, its suffix says.

    Raises:
        CatalogError: the first thing that is wrong, with its line and what to write instead.
    """
    return _load(path, frozenset())


def slug(text: str) -> str:
    """A readable, stable id for a prompt: its words, and six hex digits where they were cut.

    Letters of every script stay; a text without any gets an id from its digest.
    """
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text).lower()).strip("-")
    short = words.encode()[:SLUG_LENGTH].decode(errors="ignore")
    if short == words and words:
        return words
    short = short.rpartition("-")[0] or short
    return f"{short}-{_mark(text)}" if short else f"prompt-{_mark(text)}"


def _mark(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]


def _load(path: Path, open_files: frozenset[Path]) -> Suite:
    suffix = path.suffix.lower()
    if suffix not in SUITE_SUFFIXES:
        raise CatalogError(f"{path}: a suite ends in {', '.join(SUITE_SUFFIXES)}; found {suffix or 'no suffix'!r}")
    if (here := path.resolve()) in open_files:
        raise CatalogError(f"{path}: includes itself, directly or through another suite; take one include out")
    name = path.stem if path.stem != "prompts" else here.parent.name
    if suffix in (".yaml", ".yml"):
        return _load_yaml(path, name, open_files | {here})
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".txt": _txt}
    found = list(readers[suffix](path, slug(name)))
    return Suite(name=slug(name), version=1, licence="", about="", prompts=_unique(path, found), path=path)


def _unique(path: Path, found: Iterable[_Found]) -> tuple[Prompt, ...]:
    """The prompts, whose ids differ by more than case, since some file systems take `Dog` and `dog` for one."""
    by_id: dict[str, _Found] = {}
    for item in found:
        first = by_id.setdefault(item.prompt.id.casefold(), item)
        if first is not item:
            before = f"{first.prompt.id!r} on line {first.line}"
            raise CatalogError(f"{path}:{item.line}: prompt id {item.prompt.id!r} is used twice ({before}); rename one")
    if not by_id:
        raise CatalogError(f"{path}: has no prompts; add one")
    return tuple(item.prompt for item in by_id.values())


def _record(line: PromptLine, *, path: Path, at: int, suite: str) -> _Found:
    image = str((path.parent / line.image).resolve()) if line.image else ""
    if image and not Path(image).is_file():
        raise CatalogError(f"{path}:{at}: image {line.image!r} is not there; it is looked for beside the suite")
    prompt = Prompt(
        id=line.id,
        text=line.text,
        suite=suite,
        negative=line.negative.strip(),
        tags=line.tags,
        expects=line.expects.as_json(),
        image=image,
    )
    return _Found(at, prompt)


# --- YAML ---------------------------------------------------------------------------------------------------------


def _load_yaml(path: Path, default_name: str, open_files: frozenset[Path]) -> Suite:
    document, lines = read_yaml(path)
    if isinstance(document, list):
        document = {"prompts": document}
        lines = {("prompts", *where): line for where, line in lines.items()} | {(): 1}
    if isinstance(document, dict):
        document = {"name": slug(default_name)} | document
    suite = check(SuiteFile, document, path=path, lines=lines)
    if path.stem not in (suite.name, "prompts"):
        raise CatalogError(
            f"{path}:{lines.get(('name',), 1)}: the suite calls itself {suite.name!r}, but a suite is found by its "
            f"file's name, {path.stem!r}; make them the same"
        )
    included = [
        found
        for i, include in enumerate(suite.include)
        for found in _included(path, include, lines, ("include", i), open_files)
    ]
    own = [
        _record(line, path=path, at=lines.get(("prompts", i), 1), suite=suite.name)
        for i, line in enumerate(suite.prompts)
    ]
    return Suite(
        name=suite.name,
        version=suite.version,
        licence=suite.licence,
        about=suite.about,
        prompts=_unique(path, [*included, *own]),
        path=path,
    )


def _included(
    path: Path, include: Include, lines: Lines, where: tuple[str | int, ...], open_files: frozenset[Path]
) -> Iterator[_Found]:
    line = lines.get((*where, "suite"), 1)
    if Path(include.suite).suffix.lower() in SUITE_SUFFIXES:
        source = path.parent / include.suite
    elif include.suite in (known := suite_files()):
        source = known[include.suite]
    else:
        raise CatalogError(f"{path}:{line}: no suite {include.suite!r}; {did_you_mean(include.suite, list(known))}")
    there = {prompt.id: prompt for prompt in _load(source, open_files).prompts}
    for i, prompt_id in enumerate(include.ids if include.ids is not None else there):
        line = lines.get((*where, "ids", i), line)
        if prompt_id not in there:
            raise CatalogError(
                f"{path}:{line}: {include.suite} has no prompt {prompt_id!r}; {did_you_mean(prompt_id, list(there))}"
            )
        yield _Found(line, there[prompt_id])


# --- foreign formats: a key that is not ours is a tag, a missing id is made from the text ---------------------------


def _jsonl(path: Path, suite: str) -> Iterator[_Found]:
    yield from _with_ids(path, suite, jsonl_rows(path))


def _csv(path: Path, suite: str) -> Iterator[_Found]:
    def with_lists() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, row in csv_rows(path):
            fields: dict[str, Any] = dict(row)
            if "tags" in fields:
                fields["tags"] = [tag for tag in fields["tags"].split(";") if tag.strip()]
            if "expects" in fields:
                fields["expects"] = json_value(path, number, fields["expects"])
            yield number, fields

    yield from _with_ids(path, suite, with_lists())


def _txt(path: Path, suite: str) -> Iterator[_Found]:
    first: dict[str, int] = {}
    rows = [(n, " ".join(row.split())) for n, row in enumerate(read_text(path).split("\n"), 1) if row.strip()]
    for number, row in rows:
        if (before := first.setdefault(row, number)) != number:
            raise CatalogError(f"{path}:{number}: the same prompt as line {before}; keep one")
    yield from _with_ids(path, suite, ((number, {"text": row}) for number, row in rows))


def _json(path: Path, suite: str) -> Iterator[_Found]:
    """A list of prompts, or VBench's own `VBench_full_info.json`."""
    rows = list(json_list(path))
    if not any(isinstance(row, dict) and "prompt_en" in row for _, row in rows):
        yield from _with_ids(path, suite, rows)
        return
    merged: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, row in rows:
        entry = check(VBenchEntry, row, path=path, lines={(): line})
        tags = [f"vbench:{name}" for name in entry.dimension]
        _, known = merged.setdefault(entry.prompt_en, (line, {"text": entry.prompt_en, "tags": [], "expects": {}}))
        known["tags"] += [tag for tag in tags if tag not in known["tags"]]
        for name, info in entry.auxiliary_info.items():
            if known["expects"].setdefault("vbench", {}).setdefault(name, info) != info:
                raise CatalogError(f"{path}:{line}: another {name} for {entry.prompt_en!r} stands above; keep one")
    yield from _with_ids(path, suite, merged.values())


def _with_ids(path: Path, suite: str, rows: Iterable[tuple[int, Any]]) -> Iterator[_Found]:
    """Check each row; where it has no id, the slug of its text, marked where a text before it has the same slug."""
    made: set[str] = set()
    for line, row in rows:
        if not isinstance(row, dict):
            raise CatalogError(f"{path}:{line}: expected a mapping with a text; found {row!r:.80}")
        fields = fields_or_tags(path, line, row)
        if not fields.get("id") and isinstance(text := fields.get("text"), str) and text.strip():
            name = slug(text)
            fields["id"] = f"{name}-{_mark(text)}" if name in made else name
            made.add(name)
        yield _record(check(PromptLine, fields, path=path, lines={(): line}), path=path, at=line, suite=suite)


def fields_or_tags(path: Path, line: int, row: Mapping[str, Any]) -> dict[str, Any]:
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
