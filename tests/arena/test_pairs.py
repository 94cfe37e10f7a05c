"""Which pair tightens the ratings most."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from vbench.arena import pairs


def brute_force_gain(wins: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Expected fall of the summed gap variance, by adding the information of one verdict and inverting again."""
    theta, sigma = pairs.covariance(wins)
    n = len(wins)

    def total(covariance: np.ndarray[Any, Any]) -> float:
        gaps = [covariance[i, i] + covariance[j, j] - 2 * covariance[i, j] for i, j in combinations(range(n), 2)]
        return float(sum(gaps))

    gain = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        d = np.zeros(n)
        d[i], d[j] = 1, -1
        p = 1 / (1 + np.exp(theta[j] - theta[i]))
        after = np.linalg.inv(np.linalg.inv(sigma) + p * (1 - p) * np.outer(d, d))
        gain[i, j] = gain[j, i] = total(sigma) - total(after)
    return gain


def some_wins(n: int, seed: int) -> np.ndarray[Any, Any]:
    wins = np.random.default_rng(seed).integers(0, 9, (n, n)).astype(float)
    np.fill_diagonal(wins, 0)
    return wins


@pytest.mark.parametrize("n", [2, 3, 6])
def test_gains_are_what_one_more_verdict_takes_from_the_variance(n: int) -> None:
    wins = some_wins(n, n)
    assert pairs.gains(wins) == pytest.approx(brute_force_gain(wins), rel=1e-9)


def test_strengths_are_where_the_posterior_is_highest() -> None:
    wins = some_wins(4, 1)

    def log_posterior(theta: np.ndarray[Any, Any]) -> float:
        gap = theta[:, None] - theta[None, :]
        return float(-(wins * np.log1p(np.exp(-gap))).sum() - (theta**2).sum() / (2 * pairs.PRIOR_SD**2))

    theta, _ = pairs.covariance(wins)
    best = log_posterior(theta)
    for i in range(4):
        for step in (-1e-3, 1e-3):
            moved = theta.copy()
            moved[i] += step
            assert log_posterior(moved) < best


def test_an_undefeated_tool_stays_finite() -> None:
    wins = np.zeros((3, 3))
    wins[0, 1:] = 500
    theta, sigma = pairs.covariance(wins)
    assert np.isfinite(theta).all()
    assert np.isfinite(sigma).all()
    assert (pairs.gains(wins)[np.triu_indices(3, 1)] > 0).all()


def test_a_new_tool_is_met_most() -> None:
    wins = np.full((4, 4), 20.0)
    np.fill_diagonal(wins, 0)
    wins[3, :] = wins[:, 3] = 0
    rows, columns = np.triu_indices(4, 1)
    odds = dict(zip(zip(rows, columns, strict=True), pairs.odds(pairs.gains(wins)[rows, columns]), strict=True))
    assert sum(p for pair, p in odds.items() if 3 in pair) > 0.85
    assert min(odds.values()) >= pairs.UNIFORM_SHARE / 6 > 0
    assert sum(odds.values()) == pytest.approx(1)


def test_drawn_so_ratings_are_tighter_than_at_random() -> None:
    """After as many votes, the summed variance of all gaps is lower than with uniform draws."""
    truth = np.array([2.5, 1.2, 0.0, -1.2, -2.5, 0.0])
    rows, columns = np.triu_indices(6, 1)

    def spread(seed: int, adaptive: bool) -> float:
        rng = np.random.default_rng(seed)
        wins = np.zeros((6, 6))
        wins[:5, :5] = 3.0 * (1 - np.eye(5))
        for _ in range(120):
            odds = pairs.odds(pairs.gains(wins)[rows, columns]) if adaptive else None
            at = rng.choice(len(rows), p=odds)
            i, j = rows[at], columns[at]
            won = rng.random() < 1 / (1 + np.exp(truth[j] - truth[i]))
            wins[(i, j) if won else (j, i)] += 1
        sigma = pairs.covariance(wins)[1]
        return float(6 * np.trace(sigma) - sigma.sum())

    gain = np.mean([spread(s, False) for s in range(6)]) / np.mean([spread(s, True) for s in range(6)])
    assert gain > 1.05
