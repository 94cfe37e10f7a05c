"""Ratings match closed forms, and are the same to every caller."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from tests.records import a_clip
from vbench.arena.pairs import PRIOR_SD
from vbench.arena.tally import Tally, field_of
from vbench.bench import Bench
from vbench.rank.ratings import Verdict, bradley_terry, many_strengths, posterior, ratings_of, strengths
from vbench.records import Prompt, Vote

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(4)]


def votes(a: str, b: str, n_a: int, n_b: int, n_tie: int = 0) -> list[Verdict]:
    outcomes = ["a"] * n_a + ["b"] * n_b + ["tie"] * n_tie
    return [Verdict(a=a, b=b, outcome=o, prompt=str(i % 5)) for i, o in enumerate(outcomes)]


def test_two_tools_match_the_closed_form() -> None:
    ratings = {r.tool: r.rating for r in bradley_terry(votes("x", "y", 30, 10, 8))}

    def slope(gap: float) -> float:
        """Of the likelihood of 34 wins to 14, and of one win and one loss of each against a tool half way between."""
        return 34 - 48 / (1 + np.exp(-gap)) + 1 - 2 / (1 + np.exp(-gap / 2))

    expected = 400 / np.log(10) * optimize.brentq(slope, -9, 9)
    assert ratings["x"] - ratings["y"] == pytest.approx(expected, abs=0.01)
    assert sum(ratings.values()) / 2 == pytest.approx(1000)


def test_many_tools_match_a_minorisation_fit() -> None:
    rng = np.random.default_rng(2)
    strength = {"a": 1.5, "b": 0.5, "c": 0.0, "d": -1.0}
    ballots = []
    for i, (one, two) in enumerate(itertools.product("abcd", repeat=2)):
        if one < two:
            share = 1 / (1 + np.exp(strength[two] - strength[one]))
            wins = int(rng.binomial(200, share))
            ballots += [Verdict(a=one, b=two, outcome="a" if n < wins else "b", prompt=str(i)) for n in range(200)]
    wins = {(one, two): 0.0 for one in "abcd" for two in "abcd" if one != two}
    for v in ballots:
        wins[(v.a, v.b) if v.outcome == "a" else (v.b, v.a)] += 1
    gamma = dict.fromkeys("abcd", 1.0)
    for _ in range(3000):  # Hunter 2004
        gamma = {
            i: (1 + sum(wins[i, j] for j in "abcd" if j != i))  # one win and one loss besides, against strength 1
            / (2 / (gamma[i] + 1) + sum((wins[i, j] + wins[j, i]) / (gamma[i] + gamma[j]) for j in "abcd" if j != i))
            for i in "abcd"
        }
    found = {r.tool: r.rating for r in bradley_terry(ballots, n_resamples=2)}
    for one, two in itertools.combinations("abcd", 2):
        assert found[one] - found[two] == pytest.approx(400 * np.log10(gamma[one] / gamma[two]), abs=0.05)


def test_an_undefeated_tool_stays_finite_and_first() -> None:
    best, *_ = bradley_terry(votes("x", "y", 50, 0) + votes("y", "z", 30, 10))
    assert best.tool == "x"
    assert 1000 < best.rating < 4000


def test_an_undefeated_tool_is_not_known_for_certain() -> None:
    """Twenty wins of twenty: a tool that wins 9 of 10 does so once in eight times, one that wins 6 of 10 never."""
    best, _ = bradley_terry([Verdict(a="x", b="y", outcome="a", prompt=str(i)) for i in range(20)])
    gap = 200 * np.log10(0.95 / 0.05), 200 * np.log10(0.6 / 0.4)
    assert 1000 + gap[1] < best.low < 1000 + gap[0]
    assert best.high >= best.rating


def test_the_rating_lies_in_its_interval_and_covers_with_prompt_effects() -> None:
    """Eight prompts whose tools are better or worse on each: the truth is what four thousand such prompts give."""
    rng = np.random.default_rng(4)
    strength = np.array([-0.8, -0.3, 0.0, 0.3, 0.8])

    def vote(n_prompts: int, n_votes: int) -> list[Verdict]:
        level = strength + rng.normal(0, 0.7, (n_prompts, 5))
        a = rng.integers(0, 5, n_prompts * n_votes)
        b = (a + rng.integers(1, 5, len(a))) % 5
        prompt = np.repeat(np.arange(n_prompts), n_votes)
        won = rng.random(len(a)) < 1 / (1 + np.exp(level[prompt, b] - level[prompt, a]))
        return [
            Verdict(a=str(i), b=str(j), outcome="a" if w else "b", prompt=str(p))
            for i, j, w, p in zip(a, b, won, prompt, strict=True)
        ]

    truth = {r.tool: r.rating for r in bradley_terry(vote(4000, 20), n_resamples=2)}
    covered = []
    for _ in range(80):
        for rating in bradley_terry(vote(8, 30)):
            assert rating.low is not None
            assert rating.high is not None
            assert rating.low <= rating.rating <= rating.high
            covered.append(rating.low <= truth[rating.tool] <= rating.high)
    assert np.mean(covered) >= 0.93 - 0.03  # 400 ratings, five of a run together


def test_many_fits_are_each_what_one_fit_gives() -> None:
    rng = np.random.default_rng(8)
    wins = rng.poisson(3.0, (6, 5, 5)).astype(float)
    wins[:, range(5), range(5)] = 0
    unseen = rng.exponential(size=(6, 2, 5))
    each = np.stack([strengths(table, unseen=drawn) for table, drawn in zip(wins, unseen, strict=True)])
    assert many_strengths(wins, unseen, start=np.zeros(5)) == pytest.approx(each, abs=1e-5)


def test_unconnected_tools_are_marked() -> None:
    found = {r.tool: r.component for r in bradley_terry(votes("a", "b", 3, 2) + votes("c", "d", 3, 2))}
    assert found["a"] == found["b"] != found["c"] == found["d"]


def test_what_does_not_count_does_not_count() -> None:
    with pytest.raises(ValueError, match="no vote counts"):
        bradley_terry(
            [Verdict(a="x", b="y", outcome="skip", prompt="p"), Verdict(a="x", b="y", outcome="broken", prompt="p")]
        )
    plain = bradley_terry(votes("x", "y", 9, 3))
    noisy = bradley_terry([*votes("x", "y", 9, 3), Verdict(a="x", b="y", outcome="skip", prompt="0")])
    assert [r.rating for r in plain] == pytest.approx([r.rating for r in noisy])


def test_interval_of_a_rating_is_clustered_by_prompt() -> None:
    """Forty votes on four prompts that all agree within a prompt are four facts, not forty."""
    agreeing = [
        Verdict(a="x", b="y", outcome="a" if p < 3 else "b", prompt=str(p)) for p in range(4) for _ in range(10)
    ]
    spread = [Verdict(a="x", b="y", outcome="a" if i < 30 else "b", prompt=str(i)) for i in range(40)]
    width = {name: (r := bradley_terry(v)[0]).high - r.low for name, v in (("agree", agreeing), ("spread", spread))}
    assert width["agree"] > 2 * width["spread"]


# --- one fit for all ----------------------------------------------------------------------------------------------


def newton(wins: Any, precision: Any) -> Any:
    """The maximum by Newton's method from 0 with a damped step; shares no code with vbench."""
    theta = np.zeros(len(wins))
    met = wins + wins.T
    for _ in range(200):
        p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        weight = met * p * (1 - p)
        information = np.diag(weight.sum(axis=1) + precision) - weight
        step = np.linalg.solve(information, (wins - met * p).sum(axis=1) - theta * precision)
        theta = theta + step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
    return theta, np.linalg.inv(information)


