"""Ratings of tools from votes: one Bradley-Terry fit for boards, for the arena, and for the choice of the next pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from vbench.bench import Bench
from vbench.rank.intervals import SEED, Floats, percentile_levels, resample_shares
from vbench.records import Cell, Outcome, Vote

UNCOUNTED = ("skip", "broken")
"""Outcomes that say nothing of which tool is better."""
WON = {"a": 1.0, "b": 0.0}
"""Of the first of two; any other outcome is half a win for each."""

ELO_SCALE = 400 / np.log(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A vote as ratings see it."""

    a: str
    """Tool."""
    b: str
    outcome: Outcome
    prompt: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """Bradley-Terry rating of one tool on the Elo scale, mean of all tools = 1000."""

    tool: str
    rating: float
    low: float | None
    high: float | None
    n_votes: int
    component: int
    """Tools of different components were never compared, not even through others: their ratings say nothing
    about each other."""


def bradley_terry(verdicts: Sequence[Verdict], *, n_resamples: int = 400, seed: int = SEED) -> list[Rating]:
    r"""Ratings of tools from pairwise votes, best first.

    The maximum of :math:`P(a \succ b) = \sigma(\theta_a - \theta_b)` with a prior: besides its votes, each tool has
    won and lost once against a tool of mean strength, so that an undefeated one stays finite. Tie and both_bad count
    as half a win for each; skip and broken do not count.

    Intervals: 95 %, bootstrap over prompts, read further out the fewer they are; the weights of the prior's two games
    are drawn from an exponential distribution of mean 1, as a Bayesian bootstrap draws those of votes. Point and
    interval have the same prior. Else the votes of an undefeated tool, drawn again, would give the same rating every
    time, as if there were nothing left to learn of it.

    Raises:
        ValueError: no vote that counts.
    """
    counted = [v for v in verdicts if v.outcome not in UNCOUNTED and v.a != v.b]
    if not counted:
        raise ValueError("no vote counts: none were cast, or all are skip or broken")
    tools = sorted({v.a for v in counted} | {v.b for v in counted})
    index = {tool: i for i, tool in enumerate(tools)}
    a = np.array([index[v.a] for v in counted])
    b = np.array([index[v.b] for v in counted])
    won = np.array([WON.get(v.outcome, 0.5) for v in counted])
    weight = np.array([v.weight for v in counted])
    prompts = {prompt: i for i, prompt in enumerate(sorted({v.prompt for v in counted}))}
    prompt = np.array([prompts[v.prompt] for v in counted])

    n = len(tools)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(n, n))
    components = connected_components(graph, directed=False)[1]
    by_prompt = _wins_by_prompt(a, b, prompt, won * weight, (1 - won) * weight, (len(prompts), n))
    theta = strengths(by_prompt.sum(axis=0).reshape(n, n), unseen=np.ones((2, n)))
    low = high = None
    if len(prompts) > 1:
        shares = resample_shares(len(prompts), n_resamples, seed) * len(prompts)
        unseen = np.random.default_rng(seed).exponential(size=(n_resamples, 2, n))
        draws = many_strengths((shares @ by_prompt).reshape(n_resamples, n, n), unseen, start=theta)
        low, high = np.quantile(draws, percentile_levels(len(prompts)), axis=0)
    n_votes = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    ratings = [
        Rating(
            tool=tool,
            rating=1000 + ELO_SCALE * float(theta[i]),
            low=None if low is None else 1000 + ELO_SCALE * float(min(low[i], theta[i])),
            high=None if high is None else 1000 + ELO_SCALE * float(max(high[i], theta[i])),
            n_votes=int(n_votes[i]),
            component=int(components[i]),
        )
        for i, tool in enumerate(tools)
    ]
    return sorted(ratings, key=lambda rating: (rating.component, -rating.rating, rating.tool))


