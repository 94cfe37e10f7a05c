"""Reads a manifest: CSV or JSONL that says which file was made for which prompt, and what else is known of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from vbench.catalog.prompt_lines import Name, Text, slug
from vbench.catalog.row_lines import csv_rows, jsonl_rows
from vbench.catalog.yaml_lines import check
from vbench.errors import CatalogError
from vbench.files import CLIP_SUFFIXES, frames_in
from vbench.importing.match import Match, PromptIndex, Unmatched
from vbench.importing.scan import ClipFile
from vbench.records import Prompt, Provenance, digest
from vbench.registry import did_you_mean
from vbench.schema import Strict
from vbench.text import printable

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Row(Strict):
    """One clip of a manifest; a column of another name is kept with the clip as it stands."""

    file: Annotated[str, StringConstraints(min_length=1)]
    """Relative to the folder that is imported."""
    model: Text
    prompt: Text | None = None
    """The text (or the id) of a known prompt; a text that is not known makes a new prompt."""
    prompt_id: Name | None = None
    sample: Annotated[int, Field(ge=0, lt=1_000_000)] = 0
    seed: int | None = None
    cost: Amount | None = None
    """US dollars."""
    latency: Amount | None = None
    """Seconds from asking to a finished file."""
    best_of: Annotated[int, Field(ge=1)] | None = None
    """Of how many takes it was chosen; boards mark what is the best of several."""
    energy_wh: Amount | None = None
    """Watt-hours that making it drew."""
    created: str = ""
    notes: str = ""
    licence: str = ""

    @model_validator(mode="after")
    def _names_a_prompt(self) -> Self:
        if self.prompt is None and self.prompt_id is None:
            raise ValueError("no prompt; give prompt or prompt_id")
        return self


_NUMBERS = ("best_of", "energy_wh")
"""Facts that a clip keeps beside those that every clip has a place for."""


def match_by_manifest(
    manifest: Path, folder: Path, index: PromptIndex, suite: str
) -> tuple[list[Match], list[Unmatched]]:
    """The clips that a manifest names.

    Args:
        manifest: CSV with a header, or JSONL.
        folder: What its paths are relative to, absolute; no path may leave it.
        index: Known prompts.
        suite: The suite that prompts it adds belong to.

    Raises:
        CatalogError: a row cannot be meant; with its line.
    """
    matches: list[Match] = []
    unmatched: list[Unmatched] = []
    new: dict[str, Prompt] = {}
    for line, values in _rows(manifest):
        ours, extra = _split(manifest, line, values)
        row = check(Row, ours, path=manifest, lines={(): line})
        path = _inside(manifest, line, row.file, folder)
        prompt = _prompt(manifest, line, row, index, new, suite)
        if isinstance(prompt, str):
            unmatched.append(Unmatched(path, f"{manifest.name}:{line}: {prompt}"))
        elif (file := _clip_file(path, folder)) is None:
            unmatched.append(Unmatched(path, f"{manifest.name}:{line}: no such clip; check the path"))
        else:
            provenance = _provenance(row, path, extra)
            matches.append(Match(file=file, model=row.model, prompt=prompt, sample=row.sample, provenance=provenance))
    return matches, unmatched


def _rows(manifest: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if manifest.suffix.lower() == ".csv":
        yield from csv_rows(manifest)
        return
    if manifest.suffix.lower() != ".jsonl":
        raise CatalogError(f"{manifest}: a manifest ends in .csv or .jsonl; found {manifest.suffix or 'no suffix'!r}")
    for line, row in jsonl_rows(manifest):
        if not isinstance(row, dict):
            raise CatalogError(f"{manifest}:{line}: expected a mapping with file, model and prompt; found {row!r:.80}")
        yield line, row


def _split(manifest: Path, line: int, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a row says in our words, and the rest; a misspelt word of ours is no rest."""
    known = list(Row.model_fields)
    extra = {key: value for key, value in values.items() if key not in known}
    for key in extra:
        if get_close_matches(key, known, cutoff=0.75):
            raise CatalogError(f"{manifest}:{line}: unknown column {key!r}; {did_you_mean(key, known)}")
    return {key: value for key, value in values.items() if key in known}, extra


def _inside(manifest: Path, line: int, file: str, folder: Path) -> Path:
    """The path of a file, which may not leave the folder: a manifest may come from a stranger."""
    root = str(folder)
    path = os.path.normpath(os.path.join(root, file))
    if "\0" in file or os.path.commonpath([root, path]) != root or path == root:
        raise CatalogError(
            f"{manifest}:{line}: {file!r} lies outside {folder}; move or link it into the folder, or import its own"
        )
    return Path(path)


def _clip_file(path: Path, folder: Path) -> ClipFile | None:
    parts = path.relative_to(folder).with_suffix("").parts
    if path.is_dir():
        frames = frames_in(path)
        return ClipFile(path, parts, tuple(frames)) if frames else None
    return ClipFile(path, parts) if path.is_file() and path.suffix.lower() in CLIP_SUFFIXES else None


def _prompt(
    manifest: Path, line: int, row: Row, index: PromptIndex, new: dict[str, Prompt], suite: str
) -> Prompt | str:
    """The row's prompt, or why there is none."""
    known = index.named(row.prompt_id or row.prompt or "")
    if row.prompt_id is not None and row.prompt is not None:
        known = [prompt for prompt in known if prompt.id == row.prompt_id]
        if known and all(prompt.text != row.prompt for prompt in known):
            raise CatalogError(
                f"{manifest}:{line}: prompt {row.prompt_id!r} is known as {known[0].text!r}; found {row.prompt!r}; "
                "leave one of the two columns out"
            )
        known = [prompt for prompt in known if prompt.text == row.prompt]
    if len(known) > 1:
        return (
            f"{len(known)} prompts have the id or text {row.prompt_id or row.prompt!r}; give both prompt and prompt_id"
        )
    if known:
        return known[0]
    if row.prompt is None:
        return index.near(row.prompt_id or "")
    prompt_id = row.prompt_id or slug(row.prompt)
    if row.prompt_id is None and index.named(prompt_id):
        prompt_id = f"{prompt_id}-{digest(row.prompt, length=6)}"
    before = new.setdefault(prompt_id, Prompt(id=prompt_id, text=row.prompt, suite=suite))
    if before.text == row.prompt:
        return before
    if row.prompt_id is not None:
        raise CatalogError(f"{manifest}:{line}: prompt_id {prompt_id!r} had another text above; make it unique")
    prompt_id = f"{prompt_id}-{digest(row.prompt, length=6)}"
    return new.setdefault(prompt_id, Prompt(id=prompt_id, text=row.prompt, suite=suite))


def _provenance(row: Row, path: Path, extra: dict[str, Any]) -> Provenance:
    return Provenance(
        origin="imported",
        source=printable(path),
        seed=row.seed,
        created=row.created,
        latency_s=row.latency,
        cost_usd=row.cost,
        cost_source="" if row.cost is None else "manifest",
        licence=row.licence,
        notes=row.notes,
        extra=extra | {name: value for name in _NUMBERS if (value := getattr(row, name)) is not None},
    )
