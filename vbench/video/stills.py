"""Single pictures out of a clip: one frame, a poster, a strip for scrubbing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vbench.errors import ClipError
from vbench.video.encoder import output_file
from vbench.video.facts import DEFAULT_LIMITS, Limits
from vbench.video.frames import Frame, read_frames
from vbench.video.inspection import survey

STILL_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".png": "PNG"}
POSTER_SEARCH_S = 20.0
POSTER_STEP_S = 0.5
POSTER_CONTRAST = 0.8
"""A poster has at least this share of the contrast of the best candidate: past a fade-in, yet early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpriteInfo:
    """Where the tiles of a sprite lie: row by row from the top left."""

    columns: int
    rows: int
    n: int
    width: int
    """Of one tile, in pixels."""
    height: int
    t_s: tuple[float, ...]
    """Seconds from the first frame, per tile."""


def extract_frame(
    path: Path, *, index: int | None = None, t_s: float | None = None, limits: Limits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """One frame, RGB uint8 (H, W, 3).

    Args:
        path: The clip.
        index: Which frame, from 0.
        t_s: Or: which moment; the frame on screen at that time.
        limits: What is refused unread.

    Raises:
        ClipError: The clip cannot be read or has no such frame.
    """
    return _frame_at(path, index=index, t_s=t_s, limits=limits).rgb()


def frames_at(
    path: Path, moments_s: Sequence[float], *, size: tuple[int, int], limits: Limits = DEFAULT_LIMITS
) -> list[NDArray[np.uint8]]:
    """The frames on screen at some moments, RGB uint8 (H, W, 3), in one pass; past the end, the last.

    Args:
        path: The clip.
        moments_s: Seconds from the first frame, in any order.
        size: Width and height to bring them to, in pixels.
        limits: What is refused unread.

    Raises:
        ClipError: The clip cannot be read.
    """
    wanted = sorted(range(len(moments_s)), key=lambda number: moments_s[number])
    pictures: dict[int, NDArray[np.uint8]] = {}
    last = None
    for frame in read_frames(path, limits=limits):
        while wanted and moments_s[wanted[0]] + 5e-7 < frame.t_s + frame.duration_s:
            pictures[wanted.pop(0)] = frame.rgb(size)
        if not wanted:
            break
        last = frame
    for number in wanted:
        assert last is not None  # read_frames raises where there is none
        pictures[number] = last.rgb(size)
    return [pictures[number] for number in range(len(moments_s))]


def poster(
    path: Path, out: Path, *, t_s: float | None = None, height: int = 360, limits: Limits = DEFAULT_LIMITS
) -> None:
    """Write a picture that stands for the clip, as JPEG, WebP or PNG by suffix.

    Args:
        path: The clip.
        out: Where to; replaced if it exists.
        t_s: The moment to show; None: the earliest that is as rich as the clip gets, not black and not in a fade-in.
        height: In pixels.
        limits: What is refused unread.

    Raises:
        ClipError: The clip cannot be read or has no such moment, or `out` has another suffix.
    """
    if t_s is not None:
        frame = _frame_at(path, t_s=t_s, limits=limits)
        pixels = frame.rgb(_scaled_to(frame, height))
    else:
        pixels = _representative(path, height, limits)
    save_picture(pixels, out)


def sprite(
    path: Path, out: Path, *, columns: int = 10, n: int = 40, height: int = 90, limits: Limits = DEFAULT_LIMITS
) -> SpriteInfo:
    """Write `sprite_sheet` as JPEG, WebP or PNG by suffix.

    Raises:
        ClipError: The clip cannot be read, or `out` has another suffix.
    """
    sheet, info = sprite_sheet(path, columns=columns, n=n, height=height, limits=limits)
    save_picture(sheet, out)
    return info


def sprite_sheet(
    path: Path, *, columns: int = 10, n: int = 40, height: int = 90, limits: Limits = DEFAULT_LIMITS
) -> tuple[NDArray[np.uint8], SpriteInfo]:
    """A sheet of small frames, evenly spaced in time, for scrubbing under the pointer.

    Args:
        path: The clip.
        columns: Tiles per row.
        n: Tiles; fewer where the clip has fewer frames.
        height: Of one tile, in pixels.
        limits: What is refused unread.

    Returns:
        RGB uint8 (H, W, 3), and where the tiles lie in it.

    Raises:
        ClipError: The clip cannot be read.
    """
    facts, times = survey(path, limits=limits)
    n = min(n, facts.n_frames)
    moments = [(step + 0.5) * facts.duration_s / n for step in range(n)]
    chosen = sorted({max(0, bisect_right(times, moment) - 1) for moment in moments})
    tiles, wanted = [], set(chosen)
    for frame in read_frames(path, limits=limits):
        if frame.index in wanted:
            tiles.append(frame.rgb(_scaled_to(frame, height)))
        if frame.index >= chosen[-1]:
            break
    columns, width = min(columns, len(tiles)), tiles[0].shape[1]
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * height, place % columns * width
        sheet[top : top + height, left : left + width] = tile
    return sheet, SpriteInfo(
        columns=columns,
        rows=rows,
        n=len(tiles),
        width=width,
        height=height,
        t_s=tuple(times[index] for index in chosen),
    )


def save_picture(pixels: NDArray[np.uint8], out: Path) -> None:
    """Write RGB uint8 (H, W, 3) whole or not at all.

    Raises:
        ClipError: The suffix is none of JPEG, WebP and PNG, or the file cannot be written.
    """
    out = Path(out)
    form = STILL_FORMATS.get(out.suffix.lower())
    if form is None:
        raise ClipError(f"{out}: cannot write {out.suffix or 'no suffix'}; name it .jpg, .webp or .png")
    with output_file(out) as part:
        Image.fromarray(pixels).save(part, format=form, quality=85)


def _frame_at(path: Path, *, index: int | None = None, t_s: float | None = None, limits: Limits) -> Frame:
    if (index is None) == (t_s is None):
        raise ValueError("give either index or t_s")
    last = None
    for frame in read_frames(path, limits=limits):
        # Timestamps are rounded to the container's clock; half a microsecond is below any of them.
        if frame.index == index or (t_s is not None and frame.t_s <= t_s + 5e-7 < frame.t_s + frame.duration_s):
            return frame
        last = frame
    assert last is not None  # read_frames raises where there is none
    if t_s == 0 or (t_s is not None and last.t_s <= t_s <= last.t_s + last.duration_s):
        return last
    wanted = f"frame {index}" if index is not None else f"{t_s} s"
    raise ClipError(
        f"{path}: no {wanted}; the clip has frames 0 to {last.index}, until {last.t_s + last.duration_s:.3f} s",
        code="no_frame",
    )


def _scaled_to(frame: Frame, height: int) -> tuple[int, int]:
    return max(1, round(frame.width * height / frame.height)), height


def _representative(path: Path, height: int, limits: Limits) -> NDArray[np.uint8]:
    """The earliest of frames half a second apart that has nearly the contrast of the best."""
    candidates: list[tuple[float, NDArray[np.uint8]]] = []
    next_s = 0.0
    for frame in read_frames(path, limits=limits):
        if frame.t_s >= next_s:
            candidates.append((float(frame.luma((64, 36)).std()), frame.rgb(_scaled_to(frame, height))))
            next_s = frame.t_s + POSTER_STEP_S
        if frame.t_s > POSTER_SEARCH_S:
            break
    best = max(contrast for contrast, _ in candidates)
    return next(pixels for contrast, pixels in candidates if contrast >= POSTER_CONTRAST * best)
