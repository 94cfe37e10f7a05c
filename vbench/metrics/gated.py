"""Consistency that stillness cannot buy: by a floor of motion, or among reference clips that move as much."""

from __future__ import annotations

import math

import numpy as np

from vbench.contracts import GRID_S, Embeddings, Flow, Measure, Metric, Reference, Steps
from vbench.metrics.consistency import neighbour_cosine
from vbench.metrics.motion import motion_coherent, motion_p95

MOTION_FLOOR = 0.014
"""Diagonals per second (`motion_p95`) below which a clip counts as nearly still, and steadiness falls in proportion."""
ROUGHNESS_FLOOR, LIVELINESS_FLOOR = 5e-4, 5e-3
"""Added before the logarithm, so that what compression changes in a nearly perfect or nearly still clip is little."""


def roughness(consistency: float) -> float:
    """How far from 1 a neighbour consistency is, on the scale the lines are drawn on."""
    return math.log(max(0.0, 1.0 - consistency) + ROUGHNESS_FLOOR)


def liveliness(coherent: float) -> float:
    """`motion_coherent` on the scale the lines are drawn on."""
    return math.log(coherent + LIVELINESS_FLOOR)


def standing(reference: Reference, consistency: float, coherent: float) -> float:
    """Share of the reference clips of equal motion that are rougher, in [0, 1]."""
    offset = roughness(consistency) - reference.slope * liveliness(coherent)
    return 1.0 - float(np.interp(offset, reference.intercepts, reference.shares))


def gated(embeddings: Embeddings, flow: Flow, steps: Steps, reference: Reference | None) -> Measure:
    """Steadiness x min(1, motion / 0.014 diagonals/s), in [0, 1]; motion is `motion_p95`.

    Steadiness is neighbour consistency, 0.5 or less to 0 and 1 to 1; or, where lines of a reference set are given, the
    share of its clips with as much `motion_coherent` that are rougher. A frozen clip scores 0 either way.

    Raises:
        MetricError: with a reference, something moves, and there are no three frames 1/8 s apart within a shot.
    """
    moving, consistency = motion_p95(flow, steps).value, neighbour_cosine(embeddings).value
    if moving == 0.0:
        return Measure(0.0)
    if reference is None:
        steadiness = max(0.0, 2.0 * consistency - 1.0)
    else:
        steadiness = standing(reference, consistency, motion_coherent(flow, steps).value)
    return Measure(steadiness * min(1.0, moving / MOTION_FLOOR))


TEMPORAL_GATED = Metric(
    name="temporal_gated",
    version=3,
    inputs=("dino", "flow", "steps", "dino_reference"),
    compute=gated,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about="Consistency that stillness cannot buy: multiplied by how much moves, up to a small floor.",
)
APPEARANCE_GATED = Metric(
    name="appearance_gated",
    version=3,
    inputs=("appearance", "flow", "steps", "appearance_reference"),
    compute=gated,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about="Appearance consistency that stillness cannot buy: multiplied by how much moves, up to a small floor.",
)
