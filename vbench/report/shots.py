"""A clip shot by shot: what its timelines say between two cuts, and the headline of each shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vbench.contracts import GRID_S
from vbench.errors import MetricError
from vbench.metrics.overall import MOTION, OVERALL, PICTURE, TEMPORAL
from vbench.records import Event, Outcomes, Timeline

PAIRED = ("temporal_consistency", "appearance_consistency", "subject_consistency", "background_consistency")
"""Their timeline stands at the later frame of a pair, so that the first pair of a shot reaches across the cut."""
MEANS = (
    *PAIRED,
    "temporal_evenness",
    "appearance_evenness",
    "flicker",
    "flicker_relative",
    "flicker_hf",
    "warp_residual",
    "motion_amount",
    "motion_p95",
    "motion_camera",
    "motion_subject",
    "motion_jerk",
    "motion_followed",
    "sharpness",
    "definition",
    "noise",
    "blockiness",
    "banding",
    "exposure",
    "letterbox",
    "aesthetic",
    "technical",
    "clip_alignment",
)
"""Measures whose value is the mean of their timeline, so that a shot's is the mean of its stretch."""
SHARES = {"freeze_ratio": "freeze", "black_ratio": "black"}
"""Measures that are a share of the time → the events that make it up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A stretch between two cuts."""

    start_s: float
    end_s: float
    values: Mapping[str, float]
    """Measure → its value over the shot; one that has no value there is left out."""


def shots_of(outcomes: Outcomes, duration_s: float) -> list[Shot]:
    """The shots of a clip by the cuts that were found in it; one, where there are none.

    The groups of the headline are those of `vbench.metrics.overall` over the shot's own values, without the text group,
    which is said of a whole clip.

    Args:
        outcomes: What was measured of the clip, with timelines and events; empty without `cut_count`.
        duration_s: Of the clip.
    """
    if not any(score.key.metric == "cut_count" for score in outcomes.scores):
        return []
    cuts = sorted(event.start_s for event in outcomes.events if event.kind == "cut" and event.metric == "cut_count")
    edges = [0.0, *cuts, duration_s]
    measured = {score.key.metric for score in outcomes.scores}
    return [
        Shot(start_s=start_s, end_s=end_s, values=_values(outcomes, measured, start_s, end_s))
        for start_s, end_s in pairwise(edges)
        if end_s > start_s
    ]


def _values(outcomes: Outcomes, measured: set[str], start_s: float, end_s: float) -> dict[str, float]:
    values = {"cut_count": 0.0}
    for timeline in outcomes.timelines:
        if timeline.key.metric in MEANS and (inside := _inside(timeline, start_s, end_s)):
            values[timeline.key.metric] = float(np.mean(inside))
    for name, kind in SHARES.items():
        if name in measured:
            events = [event for event in outcomes.events if event.kind == kind and event.metric == name]
            values[name] = _share(events, start_s, end_s)
    for group in (TEMPORAL, MOTION, PICTURE, OVERALL):
        if set(group.needs) <= values.keys():
            try:
                values[group.name] = group.combine(
                    {part: values[part] for part in group.inputs if part in values}
                ).value
            except MetricError:
                continue  # none of its parts has a value in this shot
    return values


def _inside(timeline: Timeline, start_s: float, end_s: float) -> Sequence[float]:
    first = start_s + (GRID_S if timeline.key.metric in PAIRED and start_s else 0.0)
    return [value for t_s, value in zip(timeline.t_s, timeline.value, strict=True) if first - 1e-6 <= t_s < end_s]


def _share(events: Sequence[Event], start_s: float, end_s: float) -> float:
    inside = sum(max(0.0, min(event.end_s, end_s) - max(event.start_s, start_s)) for event in events)
    return min(1.0, inside / (end_s - start_s))
