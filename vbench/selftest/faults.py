"""Faults over time in ladders, which the temporal measures follow, and retouched pictures, which must not move them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.selftest.results import INCOHERENT, ControlResult, Measured, SampleBench, check, followed, steady
from vbench.selftest.samples import Pictures, Sample

Retouch = Callable[[NDArray[np.float32], float], NDArray[np.float32]]
"""Of one picture of a clip, and the clip's mean level: contrast about the mean of each picture would be flicker."""

RETOUCHED: dict[str, Retouch] = {
    "contrast +20 %": lambda picture, mean: (picture - mean) * 1.2 + mean,
    "contrast -20 %": lambda picture, mean: (picture - mean) * 0.8 + mean,
    "sharpened": lambda picture, _: (
        picture * 1.5 - np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.0), np.float32) * 0.5
    ),
    "brighter": lambda picture, _: picture + 12,
    "darker": lambda picture, _: picture - 12,
}
RETOUCH_TOLERANCE = {
    "flicker_relative": 0.25,
    "appearance_consistency": 0.006,
    "appearance_evenness": 0.1,
    "temporal_consistency": 0.03,
    "temporal_evenness": 0.1,
    "motion_jerk": 0.15,
    "motion_followed": 0.06,
    "motion_p95": 0.2,
    "overall_temporal": 5.0,
    "overall_motion": 5.0,
}
"""How far a value may move; `flicker_relative`, `motion_jerk` and `motion_p95` relative to themselves."""
RELATIVE = ("flicker_relative", "motion_jerk", "motion_p95")
RELATIVE_FLOOR = {"flicker_relative": 0.1, "motion_jerk": 0.3, "motion_p95": 0.02}
LIVELY = 0.03
"""Of `motion_p95`; in a clip that hardly moves a fault is itself the motion that the headline lacked."""
BOIL_PX = (0.0, 1.0, 2.0, 4.0)
LIGHT_LEVELS = (0.0, 2.0, 5.0, 10.0)


def retouched(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """More or less contrast, sharpened, brighter, darker: what is measured over time stays."""
    if plain.values.get("black_ratio", 0.0) > 0.0:  # black that is lifted is black no more, and counts
        return []
    room = followed(RETOUCH_TOLERANCE, plain)
    for name in RELATIVE:
        if name in room:
            room[name] *= max(abs(plain.values.get(name, 0.0)), RELATIVE_FLOOR[name])
    results = []
    mean = float(np.mean([frame.mean() for frame in sample.frames]))
    for name, retouch in RETOUCHED.items():
        frames = [
            np.rint(np.clip(retouch(frame.astype(np.float32), mean), 0, 255)).astype(np.uint8)
            for frame in sample.frames
        ]
        results.append(steady(name, sample, plain, bench.measure(sample.with_(frames)), room))
    return results


def boiling(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Every frame bent another way, by 1, 2 and 4 pixels: less can be followed with each step, and the group falls.

    Jerk is a ratio, and near its end at 2 pixels already.
    """
    if plain.values.get("motion_jerk", 0.0) > INCOHERENT or plain.values.get("motion_p95", 0.0) < LIVELY:
        return []
    measured = [plain, *(bench.measure(sample.with_(boiled(sample.frames, size_px))) for size_px in BOIL_PX[1:])]
    return [
        _ladder("boiling", sample, name, measured, rising=False)
        for name in ("appearance_evenness", "temporal_evenness", "motion_followed", "overall_temporal")
        if name in plain.values
    ] + [_ladder("boiling", sample, "motion_jerk", measured[:3], rising=True)]


def unsteady_light(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """The light of each frame moved at random, by 2, 5 and 10 levels: flicker rises with each step, the group falls.

    Of a clip that partly stands still, frames come and go as light and motion share a change: there it gains nothing.
    """
    draw = np.random.default_rng(3).normal(size=len(sample.frames))
    measured = [plain]
    for levels in LIGHT_LEVELS[1:]:
        lit = [np.clip(f + levels * d, 0, 255).astype(np.uint8) for f, d in zip(sample.frames, draw, strict=True)]
        measured.append(bench.measure(sample.with_(lit)))
    results = [_ladder("light", sample, "flicker_relative", measured, rising=True)]
    if plain.values.get("motion_p95", 0.0) < LIVELY:
        return results
    if plain.values.get("freeze_ratio", 0.0) == 0.0:
        return [*results, _ladder("light", sample, "overall_temporal", measured, rising=False)]
    before, *after = (clip.values.get("overall_temporal", math.nan) for clip in measured)
    found = f"{before:.3g}, then {' '.join(f'{value:.3g}' for value in after)}"
    gains = check("light", sample, "overall_temporal gains nothing by light", found, max(after) < before)
    return [*results, gains]


def plain_picture(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Nearly all contrast and texture taken away: a value or a refusal with its reason, and none that is worth more."""
    faint = [np.asarray(cv2.GaussianBlur(frame, (0, 0), 6) // 12 + 110, np.uint8) for frame in sample.frames]
    after = bench.measure(sample.with_(faint))
    wrong = sorted(
        name for name, code in after.failures.items() if code not in ("too_short", "undefined", "not_applicable")
    )
    before, now = plain.values.get("overall_picture", math.nan), after.values.get("overall_picture", 0.0)
    return [
        check("plain", sample, "all measures answer", f"{len(after.values)} values, {wrong} failed", not wrong),
        check("plain", sample, "overall_picture falls", f"{before:.3g} -> {now:.3g}", now < before),
    ]


def boiled(frames: Pictures, size_px: float) -> Pictures:
    """Each frame bent by a smooth random field of its own, of `size_px` pixels standard deviation."""
    draw = np.random.default_rng(2)
    height, width = frames[0].shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bent = []
    for frame in frames:
        fields = [cv2.GaussianBlur(draw.normal(size=(height, width)).astype(np.float32), (0, 0), 8) for _ in range(2)]
        dx, dy = (field / field.std() * size_px for field in fields)
        bent.append(np.asarray(cv2.remap(frame, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)))
    return [np.asarray(frame, np.uint8) for frame in bent]


def _ladder(control: str, sample: Sample, name: str, measured: list[Measured], *, rising: bool) -> ControlResult:
    values = [clip.values.get(name, math.nan) for clip in measured]
    passed = all(a < b if rising else a > b for a, b in pairwise(values))
    found = " ".join(f"{value:.3g}" for value in values)
    return check(control, sample, f"{name} {'rises' if rising else 'falls'} with each step", found, passed)
