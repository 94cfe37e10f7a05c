"""The interval of a mean over prompts, for samples that are few, skewed, bounded, counted or all equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second and 60 MB to load

Floats = NDArray[np.float64]
LEVEL = 0.95
N_RESAMPLES = 4000
FEWEST_RESAMPLES, MOST_DRAWN = 1000, 4_000_000
"""Above a thousand prompts fewer resamples are drawn, so that they stay in memory: tails are Student's there anyway."""
SEED = 20260101
FLOOR = 0.15
"""Of the sample's variance, divided by the number of prompts, added to that of every resample: one in which all values
are equal would otherwise say that nothing is uncertain, and be infinitely far away."""
SYMMETRIC, SKEWED = 0.3, 0.8
"""Absolute skewness of a sample up to which its tails are taken as they are, and from which they are widened fully."""
WIDEST, FADES_OVER = 0.0025, 30.0
"""Tail of the resamples that is read at eight prompts from a skewed sample instead of 0.025, and the number of prompts
over which the difference fades: few prompts of a skewed measure have rarely met its long tail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over prompts with its 95 % interval."""

    mean: float
    low: float | None
    """None: nothing can be said of a single prompt, nor of equal values of a measure without bounds."""
    high: float | None
    n_prompts: int


def mean_interval(
    by_prompt: Mapping[str, float] | Sequence[float] | Floats, *, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    r"""Mean over prompts with a prompt-clustered 95 % interval.

    The wider of two at each end. Student's: :math:`\bar x \pm t_{n-1} s/\sqrt n`. And the bootstrap-t, which follows
    the skewness of the sample: the quantiles of :math:`(\bar x^* - \bar x)/s^*` over resamples of prompts, read
    further out the more skewed and the fewer the prompts are, times :math:`s`. What it covers, shape by shape, is in
    ``docs/statistics.md``.

    Where all values are equal, the share :math:`q` of prompts that would be different is at most
    :math:`1 - 0.025^{1/n}` (Clopper and Pearson), and each of them lies within the bounds: the interval reaches that
    share of the way to each bound.

    Args:
        by_prompt: One value per prompt: the mean over its samples, which are not independent of each other.
        bounds: What a value can be; an interval does not leave them.

    Raises:
        ValueError: no prompt.

    Source:
        Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 12.5.
    """
    values = list(by_prompt.values()) if isinstance(by_prompt, Mapping) else by_prompt
    return mean_intervals([np.asarray(values, dtype=np.float64)], bounds=bounds)[0]


def mean_intervals(samples: Sequence[Floats], *, bounds: tuple[float, float] = (-np.inf, np.inf)) -> list[Interval]:
    """`mean_interval` of each of several samples, which are resampled together where they are of one size.

    Args:
        samples: One value per prompt each, shape (n,).
        bounds: As for `mean_interval`.

    Raises:
        ValueError: a sample without a prompt.
    """
    intervals: list[Interval | None] = [None] * len(samples)
    to_resample: dict[int, list[int]] = defaultdict(list)
    for place, values in enumerate(samples):
        n = len(values)
        if not n:
            raise ValueError("a mean needs at least one prompt")
        mean = float(values.mean())
        if n == 1:
            intervals[place] = Interval(mean=mean, low=None, high=None, n_prompts=1)
        elif np.ptp(values) <= 1e-12 * max(1.0, abs(mean)):
            low, high = _of_equal_values(mean, n, bounds)
            intervals[place] = Interval(mean=mean, low=low, high=high, n_prompts=n)
        else:
            to_resample[n].append(place)
    for n, places in to_resample.items():
        values = np.stack([samples[place] for place in places])
        means = values.mean(axis=1)
        half = special.stdtrit(n - 1, (1 + LEVEL) / 2) * values.std(axis=1, ddof=1) / np.sqrt(n)
        lows, highs = _bootstrap_t(values, means)
        lows = np.maximum(np.minimum(lows, means - half), bounds[0])
        highs = np.minimum(np.maximum(highs, means + half), bounds[1])
        for i, place in enumerate(places):
            intervals[place] = Interval(mean=float(means[i]), low=float(lows[i]), high=float(highs[i]), n_prompts=n)
    return [interval for interval in intervals if interval is not None]


def _of_equal_values(value: float, n: int, bounds: tuple[float, float]) -> tuple[float | None, float | None]:
    if not np.isfinite(bounds).all():
        return None, None
    share = 1 - ((1 - LEVEL) / 2) ** (1 / n)
    return value - share * (value - bounds[0]), value + share * (bounds[1] - value)


def _bootstrap_t(values: Floats, means: Floats) -> tuple[Floats, Floats]:
    """Both ends for samples of one size; values of shape (samples, n), means of shape (samples,)."""
    n_samples, n = values.shape
    centred = values - means[:, None]
    variance = centred.var(axis=1, ddof=1)
    n_resamples = min(N_RESAMPLES, max(FEWEST_RESAMPLES, MOST_DRAWN // n))
    moments = resample_shares(n, n_resamples, SEED) @ np.concatenate([centred, centred**2]).T
    first, second = moments[:, :n_samples], moments[:, n_samples:]
    spread = np.maximum(second - first**2, 0.0) * n / (n - 1) + FLOOR * variance / n
    skewness = (centred**3).mean(axis=1) / (centred**2).mean(axis=1) ** 1.5
    ratios = first / np.sqrt(spread)
    ends = np.empty((2, n_samples))
    for i in range(n_samples):
        tail = tail_read(n, float(skewness[i]))
        ends[:, i] = np.quantile(ratios[:, i], [tail, 1 - tail])
    deviation = np.sqrt(variance)
    return means - ends[1] * deviation, means - ends[0] * deviation


def tail_read(n: int, skewness: float) -> float:
    """Share of the resamples beyond each end of the interval of `n` prompts."""
    plain = (1 - LEVEL) / 2
    widest = plain - (plain - WIDEST) * min(1.0, float(np.exp(-(n - 8) / FADES_OVER)))
    how_skewed = min(max((abs(skewness) - SYMMETRIC) / (SKEWED - SYMMETRIC), 0.0), 1.0)
    return float(plain ** (1 - how_skewed) * widest**how_skewed)


# --- resamples of prompts -----------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def resample_shares(n: int, n_resamples: int, seed: int) -> Floats:
    """How often each of `n` prompts is drawn in each resample, as shares; shape (n_resamples, n)."""
    drawn = np.random.default_rng(seed).integers(0, n, size=(n_resamples, n), dtype=np.int32)
    drawn += np.arange(n_resamples, dtype=np.int32)[:, None] * np.int32(n)
    times = np.bincount(drawn.ravel(), minlength=n_resamples * n)
    return times.reshape(n_resamples, n) / np.float64(n)


@lru_cache(maxsize=256)
def percentile_levels(n: int, level: float = 0.95) -> tuple[float, float]:
    """Percentiles to read off a bootstrap of `n` units so that small samples are not too sure.

    The plain percentile interval is too narrow by a factor of about sqrt((n-1)/n) and uses normal instead of t
    quantiles; the expanded percentile interval corrects for both.

    Source:
        Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5.3.
    """
    t = special.stdtrit(n - 1, (1 - level) / 2) * np.sqrt(n / (n - 1))
    tail = float(special.ndtr(t))
    return tail, 1 - tail
