"""Intervals hold what they promise, for every shape that measures have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.rank.shapes import SHAPES
from vbench.rank.intervals import mean_interval, tail_read

N_RUNS = 2000
SIMULATION = 2.5 * (0.94 * 0.06 / N_RUNS) ** 0.5
"""Two and a half standard errors of a coverage of 94 % in that many runs."""


@pytest.mark.parametrize(("n", "least"), [(8, 0.93), (12, 0.94), (30, 0.94)])
@pytest.mark.parametrize("name", SHAPES)
def test_coverage(name: str, n: int, least: float) -> None:
    shape, rng = SHAPES[name], np.random.default_rng(11)
    given, covered = 0, 0
    for sample in shape.draw(rng, (N_RUNS, n)):
        interval = mean_interval(sample, bounds=shape.bounds)
        if interval.low is not None and interval.high is not None:
            given += 1
            covered += interval.low <= shape.mean <= interval.high
    assert given >= 0.85 * N_RUNS
    assert covered / given >= least - SIMULATION


def test_a_symmetric_sample_costs_little_more_than_student() -> None:
    rng = np.random.default_rng(3)
    widths, students = [], []
    for sample in rng.normal(size=(300, 30)):
        interval = mean_interval(sample)
        assert interval.low is not None
        assert interval.high is not None
        widths.append(interval.high - interval.low)
        students.append(2 * stats.t.ppf(0.975, 29) * sample.std(ddof=1) / 30**0.5)
    assert np.all(np.array(widths) >= np.array(students) - 1e-12)
    assert np.mean(widths) < 1.1 * np.mean(students)


@pytest.mark.parametrize("n", [2, 8, 60])
def test_equal_values_are_as_sure_as_clopper_and_pearson(n: int) -> None:
    interval = mean_interval([1.0] * n, bounds=(0.0, 1.0))
    exact = stats.binomtest(n, n).proportion_ci(0.95, method="exact")
    assert interval.low == pytest.approx(exact.low)
    assert interval.high == 1.0
    middle = mean_interval([25.0] * n, bounds=(0.0, 100.0))
    assert middle.low == pytest.approx(25 * exact.low)
    assert middle.high == pytest.approx(100 - 75 * exact.low)


def test_equal_values_without_bounds_and_one_prompt_say_nothing() -> None:
    assert (mean_interval([0.0] * 8, bounds=(0.0, np.inf)).low, mean_interval([3.0]).high) == (None, None)
    with pytest.raises(ValueError, match="at least one prompt"):
        mean_interval([])


def test_it_follows_units_and_direction() -> None:
    sample = np.random.default_rng(5).exponential(size=10)
    interval, scaled = mean_interval(sample), mean_interval(-3 * sample + 7)
    assert interval.low is not None
    assert scaled.low is not None
    assert scaled.high == pytest.approx(-3 * interval.low + 7, rel=0.05)
    assert interval.low < interval.mean < (interval.high or 0)


def test_the_tail_widens_with_skewness_and_closes_with_prompts() -> None:
    assert tail_read(8, 0.0) == tail_read(8, 0.3) == pytest.approx(0.025)
    assert tail_read(8, 2.0) == tail_read(8, -2.0) == pytest.approx(0.0025)
    assert tail_read(8, 2.0) < tail_read(20, 2.0) < tail_read(200, 2.0) < 0.025
