"""Reads which tool, of which version, the name of a file speaks of, and what else it says.

A version that is written is never taken for another: `Kling_v2.1` is no kling-v3, and `Gen-4` no gen-4.5.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

FAMILIES: dict[str, tuple[str, ...]] = {
    "cogvideox": ("智谱清影", "清影", "智谱", "qingying"),
    "hailuo": ("海螺视频", "海螺ai", "海螺"),
    "hunyuan": ("腾讯混元", "混元", "hunyuanvideo"),
    "kling": ("可灵ai", "可灵", "快手可灵", "klingai"),
    "luma": ("dream machine", "dreammachine", "lumalabs"),
    "minimax": ("稀宇",),
    "pixverse": ("拍我ai", "拍我", "爱诗"),
    "runway": ("gen", "runwayml"),
    "seedance": ("即梦ai", "即梦", "jimeng", "dreamina", "豆包"),
    "skyreels": ("天工",),
    "sora": (),
    "veo": (),
    "vidu": ("生数",),
    "wan": ("通义万相", "万相", "wanx", "tongyi"),
}
"""The word by which a maker's tools go → other names that files of theirs bear, longest first."""
SHARED = {"hailuo": "minimax"}
"""Families whose tools go by one of two words."""
_BETWEEN = r"(?:[\s_\-]*(?:ai|video|version|ver|v|ray|imagine|gen))?"
_NUMBER = r"[\s_\-]*[vqh]?(\d{1,2}(?:\.\d{1,2})?)(?![\d.]*\d|p\b|s\b|fps\b|[x×:]\d)"
_NOISE = (
    r"\b(?:19|20)\d{2}[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:[0-2]\d|3[01])(?:[-_ T]?\d{4,6})?\b",  # a day
    r"\b(?:seed|s)[-_= ]?\d{2,}\b",
    r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b",
    r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b",
    r"\b\d{3,4}[x×]\d{3,4}\b|\b(?:\d{3,4}p|[248]k)\b|\b\d{1,3}(?:fps|s|sec)\b",
    r"\b(?:9|16|4|3|1|21)[x_:-](?:16|9|3|4|1)\b",
    r"\b(?:t2v|i2v|txt2vid|img2vid|text[ -]to[ -]video|image[ -]to[ -]video|文生视频|图生视频)\b",
    r"\b(?:take|sample|copy|final|download(?:ed)?|output|result|video|videos|clip|img|mov|dsc|comfyui|watermarked)\b",
    r"\(\d{1,3}\)|\b\d+\b",
)
"""What stands in names and is no word of a prompt: days, seeds, digests, sizes, numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTool:
    """A tool as a name writes it."""

    family: str
    """Key of `FAMILIES`, or the first word of a known tool."""
    written: str
    """The word that stands there, in Latin letters."""
    version: str
    """Such as `2.1`; empty: none is written."""
    rest: str
    """The name without it."""

    @property
    def own_id(self) -> str:
        """Id for a tool that is not known: `kling-2.1`."""
        return f"{self.written}-{self.version}"


def same_version(a: str, b: str) -> bool:
    """Whether two written versions are one: 2 is 2.0."""
    return _parts(a) == _parts(b)


def _parts(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def family_of(model: str) -> str:
    """The family of a known tool, by the first word of its id."""
    first = re.split(r"[^a-z]", unicodedata.normalize("NFKC", model).lower(), maxsplit=1)[0]
    family = _aliases().get(first, first)
    return SHARED.get(family, family)


def version_of(model: str) -> str:
    """The version in the id of a known tool; empty where it has none."""
    found = re.search(r"(?:^|[-_a-z])v?(\d{1,2}(?:\.\d{1,2})?)(?![\d.]*\d|[a-z])", model.lower())
    return found[1] if found else ""


def written_tool(name: str, models: Iterable[str] = ()) -> WrittenTool | None:
    """The tool that a name speaks of, the first of several; None where it speaks of none.

    Args:
        name: Of a file or folder, without suffix.
        models: Ids of known tools, whose first words are names too.
    """
    text = unicodedata.normalize("NFKC", name).lower()
    names = {first: first for model in models if (first := model.lower().split("-")[0]).isalpha()} | _aliases()
    best: tuple[int, int, str] | None = None
    for word in names:
        border = "(?<![a-z])" if word.isascii() else ""
        end = "(?![a-z])" if word.isascii() else ""
        end = f"(?=v?\\d|{_BETWEEN}[^a-z]|$)" if word.isascii() else end
        found = re.search(f"{border}{re.escape(word)}{end}", text)
        if found and (best is None or (found.start(), -len(word)) < (best[0], -best[1])):
            best = (found.start(), len(word), word)
    if best is None:
        return None
    start, length, word = best
    family = SHARED.get(names[word], names[word])
    after = text[start + length :]
    number = re.match(_BETWEEN + _NUMBER, after)
    if word == "gen" and number is None:  # a word of other things, too
        return None
    version = number[1] if number else ""
    rest = f"{text[:start]} {after[number.end() :] if number else after}"
    return WrittenTool(family=family, written=word if word.isascii() else names[word], version=version, rest=rest)


def with_version(written: WrittenTool, models: Sequence[str]) -> list[str]:
    """Those of the known tools that are of this family and of no other version than is written."""
    own = [model for model in models if family_of(model) == written.family]
    if not written.version:
        return own
    return [model for model in own if version_of(model) and same_version(version_of(model), written.version)]


def tool_words(text: str) -> list[str]:
    """The words and numbers of a text, in which each maker's tools go by one word: `Kling2.0` is kling, 2, 0."""
    text = unicodedata.normalize("NFC", text).lower()
    for name, family in _aliases().items():
        if not name.isascii() or " " in name:
            text = text.replace(name, f" {family} ")
    words = re.findall(r"[^\W\d_]+|\d+", text)
    families = [_aliases().get(word, word) for word in words]
    return [SHARED.get(family, family) for family in families]


def prompt_words(rest: str) -> str:
    """The words of a name that are no tool, seed, day, size or number; empty where fewer than two are left."""
    text = re.sub(r"[_+~]+", " ", unicodedata.normalize("NFKC", rest))
    for pattern in _NOISE:
        text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text)
    shown = " ".join(word for word in words if len(word) > 1 or not word.isascii() or word in "aAI")
    is_phrase = len(shown.split()) >= 2 or (not shown.isascii() and len(shown) >= 4)
    return shown if is_phrase else ""


@lru_cache(maxsize=1)
def _aliases() -> dict[str, str]:
    """Every name → its family."""
    return {name: family for family, names in FAMILIES.items() for name in (family, *names)}
