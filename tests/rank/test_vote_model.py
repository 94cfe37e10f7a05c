"""Ratings from votes: another library's, closed forms, and intervals that hold when votes hang together."""

from __future__ import annotations

from dataclasses import replace

import evalica
import numpy as np
import pytest
from scipy import optimize

from vbench.rank.ratings import ELO_SCALE
from vbench.rank.vote_model import Ballots, Cluster, fitted, stabilised, votes_to_flip


def ballots(
    a: np.ndarray, b: np.ndarray, result: np.ndarray, *, n_tools: int, prompt: object = None, voter: object = None
) -> Ballots:
    n = len(a)
    return Ballots(
        tools=tuple(f"t{i}" for i in range(n_tools)),
        a=np.asarray(a, dtype=np.intp),
        b=np.asarray(b, dtype=np.intp),
        result=np.asarray(result, dtype=np.float64),
        weight=np.ones(n),
        prompt=np.arange(n) if prompt is None else np.asarray(prompt),
        voter=np.arange(n) if voter is None else np.asarray(voter),
        covariates=np.zeros((n, 0)),
    )


def drawn(rng: np.random.Generator, strength: np.ndarray, n: int, tie: float = 0.3) -> Ballots:
    """Votes by Davidson's model."""
    a = rng.integers(0, len(strength), n)
    b = (a + rng.integers(1, len(strength), n)) % len(strength)
    gap = strength[a] - strength[b]
    odds = np.stack([np.exp(gap / 2), np.exp(-gap / 2), np.full(n, tie)])
    edges = np.cumsum(odds / odds.sum(axis=0), axis=0)
    chosen = (rng.random(n) > edges).sum(axis=0)
    return ballots(a, b, np.array([1.0, 0.0, 0.5])[chosen], n_tools=len(strength))


@pytest.mark.parametrize("seed", range(3))
def test_half_ties_without_a_prior_are_evalica_s_to_a_thousandth_of_an_elo(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cast = drawn(rng, rng.normal(0, 1, 8), 4000)
    winners = [{1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}[r] for r in cast.result]
    xs, ys = ([cast.tools[i] for i in side] for side in (cast.a, cast.b))
    expected = evalica.bradley_terry(xs, ys, winners, tolerance=1e-12, limit=100_000).scores
    logs = np.log(np.array([expected[tool] for tool in cast.tools]))
    found = fitted(cast, ties="half", pseudo_ties=0.0).strengths
    assert ELO_SCALE * found == pytest.approx(ELO_SCALE * (logs - logs.mean()), abs=1e-3)


def test_davidson_is_the_maximum_of_the_likelihood_written_out() -> None:
    cast = drawn(np.random.default_rng(5), np.array([0.8, 0.0, -0.8]), 600, tie=0.7)

    def loss(parameters: np.ndarray) -> float:
        theta, tie = np.append(parameters[:2], -parameters[:2].sum()), np.exp(parameters[2])
        total = 0.0
        for i, j, result in zip(cast.a, cast.b, cast.result, strict=True):
            one, two = np.exp(theta[i]), np.exp(theta[j])
            both = tie * np.sqrt(one * two)
            share = {1.0: one, 0.0: two, 0.5: both}[result]
            total -= np.log(share / (one + two + both))
        return float(total)

    expected = optimize.minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9}).x
    fit = fitted(cast, pseudo_ties=0.0)
    assert fit.strengths[:2] == pytest.approx(expected[:2], abs=1e-4)
    assert fit.tie_strength == pytest.approx(np.exp(expected[2]), abs=1e-4)


def test_two_tools_have_the_closed_form_and_its_variance() -> None:
    cast = ballots(np.zeros(40), np.ones(40), np.repeat([1.0, 0.0], [30, 10]), n_tools=2)
    fit = fitted(cast, pseudo_ties=0.0, cluster="vote")
    gap, half = fit.gap(0, 1)
    assert gap == pytest.approx(400 * np.log10(3), abs=1e-6)
    assert half is not None
    se = np.sqrt(1 / 30 + 1 / 10) * np.sqrt(40 / 39)
    assert half == pytest.approx(2.0227 * ELO_SCALE * se, rel=1e-3)


