"""Dense optical flow on the CPU: OpenCV's DIS (Kroeger et al. 2016, arXiv:1603.03590), and warping by it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, Frame
from vbench.features.small import small_luma

MIN_SIDE = 16
"""DIS needs a few patches; smaller pictures have no flow."""


@lru_cache(maxsize=1)
def _dis() -> Any:
    cv2.setNumThreads(1)
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


@lru_cache(maxsize=8)
def grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y of every pixel, each float32 (h, w)."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def dis_flow(first: Bytes, second: Bytes) -> NDArray[np.float32]:
    """Flow u with second(x + u) = first(x), in pixels, float32 (h, w, 2); zero where the picture is too small."""
    if min(first.shape) < MIN_SIDE:
        return np.zeros((*first.shape, 2), np.float32)
    return np.asarray(_dis().calc(first, second, None), np.float32)


def warped(second: NDArray[Any], flow: NDArray[np.float32]) -> Any:
    """second(x + u): what `first` would look like if motion were all that changed."""
    x, y = grid(*flow.shape[:2])
    return cv2.remap(second, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pair_flow(first: Frame, second: Frame) -> NDArray[np.float32]:
    """Forward flow between two frames' small copies, computed once for all features that ask."""
    return second.memo(f"dis from {first.index}", lambda: dis_flow(small_luma(first), small_luma(second)))
