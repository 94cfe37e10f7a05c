"""Bradley-Terry with ties, weights and covariates, and intervals that know that votes are not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vbench.rank.intervals import LEVEL, Floats
from vbench.rank.ratings import ELO_SCALE

Ints = NDArray[np.intp]
Ties = Literal["half", "davidson"]
"""`half`: a tie is half a win for each. `davidson`: ties are an outcome with a strength of its own."""
Cluster = Literal["prompt", "voter", "both", "vote"]
"""What is independent: prompts, voters, both at once (multiway), or single votes."""
PSEUDO_TIES = 0.1
"""Ties that every pair of tools of one component has besides its votes, so that an undefeated tool stays finite."""
MOST_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """Votes as arrays, one entry each."""

    tools: tuple[str, ...]
    a: Ints
    """Index of the first tool."""
    b: Ints
    result: Floats
    """1: a was better, 0: b, 0.5: a tie."""
    weight: Floats
    prompt: Ints
    """Number of the prompt."""
    voter: Ints
    covariates: Floats
    """Of a minus b, shape (n, C)."""
    covariate_names: tuple[str, ...] = ()

    def kept(self, is_kept: NDArray[np.bool_]) -> Ballots:
        """Some of them, over the same tools."""
        return Ballots(
            tools=self.tools,
            a=self.a[is_kept],
            b=self.b[is_kept],
            result=self.result[is_kept],
            weight=self.weight[is_kept],
            prompt=self.prompt[is_kept],
            voter=self.voter[is_kept],
            covariates=self.covariates[is_kept],
            covariate_names=self.covariate_names,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteFit:
    """The maximum of the likelihood, and how uncertain it is."""

    strengths: Floats
    """Natural-log odds, each component centred on 0; shape (K,)."""
    effects: Floats
    """Of covariates, natural-log odds per unit; shape (C,)."""
    tie_strength: float | None
    r"""Davidson's :math:`\nu`: equal tools tie with odds of :math:`\nu : 2`; None: ties are half wins."""
    covariance: Floats
    """Of strengths and effects; shape (K + C, K + C)."""
    df: int
    """Degrees of freedom of intervals: clusters - 1."""
    component: Ints
    """Tools of different components were never compared, not even through others."""

    def elo(self, index: int) -> tuple[float, float | None, float | None]:
        """Rating of a tool on the Elo scale with its 95 % interval; None where one cluster leaves nothing to say."""
        value = 1000 + ELO_SCALE * float(self.strengths[index])
        half = self._half(float(self.covariance[index, index]))
        return (value, None, None) if half is None else (value, value - ELO_SCALE * half, value + ELO_SCALE * half)

    def effect(self, index: int) -> tuple[float, float | None, float | None]:
        """Effect of a covariate in Elo per unit, with its 95 % interval."""
        place = len(self.strengths) + index
        value = ELO_SCALE * float(self.effects[index])
        half = self._half(float(self.covariance[place, place]))
        return (value, None, None) if half is None else (value, value - ELO_SCALE * half, value + ELO_SCALE * half)

    def gap(self, first: int, second: int) -> tuple[float, float | None]:
        """Rating of one tool minus another's on the Elo scale, and half the width of its 95 % interval."""
        sigma = self.covariance
        variance = float(sigma[first, first] + sigma[second, second] - 2 * sigma[first, second])
        half = self._half(variance)
        value = ELO_SCALE * float(self.strengths[first] - self.strengths[second])
        return value, None if half is None else ELO_SCALE * half

    def _half(self, variance: float) -> float | None:
        if self.df < 1 or variance <= 1e-12:  # votes that are all alike do not show how much they may vary
            return None
        return float(stats.t.ppf((1 + LEVEL) / 2, self.df) * np.sqrt(variance))


