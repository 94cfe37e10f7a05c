"""The sound of a clip as a page draws it: the lowest and highest sample of short stretches, and how loud it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vbench.errors import ClipError
from vbench.video.loudness import Loudness
from vbench.video.sound import sound_chunks

STEP_S = 0.01
MOST_STEPS = 4000
"""A longer sound gets longer stretches: no screen is wider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """Peaks from the first frame of the clip on."""

    step_s: float
    """Seconds of a stretch."""
    low: tuple[float, ...]
    """Lowest sample of each, -1 to 1, over all channels."""
    high: tuple[float, ...]
    loudness_lufs: float
    """Integrated (ITU-R BS.1770-4)."""


def waveform(path: Path) -> Waveform:
    """Peaks and loudness of the sound that players play.

    Raises:
        ClipError: the file cannot be read, or has no sound.
    """
    low, high = list[NDArray[np.float32]](), list[NDArray[np.float32]]()
    meter: Loudness | None = None
    left, step, rate = np.zeros((0, 1), np.float32), 1, 1
    for samples, rate in sound_chunks(path):
        meter, step = meter or Loudness(rate), max(1, round(rate * STEP_S))
        meter.add(samples)
        loudest = np.abs(samples).argmax(axis=1)
        joined = np.concatenate([left, np.take_along_axis(samples, loudest[:, None], axis=1)])
        n = len(joined) // step
        stretches, left = joined[: n * step].reshape(n, step), joined[n * step :]
        low.append(stretches.min(axis=1))
        high.append(stretches.max(axis=1))
    if meter is None:
        raise ClipError(f"{path}: the clip has no sound", code="no_sound")
    if len(left):
        low.append(left.min(axis=0))
        high.append(left.max(axis=0))
    lows, highs = np.concatenate(low), np.concatenate(high)
    together = -(-len(lows) // MOST_STEPS)
    starts = np.arange(0, len(lows), max(1, together))
    return Waveform(
        step_s=step / rate * max(1, together),
        low=tuple(round(float(v), 3) for v in np.minimum.reduceat(lows, starts)),
        high=tuple(round(float(v), 3) for v in np.maximum.reduceat(highs, starts)),
        loudness_lufs=round(meter.integrated(), 2),
    )
