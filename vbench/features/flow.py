"""Optical flow by OpenCV's DIS (Kroeger et al. 2016, arXiv:1603.03590), and the choice between it and RAFT."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    SHORT_SIDE,
    Bytes,
    ClipFrame,
    Every,
    Feature,
    Flow,
    Settings,
    SourceFile,
    StreamFeature,
    small_luma,
)
from vbench.errors import OptionError
from vbench.features.flow_rows import SETTINGS, STILL_S, FlowRows

BACKENDS = ("dis", "raft")
BACKEND = "dis-half"
"""What the parameters of a score call DIS with the settings below. It reads the 95th percentile of a known flow within
4 %; `docs/metrics.md` has others beside it."""
FINEST_SCALE, PATCH_STRIDE, DESCENTS, REFINEMENTS = 1, 5, 12, 1
"""To half the size of the small copy, which is then scaled up; the most accurate for their time on real clips."""
MIN_SIDE = 16
"""DIS needs a few patches; smaller pictures have no flow."""


def flow_feature(settings: Settings) -> Feature:
    """The flow feature of the chosen backend; the choice is part of every score made from it."""
    backend = settings.get("flow.backend", "dis")
    if backend not in BACKENDS:
        raise OptionError(f"flow.backend is {backend!r}; expected dis or raft")
    if backend == "raft":
        from vbench.features.raft import RaftFeature

        return RaftFeature(settings)
    return DisFeature(settings)


class DisFeature(StreamFeature):
    """`contracts.Flow` by DIS on the small copy."""

    name = "flow"
    known_settings = SETTINGS

    def params(self) -> dict[str, Any]:
        return {"backend": BACKEND, "short_side": SHORT_SIDE}

    def open(self, source: SourceFile) -> _DisPairs:
        return _DisPairs(source)


class _DisPairs:
    """Feeds pairs of the time grid to `FlowRows`."""

    def __init__(self, source: SourceFile) -> None:
        self._sampler = Every().open(source.probe)
        self._rows = FlowRows()
        self._last: ClipFrame | None = None

    def add(self, frame: ClipFrame) -> None:
        self._take(self._sampler.add(frame))

    def close(self, end_s: float) -> Flow:
        self._take(self._sampler.close(end_s))
        return self._rows.close()

    def _take(self, picks: list[tuple[ClipFrame, float]]) -> None:
        for frame, t_s in picks:
            if self._last is not None:
                self._pair(self._last, frame, t_s)
            self._last = frame

    def _pair(self, first: ClipFrame, second: ClipFrame, t_s: float) -> None:
        if second.index == first.index:
            if t_s - first.t_s > STILL_S:
                self._rows.still(t_s, second.index)
            return
        a, b = small_luma(first), small_luma(second)
        if a.shape != b.shape:
            return
        self._rows.add(first.t_s, second.t_s, second.index, a, b, pair_flow(first, second), dis_flow(b, a))


@lru_cache(maxsize=1)
def _dis() -> Any:
    cv2.setNumThreads(1)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis.setFinestScale(FINEST_SCALE)
    dis.setPatchStride(PATCH_STRIDE)
    dis.setGradientDescentIterations(DESCENTS)
    dis.setVariationalRefinementIterations(REFINEMENTS)
    return dis


def dis_flow(first: Bytes, second: Bytes) -> NDArray[np.float32]:
    """Flow u with second(x + u) = first(x), in pixels, float32 (h, w, 2); zero where the picture is too small."""
    if min(first.shape) < MIN_SIDE:
        return np.zeros((*first.shape, 2), np.float32)
    return np.asarray(_dis().calc(first, second, None), np.float32)


def pair_flow(first: ClipFrame, second: ClipFrame) -> NDArray[np.float32]:
    """Forward flow between two frames' small copies, computed once for all features that ask."""
    return second.memo(f"dis from {first.index}", lambda: dis_flow(small_luma(first), small_luma(second)))
