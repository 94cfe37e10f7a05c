"""One prompt as a suite writes it: checked, named, and made a record."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from vbench.catalog.expects import Expects
from vbench.catalog.question_lines import MAX_QUESTIONS, QuestionLine, question_records
from vbench.errors import CatalogError
from vbench.records import Prompt
from vbench.schema import Strict

MAX_ID_BYTES = 120
"""A clip's file is named after its prompt; file systems take 255 bytes."""
SLUG_LENGTH = 60
DRAWN = "drawn:"
"""Begins the place of a picture that is drawn from the prompt's scene: ``drawn:start``, ``drawn:end``, ..."""


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


class PromptLine(Strict):
    """One prompt as a suite writes it."""

    id: Name
    text: Text
    negative: str = Field(default="", max_length=10_000)
    tags: tuple[Tag, ...] = ()
    """`facet:value`, such as `shot:close-up` or `weather:rain`; boards can be split by them."""
    expects: Expects = Expects()
    image: str = Field(default="", max_length=2000)
    """First frame for image-to-video: a path relative to the suite's file, an https address, or ``drawn:start``."""
    last_image: str = Field(default="", max_length=2000)
    """Last frame, likewise."""
    references: tuple[Annotated[str, StringConstraints(min_length=1, max_length=2000)], ...] = ()
    """Pictures of who or what should appear, likewise."""
    questions: Annotated[tuple[QuestionLine, ...], Field(max_length=MAX_QUESTIONS)] = ()
    """What cannot be said under `expects`: actions and their order, places, physics."""


def is_address(place: str) -> bool:
    """Whether the place of a picture is an address rather than a path."""
    return "://" in place


@dataclass(frozen=True, slots=True)
class NumberedPrompt:
    """A prompt, and the line of its file that it stands on."""

    line: int
    prompt: Prompt


def slug(text: str) -> str:
    """A readable, stable id for a prompt: its words, and six hex digits where they were cut.

    Letters of every script stay; a text without any gets an id from its digest.
    """
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text).lower()).strip("-")
    short = words.encode()[:SLUG_LENGTH].decode(errors="ignore")
    if short == words and words:
        return words
    short = short.rpartition("-")[0] or short
    return f"{short}-{mark(text)}" if short else f"prompt-{mark(text)}"


def mark(text: str) -> str:
    """Six hex digits that tell one text from another."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]


def record(line: PromptLine, *, path: Path, at: int, suite: str) -> NumberedPrompt:
    """The record of a checked prompt.

    Raises:
        CatalogError: a picture of it is not there, or two questions bear one id.
    """

    def place(name: str, value: str) -> str:
        if not value or value.startswith(DRAWN) or is_address(value):
            return value
        picture = (path.parent / value).resolve()
        if not picture.is_file():
            raise CatalogError(f"{path}:{at}: {name} {value!r} is not there; it is looked for beside the suite")
        return str(picture)

    try:
        questions = question_records(line.questions)
    except ValueError as error:
        raise CatalogError(f"{path}:{at}: {error}") from None
    prompt = Prompt(
        id=line.id,
        text=line.text,
        suite=suite,
        negative=line.negative.strip(),
        tags=line.tags,
        expects=line.expects.as_json(),
        image=place("image", line.image),
        last_image=place("last_image", line.last_image),
        references=tuple(place("reference", reference) for reference in line.references),
        questions=questions,
    )
    return NumberedPrompt(at, prompt)
