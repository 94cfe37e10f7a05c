"""The same frames at another rate, in another order, or again."""

from __future__ import annotations

import math
import random

from vbench.selftest.results import INCOHERENT, ControlResult, Measured, SampleBench, check, followed, steady
from vbench.selftest.samples import Sample

TIME_BASED = (
    "temporal_consistency",
    "temporal_drift",
    "temporal_worst",
    "temporal_horizon",
    "temporal_evenness",
    "temporal_gated",
    "subject_consistency",
    "background_consistency",
    "appearance_consistency",
    "appearance_drift",
    "appearance_worst",
    "appearance_evenness",
    "appearance_gated",
    "flicker",
    "flicker_relative",
    "flicker_hf",
    "warp_residual",
    "motion_amount",
    "motion_p95",
    "motion_camera",
    "motion_subject",
    "motion_coherent",
    "motion_jerk",
    "motion_followed",
    "freeze_ratio",
    "freeze_longest",
    "cut_count",
    "black_ratio",
    "clip_alignment",
    "align_rank",
    "overall",
)
"""Measures that must not care how often a picture is shown."""
FRAMES_ONLY = (
    "sharpness",
    "definition",
    "noise",
    "banding",
    "exposure",
    "letterbox",
    "blockiness",
    "clip_alignment",
    "technical",
)
"""Measures of single pictures: the rate at which they are shown does not matter."""


def doubled(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Every frame twice at twice the rate: nothing measured in seconds may change."""
    after = bench.measure(sample.with_([frame for frame in sample.frames for _ in range(2)], sample.fps * 2))
    return [steady("doubled", sample, plain, after, dict.fromkeys(TIME_BASED, 0.01), floor=0.01)]


def retagged(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """The same frames shown at half the rate: pictures stay, speed halves."""
    after = bench.measure(sample.with_(sample.frames, sample.fps / 2))
    if sample.is_made:
        results = [steady("re-tagged", sample, plain, after, dict.fromkeys(FRAMES_ONLY, 0.1), floor=0.05)]
    else:  # other pictures of the clip fall on the half seconds now, and those of a real clip differ
        room = dict.fromkeys(FRAMES_ONLY, 0.1) | {"noise": 0.3}
        results = [steady("re-tagged", sample, plain, after, room, floor=1.0)]
    before, now = plain.values.get("motion_amount", 0.0), after.values.get("motion_amount", 0.0)
    if before > 0.02 and plain.values.get("motion_jerk", 0.0) <= INCOHERENT:
        ratio = now / before
        results.append(check("re-tagged", sample, "motion_amount halves", f"x {ratio:.3f}", 0.42 <= ratio <= 0.58))
    return results


def repeated(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """The same clip again: the same numbers, to the last digit."""
    after = bench.measure(sample)
    off = [name for name, value in plain.values.items() if after.values.get(name) != value]
    found = ", ".join(off) or f"{len(plain.values)} measures the same"
    return [check("repeated", sample, "every measure gives the same again", found, not off)]


def shuffled(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Frames in random order: what follows motion must see it."""
    if plain.values.get("motion_p95", 0.0) < 0.02 or plain.values.get("motion_jerk", 0.0) > INCOHERENT:
        return []
    order = list(range(len(sample.frames)))
    random.Random(0).shuffle(order)
    after = bench.measure(sample.with_([sample.frames[i] for i in order]))
    results = []
    for name in ("motion_jerk", "warp_residual"):
        if name in plain.values:
            before, now = plain.values[name], after.values.get(name, math.nan)
            factor = 2.0 if sample.is_made else 1.2
            expected, found = f"{name} rises {factor:g} times", f"{before:.3g} -> {now:.3g}"
            results.append(check("shuffled", sample, expected, found, now >= factor * before))
    for name in ("appearance_gated", "temporal_gated", "appearance_evenness", "temporal_evenness", "motion_followed"):
        if name in plain.values:
            before, now = plain.values[name], after.values.get(name, math.nan)
            results.append(check("shuffled", sample, f"{name} falls", f"{before:.3g} -> {now:.3g}", now < before))
    return results


def reversed_(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Backwards: what has no direction in time stays."""
    after = bench.measure(sample.with_(sample.frames[::-1]))
    room = {"flicker": 0.05, "flicker_relative": 0.05, "appearance_evenness": 0.05, "motion_followed": 0.05}
    room |= {"cut_count": 0.0, "motion_p95": 0.2, "freeze_ratio": 0.05, "duplicate_ratio": 0.01}
    if not sample.is_made:  # other pairs fall on the grid, and near duplicates are merged from the other side
        room |= {"motion_p95": 0.5, "freeze_ratio": 0.1, "duplicate_ratio": 0.1, "flicker": 0.15}
        room = followed(room | {"flicker_relative": 0.15, "appearance_evenness": 0.2, "motion_followed": 0.1}, plain)
    return [steady("reversed", sample, plain, after, room, floor=0.01 if sample.is_made else 0.05)]


def short(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """One, two and three frames: a value or a refusal that names the reason, for every measure."""
    results = []
    for n in (1, 2, 3):
        after = bench.measure(sample.with_(sample.frames[:n]))
        answered = after.values.keys() | after.failures.keys()
        wrong = {
            name: code
            for name, code in after.failures.items()
            if code not in ("too_short", "undefined", "not_applicable")
        }
        silent = (plain.values.keys() | plain.failures.keys()) - answered
        found = f"{len(after.values)} values, {len(after.failures)} refusals; {sorted(wrong)} {sorted(silent)}"
        results.append(check("short", sample, f"{n} frames: all measures answer", found, not wrong and not silent))
    return results
