"""Which frames VBench 1.0 takes, how it resizes them bit for bit, and how it takes their differences."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from vbench.contracts import (
    AllFrames,
    Bytes,
    ClipFrame,
    Evenly,
    FrameRequest,
    Rates,
    Sampler,
    SourceFile,
    StreamFeature,
)
from vbench.errors import MetricError
from vbench.records import Probe

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 224
FLOW_RATE = 8
"""Frames per second that the sampling for dynamic degree aims at."""


def whole_frames() -> FrameRequest:
    """Every frame as it is in the file: VBench resizes in floating point, which no 8-bit frame can stand for."""
    return FrameRequest(sampling=AllFrames(), short_side=None, kernel="plain")


def flow_stride(fps: float) -> int:
    """Every how many frames dynamic degree samples."""
    return max(1, round(fps / FLOW_RATE))


@dataclass(frozen=True, slots=True)
class FlowFrames(AllFrames):
    """Every `flow_stride`-th frame of the file."""

    def open(self, probe: Probe) -> Sampler:
        return AllFrames(stride=flow_stride(probe.fps)).open(probe)


@dataclass(frozen=True, slots=True)
class MiddleFrames(Evenly):
    """Always `n` frames: the middle ones of n equal stretches; where the clip is shorter its last frame is repeated."""

    def open(self, probe: Probe) -> Sampler:
        return _Middle(middle_indices(probe.n_frames, self.n))


def middle_indices(n_frames: int, n: int) -> list[int]:
    """VBench's `middle` sampling, shape (n,)."""
    edges = np.linspace(0, n_frames, min(n, n_frames) + 1).astype(int).tolist()
    indices = [(low + high - 1) // 2 for low, high in pairwise(edges)]
    return indices + indices[-1:] * (n - len(indices))


class _Middle:
    def __init__(self, indices: list[int]) -> None:
        self._indices = indices

    def add(self, frame: ClipFrame) -> list[tuple[ClipFrame, float]]:
        return [(frame, frame.t_s)] * self._indices.count(frame.index)

    def close(self, end_s: float) -> list[tuple[ClipFrame, float]]:
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class PilSquare(FrameRequest):
    """Resized and cropped as Pillow does it, antialiased and in 8 bits: the way appearance style goes.

    Source: `torchvision.transforms.Resize(side, BICUBIC)` and `CenterCrop(side)` on a Pillow image.
    """

    side: int = SIDE

    def cut(self, frame: ClipFrame) -> Bytes:
        """RGB uint8 (side, side, 3)."""
        from PIL import Image

        width, height = resized(frame.width, frame.height, self.side)
        image = Image.fromarray(frame.rgb(kernel="plain"))
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        top, left = round((height - self.side) / 2), round((width - self.side) / 2)
        return np.asarray(image, np.uint8)[top : top + self.side, left : left + self.side].copy()


def resized(width: int, height: int, side: int) -> tuple[int, int]:
    """(width, height) with the short side at `side` and the long one cut, not rounded, to whole pixels."""
    if width <= height:
        return side, int(side * height / width)
    return int(side * width / height), side


def resize(frames: Tensor, side: int, mode: str) -> Tensor:
    """Short side to `side` without antialiasing, in floating point; as `torchvision`'s Resize on float frames.

    One frame at a time, so that a batch of large frames is never held in floating point.

    Args:
        frames: RGB uint8 (N, 3, H, W).
        side: Pixels.
        mode: `bilinear` or `bicubic`.

    Returns:
        float32 (N, 3, h, w) in levels of 0 to 255; bicubic overshoots are kept.
    """
    import torch
    from torch.nn import functional

    width, height = resized(frames.shape[-1], frames.shape[-2], side)
    if (height, width) == tuple(frames.shape[-2:]):
        return frames.float()
    return torch.cat(
        [
            functional.interpolate(frame[None].float(), size=(height, width), mode=mode, align_corners=False)
            for frame in frames
        ]
    )


def centre(frames: Tensor, side: int) -> Tensor:
    """The square in the middle, (N, 3, side, side)."""
    top, left = round((frames.shape[-2] - side) / 2), round((frames.shape[-1] - side) / 2)
    return frames[..., top : top + side, left : left + side]


class VBenchLevelsFeature(StreamFeature):
    """`contracts.Rates`: mean absolute difference of each frame to the one before, in 8-bit levels, at full size.

    Every frame of the file counts, repeated ones too; that is VBench's way, and why doubling frames halves the error.
    """

    name = "vbench_levels"

    def params(self) -> dict[str, Any]:
        return {"frames": "all"}

    def open(self, source: SourceFile) -> _Levels:
        return _Levels()


class _Levels:
    def __init__(self) -> None:
        self._before: Bytes | None = None
        self._rows: list[tuple[float, int, float]] = []

    def add(self, frame: ClipFrame) -> None:
        now = frame.rgb(kernel="plain")
        if self._before is not None:
            total = int(cv2.norm(now, self._before, cv2.NORM_L1))
            self._rows.append((frame.t_s, frame.index, total / now.size))
        self._before = now

    def close(self, end_s: float) -> Rates:
        if not self._rows:
            raise MetricError("differences need two frames, the clip has fewer", code="too_short")
        t_s, index, levels = zip(*self._rows, strict=True)
        return Rates(np.array(t_s), np.array(index, np.int64), np.array(levels))
