"""Planted breaks must be found where they are."""

from __future__ import annotations

import cv2
import numpy as np

from vbench.selftest.results import ControlResult, Measured, SampleBench, check
from vbench.selftest.samples import Sample, textured_pan


def corrupted(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """One frame of blocks of noise: the worst moment is there, within a frame."""
    at = len(sample.frames) // 2 + 1
    height, width = sample.frames[0].shape[:2]
    blocks = np.random.default_rng(0).integers(0, 256, (max(1, height // 16), max(1, width // 16), 3), np.uint8)
    broken = np.asarray(cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    after = bench.measure(sample.with_([*sample.frames[:at], broken, *sample.frames[at + 1 :]]))
    return _worst("corrupted", sample, plain, after, at)


def _worst(control: str, sample: Sample, plain: Measured, after: Measured, at: int) -> list[ControlResult]:
    results = []
    for name in ("appearance_worst", "temporal_worst"):
        if name in plain.values and name in after.values:
            frames = [event.frame for event in after.events if event.metric == name]
            results.append(
                check(
                    control,
                    sample,
                    f"{name} falls and lies at frame {at} (+-1)",
                    f"{plain.values[name]:.3f} -> {after.values[name]:.3f} at {frames}",
                    (after.values[name] < plain.values[name] and any(abs(frame - at) <= 1 for frame in frames))
                    or (not sample.is_made and after.values[name] == plain.values[name] < 0.5),
                )
            )
    return results


def cut(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Another scene from the middle on: one cut more, at its frame."""
    at = len(sample.frames) // 2
    height, width = sample.frames[0].shape[:2]
    other = textured_pan(len(sample.frames) - at, width, height, seed=7)
    if float(np.abs(other[0].mean() - sample.frames[at - 1].mean())) < 25:
        other = [255 - frame for frame in other]
    after = bench.measure(sample.with_([*sample.frames[:at], *other]))
    more = after.values.get("cut_count", 0) - plain.values.get("cut_count", 0)
    found = f"{more:+.0f} at {after.event('cut')}"
    before = [frame for frame in plain.event("cut") if frame >= at]
    passed = more == 1 - len(before) and any(abs(frame - at) <= 1 for frame in after.event("cut"))
    return [check("cut", sample, f"one cut more, at frame {at} (+-1)", found, passed)]


def black(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Five black frames at the start: an event there, and no cut."""
    dark = [np.zeros_like(sample.frames[0])] * 5
    after = bench.measure(sample.with_([*dark, *sample.frames[5:]]))
    ends = [event.end_s * sample.fps for event in after.events if event.kind == "black" and event.frame == 0]
    cuts = [frame for frame in after.event("cut") if frame <= 6]
    return [
        check(
            "black",
            sample,
            "a black event over frames 0 to 5, and no cut there",
            f"black until frames {[round(end, 1) for end in ends]}, cuts {cuts}",
            any(abs(end - 5) <= 1 for end in ends) and not cuts,
        )
    ]
