"""What a clip was made from: its own first and last frame are known again, others are not."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vbench.records import Prompt
from vbench.selftest.results import ControlResult, Measured, SampleBench, check
from vbench.selftest.samples import Sample
from vbench.video.stills import save_picture

KNOWN, APART = 0.9, 0.2
"""A clip's own frame is at least so alike, and a wrong picture less so by at least this much."""
LOST = 0.04
"""A clip that fades into other colours loses at least so much likeness over its length."""


def given_pictures(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Its own first and last frame, wrong ones, and a reference that it keeps or loses."""
    own = _measured(sample, bench, lambda frame: frame)
    wrong = _measured(sample, bench, _upside_down_negative)
    results = []
    for name in ("first_frame_fidelity", "last_frame_landing"):
        right, off = own.get(name, math.nan), wrong.get(name, math.nan)
        words = f"{name} is {KNOWN} or more, and {APART} less with a wrong picture"
        passed = right >= KNOWN and off <= right - APART
        results.append(check("pictures", sample, words, f"{right:.3f}, wrong {off:.3f}", passed))
    still = replace(sample, frames=[sample.frames[0]] * len(sample.frames))
    kept = _measured(still, bench, lambda frame: frame).get("reference_drift", math.nan)
    lost = _measured(_faded(still), bench, lambda frame: frame).get("reference_drift", math.nan)
    words = f"reference_drift is 0 where the reference stays; {LOST} and more are lost where it fades away"
    passed = abs(kept) < 1e-6 and lost * len(sample.frames) / sample.fps < -LOST
    return [*results, check("pictures", sample, words, f"{kept:.3f}, {lost:.3f}", passed)]


def _measured(
    sample: Sample, bench: SampleBench, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> dict[str, float]:
    """The sample as if made from its own first and last frame, each changed."""
    with tempfile.TemporaryDirectory(prefix="vbench-selftest-") as folder:
        first, last = Path(folder, "first.png"), Path(folder, "last.png")
        save_picture(change(sample.frames[0]), first)
        save_picture(change(sample.frames[-1]), last)
        prompt: Prompt = replace(sample.prompt, image=str(first), last_image=str(last), references=(str(first),))
        return dict(bench.measure(replace(sample, prompt=prompt)).values)


def _upside_down_negative(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Another picture, even of a clip that begins black."""
    return np.ascontiguousarray(255 - frame[::-1])


def _faded(sample: Sample) -> Sample:
    """The same, turning into its own negative, upside down."""
    shares = np.linspace(0, 1, len(sample.frames))
    frames = [
        ((1 - s) * f + s * _upside_down_negative(f).astype(np.float32)).astype(np.uint8)
        for s, f in zip(shares, sample.frames, strict=True)
    ]
    return sample.with_(frames)
