"""Consistency against plain loops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.stats import theilslopes

from tests.metrics.values import make_steps
from vbench.contracts import Embeddings
from vbench.errors import MetricError
from vbench.metrics.consistency import (
    drift,
    drift_per_minute,
    evenness,
    horizon,
    neighbour_cosine,
    to_first_and_neighbour,
    worst_moment,
)


def unit_rows(n: Any, dim: Any, seed: int = 0) -> Any:
    rows = np.random.default_rng(seed).normal(size=(n, dim)) + 1.0
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def embeddings(rows: Any, t_s: Any = None) -> Any:
    t_s = np.arange(len(rows)) / 8 if t_s is None else np.asarray(t_s)
    return Embeddings(t_s, np.round(t_s * 24).astype(int), rows)


def dot(a: Any, b: Any) -> Any:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("n_frames", [2, 16, 81])
def test_neighbours_match_loops(n_frames: int) -> None:
    rows = unit_rows(n_frames, 64)
    expected = np.mean([dot(a, b) for a, b in itertools.pairwise(rows)])
    found = neighbour_cosine(embeddings(rows))
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert len(found.timeline.t_s) == n_frames - 1


def test_first_and_neighbour_match_loops() -> None:
    rows = unit_rows(9, 16)
    expected = np.mean([(max(0, dot(rows[0], b)) + max(0, dot(a, b))) / 2 for a, b in itertools.pairwise(rows)])
    assert to_first_and_neighbour(embeddings(rows)).value == pytest.approx(expected, abs=1e-6)


def test_drift_is_the_theil_sen_slope() -> None:
    rows = unit_rows(30, 16)
    cosine = [dot(rows[0], row) for row in rows]
    expected = theilslopes(cosine[1:], np.arange(1, 30) / 8).slope
    assert drift(embeddings(rows)).value == pytest.approx(expected, abs=1e-6)


def test_drift_of_a_steady_turn_is_negative_and_of_a_cut_is_none() -> None:
    angle = np.linspace(0, 1, 41)
    turning = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    assert drift(embeddings(turning)).value < -0.05
    cut = np.repeat(np.eye(2, dtype=np.float32), [30, 10], axis=0)
    assert drift(embeddings(cut)).value == 0.0


def test_horizon_weighs_distances_alike() -> None:
    rows = unit_rows(20, 8)
    lags = [1, 2, 4, 8, 16]
    curve = [np.mean([dot(rows[i], rows[i + lag]) for i in range(20 - lag)]) for lag in lags]
    found = horizon(embeddings(rows))
    assert found.timeline.t_s == pytest.approx([lag / 8 for lag in lags])
    assert found.value == pytest.approx(np.mean(curve), abs=1e-6)


def test_worst_moment_is_the_least_alike_pair_and_its_largest_step() -> None:
    rows = np.repeat(np.eye(3, dtype=np.float32)[:1], 9, axis=0)
    rows[5] = [0.6, 0.8, 0.0]
    steps = make_steps(n=27, fps=24, change={14: 50.0, 4: 9.0})
    found = worst_moment(embeddings(rows), steps)
    assert found.value == pytest.approx(0.6)
    (event,) = found.events
    assert (event.kind, event.frame) == ("worst", 14)
    assert event.start_s <= 14 / 24 <= event.end_s
    assert event.end_s - event.start_s == pytest.approx(0.25)


def test_a_spike_between_two_times_counts_for_the_worst_only() -> None:
    rows = np.repeat(np.eye(2, dtype=np.float32)[:1], 5, axis=0)
    rows[3] = [0.0, 1.0]
    spiked = embeddings(rows, [0.0, 0.125, 0.25, 7 / 24, 0.375])
    assert neighbour_cosine(spiked).value == pytest.approx(1.0)
    found = worst_moment(spiked, make_steps(n=12, fps=24, change={7: 80.0}))
    assert found.value == pytest.approx(0.0)
    assert found.events[0].frame == 7


def test_one_frame_has_no_neighbour() -> None:
    with pytest.raises(MetricError, match="the clip has 1") as caught:
        neighbour_cosine(embeddings(unit_rows(1, 4)))
    assert caught.value.code == "too_short"


def test_evenness_matches_loops() -> None:
    """Random rows, one of them shown for two times of the grid, at the times of the file's own frames."""
    rows = unit_rows(7, 16)
    shown = np.array([0, 1, 2, 2, 3, 4, 5, 6])
    steps = make_steps(n=7, fps=24, held={k: (0.25 if k == 2 else 0.125) for k in range(7)})
    grid = Embeddings(np.arange(8) / 8, steps.frame[shown], rows[shown])
    expected = []
    for a, b, c, gap, after in zip(rows, rows[1:], rows[2:], np.diff(steps.t_s), np.diff(steps.t_s)[1:], strict=False):
        before_v, after_v = (b - a) / gap, (c - b) / after
        norm = [sum(float(x) ** 2 for x in v) ** 0.5 for v in (before_v, after_v, after_v - before_v)]
        expected.append(1 - norm[2] / (norm[0] + norm[1] + 0.4))
    found = evenness(grid, steps)
    assert found.timeline.value == pytest.approx(expected, abs=1e-5)
    assert found.value == pytest.approx(np.mean(expected), abs=1e-5)
    assert found.timeline.t_s == pytest.approx(steps.t_s[1:-1])


