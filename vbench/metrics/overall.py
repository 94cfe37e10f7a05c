"""The headline: four groups of measures, each 0 to 100, and their geometric mean. The formula is docs/overall.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vbench.contracts import Combined, Measure
from vbench.errors import MetricError


@dataclass(frozen=True, slots=True)
class Anchor:
    """Two published points between which a measure is mapped linearly to 0..1."""

    zero: float
    """Value that counts 0."""
    one: float
    """Value that counts 1."""

    def __call__(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.zero) / (self.one - self.zero)))


MOTION_FLOOR = 0.01
"""Diagonals per second (`motion_p95`) below which a clip is nearly still: steadiness is scaled down in proportion."""
TEMPORAL_ANCHORS: dict[str, Anchor] = {
    "temporal_consistency": Anchor(0.75, 0.99),
    "temporal_worst": Anchor(0.20, 0.95),
    "temporal_drift": Anchor(-0.20, 0.0),
    "appearance_consistency": Anchor(0.90, 0.998),
    "appearance_worst": Anchor(0.50, 0.99),
    "appearance_drift": Anchor(-0.05, 0.0),
    "flicker": Anchor(3.0, 0.0),
    "flicker_hf": Anchor(6.0, 0.2),
    "warp_residual": Anchor(16.0, 1.0),
    "cut_count": Anchor(3.0, 0.0),
}
MOTION_ANCHORS: dict[str, Anchor] = {
    "motion_p95": Anchor(0.0, 0.04),
    "motion_jerk": Anchor(3.0, 0.2),
    "freeze_ratio": Anchor(1.0, 0.0),
}
PICTURE_ANCHORS: dict[str, Anchor] = {
    "sharpness": Anchor(0.2, 0.8),
    "noise": Anchor(8.0, 0.5),
    "blockiness": Anchor(0.25, 0.0),
    "banding": Anchor(0.3, 0.0),
    "exposure": Anchor(0.5, 0.02),
    "letterbox": Anchor(0.4, 0.0),
    "black_ratio": Anchor(0.3, 0.0),
    "aesthetic": Anchor(3.0, 7.0),
    "technical": Anchor(0.2, 0.8),
}
TEXT_ANCHORS: dict[str, Anchor] = {
    "clip_alignment": Anchor(18.0, 34.0),
    "align_rank": Anchor(0.5, 1.0),
    "video_alignment": Anchor(15.0, 30.0),
}
GROUPS = ("overall_temporal", "overall_motion", "overall_picture", "overall_text")


def _mean(values: Mapping[str, float], anchors: Mapping[str, Anchor]) -> float:
    parts = [anchor(values[name]) for name, anchor in anchors.items() if name in values]
    if not parts:
        raise MetricError("none of the measures of this group is in the plan", code="undefined")
    return sum(parts) / len(parts)


def temporal(values: Mapping[str, float]) -> Measure:
    """100 x mean of the anchored steadiness measures x min(1, motion / 0.01) x (1 - freeze ratio)."""
    gate = min(1.0, values["motion_p95"] / MOTION_FLOOR) * (1.0 - values["freeze_ratio"])
    return Measure(100.0 * _mean(values, TEMPORAL_ANCHORS) * gate)


def motion(values: Mapping[str, float]) -> Measure:
    """100 x anchored amount x square root of anchored evenness x (1 - freeze ratio): no motion is no motion quality."""
    parts = {name: anchor(values[name]) for name, anchor in MOTION_ANCHORS.items() if name in values}
    return Measure(100.0 * parts["motion_p95"] * math.sqrt(parts.get("motion_jerk", 1.0)) * parts["freeze_ratio"])


def picture(values: Mapping[str, float]) -> Measure:
    """100 x mean of the anchored picture measures."""
    return Measure(100.0 * _mean(values, PICTURE_ANCHORS))


def text(values: Mapping[str, float]) -> Measure:
    """100 x mean of the anchored text measures."""
    return Measure(100.0 * _mean(values, TEXT_ANCHORS))


def overall(values: Mapping[str, float]) -> Measure:
    """Geometric mean of the groups there are; 0 as soon as one is 0."""
    groups = [values[name] for name in GROUPS if name in values]
    if min(groups) <= 0.0:
        return Measure(0.0)
    return Measure(math.exp(sum(math.log(group) for group in groups) / len(groups)))


TEMPORAL = Combined(
    name="overall_temporal",
    version=3,
    inputs=(*TEMPORAL_ANCHORS, "motion_p95", "freeze_ratio"),
    compute=temporal,
    needs=("motion_p95", "freeze_ratio"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="Steadiness over time, 0 to 100, scaled down where next to nothing moves.",
)
MOTION = Combined(
    name="overall_motion",
    version=2,
    inputs=tuple(MOTION_ANCHORS),
    compute=motion,
    needs=("motion_p95", "freeze_ratio"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="Amount and evenness of motion, 0 to 100; a still clip has none.",
)
PICTURE = Combined(
    name="overall_picture",
    version=3,
    inputs=tuple(PICTURE_ANCHORS),
    compute=picture,
    needs=("sharpness",),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="Quality of single pictures, 0 to 100.",
)
TEXT = Combined(
    name="overall_text",
    version=1,
    inputs=tuple(TEXT_ANCHORS),
    compute=text,
    needs=("clip_alignment",),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="How well the clip shows what the prompt says, 0 to 100; needs a learned encoder.",
)
OVERALL = Combined(
    name="overall",
    version=3,
    inputs=GROUPS,
    compute=overall,
    needs=("overall_temporal", "overall_motion", "overall_picture"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="The headline: geometric mean of the temporal, motion, picture and (where measured) text groups.",
)