def some_wins(n: Any, seed: Any) -> Any:
    wins = np.random.default_rng(seed).integers(0, 9, (n, n)).astype(float)
    np.fill_diagonal(wins, 0)
    return wins


UNDEFEATED = np.array([[0, 500.0, 500.0], [0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("wins", [some_wins(2, 1), some_wins(6, 2), some_wins(12, 3), UNDEFEATED, np.zeros((3, 3))])
def test_what_the_choice_of_pairs_rests_on_is_the_maximum(wins: Any) -> None:
    theta, sigma = posterior(wins, prior_sd=PRIOR_SD)
    expected, covariance = newton(wins, PRIOR_SD**-2)
    assert theta == pytest.approx(expected, abs=1e-9)
    assert sigma == pytest.approx(covariance, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_what_a_board_shows_is_what_it_always_showed(seed: Any) -> None:
    """To 1e-9 the optimum that the first version of the board stopped at, whose loss is written out here."""
    wins = some_wins(5, seed) + 0.05

    def loss(theta: Any) -> Any:
        gap = theta[:, None] - theta[None, :]
        p = 1 / (1 + np.exp(gap))
        value = (wins * np.log1p(np.exp(-gap))).sum() + 1e-9 * (theta**2).sum()
        return value, (wins * p).sum(axis=0) - (wins * p).sum(axis=1) + 2e-9 * theta

    options = {"gtol": 1e-8, "ftol": 1e-14}
    first = optimize.minimize(loss, np.zeros(5), jac=True, method="L-BFGS-B", options=options).x
    assert strengths(wins) == pytest.approx(first - first.mean(), abs=1e-9)


def test_board_and_arena_rate_alike(bench: Bench) -> None:
    rng = np.random.default_rng(8)
    clips = [a_clip(tool, prompt) for prompt in PROMPTS for tool in "xyz"]
    for clip in clips:
        bench.add_clip(clip)
    for i in range(60):
        a, b = rng.choice(3, 2, replace=False) + 3 * rng.integers(4)
        outcome = str(rng.choice(["a", "b", "tie", "both_bad", "skip"]))
        bench.add_vote(Vote(id=str(i), a=clips[a].id, b=clips[b].id, outcome=outcome, voter=str(i % 3), left="a"))
    ratings, facts = ratings_of(bench)
    tally = Tally(field_of(bench.cells(), bench.prompts()), bench.votes())
    assert bradley_terry(tally.verdicts()) == ratings
    assert tally.facts() | {"connected": True} == facts


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with Bench.open(tmp_path) as opened:
        yield opened


def test_votes_become_ratings_of(bench: Bench) -> None:
    x, y = a_clip("x", PROMPTS[0]), a_clip("y", PROMPTS[0])
    bench.add_clip(x)
    bench.add_clip(y)
    for i, outcome in enumerate(["a", "a", "a", "b", "tie", "skip"]):
        bench.add_vote(Vote(id=str(i), a=x.id, b=y.id, outcome=outcome, voter=str(i % 2), left="a"))
    bench.add_vote(Vote(id="out", a=x.id, b=y.id, outcome="b", voter="bot", left="a", excluded="too fast"))
    found, facts = ratings_of(bench)
    assert [r.tool for r in found] == ["x", "y"]
    assert facts == {"n_votes": 7, "n_counted": 5, "n_excluded": 1, "n_voters": 3, "n_prompts": 1, "connected": True}
