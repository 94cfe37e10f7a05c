"""Level, loudness and clipping of the sound track, streamed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import FileFeature, Floats, Sound, SourceFile
from vbench.video.sound import sound_chunks

WINDOW_S = 0.1
FLOOR_DB = -120.0
GATE_LUFS = -70.0
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
        from scipy.signal import lfilter, lfilter_zi  # here: most clips have no sound, and scipy is large

        self._filter = lfilter
        self._stages = k_weighting(rate)
        self._states = [np.zeros((len(lfilter_zi(b, a)), 1)) for b, a in self._stages]
        self._rate, self._window = rate, round(rate * WINDOW_S)
        self._left: NDArray[np.float32] = np.zeros((0, 1), np.float32)
        self._power: list[float] = []
        self._weighted: list[float] = []
        self._run: NDArray[np.int64] | None = None
        self._n_clipped = 0
        self.n_samples = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Some more samples, shape (n, channels)."""
        if samples.shape[1] != self._left.shape[1]:
            self._left = np.zeros((0, samples.shape[1]), np.float32)
            self._states = [np.zeros((len(state), samples.shape[1])) for state in self._states]
        self.n_samples += len(samples)
        self._n_clipped += n_clipped(samples)
        joined = np.concatenate([self._left, samples])
        n_windows = len(joined) // self._window
        whole, self._left = joined[: n_windows * self._window], joined[n_windows * self._window :]
        if not n_windows:
            return
        self._power += _window_power(whole, n_windows)
        weighted = whole.astype(np.float64)
        for i, (b, a) in enumerate(self._stages):
            weighted, self._states[i] = self._filter(b, a, weighted, axis=0, zi=self._states[i])
        # channel weights of BS.1770 are 1 for left, right and centre; more than two are mixed down before
        self._weighted += _window_power(weighted, n_windows)

    def close(self) -> Sound:
        if not self._power:
            self._power = [float((self._left.astype(np.float64) ** 2).mean(axis=0).sum())]
        power = np.array(self._power) / self._left.shape[1]
        level = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
        return Sound(
            present=True,
            t_s=np.arange(len(level), dtype=np.float64) * WINDOW_S,
            rms_db=level,
            loudness_lufs=integrated_loudness(np.array(self._weighted)),
            clipped_share=self._n_clipped / (self.n_samples * self._left.shape[1]),
            duration_s=self.n_samples / self._rate,
        )


def _window_power(samples: NDArray[Any], n_windows: int) -> list[float]:
    """Mean square of each window, summed over channels."""
    squares = samples.astype(np.float64).reshape(n_windows, -1, samples.shape[1]) ** 2
    return [float(power) for power in squares.mean(axis=1).sum(axis=1)]


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


def k_weighting(rate: int) -> list[tuple[Floats, Floats]]:
    """The two filter stages (b, a) of BS.1770 for any sample rate.

    The standard gives coefficients for 48 kHz; these are the analogue prototypes behind them (shelf of +4 dB above
    1.68 kHz, high-pass at 38 Hz) put through the bilinear transform at `rate`, as in De Man 2014.
    """
    gain, q, centre = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * centre / rate)
    high, band = 10 ** (gain / 20), (10 ** (gain / 20)) ** 0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf_b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]) / a0
    shelf_a = np.array([a0, 2 * (k * k - 1), 1 - k / q + k * k]) / a0
    q, centre = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * centre / rate)
    a0 = 1 + k / q + k * k
    pass_a = np.array([a0, 2 * (k * k - 1), 1 - k / q + k * k]) / a0
    return [(shelf_b, shelf_a), (np.array([1.0, -2.0, 1.0]), pass_a)]


def integrated_loudness(power: Floats) -> float:
    """Gated loudness in LUFS of K-weighted mean squares 0.1 s apart; -70 where all is below the absolute gate.

    Blocks of 0.4 s overlap by 75 %; a sound shorter than one block is taken as one.
    """
    if not len(power):
        return GATE_LUFS
    blocks = np.convolve(power, np.full(4, 0.25), "valid") if len(power) >= 4 else power.mean(keepdims=True)
    loudness = -0.691 + 10 * np.log10(np.maximum(blocks, 1e-12))
    kept = blocks[loudness > GATE_LUFS]
    if not len(kept):
        return GATE_LUFS
    relative = -0.691 + 10 * np.log10(kept.mean()) - 10
    kept = blocks[(loudness > GATE_LUFS) & (loudness > relative)]
    return float(max(GATE_LUFS, -0.691 + 10 * np.log10(kept.mean())))