def test_an_undefeated_tool_is_finite_and_unconnected_ones_are_marked() -> None:
    cast = ballots(np.array([0, 0, 0, 2, 3]), np.array([1, 1, 1, 3, 2]), np.array([1, 1, 1, 1, 0.0]), n_tools=4)
    fit = fitted(cast)
    assert np.isfinite(fit.strengths).all()
    assert fit.strengths[0] > fit.strengths[1]
    assert fit.component[0] == fit.component[1] != fit.component[2] == fit.component[3]


def test_all_ties_are_equal_tools() -> None:
    fit = fitted(ballots(np.array([0, 1, 2]), np.array([1, 2, 0]), np.full(3, 0.5), n_tools=3))
    assert fit.strengths == pytest.approx(np.zeros(3), abs=1e-6)
    with pytest.raises(ValueError, match="no vote"):
        fitted(ballots(np.zeros(0), np.zeros(0), np.zeros(0), n_tools=2))


@pytest.mark.parametrize("cluster", ["prompt", "voter", "both"])
def test_intervals_hold_the_truth_where_votes_hang_together(cluster: Cluster) -> None:
    """Tools that are better on some prompts, and voters with a taste of their own."""
    rng = np.random.default_rng(11)
    strength = np.array([0.6, 0.0, -0.6])
    of_prompt = 0.8 if cluster in ("prompt", "both") else 0.0
    of_voter = 0.8 if cluster in ("voter", "both") else 0.0

    def cast(n_prompts: int, n_voters: int, n: int) -> Ballots:
        prompt, voter = rng.integers(0, n_prompts, n), rng.integers(0, n_voters, n)
        level = strength + of_prompt * rng.normal(size=(n_prompts, 3))[prompt]
        level = level + of_voter * rng.normal(size=(n_voters, 3))[voter]
        a = rng.integers(0, 3, n)
        b = (a + rng.integers(1, 3, n)) % 3
        rows = np.arange(n)
        won = rng.random(n) < 1 / (1 + np.exp(level[rows, b] - level[rows, a]))
        return ballots(a, b, won.astype(float), n_tools=3, prompt=prompt, voter=voter)

    truth = fitted(cast(20_000, 20_000, 60_000)).gap(0, 2)[0]
    covered = {"clustered": [], "votes": []}
    for _ in range(150):
        sample = cast(40, 40, 800)
        for name, how in (("clustered", cluster), ("votes", "vote")):
            gap, half = fitted(sample, cluster=how).gap(0, 2)
            covered[name].append(abs(gap - truth) <= half)
    assert np.mean(covered["clustered"]) >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / 150)
    assert np.mean(covered["votes"]) < np.mean(covered["clustered"]), "single votes are too sure"


def test_a_covariate_is_told_from_the_tool() -> None:
    """t0 is no better, but mostly shown on the left, which is worth 100 Elo."""
    rng = np.random.default_rng(12)
    n = 6000
    left = np.where(rng.random(n) < 0.8, 1.0, -1.0)
    won = rng.random(n) < 1 / (1 + np.exp(-left * 100 / ELO_SCALE))
    plain = ballots(np.zeros(n), np.ones(n), won.astype(float), n_tools=2)
    controlled = fitted(replace(plain, covariates=left[:, None], covariate_names=("left",)))
    value, low, high = controlled.effect(0)
    assert low < 100 < high
    assert abs(controlled.gap(0, 1)[0]) < 25 < fitted(plain).gap(0, 1)[0]
    assert value == pytest.approx(100, abs=15)


def test_few_votes_flip_a_narrow_first_place_and_many_a_wide_one() -> None:
    narrow = ballots(np.zeros(41), np.ones(41), np.repeat([1.0, 0.0], [21, 20]), n_tools=2)
    wide = ballots(np.zeros(41), np.ones(41), np.repeat([1.0, 0.0], [31, 10]), n_tools=2)
    assert votes_to_flip(narrow, fitted(narrow)) == 2
    assert votes_to_flip(wide, fitted(wide)) == 22
    assert votes_to_flip(wide, fitted(wide), most=5) is None


def test_weights_undo_unequal_sampling_and_are_cut() -> None:
    weights, n_cut = stabilised([0.5, 0.25, 0.25])
    assert weights == pytest.approx(np.array([0.6, 1.2, 1.2]))
    assert n_cut == 0
    weights, n_cut = stabilised([1.0] * 99 + [1e-6])
    assert n_cut == 1
    assert weights.mean() == pytest.approx(1.0)
