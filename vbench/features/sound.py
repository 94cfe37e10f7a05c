"""Level, loudness and clipping of the sound track, streamed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import FileFeature, Sound, SourceFile
from vbench.video.loudness import GATE_LUFS, WINDOW_S, Loudness, window_power
from vbench.video.sound import sound_chunks

FLOOR_DB = -120.0
FULL_SCALE = 0.999
"""Amplitude from which a sample counts as at full scale; three in a row are clipped."""


class SoundFeature(FileFeature):
    """`contracts.Sound`: RMS level 0.1 s apart, integrated loudness (ITU-R BS.1770-4), share of clipped samples."""

    name = "sound"

    def read(self, source: SourceFile) -> Sound:
        meter: LoudnessMeter | None = None
        if source.probe.has_audio:
            for samples, rate in sound_chunks(source.path):
                meter = meter or LoudnessMeter(rate)
                meter.add(samples)
        if meter is None or not meter.n_samples:
            return Sound(False, np.zeros(0), np.zeros(0), GATE_LUFS, 0.0, 0.0)
        return meter.close()


class LoudnessMeter:
    """Takes float samples in -1..1 as they come; memory grows by 20 bytes per 0.1 s."""

    def __init__(self, rate: int) -> None:
        self._loudness = Loudness(rate)
        self._rate, self._window = rate, round(rate * WINDOW_S)
        self._left: NDArray[np.float32] = np.zeros((0, 1), np.float32)
        self._power: list[float] = []
        self._run: NDArray[np.int64] | None = None
        self._n_clipped = 0
        self.n_samples = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Some more samples, shape (n, channels)."""
        if samples.shape[1] != self._left.shape[1]:
            self._left = np.zeros((0, samples.shape[1]), np.float32)
        self._loudness.add(samples)
        self.n_samples += len(samples)
        self._n_clipped += n_clipped(samples)
        joined = np.concatenate([self._left, samples])
        n_windows = len(joined) // self._window
        whole, self._left = joined[: n_windows * self._window], joined[n_windows * self._window :]
        if n_windows:
            self._power += window_power(whole, n_windows)

    def close(self) -> Sound:
        if not self._power:
            self._power = [float((self._left.astype(np.float64) ** 2).mean(axis=0).sum())]
        power = np.array(self._power) / self._left.shape[1]
        level = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
        return Sound(
            present=True,
            t_s=np.arange(len(level), dtype=np.float64) * WINDOW_S,
            rms_db=level,
            loudness_lufs=self._loudness.integrated(),
            clipped_share=self._n_clipped / (self.n_samples * self._left.shape[1]),
            duration_s=self.n_samples / self._rate,
        )


def n_clipped(samples: NDArray[np.float32]) -> int:
    """Samples in runs of at least 3 at full scale."""
    loud = np.abs(samples) >= FULL_SCALE
    if len(samples) < 3:
        return 0
    core = loud[:-2] & loud[1:-1] & loud[2:]
    inside = np.zeros_like(loud)
    for shift in range(3):
        inside[shift : len(samples) - 2 + shift] |= core
    return int(inside.sum())
