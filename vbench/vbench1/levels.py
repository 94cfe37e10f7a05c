"""How much consecutive frames differ, over all pixels and colours, as VBench 1.0's temporal flickering takes it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from vbench.contracts import Bytes, Frame, Rates, Source, StreamFeature
from vbench.errors import MetricError


class VBenchLevelsFeature(StreamFeature):
    """`measure.Rates`: mean absolute difference of each frame to the one before, in 8-bit levels, at full size.

    Every frame of the file counts, repeated ones too; that is VBench's way, and why doubling frames halves the error.
    """

    name = "vbench_levels"

    def params(self) -> dict[str, Any]:
        return {"frames": "all"}

    def open(self, source: Source) -> _Levels:
        return _Levels()


class _Levels:
    def __init__(self) -> None:
        self._before: Bytes | None = None
        self._rows: list[tuple[float, int, float]] = []

    def add(self, frame: Frame) -> None:
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
