"""High-frequency flicker: what flips back and forth from frame to frame where nothing moves."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import SHORT_SIDE, ClipFrame, Every, Rates, SourceFile, StreamFeature, is_spike, small_luma
from vbench.errors import MetricError
from vbench.features.flow import BACKEND, pair_flow

STILL_PX = 0.5
"""A pixel that moves less than this from frame to frame counts as still."""
MIN_STILL_SHARE = 0.02


class ShimmerFeature(StreamFeature):
    """Mean |I(t-1) - 2 I(t) + I(t+1)| / 2 over still pixels, one value per 1/8 s, in 8-bit levels of the small copy.

    Still pixels are told by DIS flow across the 1/8 s, whatever flow other measures use. Stretches with a jump
    (see `contracts.is_spike`) and ones where nearly everything moves have no value.
    """

    name = "shimmer"

    def params(self) -> dict[str, Any]:
        return {"flow": BACKEND, "short_side": SHORT_SIDE}

    def open(self, source: SourceFile) -> _Shimmer:
        return _Shimmer(source)


class _Shimmer:
    def __init__(self, source: SourceFile) -> None:
        self._sampler = Every().open(source.probe)
        self._last: ClipFrame | None = None
        self._recent: list[NDArray[np.int16]] = []
        self._changes: list[float] = []
        self._sum: NDArray[np.float32] | None = None
        self._n = 0
        self._n_frames = 0
        self._has_jump = False
        self._rows: list[tuple[float, int, float]] = []

    def add(self, frame: ClipFrame) -> None:
        self._n_frames += 1
        for picked, _ in self._sampler.add(frame):
            self._stretch(picked)
        if frame.is_new:
            self._step(frame)

    def _step(self, frame: ClipFrame) -> None:
        luma = small_luma(frame).astype(np.int16)
        if self._recent and luma.shape != self._recent[-1].shape:
            self._recent = []
        self._has_jump |= bool(self._recent) and is_spike(frame.change, self._changes[-8:])
        if self._recent:
            self._changes = [*self._changes[-8:], frame.change]
        self._recent = [*self._recent[-2:], luma]
        if len(self._recent) == 3:
            before, now, after = self._recent
            second = cv2.absdiff(before + after, now + now)
            self._sum = second.astype(np.float32) if self._sum is None else cv2.add(self._sum, second, dtype=cv2.CV_32F)
            self._n += 1

    def _stretch(self, frame: ClipFrame) -> None:
        first, self._last = self._last, frame
        if first is None or first.index == frame.index:
            return
        total, n, has_jump = self._sum, self._n, self._has_jump
        self._sum, self._n, self._has_jump = None, 0, False
        if total is None or has_jump or small_luma(first).shape != total.shape != small_luma(frame).shape:
            return
        flow = pair_flow(first, frame)
        still = cv2.magnitude(flow[..., 0], flow[..., 1]) < STILL_PX * max(n, 1)
        if np.count_nonzero(still) >= MIN_STILL_SHARE * still.size:
            self._rows.append((first.t_s, frame.index, float(cv2.mean(total, mask=still.view(np.uint8))[0]) / (2 * n)))

    def close(self, end_s: float) -> Rates:
        for picked, _ in self._sampler.close(end_s):
            self._stretch(picked)
        if not self._rows:
            raise MetricError(
                "high-frequency flicker needs three different frames with still parts; the clip has none",
                code="too_short" if self._n_frames < 3 else "undefined",
            )
        t_s, index, value = zip(*self._rows, strict=True)
        return Rates(t_s=np.array(t_s), frame=np.array(index, np.int64), value=np.array(value))