def _wins_by_prompt(
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    prompt: NDArray[np.intp],
    to_a: Floats,
    to_b: Floats,
    shape: tuple[int, int],
) -> csr_array:
    """How often, prompt by prompt, the row's tool was preferred to the column's; shape (prompts, K * K), sparse."""
    n_prompts, n = shape
    cells = np.concatenate([a * n + b, b * n + a])
    entries = (np.concatenate([to_a, to_b]), (np.concatenate([prompt, prompt]), cells))
    return coo_array(entries, shape=(n_prompts, n * n)).tocsr()


# --- the fit ------------------------------------------------------------------------------------------------------

FLAT = 1e-9
"""Precision of a prior that holds strengths in place and moves none."""


def strengths(
    wins: Floats, *, prior_precision: float = 2 * FLAT, unseen: Floats | None = None, start: Floats | None = None
) -> Floats:
    r"""Strengths of tools at the maximum of the Bradley-Terry posterior, in natural-log odds, centred on 0.

    .. math:: \sum_{ij} w_{ij} \log\sigma(\theta_i - \theta_j) - \tfrac{\lambda}{2} |\theta|^2

    Args:
        wins: How often the row's tool was preferred to the column's; a tie is half for each. Shape (K, K).
        prior_precision: :math:`\lambda` of a normal prior around 0.
        unseen: What each tool has won and lost besides, against a tool of strength 0; shape (2, K).
        start: Where to begin, shape (K,).

    Returns:
        Shape (K,).
    """
    more, less = unseen if unseen is not None else np.zeros((2, len(wins)))

    def loss(theta: Floats) -> tuple[float, Floats]:
        gap = theta[:, None] - theta[None, :]
        pull = wins * special.expit(-gap)
        value = -(wins * special.log_expit(gap)).sum() + prior_precision / 2 * (theta**2).sum()
        value -= (more * special.log_expit(theta) + less * special.log_expit(-theta)).sum()
        drawn = less * special.expit(theta) - more * special.expit(-theta)
        return float(value), pull.sum(axis=0) - pull.sum(axis=1) + drawn + prior_precision * theta

    result = optimize.minimize(
        loss,
        np.zeros(len(wins)) if start is None else start,
        jac=True,
        method="L-BFGS-B",
        options={"gtol": 1e-8, "ftol": 1e-14},
    )
    theta: Floats = result.x - result.x.mean()
    return theta


def many_strengths(wins: Floats, unseen: Floats, *, start: Floats) -> Floats:
    """`strengths` of many tables at once, by Newton's method from a common start.

    Args:
        wins: Shape (B, K, K).
        unseen: As for `strengths`, all above 0; shape (B, 2, K).
        start: Strengths near which those looked for lie, shape (K,).

    Returns:
        Shape (B, K), each row centred on 0.
    """
    met = wins + wins.transpose(0, 2, 1)
    more, less = unseen[:, 0], unseen[:, 1]
    theta = np.repeat(start[None], len(wins), axis=0)
    diagonal = np.arange(wins.shape[1])
    for _ in range(MOST_STEPS):
        p = special.expit(theta[:, :, None] - theta[:, None, :])
        alone = special.expit(theta)
        slope = (wins - met * p).sum(axis=2) + more * (1 - alone) - less * alone
        information = -met * p * (1 - p)
        information[:, diagonal, diagonal] -= information.sum(axis=2) - (more + less) * alone * (1 - alone)
        step = np.linalg.solve(information, slope[:, :, None])[:, :, 0]
        theta = theta + np.clip(step, -1.0, 1.0)  # far from the maximum a full step may overshoot
        if np.abs(step).max() < 1e-9:
            break
    centred: Floats = theta - theta.mean(axis=1, keepdims=True)
    return centred


MOST_STEPS = 60


