"""Intervals cover, tests match scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from vbench.rank.stats import holm, mean_interval, paired, rank_intervals


def test_interval_matches_a_plain_loop():
    values = [0.1, 0.5, 0.4, 0.9, 0.3, 0.7, 0.2, 0.6]
    rng = np.random.default_rng(1)
    means = [np.mean(rng.choice(values, len(values))) for _ in range(20_000)]
    t = scipy_stats.t.ppf(0.025, 7) * np.sqrt(8 / 7)
    tail = scipy_stats.norm.cdf(t)
    found = mean_interval(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.low == pytest.approx(np.quantile(means, tail), abs=0.02)
    assert found.high == pytest.approx(np.quantile(means, 1 - tail), abs=0.02)


@pytest.mark.parametrize(("n", "least"), [(2, 0.935), (5, 0.935), (6, 0.90), (30, 0.935)])
def test_interval_covers_the_truth_95_percent_of_the_time(n, least):
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(2000):
        found = mean_interval(rng.normal(3.0, 1.0, n))
        hits += found.low <= 3.0 <= found.high
    assert least <= hits / 2000 <= 0.965


def test_an_interval_stays_within_what_a_value_can_be():
    found = mean_interval([99.0, 60.0], bounds=(0.0, 100.0))
    assert (found.low, found.high) == (0.0, 100.0)


def test_one_prompt_has_no_interval():
    found = mean_interval({"only": 2.0})
    assert (found.mean, found.low, found.high) == (2.0, None, None)


def test_same_data_same_interval():
    assert mean_interval([1.0, 2.0, 4.0]) == mean_interval([1.0, 2.0, 4.0])


def test_paired_matches_scipy():
    rng = np.random.default_rng(3)
    one, two = rng.normal(1, 1, 12), rng.normal(0.6, 1, 12)
    found = paired(dict(zip(map(str, range(12)), one, strict=True)), dict(zip(map(str, range(12)), two, strict=True)))
    assert found.p_value == pytest.approx(scipy_stats.ttest_rel(one, two).pvalue)
    assert found.difference == pytest.approx((one - two).mean())
    assert found.win_rate == pytest.approx((one > two).mean())


def test_paired_uses_shared_prompts_only_and_knows_direction():
    one, two = {"a": 1.0, "b": 5.0, "x": 100.0}, {"a": 2.0, "b": 5.0, "y": -100.0}
    assert paired(one, two).win_rate == 0.25
    assert paired(one, two, higher_is_better=False).win_rate == 0.75
    assert paired(one, two).n_prompts == 2
    assert paired({"a": 1.0}, {"b": 1.0}) is None


def test_equal_differences_are_judged_by_the_sign_test():
    assert paired({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 0.0, "b": 1.0, "c": 2.0}).p_value == 0.25
    assert paired({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}).p_value == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_as_the_stepwise_procedure_does(p_values):
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = set()
    for step, i in enumerate(order):
        if p_values[i] * (len(p_values) - step) > 0.05:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


def test_rank_intervals_tell_apart_only_what_the_data_do():
    rng = np.random.default_rng(0)
    noise = {tool: rng.normal(0, 0.3, 40) for tool in "abc"}
    level = {"a": 5.0, "b": 1.0, "c": 1.02}
    tools = {t: {str(i): level[t] + noise[t][i] for i in range(40)} for t in "abc"}
    assert rank_intervals(tools) == {"a": (1, 1), "b": (2, 3), "c": (2, 3)}
    assert rank_intervals(tools, higher_is_better=False) == {"a": (3, 3), "b": (1, 2), "c": (1, 2)}
