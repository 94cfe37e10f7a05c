"""VBench-2.0's questions, tallied as dimensions of their own: by another judge than the original's, which is said.

The original asks LLaVA-Video, drops answers that it cannot read, and drops clips whose gate question fails. Here unsure
and a failed gate count as not shown, so that no tool gains by a clip that cannot be judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vbench.errors import MetricError
from vbench.judge.questions import VBENCH2_KINDS
from vbench.judge.tally import share
from vbench.records import Clip, Failure, MetricInfo, Outcomes, Question, Score, ScoreKey, Verdict

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Creativity": ("Composition", "Diversity"),
    "Commonsense": ("Instance_Preservation", "Motion_Rationality"),
    "Controllability": (
        "Dynamic_Attribute",
        "Dynamic_Spatial_Relationship",
        "Complex_Plot",
        "Complex_Landscape",
        "Human_Interaction",
        "Motion_Order_Understanding",
        "Camera_Motion",
    ),
    "Human_Fidelity": ("Human_Anatomy", "Human_Clothes", "Human_Identity"),
    "Physics": ("Material", "Mechanics", "Thermotics", "Multi-View_Consistency"),
}
"""The published groups; a group's mean is that of its dimensions, the total that of the five."""
ABSENT: Mapping[str, str] = {
    "Diversity": "needs twenty samples of a prompt and VGG-19 style features",
    "Instance_Preservation": "needs its own fine-tuned model",
    "Camera_Motion": "is asked by tracks; `camera_move` measures the moves that a homography tells",
    "Human_Anatomy": "needs its three anomaly classifiers",
    "Human_Identity": "needs face recognition whose weights are not free",
    "Multi-View_Consistency": "needs its matches and tracks",
}
"""Dimension → why it is not tallied."""
GATED = ("Material", "Mechanics", "Thermotics")
"""Dimensions whose first question is whether the clip shows what the others are about."""
VBENCH2_VERSION = 1


def metric_name(dimension: str) -> str:
    """On the board."""
    return f"vbench2.{dimension.lower()}"


TALLIED = tuple(dimension for of in GROUPS.values() for dimension in of if dimension in VBENCH2_KINDS)
METRIC_NAMES = tuple(metric_name(dimension) for dimension in TALLIED)


def vbench2_infos(dimensions: Sequence[str]) -> list[MetricInfo]:
    """What the shares mean."""
    return [
        MetricInfo(
            name=metric_name(dimension),
            version=VBENCH2_VERSION,
            unit="ratio",
            higher_is_better=True,
            bounds=(0.0, 1.0),
            group="vbench",
            about=f"VBench-2.0's questions on {dimension.replace('_', ' ').lower()}, by another judge than its own.",
        )
        for dimension in dimensions
    ]


def vbench2_outcomes(
    clip: Clip, questions: Sequence[Question], verdicts: Mapping[str, Verdict], params: Mapping[str, object]
) -> Outcomes:
    """The share of each dimension that the prompt of a clip belongs to, or why there is none."""
    by_dimension: dict[str, list[Verdict]] = {}
    for question in questions:
        if dimension := question.facts.get("vbench2"):
            by_dimension.setdefault(str(dimension), []).append(verdicts[question.digest])
    scores, failures = [], []
    for dimension, said in by_dimension.items():
        key = ScoreKey(clip=clip.id, metric=metric_name(dimension), version=VBENCH2_VERSION, params=params)
        try:
            scores.append(Score(key=key, value=dimension_share(dimension, said)))
        except MetricError as error:
            failures.append(Failure(stage="score", subject=clip.id, code=error.code, message=str(error), key=key))
    return Outcomes(clip=clip.id, scores=tuple(scores), failures=tuple(failures))


def dimension_share(dimension: str, said: Sequence[Verdict]) -> float:
    """Seen over all; behind a gate that is not seen, nothing is; the gate itself does not count.

    Raises:
        MetricError: an answer failed.
    """
    whole = share(said)
    if dimension not in GATED or len(said) < 2:
        return whole
    return share(said[1:]) if said[0] == "seen" else 0.0
