"""One procedure over all pairs: its level under every shape, its power, and what its numbers mean."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tests.rank.shapes import SHAPES
from vbench.rank.comparisons import compare_all, step_down_p


def most(n_runs: int) -> float:
    """Boards that may go wrong: 5 % and two and a half standard errors of a share in that many runs."""
    return 0.05 + 2.5 * (0.05 * 0.95 / n_runs) ** 0.5


def all_pairs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    first, second = np.triu_indices(len(values), k=1)
    return values[first] - values[second]


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's adjustment, as a reference of power."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    return adjusted


@pytest.mark.parametrize(("n_tools", "n_prompts", "n_runs"), [(2, 6, 2000), (8, 8, 2000), (8, 12, 200), (3, 30, 300)])
@pytest.mark.parametrize("name", SHAPES)
def test_equal_tools_are_told_apart_in_no_more_than_five_of_a_hundred_boards(
    name: str, n_tools: int, n_prompts: int, n_runs: int
) -> None:
    rng = np.random.default_rng(7)
    boards = SHAPES[name].draw(rng, (n_runs, n_tools, n_prompts)) + rng.normal(size=(n_runs, 1, n_prompts))
    wrong = sum((step_down_p(all_pairs(values)) <= 0.05).any() for values in boards)
    assert wrong / n_runs <= most(n_runs)


@pytest.mark.parametrize(("n_tools", "n_prompts", "n_runs"), [(40, 9, 200), (40, 100, 20)])
def test_the_level_holds_for_many_tools(n_tools: int, n_prompts: int, n_runs: int) -> None:
    rng = np.random.default_rng(9)
    boards = rng.exponential(size=(n_runs, n_tools, n_prompts))
    wrong = sum((step_down_p(all_pairs(values)) <= 0.05).any() for values in boards)
    assert wrong / n_runs <= most(n_runs)


def test_equal_tools_beside_a_worse_one_are_still_held_equal() -> None:
    rng = np.random.default_rng(13)
    boards = rng.normal(size=(2000, 6, 9))
    boards[:, 0] -= 3.0
    first, _ = np.triu_indices(6, k=1)
    wrong = sum((step_down_p(all_pairs(values)) <= 0.05)[first > 0].any() for values in boards)
    assert wrong / 2000 <= most(2000)


@pytest.mark.parametrize(("n_prompts", "gain"), [(8, 1.1), (12, 1.1), (30, 1.02)])
def test_it_finds_more_than_holm_over_all_pairs(n_prompts: int, gain: float) -> None:
    rng = np.random.default_rng(17)
    ours, holms = 0, 0
    first, second = np.triu_indices(8, k=1)
    is_true = (first < 4) & (second >= 4)
    for _ in range(100):
        values = rng.exponential(size=(8, n_prompts))
        values[4:] -= 1.0
        differences = all_pairs(values)
        ours += int((step_down_p(differences) <= 0.05)[is_true].sum())
        holms += int((holm(stats.ttest_1samp(differences, 0.0, axis=1).pvalue) <= 0.05)[is_true].sum())
    assert ours > gain * holms


def test_two_tools_have_the_exact_p_value_of_sign_flips() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 9))
    a += 0.7
    tools = {"a": dict(enumerate(map(float, a))), "b": dict(enumerate(map(float, b)))}
    pair = compare_all({tool: {str(p): v for p, v in means.items()} for tool, means in tools.items()}).between("a", "b")
    flips = [abs(np.dot(signs, a - b)) for signs in itertools.product((1, -1), repeat=9)]
    assert pair is not None
    assert pair.p_value == pytest.approx(np.mean(np.array(flips) >= abs((a - b).sum()) - 1e-12))
    assert pair.difference == pytest.approx((a - b).mean())
    assert pair.win_rate == pytest.approx((a > b).mean())


def test_a_comparison_turned_round_says_the_same() -> None:
    family = compare_all({"a": {"p": 3.0, "q": 1.0}, "b": {"p": 1.0, "q": 1.0}, "c": {"z": 1.0}})
    there, back = family.between("a", "b"), family.between("b", "a")
    assert there is not None
    assert back is not None
    assert (there.difference, there.win_rate) == (1.0, 0.75)
    assert (back.difference, back.win_rate) == (-1.0, 0.25)
    assert there.p_value == back.p_value
    assert family.between("a", "c") is None


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_ranks_follow_the_pairs_that_are_apart(higher_is_better: bool) -> None:
    rng = np.random.default_rng(2)
    tools = {
        name: {f"p{i}": level + v for i, v in enumerate(rng.normal(size=20) / 5)}
        for name, level in (("low", 0.0), ("mid", 5.0), ("also mid", 5.0), ("high", 9.0))
    }
    standings = compare_all(tools, higher_is_better=higher_is_better).standings()
    best, worst = ("high", "low") if higher_is_better else ("low", "high")
    assert (standings[best].rank_low, standings[best].rank_high) == (1, 1)
    assert (standings[worst].rank_low, standings[worst].rank_high) == (4, 4)
    assert (standings["mid"].rank_low, standings["mid"].rank_high) == (2, 3)


def test_tools_that_never_differ_and_few_prompts_are_not_told_apart() -> None:
    same = {f"p{i}": 1.0 for i in range(20)}
    assert compare_all({"a": same, "b": dict(same)}).between("a", "b").p_value == 1.0  # type: ignore[union-attr]
    few = compare_all({"a": {f"p{i}": 9.0 + i for i in range(5)}, "b": {f"p{i}": 0.0 for i in range(5)}})
    assert not few.pairs["a", "b"].is_apart
    assert compare_all({}).standings() == {}
