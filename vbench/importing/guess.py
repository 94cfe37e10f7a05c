"""Guesses tool, prompt and sample of a single file from its name and what the tool wrote into it; a person confirms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath
from typing import Generic, TypeVar

from vbench.importing.embedded_text import EmbeddedText, texts_in
from vbench.importing.tool_names import family_of, prompt_words, tool_words, with_version, written_tool
from vbench.records import Prompt

NAME, FOLDER, WORDS = "name", "folder", "words"
"""Sources of a guess: the file's name, that of its folder, and the words of the name that say nothing else. Another
source is the name of a tag of the file, after `TAG`."""
TAG = "tag:"
SHOWN_CHOICES = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a file may be; empty where nothing points one way."""

    model: str
    model_from: str
    """`NAME`, `FOLDER`, or `TAG` and the name of a tag; empty: nothing was found."""
    models: tuple[str, ...]
    """What the tool could be, where more than one fits equally."""
    prompt_id: str
    """Of a known prompt; empty where there is none, or where the text is new."""
    prompt: str
    """Text of the known prompt, or of one that is new and stands in the file."""
    prompt_from: str
    prompts: tuple[str, ...]
    """Ids of what the prompt could be, where more than one fits equally."""
    sample: int
    is_sure: bool
    """The prompt is named in full, or the tool wrote it into the file."""


@dataclass(frozen=True, slots=True)
class _Candidate(Generic[T]):
    """One way to fill a field, and where it stood; or several."""

    value: T | None = None
    source: str = ""
    choices: tuple[str, ...] = ()
    is_sure: bool = False

    @property
    def is_empty(self) -> bool:
        return self.value is None and not self.choices


def guess_from_name(
    filename: str,
    models: Sequence[str],
    prompts: Sequence[Prompt],
    *,
    more_models: Sequence[str] = (),
    more_prompts: Sequence[Prompt] = (),
    metadata: Mapping[str, str] | None = None,
) -> Guess:
    """Guess, for a form that a person corrects; no file is imported on it alone.

    Args:
        filename: As it was dropped, or its path in the folder that was; a folder may be named after the tool.
        models: Ids of known tools, such as those of the bench.
        prompts: Known prompts.
        more_models: Tools that are thought of where none of `models` comes into question.
        more_prompts: Prompts, likewise.
        metadata: Text tags of the file, such as `comment`; ComfyUI and A1111 write their workflow as JSON there.
    """
    path = PurePath(filename.replace("\\", "/"))
    stem = unicodedata.normalize("NFC", path.stem)
    folders = [part for part in path.parts[:-1] if part.strip("/.") and ":" not in part]
    named = [(NAME, stem), *((FOLDER, unicodedata.normalize("NFC", part)) for part in reversed(folders))]
    texts = texts_in(metadata or {})
    written = [(source, tool) for source, text in named if (tool := written_tool(text, (*models, *more_models)))]
    model = _guess_model(named, texts, models)
    if model.is_empty:
        model = _guess_model(named, texts, more_models)
    if model.is_empty and written and written[0][1].version:  # one that nobody knows is a tool of its own
        model = _Candidate(written[0][1].own_id, written[0][0])
    rest = written[0][1].rest if written and written[0][0] == NAME else stem
    prompt = _guess_prompt(stem, texts, prompts)
    if prompt.is_empty:
        prompt = _guess_prompt(stem, texts, more_prompts)
    new_prompt = next((text for text in texts if text.is_prompt), None) if prompt.is_empty else None
    words = prompt_words(rest) if prompt.is_empty and new_prompt is None else ""
    if words:
        prompt = _Candidate(Prompt(id="", text=words), WORDS)
    numbered = re.search(r"(?:^|[-_ (])([0-9]{1,2})\)?$", rest)
    return Guess(
        model=model.value or "",
        model_from=model.source,
        models=model.choices,
        prompt_id=prompt.value.id if prompt.value is not None else "",
        prompt=prompt.value.text if prompt.value is not None else new_prompt.text if new_prompt is not None else "",
        prompt_from=TAG + new_prompt.tag if new_prompt is not None else prompt.source,
        prompts=prompt.choices,
        sample=int(numbered[1]) if numbered else 0,
        is_sure=prompt.is_sure or new_prompt is not None,
    )


