"""The one small copy of each frame that all stream features share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, Frame

SHORT_SIDE = 192
"""Pixels; frames already smaller keep their size."""


def small_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the small copy."""
    scale = min(1.0, SHORT_SIDE / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def small_rgb(frame: Frame) -> Bytes:
    """RGB uint8 (h, w, 3), short side at most `SHORT_SIDE`."""
    return frame.rgb(small_size(frame.width, frame.height), "area")


def small_luma(frame: Frame) -> Bytes:
    """Luma uint8 (h, w) of the small copy, full range, BT.601 weights whatever the clip's matrix."""
    return frame.memo("small_luma", lambda: np.asarray(cv2.cvtColor(small_rgb(frame), cv2.COLOR_RGB2GRAY), np.uint8))


def mean_abs_difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """In 8-bit levels."""
    return float(cv2.mean(cv2.absdiff(a, b))[0])
