"""The headline as it was before: linear anchors and arithmetic means. Kept for comparison, in no common preset.

The formula of versions 2 and 3 on the measures as they are now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from vbench.contracts import Combined, Family, Measure
from vbench.errors import MetricError
from vbench.metrics.overall import Anchor, overall

FAMILY = Family(name="overall@2", about="the headline by its formula before version 4, to compare it with today's")
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
GROUPS = ("overall_temporal@2", "overall_motion@2", "overall_picture@2", "overall_text")


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


TEMPORAL = Combined(
    name="overall_temporal@2",
    version=2,
    inputs=(*TEMPORAL_ANCHORS, "motion_p95", "freeze_ratio"),
    compute=temporal,
    needs=("motion_p95", "freeze_ratio"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    family=FAMILY,
    about="Steadiness as it entered the headline before version 4, 0 to 100.",
)
MOTION = Combined(
    name="overall_motion@2",
    version=2,
    inputs=tuple(MOTION_ANCHORS),
    compute=motion,
    needs=("motion_p95", "freeze_ratio"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    family=FAMILY,
    about="Motion as it entered the headline before version 4, 0 to 100.",
)
PICTURE = Combined(
    name="overall_picture@2",
    version=2,
    inputs=tuple(PICTURE_ANCHORS),
    compute=picture,
    needs=("sharpness",),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    family=FAMILY,
    about="Pictures as they entered the headline before version 4, 0 to 100.",
)
OVERALL = Combined(
    name="overall@2",
    version=2,
    inputs=GROUPS,
    compute=overall,
    needs=GROUPS[:3],
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    family=FAMILY,
    about="The headline by its formula before version 4: geometric mean of the groups as they were.",
)
