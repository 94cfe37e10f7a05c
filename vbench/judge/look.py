"""Where to look in a clip: even frames, and the moments at which our own curves say that something happens."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vbench.contracts.values import Bytes
from vbench.errors import ClipError
from vbench.judge.card import FramesPolicy
from vbench.records import Event, Question, Timeline

MAX_LONG_SIDE = 1920
"""Pixels of a frame as it is kept: what is larger is scaled down."""
APART_S = 0.15
"""Moments nearer to each other than this are one."""
PEAKS_OF = "motion_p95"
"""The curve whose peaks are looked at."""
EVENT_ORDER = ("worst", "cut", "black", "freeze")
SMALL_KINDS = ("text", "anatomy", "identity")
"""Questions about small things: letters, hands, faces."""
JPEG_QUALITY = 88

Why = Literal["even", "event", "peak", "second"]


@dataclass(frozen=True, slots=True)
class LookTime:
    """A time of a clip to look at, and why."""

    t_s: float
    why: Why


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame of a clip as it is looked at."""

    t_s: float
    """Of the moment it was taken for."""
    why: Why
    pixels: Bytes
    """RGB uint8 (H, W, 3), as in the file up to `MAX_LONG_SIDE`."""


@dataclass(frozen=True, slots=True)
class SentPicture:
    """What is sent of a frame."""

    t_s: float
    jpeg: bytes
    note: str = ""
    """Which part of the frame it is; empty: all of it."""


def moments(
    duration_s: float, policy: FramesPolicy, *, events: Sequence[Event] = (), timelines: Sequence[Timeline] = ()
) -> list[LookTime]:
    """The moments of a first look, by time: even ones, then events and motion peaks, the worst first."""
    chosen = [LookTime(t, "even") for t in even_times(duration_s, policy.even)]
    extra: list[LookTime] = []
    for kind in EVENT_ORDER:
        extra += [LookTime(e.start_s, "event") for e in sorted(events, key=lambda e: -e.value) if e.kind == kind]
    for line in timelines:
        if line.key.metric == PEAKS_OF and line.value:
            order = np.argsort(line.value)[::-1][:8]
            extra += [LookTime(line.t_s[i], "peak") for i in order]
    n_extra = 0
    for moment in extra:
        is_new = all(abs(moment.t_s - other.t_s) > APART_S for other in chosen)
        if n_extra < policy.extra and is_new and 0 <= moment.t_s <= duration_s:
            chosen.append(moment)
            n_extra += 1
    return sorted(chosen, key=lambda moment: moment.t_s)


def other_moments(duration_s: float, policy: FramesPolicy) -> list[LookTime]:
    """The moments of a second look: between those of the first, one more, the ends among them."""
    step = duration_s / policy.even
    return [LookTime(min(i * step, max(0.0, duration_s - 1e-3)), "second") for i in range(policy.even + 1)]


def even_times(duration_s: float, n: int) -> list[float]:
    """The middles of n equal stretches."""
    return [(i + 0.5) * duration_s / n for i in range(n)]


def read_moments(path: Path, wanted: Iterable[LookTime]) -> list[Shown]:
    """The frames on screen at these moments, in one pass over the clip.

    Raises:
        ClipError: the clip cannot be read.
    """
    from vbench.video import read_frames

    waiting = sorted(wanted, key=lambda moment: moment.t_s)
    shown: list[Shown] = []
    pixels: Bytes | None = None
    for frame in read_frames(path, threads=1):
        due = [m for m in waiting if m.t_s < frame.t_s + frame.duration_s]
        if due:
            pixels = frame.rgb(_kept_size(frame.width, frame.height))
            shown += [Shown(m.t_s, m.why, pixels) for m in due]
            waiting = waiting[len(due) :]
        if not waiting:
            break
        last = frame
    if waiting:  # a moment after the last frame, by rounding
        pixels = last.rgb(_kept_size(last.width, last.height))
        shown += [Shown(m.t_s, m.why, pixels) for m in waiting]
    if not shown:
        raise ClipError(f"{path}: no frame to look at; make or import it again")
    return shown


def _kept_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, MAX_LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def pictures(frames: Sequence[Shown], policy: FramesPolicy, questions: Sequence[Question] = ()) -> list[SentPicture]:
    """What is sent of these frames: each whole, and quarters of one at native size where small things matter."""
    sent = [SentPicture(frame.t_s, jpeg(scaled(frame.pixels, policy.short_side))) for frame in frames]
    is_small = any(question.kind in SMALL_KINDS for question in questions)
    if policy.crops and is_small and frames and min(frames[0].pixels.shape[:2]) > 1.25 * policy.short_side:
        frame = next((f for f in frames if f.why in ("event", "peak")), frames[len(frames) // 2])
        sent += [SentPicture(frame.t_s, jpeg(part), note) for note, part in quarters(frame.pixels)]
    return sent


def quarters(pixels: Bytes) -> list[tuple[str, Bytes]]:
    """The four quarters of a picture, overlapping by a tenth, at its own size."""
    height, width = pixels.shape[:2]
    top, left = slice(0, round(height * 0.55)), slice(0, round(width * 0.55))
    bottom, right = slice(round(height * 0.45), height), slice(round(width * 0.45), width)
    return [
        ("upper left part", pixels[top, left]),
        ("upper right part", pixels[top, right]),
        ("lower left part", pixels[bottom, left]),
        ("lower right part", pixels[bottom, right]),
    ]


def scaled(pixels: Bytes, short_side: int) -> Bytes:
    """A picture whose short side is at most so many pixels."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def jpeg(pixels: Bytes) -> bytes:
    """A picture as JPEG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
