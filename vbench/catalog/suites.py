"""Suites: files of prompts in YAML, JSONL, JSON, CSV or TXT, read into records; a complaint names file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from vbench.catalog import SUITE_SUFFIXES, suite_files
from vbench.catalog.foreign_lists import csv_prompts, json_prompts, jsonl_prompts, txt_prompts
from vbench.catalog.prompt_lines import Name, NumberedPrompt, PromptLine, record, slug
from vbench.catalog.yaml_lines import Lines, check, read_yaml
from vbench.errors import CatalogError
from vbench.records import Prompt
from vbench.registry import did_you_mean
from vbench.schema import Strict


class Include(Strict):
    """Prompts of another suite, by id; all of them where no ids are given."""

    suite: str
    """The name of a suite, or a file relative to this one."""
    ids: tuple[str, ...] | None = None


class SuiteFile(Strict):
    """A suite as its YAML file says it."""

    name: Name
    version: int = Field(default=1, ge=1)
    licence: str = ""
    about: str = ""
    include: tuple[Include, ...] = ()
    prompts: tuple[PromptLine, ...] = ()


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
    notes: tuple[str, ...] = ()
    """What was read otherwise than it stands, such as a prompt that a list has twice."""


def load_suite(path: Path) -> Suite:
    """Read and check a suite file; what it is, its suffix says.

    Raises:
        CatalogError: the first thing that is wrong, with its line and what to write instead.
    """
    return _load(path, frozenset())


def _load(path: Path, open_files: frozenset[Path]) -> Suite:
    suffix = path.suffix.lower()
    if suffix not in SUITE_SUFFIXES:
        raise CatalogError(f"{path}: a suite ends in {', '.join(SUITE_SUFFIXES)}; found {suffix or 'no suffix'!r}")
    if (here := path.resolve()) in open_files:
        raise CatalogError(f"{path}: includes itself, directly or through another suite; take one include out")
    name = path.stem if path.stem != "prompts" else here.parent.name
    if suffix in (".yaml", ".yml"):
        return _load_yaml(path, name, open_files | {here})
    readers = {".jsonl": jsonl_prompts, ".json": json_prompts, ".csv": csv_prompts, ".txt": txt_prompts}
    notes: list[str] = []
    prompts = _unique(path, readers[suffix](path, slug(name), notes))
    return Suite(name=slug(name), version=1, licence="", about="", prompts=prompts, path=path, notes=tuple(notes))


def _unique(path: Path, numbered: Iterable[NumberedPrompt]) -> tuple[Prompt, ...]:
    """The prompts, whose ids differ by more than case, since some file systems take `Dog` and `dog` for one."""
    by_id: dict[str, NumberedPrompt] = {}
    for later in numbered:
        first = by_id.setdefault(later.prompt.id.casefold(), later)
        if first is not later:
            before = f"{first.prompt.id!r} on line {first.line}"
            raise CatalogError(
                f"{path}:{later.line}: prompt id {later.prompt.id!r} is used twice ({before}); rename one"
            )
    if not by_id:
        raise CatalogError(f"{path}: has no prompts; add one")
    return tuple(first.prompt for first in by_id.values())


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
        numbered
        for i, include in enumerate(suite.include)
        for numbered in _included(path, include, lines, ("include", i), open_files)
    ]
    own = [
        record(line, path=path, at=lines.get(("prompts", i), 1), suite=suite.name)
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
) -> Iterator[NumberedPrompt]:
    line = lines.get((*where, "suite"), 1)
    if Path(include.suite).suffix.lower() in SUITE_SUFFIXES:
        source = path.parent / include.suite
    elif include.suite in (known := suite_files()):
        source = known[include.suite]
    else:
        raise CatalogError(f"{path}:{line}: no suite {include.suite!r}; {did_you_mean(include.suite, list(known))}")
    by_id = {prompt.id: prompt for prompt in _load(source, open_files).prompts}
    for i, prompt_id in enumerate(include.ids if include.ids is not None else by_id):
        line = lines.get((*where, "ids", i), line)
        if prompt_id not in by_id:
            raise CatalogError(
                f"{path}:{line}: {include.suite} has no prompt {prompt_id!r}; {did_you_mean(prompt_id, list(by_id))}"
            )
        yield NumberedPrompt(line, by_id[prompt_id])