def posterior(wins: Floats, *, prior_sd: float) -> tuple[Floats, Floats]:
    """Strengths of tools and how uncertain they are (Laplace approximation of the posterior of `strengths`).

    Args:
        wins: As for `strengths`.
        prior_sd: Spread of strengths expected before any vote, in natural-log odds.

    Returns:
        Strengths, shape (K,), and their covariance, shape (K, K).
    """
    precision = prior_sd**-2
    met = wins + wins.T
    theta = strengths(wins, prior_precision=precision)
    for _ in range(NEWTON_STEPS):  # a covariance needs the maximum more exactly than a rating does
        p = special.expit(theta[:, None] - theta[None, :])
        slope = (wins - met * p).sum(axis=1) - precision * theta
        theta = theta + np.linalg.solve(_information(met, p, precision), slope)
    p = special.expit(theta[:, None] - theta[None, :])
    sigma: Floats = np.linalg.inv(_information(met, p, precision)).astype(np.float64)
    return theta, sigma


NEWTON_STEPS = 2


def _information(met: Floats, p: Floats, precision: float) -> Floats:
    weight = met * p * (1 - p)
    result: Floats = np.diag(weight.sum(axis=1) + precision) - weight
    return result


# --- votes of a bench ---------------------------------------------------------------------------------------------


def counts(vote: Vote) -> bool:
    """Whether a vote says something of two tools, and is not left out."""
    return not vote.excluded and vote.outcome not in UNCOUNTED


def verdicts_of(votes: Iterable[Vote], cells: Mapping[str, Cell]) -> list[Verdict]:
    """The votes that count, as ratings see them.

    Args:
        votes: Any.
        cells: Clip id → whose it is; a vote on another clip, or on two clips of one tool, is left out.
    """
    return [
        Verdict(a=cells[vote.a].model, b=cells[vote.b].model, outcome=vote.outcome, prompt=cells[vote.a].prompt_key)
        for vote in votes
        if counts(vote) and {vote.a, vote.b} <= cells.keys() and cells[vote.a].model != cells[vote.b].model
    ]


def vote_facts(votes: Sequence[Vote], verdicts: Sequence[Verdict]) -> dict[str, int]:
    """What a reader of ratings needs to know: how many votes there are, how many count, and whose."""
    return {
        "n_votes": len(votes),
        "n_counted": len(verdicts),
        "n_excluded": sum(bool(vote.excluded) for vote in votes),
        "n_voters": len({vote.voter for vote in votes}),
        "n_prompts": len({verdict.prompt for verdict in verdicts}),
    }


def is_connected(ratings: Iterable[Rating]) -> bool:
    """Whether all tools were compared with each other, at least through others."""
    return len({rating.component for rating in ratings}) <= 1


def ratings_of(bench: Bench) -> tuple[list[Rating], dict[str, Any]]:
    """Ratings of the tools from the votes of a bench, and the facts a reader needs beside them.

    Returns:
        Ratings (empty where no vote counts), and ``{n_votes, n_counted, n_excluded, n_voters, n_prompts, connected}``.
    """
    votes = bench.votes()
    verdicts = verdicts_of(votes, bench.cells())
    ratings = bradley_terry(verdicts) if verdicts else []
    return ratings, vote_facts(votes, verdicts) | {"connected": is_connected(ratings)}


def judge_ratings(bench: Bench, judge: str, version: str) -> list[Rating]:
    """Ratings of the tools by what one judge says of pairs, never mixed with people's votes; empty: none.

    Args:
        bench: Where its verdicts are.
        judge: Its id.
        version: Of its card: verdicts of another are those of another judge.
    """
    cells = bench.cells()
    verdicts = [
        Verdict(a=cells[pair.a].model, b=cells[pair.b].model, outcome=pair.outcome, prompt=pair.prompt_key)
        for pair in bench.judge_pairs(judge)
        if pair.version == version and pair.outcome != "failed" and {pair.a, pair.b} <= cells.keys()
    ]
    return bradley_terry(verdicts) if verdicts else []
