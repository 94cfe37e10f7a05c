"""How loud a sound is to people: integrated loudness (ITU-R BS.1770-4, as EBU R 128 asks for it), streamed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.1
GATE_LUFS = -70.0
MIN_RATE = 4000
"""Hz; below it the weighting's shelf lies beyond what the sound can hold, and it is left unweighted."""


class Loudness:
    """Takes float samples in -1..1 as they come; memory grows by 8 bytes per 0.1 s."""

    def __init__(self, rate: int) -> None:
        from scipy.signal import lfilter, lfilter_zi  # here: most clips have no sound, and scipy is large

        self._filter = lfilter
        self._stages = k_weighting(rate) if rate >= MIN_RATE else []
        self._states = [np.zeros((len(lfilter_zi(b, a)), 1)) for b, a in self._stages]
        self._window = round(rate * WINDOW_S)
        self._left: NDArray[np.float32] = np.zeros((0, 1), np.float32)
        self._power: list[float] = []

    def add(self, samples: NDArray[np.float32]) -> None:
        """Some more samples, shape (n, channels)."""
        if samples.shape[1] != self._left.shape[1]:
            self._left = np.zeros((0, samples.shape[1]), np.float32)
            self._states = [np.zeros((len(state), samples.shape[1])) for state in self._states]
        joined = np.concatenate([self._left, samples])
        n_windows = len(joined) // self._window
        whole, self._left = joined[: n_windows * self._window], joined[n_windows * self._window :]
        if not n_windows:
            return
        weighted = whole.astype(np.float64)
        for i, (b, a) in enumerate(self._stages):
            weighted, self._states[i] = self._filter(b, a, weighted, axis=0, zi=self._states[i])
        # channel weights of BS.1770 are 1 for left, right and centre; more than two are mixed down before
        self._power += window_power(weighted, n_windows)

    def integrated(self) -> float:
        """LUFS of all that was taken; -70 (the absolute gate) where every block is below it."""
        return integrated_loudness(np.array(self._power))


def window_power(samples: NDArray[Any], n_windows: int) -> list[float]:
    """Mean square of each window, summed over channels."""
    squares = samples.astype(np.float64).reshape(n_windows, -1, samples.shape[1]) ** 2
    return [float(power) for power in squares.mean(axis=1).sum(axis=1)]


def k_weighting(rate: int) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
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


def integrated_loudness(power: NDArray[np.float64]) -> float:
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
