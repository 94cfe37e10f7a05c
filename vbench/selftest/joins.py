"""Two halves of one clip meet without a jump; what is planted into the second half is found where they meet."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.metrics.continuity import Property, edge, jumps
from vbench.selftest.results import ControlResult, Measured, SampleBench, check
from vbench.selftest.samples import Sample

SIZE = (256, 144)
APART = 2
"""Frames between the two that an edge is read from."""


def joined(sample: Sample, _plain: Measured, _bench: SampleBench) -> list[ControlResult]:
    """A match cut is unmarked; less light and softness from the join on are named.

    Of made clips alone: a filmed one may cut there itself.
    """
    if not sample.is_made or len(sample.frames) < 4 * APART:
        return []
    half = len(sample.frames) // 2
    before = [sample.frames[half - 1 - APART], sample.frames[half - 1]]
    after = [sample.frames[half], sample.frames[half + APART]]
    darker = [np.clip(frame * 0.6, 0, 255).astype(np.uint8) for frame in after]
    softer = [np.asarray(cv2.GaussianBlur(frame, (0, 0), frame.shape[1] / 64), np.uint8) for frame in after]
    found = {
        "the same shot": (_jumps(before, after), ()),
        "darker from the join on": (_jumps(before, darker), ("light",)),
        "softer from the join on": (_jumps(before, softer), ("sharpness",)),
    }
    return [
        check(
            "joined",
            sample,
            f"{name}: {' '.join(wanted) or 'no jump'}",
            " ".join(seen) or "no jump",
            _fits(seen, wanted),
        )
        for name, (seen, wanted) in found.items()
    ]


def _named(properties: Sequence[str]) -> str:
    return " ".join(properties) or "no jump"


def _fits(seen: Sequence[Property], wanted: Sequence[str]) -> bool:
    return set(wanted) <= set(seen) if wanted else not seen


def _jumps(before: Sequence[NDArray[np.uint8]], after: Sequence[NDArray[np.uint8]]) -> list[Property]:
    sides = [[_scaled(frame) for frame in frames] for frames in (before, after)]
    first, then = (edge(frames, 0.1) for frames in sides)
    return [jump.property for jump in jumps(first, then)]


def _scaled(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
