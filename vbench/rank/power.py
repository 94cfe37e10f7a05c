"""How large an effect a suite can see, and how many prompts an effect needs: before a run, and beside its verdict."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import optimize, stats

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.board import prompt_means
from vbench.rank.comparisons import LEVEL
from vbench.registry import did_you_mean

WANTED = 0.8
"""Share of truly different pairs that a suite should find."""
MOST_PROMPTS = 1_000_000
MIN_PROMPTS_KNOWN = 3
"""Prompts that two tools must share before their differences say how much prompts differ."""


def power_of(effect: float, sd: float, n_prompts: int, *, level: float = LEVEL) -> float:
    r"""Probability that a paired test over prompts finds a true mean difference.

    Two-sided, from the non-central t distribution with :math:`\delta \sqrt n / \sigma`.

    Args:
        effect: True mean difference, in the metric's unit.
        sd: Of differences between prompts, in the same unit, above 0.
        n_prompts: How many prompts both tools get.
        level: Error rate of the test; that of a family is divided by its size.

    Source:
        Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", chapter 2.
    """
    if n_prompts < 2:
        return 0.0
    df, shift = n_prompts - 1, abs(effect) * np.sqrt(n_prompts) / sd
    limit = stats.t.ppf(1 - level / 2, df)
    if shift > limit + 30:  # where the distribution function of a large shift loses its digits
        return 1.0
    wrong_side = stats.nct.cdf(-limit, df, shift)
    return float(stats.nct.sf(limit, df, shift) + np.nan_to_num(wrong_side))  # NaN: too small to be computed


def smallest_effect(sd: float, n_prompts: int, *, level: float = LEVEL, wanted: float = WANTED) -> float | None:
    """The mean difference that a suite of `n_prompts` finds with probability `wanted`; None where it can find none.

    A test by sign flips has p-values of at least ``2 ** (1 - n_prompts)``: below six prompts no difference is found
    at 0.05, however large it is.
    """
    if n_prompts < 2 or 2.0 ** (1 - n_prompts) > level:
        return None
    if sd <= 0:
        return 0.0
    unit = sd / np.sqrt(n_prompts)
    high = unit * (stats.t.ppf(1 - level / 2, n_prompts - 1) + 10)
    return float(optimize.brentq(lambda effect: power_of(effect, sd, n_prompts, level=level) - wanted, 0, high))


def prompts_needed(effect: float, sd: float, *, level: float = LEVEL, wanted: float = WANTED) -> int | None:
    """Prompts with which a true mean difference is found with probability `wanted`; None: more than a million."""
    low, high = 1, 2
    least = int(np.ceil(1 - np.log2(level)))  # see `smallest_effect`
    if sd <= 0:
        return least
    while power_of(effect, sd, high, level=level) < wanted:
        low, high = high, high * 2
        if high > MOST_PROMPTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(effect, sd, middle, level=level) >= wanted else (middle, high)
    return max(high, least)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRow:
    """What a suite can see of one metric."""

    metric: str
    effect: float
    """The true difference that is asked about, in the metric's unit."""
    sd: float
    """Of differences of two tools between prompts; the median over pairs of tools."""
    n_pairs_of_tools: int
    """Whose differences `sd` is of; 0: it was given."""
    n_prompts: int
    """Those of the suite."""
    power: float
    n_needed: int | None
    """Prompts for a power of 0.8; None: more than a million."""
    smallest_effect: float | None
    """With a power of 0.8; None: this suite can find none."""


def power(
    bench: Bench | None,
    *,
    effect: float,
    metrics: Sequence[str] | None = None,
    n_prompts: int | None = None,
    sd: float | None = None,
    n_comparisons: int = 1,
) -> list[PowerRow]:
    """What a suite could see of a true difference, from how much prompts differ in a bench.

    Args:
        bench: Whose tools say how much differences vary between prompts; None: `sd` says it.
        effect: The true mean difference, in the metric's unit, above 0.
        metrics: Only these; None: all that two tools share.
        n_prompts: Of the suite that is planned; None: as many as the bench has.
        sd: Of differences between prompts, instead of the bench's.
        n_comparisons: Size of the family that will be compared together; the level is divided by it, which is a
            little stricter than the step-down test.

    Raises:
        OptionError: `effect` or `sd` is not above 0, nothing says how much prompts differ, or how many there are.
    """
    if effect <= 0 or (sd is not None and sd <= 0):
        raise OptionError(f"`effect={effect:g}`, `sd={sd}`: both are above 0, in the metric's unit")
    level = LEVEL / max(1, n_comparisons)
    if sd is not None:
        if n_prompts is None:
            raise OptionError("`sd=` is given without `prompts=`; say how many prompts the suite will have")
        name = metrics[0] if metrics else ""
        return [_row(name, effect, sd, 0, n_prompts, level)]
    if bench is None:
        raise OptionError("nothing says how much prompts differ; name a scored bench, or give `sd=`")
    known = _spreads(bench, metrics)
    if not known:
        raise OptionError(
            f"{bench.root} has no two tools that share {MIN_PROMPTS_KNOWN} scored prompts; run vbench score, or give "
            "`sd=` and `prompts=`"
        )
    there = len(bench.prompts())
    return [_row(name, effect, spread, n_pairs, n_prompts or there, level) for name, (spread, n_pairs) in known.items()]


def _row(metric: str, effect: float, sd: float, n_pairs: int, n_prompts: int, level: float) -> PowerRow:
    return PowerRow(
        metric=metric,
        effect=effect,
        sd=sd,
        n_pairs_of_tools=n_pairs,
        n_prompts=n_prompts,
        power=power_of(effect, sd, n_prompts, level=level) if 2.0 ** (1 - n_prompts) <= level else 0.0,
        n_needed=prompts_needed(effect, sd, level=level),
        smallest_effect=smallest_effect(sd, n_prompts, level=level),
    )


def _spreads(bench: Bench, metrics: Sequence[str] | None) -> dict[str, tuple[float, int]]:
    """Metric → spread of differences between prompts, median over pairs of tools; and how many pairs."""
    infos = bench.metrics()
    for name in metrics or ():
        if name not in infos:
            raise OptionError(f"this bench has no score of metric {name!r}; {did_you_mean(name, sorted(infos))}")
    clips = bench.ranked_clips()
    spreads: dict[str, tuple[float, int]] = {}
    for name, values in bench.score_columns(None if metrics is None else list(metrics)).values_by_clip():
        means = {tool: prompt_means([c for c in clips if c.model == tool], values) for tool in bench.models()}
        of_pairs = [sd for a, b in combinations(means.values(), 2) if (sd := _spread(a, b)) is not None and sd > 0]
        if of_pairs:
            spreads[name] = statistics.median(of_pairs), len(of_pairs)
    return dict(sorted(spreads.items()))


def _spread(a: Mapping[str, float], b: Mapping[str, float]) -> float | None:
    shared = a.keys() & b.keys()
    return statistics.stdev(a[key] - b[key] for key in shared) if len(shared) >= MIN_PROMPTS_KNOWN else None
