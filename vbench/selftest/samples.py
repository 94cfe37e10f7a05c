"""Clips that controls are made from: two drawn here, or the start of real ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.errors import OptionError
from vbench.files import VIDEO_SUFFIXES
from vbench.records import Prompt
from vbench.video import probe, read_frames

Pictures = list[NDArray[np.uint8]]
MAX_SECONDS, SIDE = 3.0, 256
"""A control takes the start of a clip, at most this long and this large, so that the test stays quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A clip in memory that controls are made from."""

    name: str
    frames: Pictures
    fps: float
    prompt: Prompt
    is_made: bool = False
    """Drawn here, so that a real clip's own faults do not excuse a measure."""

    def with_(self, frames: Pictures, fps: float | None = None) -> Sample:
        return replace(self, frames=frames, fps=self.fps if fps is None else fps)


def clip_files(folder: Path) -> list[Path]:
    """Video files below a folder."""
    clips = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not clips:
        raise OptionError(f"{folder}: no video file there; expected {', '.join(VIDEO_SUFFIXES)}")
    return clips


def sample_of(path: Path, folder: Path) -> Sample:
    """The first seconds of a file, at a short side of at most 256."""
    facts = probe(path, threads=1)
    scale = min(1.0, SIDE / min(facts.width, facts.height))
    size = (max(16, round(facts.width * scale / 2) * 2), max(16, round(facts.height * scale / 2) * 2))
    frames = []
    for frame in read_frames(path, threads=1):
        if frame.t_s > MAX_SECONDS:
            break
        frames.append(frame.rgb(size, "area"))
    fps = min(60.0, facts.fps or 24.0)
    return Sample(name=str(path.relative_to(folder)), frames=frames, fps=fps, prompt=Prompt(id="selftest", text=""))


def made_samples() -> list[Sample]:
    """Two clips drawn here: a camera sliding over texture, and things moving over it."""
    n, width, height = 48, 320, 192
    ground = textured_pan(n, width, height, seed=1)
    return [
        Sample(
            name="sliding texture",
            frames=ground,
            fps=24.0,
            prompt=Prompt(id="pan", text="a camera pans over a wall"),
            is_made=True,
        ),
        Sample(
            name="moving shapes",
            frames=[_with_shapes(ground[0], i) for i in range(n)],
            fps=24.0,
            prompt=Prompt(id="shapes", text="two circles move over a wall"),
            is_made=True,
        ),
    ]


def textured_pan(n: int, width: int, height: int, *, seed: int, speed: float = 1.5) -> Pictures:
    """A window that slides over smooth random texture by `speed` pixels per frame."""
    draw = np.random.default_rng(seed)
    wide = width + math.ceil(speed * n) + 2
    layers = []
    for size, gain in ((48, 60), (16, 30), (5, 18)):
        coarse = draw.uniform(-1, 1, (height // size + 2, wide // size + 2, 3)).astype(np.float32)
        layers.append(cv2.resize(coarse, (wide, height), interpolation=cv2.INTER_CUBIC) * gain)
    still = np.clip(np.sum(layers, axis=0) + draw.uniform(90, 150, 3), 0, 255).astype(np.uint8)
    return [window(still, speed * i, width) for i in range(n)]


def window(still: NDArray[np.uint8], offset: float, width: int) -> NDArray[np.uint8]:
    shift = np.array([[1, 0, -offset], [0, 1, 0]], np.float32)
    size = (width // 2 * 2, still.shape[0] // 2 * 2)
    return np.asarray(cv2.warpAffine(still, shift, size, flags=cv2.INTER_CUBIC), np.uint8)


def _with_shapes(ground: NDArray[np.uint8], i: int) -> NDArray[np.uint8]:
    frame = ground.copy()
    height, width = frame.shape[:2]
    discs = (
        ((0.25 + 0.01 * i, 0.4 + 0.15 * math.sin(i / 9)), 0.22, (220, 60, 40)),
        ((0.8 - 0.006 * i, 0.7), 0.16, (40, 90, 220)),
    )
    for (x, y), radius, colour in discs:
        centre = (round(width * x * 16), round(height * y * 16))  # sixteenths of a pixel
        cv2.circle(frame, centre, round(height * radius * 16), colour, -1, cv2.LINE_AA, 4)
    return frame
