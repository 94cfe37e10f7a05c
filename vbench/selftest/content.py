"""What a clip shows: stillness, which must not pay, what the camera does, and what the prompt says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from vbench.selftest.results import ControlResult, Measured, SampleBench, check
from vbench.selftest.samples import Sample, window


def pan(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """A window sliding right over the middle frame: all camera, no subject, recognised as a pan to the right."""
    still = sample.frames[len(sample.frames) // 2]
    n, width = 25, still.shape[1] * 2 // 3
    offsets = np.linspace(0, still.shape[1] - width - 1, n)
    frames = [window(still, offset, width) for offset in offsets]
    speed = (offsets[-1] / (n - 1)) * 24 / math.hypot(width, still.shape[0])
    asked = replace(sample.prompt, expects={"camera": "pan_right"})
    after = bench.measure(replace(sample, frames=frames, fps=24.0, prompt=asked))
    camera, subject = after.values.get("motion_camera", 0.0), after.values.get("motion_subject", math.inf)
    return [
        check(
            "pan",
            sample,
            f"motion_camera is {speed:.3f} (+-15 %), motion_subject under a tenth of it",
            f"{camera:.3f}, {subject:.4f}",
            abs(camera / speed - 1) <= 0.15 and subject <= 0.1 * camera,
        ),
        check(
            "pan",
            sample,
            "camera_move sees a pan to the right",
            f"{after.values.get('camera_move', math.nan):.2f}",
            after.values.get("camera_move", 0.0) >= 0.9,
        ),
    ]


def swapped(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Another clip's prompt: the rank among distractors is lost."""
    if "align_rank" not in plain.values:
        return []
    wrong = replace(sample.prompt, text="two penguins play chess under an umbrella")
    after = bench.measure(replace(sample, prompt=wrong))
    before, now = plain.values["align_rank"], after.values["align_rank"]
    return [check("prompt swap", sample, "align_rank falls", f"{before:.2f} -> {now:.2f}", now < before)]


def frozen(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """The first frame, repeated: stillness must not pay."""
    after = bench.measure(sample.with_([sample.frames[0]] * len(sample.frames)))
    results = [
        check(
            "frozen",
            sample,
            "freeze_ratio is 1 with one event at frame 0",
            f"{after.values.get('freeze_ratio', math.nan):.3f}, events {after.event('freeze')}",
            after.values.get("freeze_ratio") == 1.0 and after.event("freeze") == [0],
        )
    ]
    for name in ("overall", "appearance_gated", "temporal_gated", "overall_temporal", "overall_motion"):
        if plain.values.get(name, 0.0) > 0.0:
            now = after.values.get(name, math.nan)
            results.append(
                check("frozen", sample, f"{name} falls to 0", f"{plain.values[name]:.3g} -> {now:.3g}", now == 0)
            )
    return results


def half_frozen(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """The second half stands still: the headline must not rise."""
    half = len(sample.frames) // 2
    if half / sample.fps < 0.5:
        return []
    after = bench.measure(
        sample.with_([*sample.frames[:half], *[sample.frames[half - 1]] * (len(sample.frames) - half)])
    )
    early = 1 if sample.is_made else round(0.5 * sample.fps)
    before, now = plain.values.get("overall", math.nan), after.values.get("overall", math.nan)
    return [
        check("half frozen", sample, "overall does not rise", f"{before:.3g} -> {now:.3g}", now <= before + 0.01),
        check(
            "half frozen",
            sample,
            f"freeze found at frame {half - 1} (+-1; earlier where the clip's own picture stays)",
            f"{after.event('freeze')}",
            any(half - 1 - early <= frame <= half for frame in after.event("freeze")),
        ),
    ]
