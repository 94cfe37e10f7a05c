"""The headline: four groups of measures, each 0 to 100, and their geometric mean. The formula is docs/overall.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vbench.contracts import Combined, Measure
from vbench.errors import MetricError
from vbench.metrics.gated import MOTION_FLOOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A measure as a share of what could be: 1 at its best, 0.5 at `half`, and never the same for two values."""

    half: float
    """Value that counts 0.5."""
    best: float = 0.0
    """Value that counts 1; infinite: more is better without end, and 0 counts 0."""
    power: float = 1.0
    """How steep it is around `half`."""

    def __call__(self, value: float) -> float:
        if math.isinf(self.best):
            return 1.0 - 1.0 / (1.0 + math.pow(max(0.0, value) / self.half, self.power))
        return 1.0 / (1.0 + math.pow(abs(value - self.best) / abs(self.half - self.best), self.power))


@dataclass(frozen=True, slots=True)
class Anchor:
    """Two published points between which a measure is mapped linearly to 0..1."""

    zero: float
    """Value that counts 0."""
    one: float
    """Value that counts 1."""

    def __call__(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.zero) / (self.one - self.zero)))


LESS_PER_CUT, MOST_CUTS = 0.1, 3
"""What a cut takes from the temporal group, and how many do at most: a prompt is for one shot unless it says so."""
TEMPORAL_PARTS: dict[str, Part] = {
    "flicker_relative": Part(half=0.3),
    "temporal_consistency": Part(half=0.9, best=1.0),
    "temporal_evenness": Part(half=0.5, best=1.0),
    "appearance_consistency": Part(half=0.99, best=1.0),
    "appearance_evenness": Part(half=0.5, best=1.0),
    "motion_jerk": Part(half=0.9),
}
AMOUNT = Part(half=0.07, best=math.inf)
"""Of `motion_p95`, diagonals/s."""
EVENNESS = Part(half=0.9)
"""Of `motion_jerk`, in the motion group."""
PICTURE_PARTS: dict[str, Part] = {
    "definition": Part(half=1.6, best=math.inf, power=2.0),
    "noise": Part(half=3.0),
    "aesthetic": Part(half=5.0, best=math.inf, power=4.0),
    "technical": Part(half=0.5, best=math.inf, power=2.0),
}
TEXT_ANCHORS: dict[str, Anchor] = {
    "clip_alignment": Anchor(18.0, 34.0),
    "align_rank": Anchor(0.5, 1.0),
    "video_alignment": Anchor(15.0, 30.0),
}
GROUPS = ("overall_temporal", "overall_motion", "overall_picture", "overall_text")


def geometric_mean(values: Mapping[str, float], parts: Mapping[str, Part]) -> float:
    """Of the parts that were measured, in [0, 1].

    Raises:
        MetricError: none of them is in the plan.
    """
    shares = [part(values[name]) for name, part in parts.items() if name in values]
    if not shares:
        raise MetricError("none of the measures of this group is in the plan", code="undefined")
    return math.prod(shares) ** (1.0 / len(shares))


def temporal(values: Mapping[str, float]) -> Measure:
    """100 x geometric mean of the parts x min(1, motion / floor) x (1 - freeze ratio) x (1 - 0.1 a cut, at most 3)."""
    gate = min(1.0, values["motion_p95"] / MOTION_FLOOR) * (1.0 - values["freeze_ratio"])
    whole = 1.0 - LESS_PER_CUT * min(MOST_CUTS, values["cut_count"])
    return Measure(100.0 * geometric_mean(values, TEMPORAL_PARTS) * gate * whole)


def motion(values: Mapping[str, float]) -> Measure:
    """100 x amount x plausibility x (1 - freeze ratio); plausibility is the geometric mean of followed and even."""
    evenness = EVENNESS(values["motion_jerk"]) if "motion_jerk" in values else 1.0  # still: nothing to be uneven
    plausibility = math.sqrt(values["motion_followed"] * evenness)
    return Measure(100.0 * AMOUNT(values["motion_p95"]) * plausibility * (1.0 - values["freeze_ratio"]))


def picture(values: Mapping[str, float]) -> Measure:
    """100 x geometric mean of the parts x what is neither bars nor black."""
    shown = (1.0 - values["letterbox"]) * (1.0 - values["black_ratio"])
    return Measure(100.0 * geometric_mean(values, PICTURE_PARTS) * shown)


def text(values: Mapping[str, float]) -> Measure:
    """100 x mean of the anchored text measures."""
    parts = [anchor(values[name]) for name, anchor in TEXT_ANCHORS.items() if name in values]
    return Measure(100.0 * sum(parts) / len(parts))


def overall(values: Mapping[str, float]) -> Measure:
    """Geometric mean of the groups there are; 0 as soon as one is 0."""
    groups = list(values.values())
    if min(groups) <= 0.0:
        return Measure(0.0)
    return Measure(math.exp(sum(math.log(group) for group in groups) / len(groups)))


TEMPORAL = Combined(
    name="overall_temporal",
    version=5,
    inputs=(*TEMPORAL_PARTS, "motion_p95", "freeze_ratio", "cut_count"),
    compute=temporal,
    needs=("motion_p95", "freeze_ratio", "cut_count"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="Steadiness over time, 0 to 100, scaled down where next to nothing moves.",
)
MOTION = Combined(
    name="overall_motion",
    version=4,
    inputs=("motion_p95", "motion_followed", "motion_jerk", "freeze_ratio"),
    compute=motion,
    needs=("motion_p95", "motion_followed", "freeze_ratio"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="Amount and plausibility of motion, 0 to 100; a still clip has none.",
)
PICTURE = Combined(
    name="overall_picture",
    version=4,
    inputs=(*PICTURE_PARTS, "letterbox", "black_ratio"),
    compute=picture,
    needs=("definition", "letterbox", "black_ratio"),
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
    version=5,
    inputs=GROUPS,
    compute=overall,
    needs=("overall_temporal", "overall_motion", "overall_picture"),
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="overall",
    about="The headline: geometric mean of the temporal, motion, picture and (where measured) text groups.",
)