def _words(text: str) -> list[str]:
    """Words and numbers, a change between them being a border: `Kling2.0` is kling, 2, 0."""
    return re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFC", text).lower())


# --- the tool -----------------------------------------------------------------------------------------------------


def _guess_model(
    named: Sequence[tuple[str, str]], texts: Sequence[EmbeddedText], models: Sequence[str]
) -> _Candidate[str]:
    """From the names, nearest first; else from the first tag that speaks of one tool by more than its first word."""
    by_name: list[str] = []
    for source, text in named:
        fitting, _ = _models_in(text, models)
        if len(fitting) == 1:
            return _Candidate(fitting[0], source)
        by_name = by_name or fitting
        if not fitting and (tool := written_tool(text, models)) and tool.version:
            return _Candidate()  # it says which, and that is none of these
    by_tag: dict[str, list[str]] = {}
    for embedded in texts:
        by_tag.setdefault(embedded.tag, []).append(embedded.text)
    for tag, lines in by_tag.items():
        told, is_sure = _models_in(" ".join(lines), by_name or models)
        if len(told) == 1 and is_sure:
            return _Candidate(told[0], TAG + tag)
    return _Candidate(choices=tuple(by_name[:SHOWN_CHOICES]))


def _models_in(text: str, models: Sequence[str]) -> tuple[list[str], bool]:
    """The tools whose id has most words, from its first on, side by side in the text; of several those whole in it.

    Returns:
        Their ids, and whether two words or the whole id were found: in a long text one word may mean anything.
    """
    tool = written_tool(text, models)
    if tool is not None and tool.version:  # which is never taken for another
        fitting = with_version(tool, models)
        models = [model for model in models if model in fitting or family_of(model) != tool.family]
    words = tool_words(text)
    at: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        at.setdefault(word, []).append(place)
    n_same: dict[str, int] = {}
    for model in models:
        own = tool_words(model)
        starts = at.get(own[0], []) if own else []
        n_same[model] = max((_n_equal(own, words[i : i + len(own)]) for i in starts), default=0)
    best = max(n_same.values(), default=0)
    nearest = sorted(model for model, n in n_same.items() if n == best > 0)
    whole = [model for model in nearest if len(tool_words(model)) == best]
    return whole or nearest, best > 1 or bool(whole)


def _n_equal(a: Sequence[str], b: Sequence[str]) -> int:
    """How many items, from the first on, are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


# --- the prompt ---------------------------------------------------------------------------------------------------


def _guess_prompt(stem: str, texts: Sequence[EmbeddedText], prompts: Sequence[Prompt]) -> _Candidate[Prompt]:
    """The prompt whose text the tool wrote into the file; else the one that most words of the name come from."""
    prompt_words = [(prompt, _words(prompt.text)) for prompt in prompts]
    for text in texts:
        words = _words(text.text)
        vocabulary, line = set(words), f" {' '.join(words)} "
        inside = [
            prompt
            for prompt, own in prompt_words
            if own and vocabulary.issuperset(own) and (len(own) > 1 or own == words) and f" {' '.join(own)} " in line
        ]
        if inside:
            return _Candidate(max(inside, key=lambda prompt: len(prompt.text)), TAG + text.tag, is_sure=True)
    return _prompt_named(stem, prompts)


def _prompt_named(stem: str, prompts: Sequence[Prompt]) -> _Candidate[Prompt]:
    words = {word for word in _words(stem) if not word.isdecimal()}
    shares = []
    for prompt in prompts:
        by_id, by_text = set(_words(prompt.id)), set(_words(prompt.text))
        id_share = len(words & by_id) / max(len(by_id), 1)
        text_share = len(words & by_text) / max(min(len(by_text), 8), 1)
        shares.append((max(id_share, text_share), prompt, id_share == 1.0 or text_share >= 1.0))
    shares.sort(key=lambda row: row[0], reverse=True)
    if not shares or shares[0][0] < 0.5:
        return _Candidate()
    near = [prompt.id for share, prompt, _ in shares if share > 0.8 * shares[0][0]]
    if len(near) > 1:
        return _Candidate(choices=tuple(near[:SHOWN_CHOICES]))
    return _Candidate(shares[0][1], NAME, is_sure=shares[0][2])
