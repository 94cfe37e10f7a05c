"""Decides which prompt a file was made for: by its name, or by the very text that a tool wrote into it.

What is not certain is reported, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache, partial
from heapq import nlargest
from itertools import pairwise
from pathlib import Path

from vbench.errors import ClipError, OptionError
from vbench.importing.embedded_text import texts_in
from vbench.importing.scan import ClipFile
from vbench.records import Cell, Prompt, Provenance
from vbench.registry import did_you_mean
from vbench.text import printable

MAX_SAMPLE_DIGITS = 6
FIELDS = ["model", "prompt", "sample"]
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A file whose prompt is certain."""

    file: ClipFile
    model: str
    prompt: Prompt
    sample: int
    provenance: Provenance

    @property
    def cell(self) -> Cell:
        """Holds one clip."""
        return Cell(self.model, self.prompt.key, self.sample)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A file that is not imported, and why."""

    path: Path
    reason: str


Reading = tuple[str, Prompt, int]
"""One way to read a name: tool, prompt, sample."""


def plain(text: str) -> str:
    """A text as it stands in a file name: one space between words, one spelling of accents."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class PromptIndex:
    """Prompts by id and by text."""

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        self.prompts = {prompt.key: prompt for prompt in prompts}
        self._named: dict[str, dict[str, Prompt]] = defaultdict(dict)
        for key, prompt in self.prompts.items():
            self._named[plain(prompt.id)][key] = prompt
            self._named[plain(prompt.text)][key] = prompt

    def named(self, name: str) -> list[Prompt]:
        """The prompts with this id or this very text; more than one where prompts of an id differ in text."""
        return list(self._named.get(plain(name), {}).values())

    @lru_cache(maxsize=4096)  # noqa: B019  # an index lives as long as one import
    def near(self, name: str) -> str:
        """A sentence about prompts that `name` may be meant for."""
        if not self.prompts:
            return "no prompts are known; put a prompts.jsonl in the folder, or pass `prompts=`"
        name = plain(name)
        begun = [known for known in self._named if len(name) >= 12 and known.startswith(name)]
        close = begun or get_close_matches(name, self._sharing_words(name), n=1, cutoff=0.75)
        hint = f"the nearest is {close[0]!r}; rename the file, or" if close else "rename the file, or"
        return f"no prompt has the id or the text {name!r}; {hint} name it in a manifest"

    def nearest(self, file: Path, n: int = 3) -> list[str]:
        """The ids of the prompts that a file may be meant for by its name or its folder's, the likeliest first."""
        ids = {known: [p.id for p in prompts.values()] for known, prompts in self._named.items()}
        near: list[str] = []
        for name in (plain(re.sub(rf"[-_][0-9]{{1,{MAX_SAMPLE_DIGITS}}}$", "", file.stem)), plain(file.parent.name)):
            begun = [known for known in ids if len(name) >= 4 and known.lower().startswith(name.lower())]
            alike = get_close_matches(name, self._sharing_words(name), n=n, cutoff=0.4)
            near += [prompt_id for known in [*begun[:n], *alike] for prompt_id in ids[known]]
        return list(dict.fromkeys(near))[:n]

    @cached_property
    def _words(self) -> dict[str, frozenset[str]]:
        return {known: frozenset(_WORD.findall(known.lower())) for known in self._named}

    def _sharing_words(self, name: str) -> list[str]:
        """The names with most words in common: comparing letters with every one would take minutes on a large suite."""
        if len(self._named) <= 200:
            return list(self._named)
        words = frozenset(_WORD.findall(name.lower()))
        return nlargest(20, self._words, key=lambda known: len(words & self._words[known]))


def read_default(file: ClipFile, index: PromptIndex, model: str) -> list[Reading]:
    """`<prompt>-<sample>`, the prompt by id or by text; without a number it is sample 0."""
    name = file.parts[-1]
    readings = [(model, prompt, 0) for prompt in index.named(name)]
    if numbered := re.fullmatch(rf"(.+)-([0-9]{{1,{MAX_SAMPLE_DIGITS}}})", name):
        readings += [(model, prompt, int(numbered[2])) for prompt in index.named(numbered[1])]
    return readings


def read_written(file: ClipFile, index: PromptIndex, model: str) -> list[Reading]:
    """The prompts whose whole text stands where tools write what they were asked; the sample is the name's last number.

    For names that say nothing of the prompt, such as ComfyUI's.
    """
    if file.frames:
        return []
    from vbench.video import text_tags  # here, since it loads a codec library

    try:
        tags = text_tags(file.path)
    except ClipError:  # importing says so, or the file finds no prompt
        return []
    numbered = re.search(rf"(?<![0-9])([0-9]{{1,{MAX_SAMPLE_DIGITS}}})[^0-9]*$", file.parts[-1])
    prompts = {prompt.key: prompt for text in texts_in(tags) if text.is_prompt for prompt in index.named(text.text)}
    return [(model, prompt, int(numbered[1]) if numbered else 0) for prompt in prompts.values()]


