"""Which of several tools are better than which, over all pairs at once, with one error rate for the whole family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.05
N_FLIPS = 2000
SEED = 20260101
EXACT_UP_TO = 11
"""Prompts up to which all sign flips are gone through: 2^10 of them, since a flip and its opposite say the same."""
CHUNK = 16_000_000
"""Numbers held at once: of flips times pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairwise:
    """One tool against another over the prompts that both have, as one of a family of comparisons."""

    difference: float
    """Mean over the shared prompts of (first - second), in the metric's unit."""
    win_rate: float
    """Share of the shared prompts on which the first is better; a tie counts half."""
    p_value: float
    """Adjusted for all pairs of the family."""
    n_prompts: int
    is_apart: bool
    """Whether they can be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one tool stands among the others."""

    rank_low: int
    """Best rank the data leave open: one more than the number of tools that are distinguishably better."""
    rank_high: int


@dataclass(frozen=True, slots=True)
class Comparisons:
    """All pairs of tools under one metric, compared together."""

    tools: tuple[str, ...]
    pairs: Mapping[tuple[str, str], Pairwise]
    """(tool, other) in the order of `tools`; a pair without a shared prompt is not there."""
    higher_is_better: bool

    def between(self, tool: str, other: str) -> Pairwise | None:
        """The comparison of `tool` with `other`, seen from `tool`; None: they share no prompt."""
        if (pair := self.pairs.get((tool, other))) is not None:
            return pair
        if (pair := self.pairs.get((other, tool))) is None:
            return None
        return Pairwise(
            difference=-pair.difference,
            win_rate=1 - pair.win_rate,
            p_value=pair.p_value,
            n_prompts=pair.n_prompts,
            is_apart=pair.is_apart,
        )

    def standings(self) -> dict[str, Standing]:
        """Tool → the ranks that the data leave open."""
        n_better, n_worse = dict.fromkeys(self.tools, 0), dict.fromkeys(self.tools, 0)
        for (first, second), pair in self.pairs.items():
            if pair.is_apart:
                first_wins = (pair.difference > 0) == self.higher_is_better
                winner, loser = (first, second) if first_wins else (second, first)
                n_better[loser] += 1
                n_worse[winner] += 1
        return {
            tool: Standing(rank_low=1 + n_better[tool], rank_high=len(self.tools) - n_worse[tool])
            for tool in self.tools
        }


def compare_all(tools: Mapping[str, Mapping[str, float]], *, higher_is_better: bool = True) -> Comparisons:
    r"""Compare every pair of tools by prompt, so that a family of equal tools is split in at most 5 % of cases.

    The statistic of a pair is :math:`|\sum d| / \sqrt{\sum d^2}` over the prompts that both have, which orders samples
    as Student's t does. What it would be if no tool were better is found by changing the signs of all differences of
    a prompt together, so that pairs stay as dependent as they are, and the step-down maximum over the pairs that are
    left gives each its adjusted p-value. It asks neither for normal values nor for equal spread; below six prompts
    there are too few flips for any pair to be told apart. Its level and power are in ``docs/statistics.md``.

    Args:
        tools: Tool → prompt → mean over samples.
        higher_is_better: Of the metric.

    Source:
        Westfall and Young 1993, "Resampling-Based Multiple Testing", algorithm 2.8, with the sign flips of
        Romano and Wolf 2005, "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing".
    """
    names = tuple(tools)
    prompts = sorted({prompt for means in tools.values() for prompt in means})
    values = np.array([[tools[name].get(prompt, np.nan) for prompt in prompts] for name in names])
    values = values.reshape(len(names), len(prompts))
    first, second = np.triu_indices(len(names), k=1)
    differences = values[first] - values[second]
    is_shared = ~np.isnan(differences)
    compared = np.flatnonzero(is_shared.any(axis=1))
    if not len(compared):
        return Comparisons(names, {}, higher_is_better)
    first, second, is_shared = first[compared], second[compared], is_shared[compared]
    differences = np.where(is_shared, differences[compared], 0.0)
    n_shared = is_shared.sum(axis=1)
    p_values = step_down_p(differences)
    better = differences if higher_is_better else -differences
    n_won = ((better > 0) & is_shared).sum(axis=1) + 0.5 * ((better == 0) & is_shared).sum(axis=1)
    return Comparisons(
        names,
        {
            (names[first[i]], names[second[i]]): Pairwise(
                difference=float(differences[i].sum() / n_shared[i]),
                win_rate=float(n_won[i] / n_shared[i]),
                p_value=float(p_values[i]),
                n_prompts=int(n_shared[i]),
                is_apart=bool(p_values[i] <= LEVEL),
            )
            for i in range(len(compared))
        },
        higher_is_better,
    )


def step_down_p(differences: Floats) -> Floats:
    """Adjusted p-values of a family of paired comparisons.

    Args:
        differences: Shape (pairs, prompts); 0 where a pair does not share a prompt.

    Returns:
        Shape (pairs,); a pair that never differs has 1.
    """
    n_pairs, n_prompts = differences.shape
    squares = (differences**2).sum(axis=1)
    scaled = differences / np.sqrt(np.where(squares > 0, squares, 1.0))[:, None]  # its sum is the statistic
    signs = _signs(n_prompts)
    observed = np.abs(scaled.sum(axis=1))
    order = np.argsort(observed, kind="stable")
    n_as_large = np.zeros(n_pairs)
    rows = max(1, CHUNK // n_pairs)
    for start in range(0, len(signs), rows):
        flipped = np.abs(signs[start : start + rows] @ scaled[order].T)
        largest = np.maximum.accumulate(flipped, axis=1)
        n_as_large += (largest >= observed[order] - 1e-12).sum(axis=0)
    adjusted = np.maximum.accumulate((n_as_large / len(signs))[::-1])[::-1]
    p_values = np.empty(n_pairs)
    p_values[order] = adjusted
    return np.where(squares > 0, p_values, 1.0)


@lru_cache(maxsize=32)
def _signs(n_prompts: int) -> Floats:
    """Sign flips of prompts, the first of which changes none; shape (flips, prompts)."""
    if n_prompts <= EXACT_UP_TO:
        flips = np.arange(2 ** (n_prompts - 1))
        bits = (flips[:, None] >> np.arange(n_prompts - 1)) & 1
        return np.hstack([np.ones((len(flips), 1)), 1.0 - 2.0 * bits])
    drawn = 1.0 - 2.0 * np.random.default_rng(SEED).integers(0, 2, size=(N_FLIPS - 1, n_prompts))
    return np.vstack([np.ones(n_prompts), drawn])
