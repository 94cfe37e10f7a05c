"""What selects say of tools: how often a take is used, what a used second costs, how many takes one needs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from vbench.bench import Bench, RankedClip
from vbench.rank.intervals import Interval, mean_interval, percentile_levels, resample_shares
from vbench.records import MetricInfo, Select

USABLE_RATE = MetricInfo(
    name="usable_rate",
    version=1,
    unit="share",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="selects",
    about="Share of the takes people decided on that they selected or approved.",
)
USD_PER_USABLE_S = MetricInfo(
    name="usd_per_usable_s",
    version=1,
    unit="USD/s",
    higher_is_better=False,
    bounds=(0.0, math.inf),
    group="selects",
    about="What all decided takes cost, divided by the seconds of them that are used; the rejected ones are paid too.",
)
NAMES = frozenset({USABLE_RATE.name, USD_PER_USABLE_S.name})
N_RESAMPLES = 4000
SEED = 20260101
MOST_TAKES = 10
"""Up to which a curve of best of n is drawn."""


def usable(selects: Mapping[str, Select]) -> dict[str, float]:
    """Clip id → 1 where people use it, 0 where they rejected it; takes nobody settled are not in it."""
    return {id: float(choice.is_used) for id, choice in selects.items() if choice.is_used or choice.is_rejected}


def infos_of(clips: Iterable[RankedClip], selects: Mapping[str, Select]) -> dict[str, MetricInfo]:
    """The metrics of selects that these clips have: the rate where takes are decided, the cost where that is known."""
    decided = usable(selects)
    known = [clip.cost_usd is not None for clip in clips if clip.id in decided]
    infos = ([USABLE_RATE] if known else []) + ([USD_PER_USABLE_S] if any(known) else [])
    return {info.name: info for info in infos}


def by_clip(metric: str, clips: Iterable[RankedClip], selects: Mapping[str, Select]) -> dict[str, float]:
    """What one of these metrics says of single clips: used or not, or dollars per used second where some are used."""
    if metric == USABLE_RATE.name:
        return usable(selects)
    used = [(clip, used_seconds(clip, selects[clip.id])) for clip in clips if clip.id in selects]
    return {clip.id: clip.cost_usd / used_s for clip, used_s in used if used_s and clip.cost_usd is not None}


def used_seconds(clip: RankedClip, choice: Select) -> float:
    """Seconds of a take that are used; 0 where it was rejected."""
    if not choice.is_used:
        return 0.0
    return sum(end - start for start, end in choice.used_ranges(clip.duration_s))


# --- cost per used second -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the decided takes of one prompt cost, and how much of them is used."""

    usd: float
    used_s: float


def spent_by_prompt(clips: Iterable[RankedClip], selects: Mapping[str, Select]) -> dict[str, Spent]:
    """Prompt key → sums over the decided takes of which the cost is known."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    decided = usable(selects)
    for clip in clips:
        if clip.id in decided and clip.cost_usd is not None:
            sums[clip.prompt_key][0] += clip.cost_usd
            sums[clip.prompt_key][1] += used_seconds(clip, selects[clip.id])
    return {prompt: Spent(usd=usd, used_s=used_s) for prompt, (usd, used_s) in sums.items()}


def cost_interval(by_prompt: Mapping[str, Spent]) -> Interval | None:
    """Dollars per used second with a 95 % interval over resampled prompts; None where no second is used.

    A ratio of sums, so that a prompt of which nothing is used adds its cost. Where some resamples use no second, the
    upper end is open: None.

    Source:
        Hesterberg 2015, section 5.3, for the percentiles of few prompts.
    """
    table = np.array([[spent.usd, spent.used_s] for spent in by_prompt.values()], dtype=np.float64).reshape(-1, 2)
    usd, used_s = table.sum(axis=0)
    n = len(table)
    if not used_s:
        return None
    mean = float(usd / used_s)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n_prompts=1)
    sums = resample_shares(n, N_RESAMPLES, SEED) @ table
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.inf)
    low, high = np.quantile(ratios, percentile_levels(n), method="higher")
    return Interval(mean=mean, low=min(float(low), mean), high=float(high) if np.isfinite(high) else None, n_prompts=n)


# --- best of n ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BestOf:
    """How likely `n` takes of a tool hold one that is used."""

    model: str
    n: int
    share: float
    """Mean over prompts, 0 to 1."""
    low: float | None
    high: float | None
    n_prompts: int
    """Those with at least `n` decided takes."""


def best_of(bench: Bench) -> list[BestOf]:
    r"""For each tool, from one take up: how often a prompt has a used one among them.

    .. math:: 1 - \binom{N-u}{n} / \binom{N}{n}

    for a prompt of which u of N decided takes are used: the mean over all choices of n of them.

    Source:
        Chen et al. 2021, arXiv:2107.03374, equation 1 (pass@k).
    """
    decided = usable(bench.last_selects())
    takes: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for clip in bench.ranked_clips():
        if clip.id in decided:
            takes[clip.model][clip.prompt_key].append(decided[clip.id])
    points = []
    for model, prompts in sorted(takes.items()):
        for n in range(1, min(MOST_TAKES, max(map(len, prompts.values()))) + 1):
            shares = [_hit_share(len(own), round(sum(own)), n) for own in prompts.values() if len(own) >= n]
            interval = mean_interval(shares, bounds=(0.0, 1.0))
            points.append(
                BestOf(
                    model=model,
                    n=n,
                    share=interval.mean,
                    low=interval.low,
                    high=interval.high,
                    n_prompts=interval.n_prompts,
                )
            )
    return points


def _hit_share(n_takes: int, n_used: int, n: int) -> float:
    return 1.0 - math.comb(n_takes - n_used, n) / math.comb(n_takes, n)