def fitted(
    ballots: Ballots, *, ties: Ties = "davidson", pseudo_ties: float = PSEUDO_TIES, cluster: Cluster = "prompt"
) -> VoteFit:
    r"""Strengths of tools from votes.

    With :math:`d = \theta_a - \theta_b + x^\top \beta` a vote for a, for b or for neither has odds
    :math:`e^{d/2} : e^{-d/2} : \nu` (Davidson); with half ties :math:`\nu = 0`, and a tie counts half for each. Each
    pair of tools of one component has `pseudo_ties` ties besides.

    Intervals are those of the sandwich estimator over clusters: votes of one prompt, or of one voter, need not be
    independent. For both at once the two are added and what is counted twice, the clusters of prompt and voter, is
    taken away; no variance is then less than the larger of the two.

    Args:
        ballots: At least one.
        ties: How they count.
        pseudo_ties: The prior; 0: none, and an undefeated tool has no finite maximum.
        cluster: What is independent.

    Raises:
        ValueError: no ballot.

    Source:
        Davidson 1970, "On Extending the Bradley-Terry Model to Accommodate Ties"; Cameron, Gelbach and Miller 2011,
        "Robust Inference with Multiway Clustering".
    """
    n_tools, n_votes = len(ballots.tools), len(ballots.a)
    if not n_votes:
        raise ValueError("no vote counts: none were cast, or all are skip or broken")
    graph = coo_array((np.ones(n_votes), (ballots.a, ballots.b)), shape=(n_tools, n_tools))
    component = connected_components(graph, directed=False)[1].astype(np.intp)
    first, second = np.triu_indices(n_tools, k=1)
    is_met = component[first] == component[second]
    first, second = first[is_met], second[is_met]
    n_prior = len(first)

    design = np.zeros((n_votes + n_prior, n_tools + ballots.covariates.shape[1]))
    rows = np.arange(n_votes)
    design[rows, ballots.a] += 1
    design[rows, ballots.b] -= 1
    design[:n_votes, n_tools:] = ballots.covariates
    prior_rows = np.arange(n_votes, n_votes + n_prior)
    design[prior_rows, first] = 1
    design[prior_rows, second] = -1
    result = np.concatenate([ballots.result, np.full(n_prior, 0.5)])
    weight = np.concatenate([ballots.weight, np.full(n_prior, pseudo_ties)])

    has_ties = ties == "davidson" and bool((ballots.result == 0.5).any())
    likelihood = _davidson if has_ties else _half_ties
    parameters, information, scores = _maximum(likelihood, design, result, weight, component, n_extra=int(has_ties))
    bread = np.linalg.inv(information)
    meat, df = _meat(scores[:n_votes], ballots, cluster)
    covariance = bread @ meat @ bread
    n_kept = n_tools + ballots.covariates.shape[1]
    centre = np.eye(n_kept)
    for number in range(component.max() + 1):
        members = np.flatnonzero(component == number)
        centre[np.ix_(members, members)] -= 1 / len(members)
    return VoteFit(
        strengths=(centre @ parameters[:n_kept])[:n_tools],
        effects=parameters[n_tools:n_kept],
        tie_strength=float(np.exp(parameters[-1])) if has_ties else None,
        covariance=centre @ covariance[:n_kept, :n_kept] @ centre.T,
        df=df,
        component=component,
    )


Likelihood = Callable[[Floats, Floats, float], tuple[Floats, Floats, Floats, Floats]]
"""(gap, result, log of the tie strength) → slopes by gap and by tie strength, (n,) each; and the information per vote
of both, (n, 3): gap twice, both, tie strength twice; and the log-likelihood, (n,)."""


def _half_ties(gap: Floats, result: Floats, _: float) -> tuple[Floats, Floats, Floats, Floats]:
    p = special.expit(gap)
    nothing = np.zeros_like(gap)
    value = result * special.log_expit(gap) + (1 - result) * special.log_expit(-gap)
    return result - p, nothing, np.stack([p * (1 - p), nothing, nothing], axis=1), value