def turn(angle: Any) -> Any:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_a_path_that_moves_on_is_even_and_one_to_and_fro_is_not() -> None:
    steps = make_steps(n=30, fps=8)
    on, back = turn(0.05 * np.arange(30)), turn(0.05 * (np.arange(30) % 2))
    assert evenness(at_steps(on, steps), steps).value > 0.9
    # each step turns about: |v' - v| is |v'| + |v|, but for the floor
    speed = 2 * np.sin(0.025) * 8
    assert evenness(at_steps(back, steps), steps).value == pytest.approx(1 - 2 * speed / (2 * speed + 0.4), abs=1e-5)
    assert evenness(at_steps(np.repeat(on[:1], 30, axis=0), steps), steps).value == 1.0


def at_steps(rows: Any, steps: Any) -> Any:
    return Embeddings(steps.t_s, steps.frame, rows)


def test_evenness_does_not_reach_across_a_cut() -> None:
    angle = 0.05 * np.arange(30) + np.where(np.arange(30) < 15, 0, 1.5)
    plain, cut = make_steps(n=30, fps=8), make_steps(n=30, fps=8, change={15: 90.0}, colour={15: 0.9}, lost={15: 1.0})
    within = evenness(at_steps(turn(angle), cut), cut)
    assert within.timeline.value == pytest.approx([within.value] * 26, abs=1e-4)
    assert evenness(at_steps(turn(angle), plain), plain).value < within.value - 0.05


def test_two_pictures_have_no_path() -> None:
    steps = make_steps(n=2, fps=8, n_frames=16)
    with pytest.raises(MetricError) as caught:
        evenness(at_steps(unit_rows(2, 4), steps), steps)
    assert caught.value.code == "undefined"


def minute(angle: Any, **cut: Any) -> Any:
    """Rows that turn by an angle a frame, 8 a second, and their steps."""
    steps = make_steps(n=len(angle), fps=8, **cut)
    return drift_per_minute(at_steps(turn(angle), steps), steps)


def test_drift_per_minute_of_a_steady_turn() -> None:
    """A turn of 0.6 rad in a minute: the cosine of second k to the first is cos(0.01 k)."""
    found = minute(0.01 / 8 * np.arange(480))
    cosine = np.cos(0.01 * np.arange(60))
    assert found.timeline.value == pytest.approx(cosine, abs=1e-5)
    assert found.value == pytest.approx(60 * theilslopes(cosine[1:], np.arange(1, 60)).slope, rel=1e-3)


def test_a_cut_is_no_drift_and_short_shots_have_none() -> None:
    angle = np.where(np.arange(480) < 240, 0.0, 1.0)
    cut = {"change": {240: 90.0}, "colour": {240: 0.9}, "lost": {240: 1.0}}
    assert minute(angle, **cut).value == pytest.approx(0.0, abs=1e-6)
    many = range(40, 320, 40)  # shots of 5 s
    cuts = {name: dict.fromkeys(many, value) for name, value in (("change", 90.0), ("colour", 0.9), ("lost", 1.0))}
    for given, which in ((np.zeros(320), cuts), (np.zeros(200), {})):
        with pytest.raises(MetricError) as caught:
            minute(given, **which)
        assert caught.value.code == "not_applicable"
