"""Words in the picture: are those there that were asked for, and none that were not."""

from __future__ import annotations

import unicodedata

import numpy as np

from vbench.contracts import Box, Family, Measure, Metric, Moment, Series, Writing, overlap
from vbench.errors import MetricError
from vbench.records import Prompt

FAMILY = Family(name="words", about="written words, by PP-OCRv5; needs the extra text")
SHOWN = 0.5
"""Likeness from which the asked words count as shown at a time, however badly they are spelled."""
MIN_LETTERS, SURE = 4, 0.8
"""Shorter or less sure lines are no unasked words: foliage and windows are read as letters now and then."""
ASKED = 0.6
"""Likeness of a line to the asked words from which it is one of them."""
STAYS, SAME_PLACE = 0.6, 0.5
"""A watermark is read in this share of the pictures, in boxes that overlap by as much."""
EDGE = 0.25
"""Of the picture's width or height: how far from an edge a watermark's middle lies, unless it has a known name."""
_NAMES = (
    "shutterstock gettyimages istock adobestock alamy dreamstime depositphotos pond5 123rf storyblocks videoblocks "
    "vecteezy freepik envato sora openai veo kling klingai hailuo minimax pixverse vidu viduai runway runwayml luma "
    "lumalabs dreammachine pika pikaart pikalabs kaiber haiper jimeng dreamina capcut tiktok aigenerated wanx "
    "tongyi hunyuan seedance watermark 可灵 即梦 海螺"
)
MARKS = tuple(_NAMES.split())
"""Letters of watermarks of stock footage and of generators."""


def letters(text: str) -> str:
    """The letters and digits of a text, in one case and width: what a reader may drop does not count."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def likeness(asked: str, read: str) -> float:
    """How well words can be found in what was read, letter by letter: 1 for all, 0 for none.

    One minus the fewest insertions, deletions and changes that turn the asked letters into a stretch of those read,
    over their number. Source: Sellers 1980, doi:10.1016/0196-6774(80)90016-4.
    """
    wanted, given = letters(asked), letters(read)
    if not wanted:
        return 0.0
    row = [0] * (len(given) + 1)  # a match may begin anywhere
    for i, sign in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(given, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (sign != other))
    return 1.0 - min(row) / len(wanted)


def text_match(writing: Writing, prompt: Prompt) -> Measure:
    """How well the asked words can be read, letter by letter, over the time that they are shown.

    Args:
        writing: Lines read in each picture; they are also read on from one to the next.
        prompt: Its `expects.text`.

    Returns:
        In [0, 1]: the mean likeness over the pictures in which it is at least a half; where there is none, the highest
        there is. Case, spaces and signs do not count. Timeline: the likeness in each picture.

    Raises:
        MetricError: the prompt asks for no words (`not_applicable`).
    """
    asked = str(prompt.expects.get("text") or "")
    if not letters(asked):
        raise MetricError("the prompt asks for no words in the picture (`text`)", code="not_applicable")
    like = np.array([likeness(asked, " ".join(lines)) for lines in _pages(writing)])
    shown = like >= SHOWN
    value = like[shown].mean() if shown.any() else like.max()
    return Measure(float(value), Series(writing.t_s, like))


def _pages(writing: Writing) -> list[list[str]]:
    pages: list[list[str]] = [[] for _ in writing.t_s]
    for picture, text in zip(writing.of.tolist(), writing.text, strict=True):
        pages[picture].append(text)
    return pages


def unasked_text(writing: Writing, prompt: Prompt) -> Measure:
    """Share of pictures with words that nobody asked for: at least four letters, read with confidence.

    Timeline: how many lines of them each picture has.
    """
    counts = np.bincount(writing.of[_unasked(writing, prompt)], minlength=len(writing.t_s)).astype(np.float64)
    return Measure(float((counts > 0).mean()), Series(writing.t_s, counts))


def _unasked(writing: Writing, prompt: Prompt) -> list[int]:
    """Lines that are words and none of those asked for."""
    asked = " ".join(str(prompt.expects.get(key) or "") for key in ("text", "dialogue"))
    return [
        line
        for line, (text, score) in enumerate(zip(writing.text, writing.score, strict=True))
        if score >= SURE and len(letters(text)) >= MIN_LETTERS and likeness(text, asked) < ASKED
    ]


def watermark(writing: Writing, prompt: Prompt) -> Measure:
    """Share of pictures with a watermark: unasked words that stay in their place, with a moment that has their box.

    Words are a watermark where they are read at one place in at least 60 % of the pictures, and either are a known name
    (of stock footage, of a generator) or stand near the edge. A sign at the edge of a still shot passes for one.
    """
    lines = _unasked(writing, prompt)
    n_pictures = len(writing.t_s)
    found: list[list[int]] = []
    for line in lines:
        home = next((place for place in found if _overlap(writing, place[0], line) >= SAME_PLACE), None)
        if home is None:
            found.append([line])
        else:
            home.append(line)
    marked: set[int] = set()
    moments = []
    for place in found:
        pictures = sorted({int(writing.of[line]) for line in place})
        if len(pictures) < max(2, STAYS * n_pictures) or not _is_mark(writing, place):
            continue
        marked.update(pictures)
        first, last = pictures[0], pictures[-1]
        # the mean step of the grid is how long the last picture is known to show it
        step = float(writing.t_s[1] - writing.t_s[0])
        box = np.concatenate([writing.box[place][:, :2].min(axis=0), writing.box[place][:, 2:].max(axis=0)]).tolist()
        moments.append(
            Moment(
                kind="watermark",
                start_s=float(writing.t_s[first]),
                end_s=float(writing.t_s[last]) + step,
                frame=int(writing.frame[first]),
                value=len(pictures) / n_pictures,
                box=(box[0], box[1], box[2], box[3]),
            )
        )
    shown = np.isin(np.arange(n_pictures), sorted(marked)).astype(np.float64)
    return Measure(float(shown.mean()), Series(writing.t_s, shown), tuple(moments))


def _box(writing: Writing, line: int) -> Box:
    x0, y0, x1, y1 = writing.box[line].tolist()
    return x0, y0, x1, y1


def _overlap(writing: Writing, a: int, b: int) -> float:
    return overlap(_box(writing, a), _box(writing, b))


def _is_mark(writing: Writing, place: list[int]) -> bool:
    if any(_is_named(writing.text[line]) for line in place):
        return True
    x0, y0, x1, y1 = np.median(writing.box[place], axis=0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return bool(min(x, 1 - x, y, 1 - y) <= EDGE)


def _is_named(line: str) -> bool:
    """A known name within the line, one letter misread at most; short names are a word of their own."""
    words = {letters(word) for word in line.split()} | {letters(line)}
    return any(name in words if len(name) <= 6 else likeness(name, line) >= 0.85 for name in MARKS)


TEXT_MATCH = Metric(
    name="text_match",
    version=1,
    inputs=("writing", "prompt"),
    compute=text_match,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="text",
    about="How well the words that the prompt asks for can be read in the picture, letter by letter.",
    family=FAMILY,
)
UNASKED_TEXT = Metric(
    name="unasked_text",
    version=1,
    inputs=("writing", "prompt"),
    compute=unasked_text,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of pictures with words that nobody asked for.",
    family=FAMILY,
)
WATERMARK = Metric(
    name="watermark",
    version=1,
    inputs=("writing", "prompt"),
    compute=watermark,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of pictures with a watermark: unasked words that stay, near the edge or of a known name.",
    family=FAMILY,
)