def _davidson(gap: Floats, result: Floats, tie: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Three outcomes: won, lost, neither; of which gap / 2, -gap / 2 and the tie's strength are the log odds."""
    logs = np.stack([gap / 2, -gap / 2, np.full_like(gap, tie)])
    total = special.logsumexp(logs, axis=0)
    won, lost, neither = np.exp(logs - total)
    is_tie = result == 0.5
    value = np.where(is_tie, tie, (result - 0.5) * gap) - total
    mean = (won - lost) / 2
    observed = np.where(is_tie, 0.0, result - 0.5)
    information = np.stack(
        [(won + lost) / 4 - mean**2, -mean * neither, neither * (1 - neither)], axis=1
    )  # the covariance of (±1/2 or 0, is a tie) under the model
    return observed - mean, is_tie - neither, information, value


def _maximum(
    likelihood: Likelihood, design: Floats, result: Floats, weight: Floats, component: Ints, *, n_extra: int
) -> tuple[Floats, Floats, Floats]:
    """Parameters, their information (with what holds each component's mean at 0), and the slopes of single votes."""
    n = design.shape[1] + n_extra
    held = np.zeros((n, n))
    for number in range(component.max() + 1):
        members = np.flatnonzero(component == number)
        held[np.ix_(members, members)] += 1.0  # moves no gap
    if design.shape[1] > len(component):
        beta = np.arange(len(component), design.shape[1])
        held[beta, beta] += 1e-6  # a covariate that never varies has no effect
    if n_extra:
        held[-1, -1] = 1e-3  # of votes that are all ties the strength of ties has no maximum
    parameters = np.zeros(n)

    def at(values: Floats) -> tuple[Floats, Floats, Floats, float]:
        tie = float(values[-1]) if n_extra else 0.0
        by_gap, by_tie, each, value = likelihood(design @ values[: design.shape[1]], result, tie)
        scores = (design * by_gap[:, None] * weight[:, None]).astype(np.float64)
        information = held.copy()
        m = design.shape[1]
        information[:m, :m] += design.T @ (design * (weight * each[:, 0])[:, None])
        if n_extra:
            scores = np.column_stack([scores, by_tie * weight])
            cross = design.T @ (weight * each[:, 1])
            information[:m, -1] += cross
            information[-1, :m] += cross
            information[-1, -1] += float((weight * each[:, 2]).sum())
        loss = -float((weight * value).sum()) + 0.5 * float(values @ held @ values)
        return scores, information, scores.sum(axis=0) - held @ values, loss

    scores, information, slope, loss = at(parameters)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(information + 1e-12 * np.eye(n), slope)
        size = min(1.0, 3.0 / max(1e-12, float(np.abs(step).max())))
        while True:  # the loss is convex: a short enough step lowers it
            trial = parameters + size * step
            found = at(trial)
            if found[3] <= loss + 1e-12 or size < 1e-8:
                break
            size /= 2
        parameters, (scores, information, slope, loss) = trial, found
        if np.abs(size * step).max() < 1e-11:
            break
    return parameters, information, scores


def _meat(scores: Floats, ballots: Ballots, cluster: Cluster) -> tuple[Floats, int]:
    """What the sandwich is filled with, and its degrees of freedom."""
    n = len(scores)
    if cluster == "vote":
        return _clustered(scores, np.arange(n)), n - 1
    if cluster in ("prompt", "voter"):
        groups = ballots.prompt if cluster == "prompt" else ballots.voter
        return _clustered(scores, groups), len(np.unique(groups)) - 1
    pairs = np.unique(np.stack([ballots.prompt, ballots.voter]), axis=1, return_inverse=True)[1].ravel()
    by_prompt, by_voter = _clustered(scores, ballots.prompt), _clustered(scores, ballots.voter)
    both = by_prompt + by_voter - _clustered(scores, pairs)
    values, vectors = np.linalg.eigh(both)
    both = vectors @ np.diag(np.maximum(values, 0.0)) @ vectors.T  # a difference of estimates may have none below 0
    df = min(len(np.unique(ballots.prompt)), len(np.unique(ballots.voter))) - 1
    return both, df


def _clustered(scores: Floats, groups: Ints) -> Floats:
    numbers = np.unique(groups, return_inverse=True)[1]
    n_groups = int(numbers.max()) + 1
    sums = np.zeros((n_groups, scores.shape[1]))
    np.add.at(sums, numbers, scores)
    return sums.T @ sums * (n_groups / max(1, n_groups - 1))


def votes_to_flip(ballots: Ballots, fit: VoteFit, *, ties: Ties = "davidson", most: int = 200) -> int | None:
    """How few votes, left out, would put another tool first: what an interval does not show.

    Votes are ordered by how much each holds the leader above a rival (one Newton step), and the fewest found by
    leaving out the first ones and fitting again; the true smallest number may be lower still.

    Args:
        ballots: All votes.
        fit: Of them.
        ties: As they were fitted.
        most: Where to stop.

    Returns:
        None: not with `most` votes, or the leader has no rival in its component.

    Source:
        Broderick, Giordano and Meager 2020, "An Automatic Finite-Sample Robustness Metric"; Huang et al. 2025.
    """
    order = np.argsort(-fit.strengths)
    leader = int(order[0])
    rivals = [int(i) for i in order[1:4] if fit.component[i] == fit.component[leader]]
    fewest: int | None = None
    for rival in rivals:
        is_for = ((ballots.a == leader) & (ballots.result > 0.5)) | ((ballots.b == leader) & (ballots.result < 0.5))
        is_against = ((ballots.a == rival) & (ballots.result < 0.5)) | ((ballots.b == rival) & (ballots.result > 0.5))
        between = (ballots.a == rival) | (ballots.b == rival)
        pull = (is_for * (1.0 + between) + is_against * 1.0) * ballots.weight
        gap = fit.strengths[ballots.a] - fit.strengths[ballots.b]
        surprise = special.expit(
            -np.where(ballots.result > 0.5, gap, -gap)
        )  # an upset pulls more than what is expected
        ranked = np.argsort(-(pull * surprise), kind="stable")
        ranked = ranked[pull[ranked] > 0]
        fewest = _fewest(ballots, ranked, leader, rival, ties, min(most, fewest or most)) or fewest
    return fewest


def _fewest(ballots: Ballots, ranked: Ints, leader: int, rival: int, ties: Ties, most: int) -> int | None:
    def is_flipped(n: int) -> bool:
        is_kept = np.ones(len(ballots.a), dtype=bool)
        is_kept[ranked[:n]] = False
        if not is_kept.any():
            return False
        strengths = fitted(ballots.kept(is_kept), ties=ties, cluster="vote").strengths
        return bool(strengths[rival] > strengths[leader])

    low, high = 0, min(most, len(ranked))
    if high == 0 or not is_flipped(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_flipped(middle) else (middle, high)
    return high


def stabilised(propensity: Sequence[float], *, most: float = 20.0) -> tuple[Floats, int]:
    """Weights that undo unequal sampling: the inverse of the odds with which each pair was drawn, of mean 1.

    Args:
        propensity: Probability of each draw, in (0, 1].
        most: Larger weights are cut to this many times the mean, since one rare draw would speak for all.

    Returns:
        The weights, and how many were cut.
    """
    weights = 1 / np.asarray(propensity, dtype=np.float64)
    weights /= weights.mean()
    n_cut = int((weights > most).sum())
    weights = np.minimum(weights, most)
    return weights / weights.mean(), n_cut
