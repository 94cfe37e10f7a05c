"""Intervals and paired tests; the unit of independence is the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
N_RESAMPLES = 4000
SEED = 20260101
MIN_FOR_BOOTSTRAP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over prompts with its 95 % interval."""

    mean: float
    low: float | None
    """None: a single prompt has no spread to judge by."""
    high: float | None
    n_prompts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Tool against another, over the prompts that both have."""

    difference: float
    """Mean over prompts of (this - other), in the metric's unit."""
    win_rate: float
    """Share of prompts on which this one is better; a tie counts half."""
    p_value: float
    n_prompts: int


@lru_cache(maxsize=64)
def resample_shares(n: int, n_resamples: int, seed: int) -> Floats:
    """How often each of `n` prompts is drawn in each resample, as shares; shape (n_resamples, n)."""
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    return draws.astype(np.float64) / n


def bootstrap_means(values: Floats, *, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> Floats:
    """Means of resamples of prompts, with a fixed seed.

    Args:
        values: One value per prompt, shape ``(n,)``, or several tools on the same prompts, shape ``(n, k)``.

    Returns:
        Shape ``(n_resamples,)`` or ``(n_resamples, k)``.
    """
    return resample_shares(len(values), n_resamples, seed) @ values


@lru_cache(maxsize=256)
def percentile_levels(n: int, level: float = 0.95) -> tuple[float, float]:
    """Percentiles to read off a bootstrap of `n` units so that small samples are not too sure.

    The plain percentile interval is too narrow by a factor of about sqrt((n-1)/n) and uses normal instead of t
    quantiles; the expanded percentile interval corrects for both.

    Source:
        Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5.3.
    """
    t = stats.t.ppf((1 - level) / 2, n - 1) * np.sqrt(n / (n - 1))
    tail = float(stats.norm.cdf(t))
    return tail, 1 - tail


def mean_interval(
    by_prompt: Mapping[str, float] | Sequence[float] | Floats,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    seed: int = SEED,
) -> Interval:
    """Mean over prompts with a prompt-clustered bootstrap 95 % interval.

    Below six prompts no bootstrap reaches 95 % (all n values lie on one side of the truth with probability 2^(1-n)),
    so Student's interval stands in.

    Args:
        by_prompt: One value per prompt: the mean over its samples, which are not independent of each other.
        bounds: What a value can be; an interval does not leave them.

    Raises:
        ValueError: no prompt.
    """
    values = np.asarray(list(by_prompt.values()) if isinstance(by_prompt, Mapping) else by_prompt, dtype=np.float64)
    if not len(values):
        raise ValueError("a mean needs at least one prompt")
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean=mean, low=None, high=None, n_prompts=1)
    if len(values) < MIN_FOR_BOOTSTRAP:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        low, high = mean - half, mean + half
    else:
        low, high = np.quantile(bootstrap_means(values, seed=seed), percentile_levels(len(values)))
    return Interval(
        mean=mean,
        low=float(max(min(low, mean), bounds[0])),
        high=float(min(max(high, mean), bounds[1])),
        n_prompts=len(values),
    )


def paired(this: Mapping[str, float], other: Mapping[str, float], *, higher_is_better: bool = True) -> Paired | None:
    """Compare two tools on the prompts that both have; None where they share none.

    The p-value is that of the two-sided paired t-test over prompts; where all differences are equal, which leaves
    the test nothing to judge by, it is that of the exact sign test.
    """
    shared = sorted(this.keys() & other.keys())
    if not shared:
        return None
    differences = np.array([this[prompt] - other[prompt] for prompt in shared])
    better = differences if higher_is_better else -differences
    return Paired(
        difference=float(differences.mean()),
        win_rate=float(((better > 0) + 0.5 * (better == 0)).mean()),
        p_value=float(_paired_p(differences[None])[0]),
        n_prompts=len(shared),
    )


def _paired_p(differences: Floats) -> Floats:
    """Two-sided p-values of paired comparisons, shape (k, n) with NaN where a prompt is not shared → (k,)."""
    n = (~np.isnan(differences)).sum(axis=1)
    mean = np.nansum(differences, axis=1) / n
    spread = np.sqrt(np.nansum((differences - mean[:, None]) ** 2, axis=1) / np.maximum(n - 1, 1) / n)
    is_constant = spread < 1e-12 * np.abs(mean)
    t_value = np.abs(mean) / np.where(spread > 0, spread, 1.0)
    p: Floats = np.where(is_constant, 2.0 ** (1 - n), 2 * stats.t.sf(t_value, np.maximum(n - 1, 1)))
    return np.where((mean == 0) | (n == 1), 1.0, p)


def holm(p_values: Sequence[float] | Floats) -> list[float]:
    """Adjusted p-values of a family of comparisons; compare each with the level for the whole family.

    Source:
        Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors))
    result = np.empty(len(p_values))
    result[order] = adjusted
    return [float(p) for p in result]


def rank_intervals(
    tools: Mapping[str, Mapping[str, float]], *, higher_is_better: bool = True, level: float = 0.05
) -> dict[str, tuple[int, int]]:
    """Tool → best and worst rank that the data leave open.

    All pairs are compared by prompt and Holm-corrected; a tool's best rank is one more than the number of tools that
    are distinguishably better.

    Args:
        tools: Tool → prompt → value.
    """
    names = list(tools)
    if len(names) < 2:
        return dict.fromkeys(names, (1, 1))
    prompts = sorted({prompt for means in tools.values() for prompt in means})
    values = np.array([[tools[name].get(prompt, np.nan) for prompt in prompts] for name in names])
    first, second = np.triu_indices(len(names), k=1)
    differences = values[first] - values[second]
    shared = (~np.isnan(differences)).any(axis=1)
    if not shared.any():
        return dict.fromkeys(names, (1, len(names)))
    first, second, differences = first[shared], second[shared], differences[shared]
    is_apart = np.array(holm(_paired_p(differences))) < level
    first_is_better = (np.nanmean(differences, axis=1) > 0) == higher_is_better
    winner, loser = (
        np.where(first_is_better, first, second)[is_apart],
        np.where(first_is_better, second, first)[is_apart],
    )
    n_better, n_worse = np.bincount(loser, minlength=len(names)), np.bincount(winner, minlength=len(names))
    return {name: (1 + int(n_better[i]), len(names) - int(n_worse[i])) for i, name in enumerate(names)}
