"""Prompts to choose from: the bench's own, and those of every suite that ships with vbench or lies in `prompts/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from vbench.bench import Bench
from vbench.catalog import suite_files
from vbench.catalog.prompt_lines import PromptLine, slug
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError, OptionError
from vbench.records import Prompt

Stamp = tuple[str, Path, int, int]
"""Name, file, time of change and size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Prompts that stand together."""

    name: str
    """Of the suite; empty: prompts that are in the bench and in no suite."""
    about: str
    prompts: tuple[Prompt, ...]
    problem: str
    """Why the suite cannot be read; empty: it can."""


def shelves(bench: Bench) -> tuple[Shelf, ...]:
    """The bench's own prompts, then suite by suite; a suite that cannot be read says why and hides no other."""
    suites = _suites()
    there = {prompt.key for shelf in suites for prompt in shelf.prompts}
    own = tuple(prompt for prompt in bench.prompts() if prompt.key not in there)
    return (Shelf(name="", about="", prompts=own, problem=""), *suites)


def suite_prompts() -> list[Prompt]:
    """Of all suites, each once."""
    return list({prompt.key: prompt for shelf in _suites() for prompt in shelf.prompts}.values())


def find_prompt(bench: Bench, text: str, id: str = "") -> Prompt | None:
    """The known prompt with this very text (and id, where given); the bench's record of it comes first."""
    for known in (bench.prompts, suite_prompts):
        for prompt in known():
            if prompt.text == text and id in ("", prompt.id):
                return prompt
    return None


def new_prompt(text: str, id: str = "") -> Prompt:
    """A prompt that a person typed, checked as a line of a suite is.

    Raises:
        OptionError: nothing is written, or it holds what no tool should be sent.
    """
    try:
        line = PromptLine(id=slug(id or text), text=text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise OptionError(f"the prompt {reason}") from None
    return Prompt(id=line.id, text=line.text, suite="page")


def search(known: tuple[Shelf, ...], *, words: str, shelf: str | None) -> Iterator[tuple[Shelf, Prompt]]:
    """Prompts whose id, text or tags hold every word.

    Args:
        known: As `shelves` gives them.
        words: In any order and case; empty: all prompts.
        shelf: Name of the only one to look at; None: all.
    """
    wanted = words.casefold().split()
    for candidate in known:
        if shelf not in (None, candidate.name):
            continue
        for prompt in candidate.prompts:
            line = " ".join((prompt.id, prompt.text, *prompt.tags)).casefold()
            if all(word in line for word in wanted):
                yield candidate, prompt


def _suites() -> tuple[Shelf, ...]:
    try:
        files: Mapping[str, Path] = suite_files()
    except CatalogError as error:  # two files of one name
        return (Shelf(name="prompts", about="", prompts=(), problem=str(error)),)
    stamps = []
    for name, path in files.items():
        facts = path.stat()
        stamps.append((name, path, facts.st_mtime_ns, facts.st_size))
    return _read(tuple(stamps))


@lru_cache(maxsize=2)
def _read(stamps: tuple[Stamp, ...]) -> tuple[Shelf, ...]:
    """All anew when any file has changed, since suites include each other."""
    return tuple(_shelf(name, path) for name, path, _, _ in stamps)


def _shelf(name: str, path: Path) -> Shelf:
    try:
        suite = load_suite(path)
    except CatalogError as error:
        return Shelf(name=name, about="", prompts=(), problem=str(error))
    return Shelf(name=name, about=suite.about, prompts=suite.prompts, problem="")
