"""A clip of two shots, whose parts are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vbench.records import Event, Outcomes, Score, ScoreKey, Timeline
from vbench.report.shots import shots_of


def key(metric: str) -> ScoreKey:
    return ScoreKey(clip="c", metric=metric, version=1, params={})


def line(metric: str, t_s: tuple[float, ...], value: tuple[float, ...]) -> Timeline:
    return Timeline(key=key(metric), t_s=t_s, value=value)


def event(kind: str, metric: str, start_s: float, end_s: float) -> Event:
    return Event(clip="c", kind=kind, metric=metric, start_s=start_s, end_s=end_s, frame=0, value=1.0)  # type: ignore[arg-type]


TWO = Outcomes(
    clip="c",
    scores=tuple(Score(key=key(name), value=0.0) for name in ("cut_count", "freeze_ratio")),
    failures=(),
    timelines=(
        line("motion_p95", (0.0, 1.0, 2.0, 3.0), (0.1, 0.3, 0.8, 0.6)),
        # at the later frame of each pair: the one at 2 s is across the cut
        line("appearance_consistency", (1.0, 2.0, 3.0), (0.99, 0.1, 0.97)),
        line("cut_count", (0.0, 2.0), (0.0, 50.0)),
    ),
    events=(event("cut", "cut_count", 2.0, 2.04), event("freeze", "freeze_ratio", 1.5, 3.0)),
)


def test_a_shot_has_the_means_of_its_stretch() -> None:
    first, second = shots_of(TWO, 5.0)
    assert (first.start_s, first.end_s, second.start_s, second.end_s) == (0.0, 2.0, 2.0, 5.0)
    assert first.values["motion_p95"] == pytest.approx(0.2)
    assert second.values["motion_p95"] == pytest.approx(0.7)
    assert (first.values["appearance_consistency"], second.values["appearance_consistency"]) == (0.99, 0.97)
    assert first.values["freeze_ratio"] == pytest.approx(0.5 / 2)
    assert second.values["freeze_ratio"] == pytest.approx(1 / 3)
    assert first.values["cut_count"] == 0.0  # its timeline is the change of each step, not a mean


def test_the_headline_of_a_shot_is_that_of_its_parts() -> None:
    from vbench.metrics.overall import temporal

    first, second = shots_of(TWO, 5.0)
    for shot in (first, second):
        assert shot.values["overall_temporal"] == pytest.approx(temporal(shot.values).value)
    assert first.values["overall_temporal"] > second.values["overall_temporal"]
    assert "overall_motion" not in first.values  # nothing is known of what can be followed


def test_a_clip_without_cuts_is_one_shot_and_one_without_the_measure_none() -> None:
    whole = replace(TWO, events=())
    assert [(shot.start_s, shot.end_s) for shot in shots_of(whole, 5.0)] == [(0.0, 5.0)]
    assert shots_of(replace(TWO, scores=()), 5.0) == []
