"""Guesses tool, prompt and sample of a single file from its name and what the tool wrote into it; a person confirms."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath

from vbench.records import Prompt

NAMES_IN_FILES = {
    "dreamina": "seedance",
    "gen": "runway",
    "hailuo": "minimax",
    "hunyuanvideo": "hunyuan",
    "jimeng": "seedance",
    "wanx": "wan",
}
"""Words that tools put into the names of downloads, and the word by which their cards go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a file may be; empty where nothing points one way."""

    model: str
    prompt_id: str
    sample: int
    why: str
    """For the person who corrects it."""


def guess_from_name(
    filename: str,
    models: Sequence[str],
    prompts: Sequence[Prompt],
    *,
    metadata: Mapping[str, str] | None = None,
) -> Guess:
    """Guess, for a form that a person corrects; no file is imported on it alone.

    Args:
        filename: As it was dropped; only its last part is looked at.
        models: Ids of known tools.
        prompts: Known prompts.
        metadata: Text tags of the file, such as `comment`; ComfyUI and A1111 write their workflow as JSON there.
    """
    stem = unicodedata.normalize("NFC", PurePath(filename.replace("\\", "/")).stem)
    written = [text for value in (metadata or {}).values() for text in _texts(value)]
    model, why_model = _guess_model(" ".join([stem, *written]), models)
    prompt, why_prompt = _guess_prompt(stem, written, prompts)
    numbered = re.search(r"(?:^|[-_ (])([0-9]{1,2})\)?$", stem)
    return Guess(
        model=model,
        prompt_id=prompt.id if prompt is not None else "",
        sample=int(numbered[1]) if numbered else 0,
        why="; ".join(why for why in (why_model, why_prompt) if why),
    )


def _words(text: str) -> list[str]:
    """Words and numbers, a change between them being a border: `Kling2.0` is kling, 2, 0."""
    return re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFC", text).lower())


def _guess_model(text: str, models: Sequence[str]) -> tuple[str, str]:
    """The tool whose id has most words, from its first on, side by side in the text; of several the one whole in it."""
    words = _tool_words(text)
    n_same: dict[str, int] = {}
    for model in models:
        own = _tool_words(model)
        starts = [i for i, word in enumerate(words) if own and word == own[0]]
        n_same[model] = max((_n_equal(own, words[i:]) for i in starts), default=0)
    best = max(n_same.values(), default=0)
    found = sorted(model for model, n in n_same.items() if n == best > 0)
    whole = [model for model in found if len(_tool_words(model)) == best]
    if len(whole or found) == 1:
        model = (whole or found)[0]
        return model, f"the name speaks of {model}"
    return "", f"could be {' or '.join(found)}" if found else ""


def _tool_words(text: str) -> list[str]:
    return [NAMES_IN_FILES.get(word, word) for word in _words(text)]


def _n_equal(a: Sequence[str], b: Sequence[str]) -> int:
    """How many items, from the first on, are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _guess_prompt(stem: str, written: Sequence[str], prompts: Sequence[Prompt]) -> tuple[Prompt | None, str]:
    """The prompt whose text the tool wrote into the file; else the one that most words of the name come from."""
    for text in written:
        inside = [prompt for prompt in prompts if " ".join(_words(prompt.text)) in " ".join(_words(text))]
        if inside:
            return max(inside, key=lambda prompt: len(prompt.text)), "its text is written in the file"
    words = {word for word in _words(stem) if not word.isdecimal()}
    shares = []
    for prompt in prompts:
        by_id, by_text = set(_words(prompt.id)), set(_words(prompt.text))
        id_share = len(words & by_id) / max(len(by_id), 1)
        text_share = len(words & by_text) / max(min(len(by_text), 8), 1)
        shares.append((max(id_share, text_share), prompt))
    shares.sort(key=lambda pair: pair[0], reverse=True)
    if not shares or shares[0][0] < 0.5:
        return None, ""
    if len(shares) > 1 and shares[1][0] > 0.8 * shares[0][0]:
        return None, f"could be prompt {shares[0][1].id} or {shares[1][1].id}"
    return shares[0][1], f"the name has words of prompt {shares[0][1].id}"


def _texts(value: str) -> Iterator[str]:
    """The value itself, or every string in it where it is JSON."""
    try:
        todo = [json.loads(value)]
    except (ValueError, RecursionError):
        yield value
        return
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
