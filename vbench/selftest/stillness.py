"""Stillness must not pay."""

from __future__ import annotations

import math

from vbench.selftest.results import Bench, ControlResult, Measured, check
from vbench.selftest.samples import Sample


def frozen(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
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


def half_frozen(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
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