def match_by_layout(clips: list[ClipFile], index: PromptIndex, folder: Path) -> tuple[list[Match], list[Unmatched]]:
    """`<model>/<prompt>-<sample>.<ext>`, or one tool's clips alone in a folder that bears its name.

    Where a name is no prompt's, the text that the tool wrote into the file may be.
    """
    is_flat = all(len(file.parts) == 1 for file in clips)
    matches: list[Match] = []
    unmatched: list[Unmatched] = []
    for file in clips:
        if len(file.parts) == 1 and not is_flat:
            unmatched.append(Unmatched(file.path, "lies beside the tools' folders; move it into that of its tool"))
            continue
        model = folder.resolve().name if is_flat else file.parts[0]
        numbered = re.sub(rf"-[0-9]{{1,{MAX_SAMPLE_DIGITS}}}$", "", file.parts[-1])
        readings = read_default(file, index, model) or read_written(file, index, model)
        _decide(file, readings, partial(index.near, numbered), matches, unmatched)
    return matches, unmatched


def match_by_pattern(clips: list[ClipFile], index: PromptIndex, pattern: str) -> tuple[list[Match], list[Unmatched]]:
    """Names read by a pattern such as ``{prompt}/{model}_{sample}``, over the path without suffix.

    Raises:
        OptionError: the pattern cannot be used.
    """
    tokens = pattern_tokens(pattern)
    matches: list[Match] = []
    unmatched: list[Unmatched] = []
    for file in clips:
        parses = list(_parses(tokens, "/".join(file.parts)))
        readings = [
            (parse["model"], prompt, int(parse.get("sample", "0")))
            for parse in parses
            for prompt in index.named(parse["prompt"])
        ]
        reason = partial(index.near, parses[0]["prompt"]) if parses else lambda: f"does not fit the pattern {pattern!r}"
        _decide(file, readings, reason, matches, unmatched)
    return matches, unmatched


def pattern_tokens(pattern: str) -> list[str]:
    """Fields (in braces) and the text between them, checked.

    Raises:
        OptionError: an unknown, missing, repeated or unseparated field.
    """
    tokens = [token for token in re.split(r"(\{[^{}]*\})", plain(pattern).strip("/")) if token]
    names = [token[1:-1] for token in tokens if token.startswith("{")]
    for name in names:
        if name not in FIELDS:
            raise OptionError(f"`pattern=` {pattern!r}: no field {{{name}}}; {did_you_mean(name, FIELDS)}")
    for name in ("model", "prompt"):
        if name not in names:
            raise OptionError(
                f"`pattern=` {pattern!r} lacks {{{name}}}; write something like '{{model}}/{{prompt}}-{{sample}}'"
            )
    if len(set(names)) != len(names):
        raise OptionError(f"`pattern=` {pattern!r} has a field twice; name each once")
    if any(a.startswith("{") and b.startswith("{") for a, b in pairwise(tokens)):
        raise OptionError(f"`pattern=` {pattern!r} has two fields side by side; put a character between them")
    if any("{" in token or "}" in token for token in tokens if not re.fullmatch(r"\{\w+\}", token)):
        raise OptionError(
            f"`pattern=` {pattern!r} has a brace without its partner; write {{model}}, {{prompt}}, {{sample}}"
        )
    return tokens


def _parses(tokens: list[str], text: str) -> Iterator[dict[str, str]]:
    """Every way to read `text` by the tokens; a field takes at least one character and no slash."""
    if not tokens:
        if not text:
            yield {}
        return
    token, rest = tokens[0], tokens[1:]
    if not token.startswith("{"):
        if text.startswith(token):
            yield from _parses(rest, text[len(token) :])
        return
    name = token[1:-1]
    allowed = re.match(rf"[0-9]{{0,{MAX_SAMPLE_DIGITS}}}" if name == "sample" else r"[^/]*", text)
    for end in range(1, (allowed.end() if allowed else 0) + 1):
        for parse in _parses(rest, text[end:]):
            yield {name: text[:end]} | parse


def _decide(
    file: ClipFile,
    readings: list[Reading],
    reason: Callable[[], str],
    matches: list[Match],
    unmatched: list[Unmatched],
) -> None:
    """One reading is a match; none or several are reported."""
    if len(readings) == 1:
        model, prompt, sample = readings[0]
        if not plain(model).isprintable():
            unmatched.append(Unmatched(file.path, f"the tool's name {model!r} has control characters; rename it"))
            return
        provenance = Provenance(origin="imported", source=printable(file.path))
        matches.append(Match(file=file, model=plain(model), prompt=prompt, sample=sample, provenance=provenance))
    elif readings:
        ways = " or ".join(f"{m}, prompt {p.id!r} ({p.text:.40}), sample {s}" for m, p, s in readings[:4])
        unmatched.append(Unmatched(file.path, f"could be {ways}; say which in a manifest"))
    else:
        unmatched.append(Unmatched(file.path, reason()))


def one_per_cell(matches: list[Match]) -> tuple[list[Match], list[Unmatched]]:
    """Matches whose cell no other file claims, and the files that share one."""
    by_cell: dict[Cell, list[Match]] = defaultdict(list)
    for match in matches:
        by_cell[match.cell].append(match)
    single = [group[0] for group in by_cell.values() if len(group) == 1]
    shared = [
        Unmatched(
            match.file.path,
            f"{match.model}, prompt {match.prompt.id!r}, sample {match.sample} is also claimed by "
            f"{', '.join(printable(other.file.path.name) for other in group if other is not match)}; "
            "keep one, or give them different sample numbers",
        )
        for group in by_cell.values()
        if len(group) > 1
        for match in group
    ]
    return single, shared
