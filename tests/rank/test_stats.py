"""Intervals cover, tests match scipy, ratings match closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from vbench.rank.stats import Verdict, bradley_terry, holm, mean_interval, paired, rank_intervals


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


def votes(a: str, b: str, n_a: int, n_b: int, n_tie: int = 0) -> list[Verdict]:
    outcomes = ["a"] * n_a + ["b"] * n_b + ["tie"] * n_tie
    return [Verdict(a=a, b=b, outcome=o, prompt=str(i % 5)) for i, o in enumerate(outcomes)]


def test_two_tools_match_the_closed_form():
    ratings = {r.tool: r.rating for r in bradley_terry(votes("x", "y", 30, 10, 8))}
    expected = 400 * np.log10((30 + 4 + 0.05) / (10 + 4 + 0.05))
    assert ratings["x"] - ratings["y"] == pytest.approx(expected, abs=0.01)
    assert sum(ratings.values()) / 2 == pytest.approx(1000)


def test_many_tools_match_a_minorisation_fit():
    rng = np.random.default_rng(2)
    strength = {"a": 1.5, "b": 0.5, "c": 0.0, "d": -1.0}
    ballots = []
    for i, (one, two) in enumerate(itertools.product("abcd", repeat=2)):
        if one < two:
            share = 1 / (1 + np.exp(strength[two] - strength[one]))
            wins = int(rng.binomial(200, share))
            ballots += [Verdict(a=one, b=two, outcome="a" if n < wins else "b", prompt=str(i)) for n in range(200)]
    wins = {(one, two): 0.05 for one in "abcd" for two in "abcd" if one != two}
    for v in ballots:
        wins[(v.a, v.b) if v.outcome == "a" else (v.b, v.a)] += 1
    gamma = dict.fromkeys("abcd", 1.0)
    for _ in range(3000):  # Hunter 2004
        gamma = {
            i: sum(wins[i, j] for j in "abcd" if j != i)
            / sum((wins[i, j] + wins[j, i]) / (gamma[i] + gamma[j]) for j in "abcd" if j != i)
            for i in "abcd"
        }
    found = {r.tool: r.rating for r in bradley_terry(ballots, n_resamples=2)}
    for one, two in itertools.combinations("abcd", 2):
        assert found[one] - found[two] == pytest.approx(400 * np.log10(gamma[one] / gamma[two]), abs=0.05)


def test_an_undefeated_tool_stays_finite_and_first():
    best, *_ = bradley_terry(votes("x", "y", 50, 0) + votes("y", "z", 30, 10))
    assert best.tool == "x"
    assert 1000 < best.rating < 4000


def test_an_undefeated_tool_is_not_known_for_certain():
    """Twenty wins of twenty: a tool that wins 9 of 10 does so once in eight times, one that wins 6 of 10 never."""
    best, _ = bradley_terry([Verdict(a="x", b="y", outcome="a", prompt=str(i)) for i in range(20)])
    gap = 200 * np.log10(0.95 / 0.05), 200 * np.log10(0.6 / 0.4)
    assert 1000 + gap[1] < best.low < 1000 + gap[0]
    assert best.high >= best.rating


def test_unconnected_tools_are_marked():
    found = {r.tool: r.component for r in bradley_terry(votes("a", "b", 3, 2) + votes("c", "d", 3, 2))}
    assert found["a"] == found["b"] != found["c"] == found["d"]


def test_what_does_not_count_does_not_count():
    with pytest.raises(ValueError, match="no vote counts"):
        bradley_terry(
            [Verdict(a="x", b="y", outcome="skip", prompt="p"), Verdict(a="x", b="y", outcome="broken", prompt="p")]
        )
    plain = bradley_terry(votes("x", "y", 9, 3))
    noisy = bradley_terry([*votes("x", "y", 9, 3), Verdict(a="x", b="y", outcome="skip", prompt="0")])
    assert [r.rating for r in plain] == pytest.approx([r.rating for r in noisy])


def test_interval_of_a_rating_is_clustered_by_prompt():
    """Forty votes on four prompts that all agree within a prompt are four facts, not forty."""
    agreeing = [
        Verdict(a="x", b="y", outcome="a" if p < 3 else "b", prompt=str(p)) for p in range(4) for _ in range(10)
    ]
    spread = [Verdict(a="x", b="y", outcome="a" if i < 30 else "b", prompt=str(i)) for i in range(40)]
    width = {name: (r := bradley_terry(v)[0]).high - r.low for name, v in (("agree", agreeing), ("spread", spread))}
    assert width["agree"] > 2 * width["spread"]
