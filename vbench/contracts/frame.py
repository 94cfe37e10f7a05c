"""What a feature sees of one decoded frame, and the one small copy of it that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vbench.contracts.values import Bytes

Kernel = Literal["area", "linear", "cubic", "plain"]
"""Resampling: `area` averages (antialiased); `linear` and `cubic` (a = -0.75) sample without antialiasing.

`plain` is for frames at their own size: colours as OpenCV and decord give them, for measures defined on those."""
T = TypeVar("T")
SHORT_SIDE = 192
"""Pixels; frames already smaller keep their size."""


class ClipFrame(Protocol):
    """What a feature sees of one decoded frame; conversions are kept, so that equal ones cost once per frame."""

    @property
    def index(self) -> int: ...
    @property
    def t_s(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def is_new(self) -> bool:
        """False for an exact or near duplicate (luma MAE below 0.05) of the last new frame."""
        ...

    @property
    def change(self) -> float:
        """Mean absolute luma difference to the last new frame before, 8-bit levels; 0 for the first."""
        ...

    def rgb(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> Bytes:
        """RGB uint8 (height, width, 3); `size` is (width, height)."""
        ...

    def luma(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> Bytes:
        """Full-range luma uint8 (height, width); `size` is (width, height)."""
        ...

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once per frame and key."""
        ...


def small_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the small copy."""
    scale = min(1.0, SHORT_SIDE / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def small_rgb(frame: ClipFrame) -> Bytes:
    """RGB uint8 (h, w, 3), short side at most `SHORT_SIDE`."""
    return frame.rgb(small_size(frame.width, frame.height), "area")


def small_luma(frame: ClipFrame) -> Bytes:
    """Luma uint8 (h, w) of the small copy, full range, BT.601 weights whatever the clip's matrix."""
    import cv2  # here: a page reads these contracts and has no use for it

    return frame.memo("small_luma", lambda: np.asarray(cv2.cvtColor(small_rgb(frame), cv2.COLOR_RGB2GRAY), np.uint8))


def mean_abs_difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """In 8-bit levels."""
    import cv2

    return float(cv2.mean(cv2.absdiff(a, b))[0])
