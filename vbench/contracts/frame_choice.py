"""Which frames a feature or a backbone gets, chosen as they stream by, on a grid of seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np

from vbench.contracts.frame import ClipFrame, Kernel
from vbench.contracts.values import GRID_S, Bytes
from vbench.records import Probe

SLOW_S = 0.06
"""Spacing of distinct frames from which each is seen by itself."""


class Sampler(Protocol):
    """Chooses frames as they stream by."""

    def add(self, frame: ClipFrame) -> list[tuple[ClipFrame, float]]:
        """The (frame, time) picks that are certain now that `frame` was seen; may name the frame before."""
        ...

    def close(self, end_s: float) -> list[tuple[ClipFrame, float]]:
        """The picks that only the end of the clip, at `end_s` seconds, decides."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """The frame shown at 0, s, 2 s, ... seconds up to the end; one that stays longer than `s` is taken again.

    Of duplicates the first is taken, so that a clip with every frame doubled gives the same frames at the same times.
    """

    seconds: float = GRID_S
    spikes: bool = False
    """Also take, at their own times, frames between two of the grid that a person would notice: ones that differ far
    more than their neighbours do, and every one where they come slower than 16 a second."""

    def open(self, probe: Probe) -> Sampler:
        return _GridSampler(self.seconds, self.spikes)


@dataclass(frozen=True, slots=True)
class AllFrames:
    """Every `stride`-th frame of the file, at its own time."""

    stride: int = 1

    def open(self, probe: Probe) -> Sampler:
        return _IndexSampler(lambda index: index % self.stride == 0)


@dataclass(frozen=True, slots=True)
class Evenly:
    """The middle frames of `n` equal stretches of the clip; a shorter clip gives each of its frames."""

    n: int = 8

    def open(self, probe: Probe) -> Sampler:
        edges = np.linspace(0, probe.n_frames, self.n + 1).astype(int)
        wanted = {int(low + max(high - 1, low)) // 2 for low, high in pairwise(edges)}
        return _IndexSampler(lambda index: index in wanted)


Sampling = Every | AllFrames | Evenly


class _GridSampler:
    def __init__(self, seconds: float, spikes: bool) -> None:
        self._seconds, self._spikes = seconds, spikes
        self._next = 0
        self._last: ClipFrame | None = None
        self._changes: deque[float] = deque(maxlen=8)

    def _until(self, end_s: float) -> list[tuple[ClipFrame, float]]:
        picks: list[tuple[ClipFrame, float]] = []
        while self._last is not None and self._next * self._seconds < end_s - 1e-4:
            picks.append((self._last, self._next * self._seconds))
            self._next += 1
        return picks

    def add(self, frame: ClipFrame) -> list[tuple[ClipFrame, float]]:
        if not frame.is_new:
            return []
        picks = self._until(frame.t_s)
        is_between = self._next * self._seconds - frame.t_s > 1e-4
        is_slow = self._last is not None and frame.t_s - self._last.t_s > SLOW_S
        if self._spikes and is_between and (is_slow or is_spike(frame.change, self._changes)):
            picks.append((frame, frame.t_s))
        if self._last is not None:
            self._changes.append(frame.change)
        self._last = frame
        return picks

    def close(self, end_s: float) -> list[tuple[ClipFrame, float]]:
        return self._until(max(end_s, 1e-3))


def is_spike(change: float, before: Collection[float]) -> bool:
    """Whether a luma step stands out of the ones before it: above 4 levels and 3 times their median."""
    return change > 4.0 and change > 3.0 * (float(np.median(list(before))) if before else 0.0)


class _IndexSampler:
    def __init__(self, wanted: Callable[[int], bool]) -> None:
        self._wanted = wanted

    def add(self, frame: ClipFrame) -> list[tuple[ClipFrame, float]]:
        return [(frame, frame.t_s)] if self._wanted(frame.index) else []

    def close(self, end_s: float) -> list[tuple[ClipFrame, float]]:
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRequest:
    """Which frames a backbone wants, and how large; equal requests of several backbones are served once."""

    sampling: Sampling = field(default_factory=Every)
    short_side: int | None = 224
    """The short side in pixels, the long one in proportion (rounded to even); None: as in the file."""
    kernel: Kernel = "area"
    crop: int | None = None
    """Side of a centred square cut out after resizing; None: the whole frame."""
    never_enlarge: bool = False
    """Frames already smaller than `short_side` keep their size."""

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after resizing and before the crop."""
        short = min(width, height)
        if self.short_side is None or (self.never_enlarge and short <= self.short_side):
            return width, height
        scale = self.short_side / short
        if width <= height:
            return self.short_side, max(self.short_side, int(height * scale))
        return max(self.short_side, int(width * scale)), self.short_side

    def cut(self, frame: ClipFrame) -> Bytes:
        """RGB uint8 (h, w, 3) of one frame, resized and cropped."""
        width, height = self.size(frame.width, frame.height)
        rgb = frame.rgb(None if (width, height) == (frame.width, frame.height) else (width, height), self.kernel)
        if self.crop is None:
            return rgb
        top, left = round((height - self.crop) / 2), round((width - self.crop) / 2)
        return np.ascontiguousarray(rgb[top : top + self.crop, left : left + self.crop])
