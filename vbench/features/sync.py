"""When sounds begin, and when motion stops or turns round: what shows whether sound and picture belong together."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    Bytes,
    ClipFrame,
    FileFeature,
    Floats,
    Impacts,
    Onsets,
    SourceFile,
    StreamFeature,
    mean_abs_difference,
    small_luma,
)
from vbench.errors import MetricError
from vbench.video.sound import sound_chunks

HOP_S, WINDOW_S = 0.01, 0.03
BANDS = 24
"""Of equal width in the logarithm of frequency, 60 Hz to half the rate."""
MOST = 20.0
FLOOR = 1e-5
"""Power below which a band is silent, so that the noise of an encoder is no onset."""


class OnsetsFeature(FileFeature):
    """`contracts.Onsets`: rises of the spectrum of the sound, every 10 ms.

    The half-wave rectified change of the logarithm of power in bands, averaged over them: spectral flux, Bello et al.
    2005, doi:10.1109/TSA.2005.851998.
    """

    name = "onsets"

    def read(self, source: SourceFile) -> Onsets:
        flux = Flux()
        if source.probe.has_audio:
            for samples, rate in sound_chunks(source.path):
                flux.add(samples.mean(axis=1), rate)
        return flux.close()


class Flux:
    """Takes mono samples as they come; memory grows by 8 bytes per 10 ms."""

    def __init__(self) -> None:
        self._left: NDArray[np.float32] = np.zeros(0, np.float32)
        self._before: Floats | None = None
        self._rises: list[float] = []
        self._bands: NDArray[np.float32] | None = None
        self._window: Floats = np.zeros(0)
        self._hop = 0

    def add(self, mono: NDArray[np.float32], rate: int) -> None:
        """Some more samples, shape (n,)."""
        if self._bands is None:
            n = round(rate * WINDOW_S)
            self._hop, self._window = max(1, round(rate * HOP_S)), np.hanning(n)
            edges = np.geomspace(60, rate / 2, BANDS + 1)
            at = np.fft.rfftfreq(n, 1 / rate)
            inside = (at >= edges[:-1, None]) & (at < edges[1:, None])
            self._bands = inside[inside.any(axis=1)].astype(np.float32)
        joined = np.concatenate([self._left, mono])
        n = len(self._window)
        if len(joined) < n:
            self._left = joined
            return
        frames = np.lib.stride_tricks.sliding_window_view(joined, n)[:: self._hop]
        power = np.abs(np.fft.rfft(frames * self._window, axis=1)) ** 2 / n
        levels = np.log10(power @ self._bands.T + FLOOR)
        before = self._before if self._before is not None else levels[:1] * 0 + np.log10(FLOOR)
        rises = np.diff(np.concatenate([before, levels]), axis=0)
        self._rises += np.maximum(rises, 0).mean(axis=1).tolist()
        self._before = levels[-1:]
        self._left = joined[len(frames) * self._hop :]

    def close(self) -> Onsets:
        rises = np.array(self._rises)
        # a window hears a sound once it reaches its middle
        t_s = np.asarray(np.arange(len(rises)) * HOP_S + WINDOW_S / 2, np.float64)
        return Onsets(t_s, over_usual(rises), present=len(rises) > 0)


def over_usual(values: Floats) -> Floats:
    """How far values stand over their median, in robust deviations, `MOST` at most; 0 if nothing varies.

    The deviation is 1.48 times the median absolute one, and at least a share of the highest value, so that the silence
    between a few beats does not make a beat of every breath.
    """
    if not len(values):
        return values
    above = values - np.median(values)
    spread = 1.4826 * float(np.median(np.abs(above))) + float(above.max()) / MOST
    return above / spread if spread > 1e-9 else np.zeros_like(values)


class ImpactsFeature(StreamFeature):
    """`contracts.Impacts`: at every distinct frame, how much motion stops or turns round there.

    With d1 and d2 the mean changes of luma into a frame and out of it, and d12 that from the frame before to the one
    after: where things go on moving, d12 is at least as large as either; where they turn round they come back, and
    d12 is smaller; where they stop, d2 is. So max(0, min(d1, d2) - d12) + max(0, d1 - d2). A picture that stays counts
    by how long it does.
    """

    name = "impacts"

    def open(self, source: SourceFile) -> _Impacts:
        return _Impacts()


class _Impacts:
    def __init__(self) -> None:
        self._pictures: deque[tuple[float, Bytes]] = deque(maxlen=3)
        self._t_s: list[float] = []
        self._changes: list[tuple[float, float, float]] = []

    def add(self, frame: ClipFrame) -> None:
        if not frame.is_new:
            return
        self._pictures.append((frame.t_s, small_luma(frame)))
        if len(self._pictures) == 3:
            (_, before), (t_s, here), (_, after) = self._pictures
            pairs = ((before, here), (here, after), (before, after))
            self._changes.append(tuple(mean_abs_difference(a, b) for a, b in pairs))  # type: ignore[arg-type]
            self._t_s.append(t_s)

    def close(self, end_s: float) -> Impacts:
        if len(self._t_s) < 3:
            raise MetricError("fewer than five distinct frames: no motion can stop", code="undefined")
        t_s = np.array(self._t_s)
        return Impacts(t_s, over_usual(impacts(t_s, np.array(self._changes), self._pictures[-1][0])))


def impacts(t_s: Floats, changes: Floats, last_s: float) -> Floats:
    """How much motion turns round or stops at each frame, in levels.

    Args:
        t_s: Times of distinct frames, each but the first and the last of the clip, shape (N,).
        changes: d1, d2, d12 of each, shape (N, 3).
        last_s: Time of the last distinct frame.
    """
    stays = np.diff(np.append(t_s, last_s))
    usual = float(np.median(stays))
    into, out, across = changes.T
    out = out * np.minimum(1.0, usual / np.maximum(stays, 1e-6))
    return np.asarray(np.maximum(np.minimum(into, out) - across, 0) + np.maximum(into - out, 0), np.float64)
