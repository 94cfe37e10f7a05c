"""Metrics against people: does a metric order clips as human raters do, how surely, and how well could it at best?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from vbench.bench import Bench
from vbench.catalog.row_lines import csv_table
from vbench.errors import CatalogError, OptionError
from vbench.rank.intervals import SEED, percentile_levels

KEY_COLUMNS = ("model", "prompt_id", "sample")
RATER_COLUMN = "rater"
N_RESAMPLES = 500
MIN_CLIPS = 4
Floats = NDArray[np.float64]
Place = tuple[str, str, int]
"""(model, prompt id, sample)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A rank correlation with its prompt-clustered 95 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One metric against one rating."""

    rating: str
    metric: str
    spearman: Correlation
    kendall: Correlation
    """Tau-b, which corrects for ties."""
    accuracy: float | None
    """Share of pairs of clips of one prompt that people rate differently and the metric orders the same way; a tie of
    the metric counts half. None: people rate no such pair differently."""
    accuracy_with_ties: float | None
    """Share of all pairs of clips of one prompt judged alike, ties of people among them; the metric calls a tie below
    the difference that serves it best. Source: Deutsch et al. 2023, "Ties Matter", arXiv:2305.14324."""
    n_clips: int
    n_prompts: int
    is_neutral: bool
    """The metric has no better direction: only the size of the correlation means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterCeiling:
    """How well one rater predicts the mean of the others: what no metric can be expected to pass."""

    rating: str
    spearman: float
    n_raters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All metrics against all ratings of a file."""

    agreements: tuple[Agreement, ...]
    ceilings: tuple[RaterCeiling, ...]
    n_rows: int
    unmatched: tuple[str, ...]
    """Rated clips that are not in the bench."""


def agreement(bench: Bench, file: Path, *, metrics: Sequence[str] | None = None) -> Report:
    """Compare the scores of a bench with the ratings of a file.

    Args:
        bench: Where scores are.
        file: CSV with the columns model, prompt_id, sample, one or more columns of numbers (higher is better), and
            optionally `rater`, where each rater has a row of their own.
        metrics: Only these.

    Raises:
        CatalogError: the file is not such a table; the message names the line.
        OptionError: none of its clips is in the bench, or nothing is scored.
    """
    table = read_ratings(file)
    infos = bench.metrics()
    clips = {(clip.model, clip.prompt.id, clip.sample): clip for clip in bench.clips()}
    places = sorted({place for rows in table.values() for _, place in rows})
    unmatched = tuple(
        f"{model}/{prompt}-{sample}" for model, prompt, sample in places if (model, prompt, sample) not in clips
    )
    if len(unmatched) == len(places):
        raise OptionError(
            f"none of the {len(places)} rated clips of {file} is in {bench.root}; vbench import them first"
        )
    values: dict[str, dict[Place, float]] = defaultdict(dict)
    place_of = {clip.id: place for place, clip in clips.items()}
    for score in bench.score_records(metrics=list(metrics) if metrics is not None else None):
        values[score.key.metric][place_of[score.key.clip]] = score.value
    if not values:
        raise OptionError(f"{bench.root} has no scores of {', '.join(metrics or ()) or 'any metric'}; run vbench score")
    agreements = []
    for rating, rows in table.items():
        means = _means(rows)
        for metric in sorted(values):
            direction = infos[metric].higher_is_better
            result = _agreement(rating, metric, means, values[metric], direction)
            if result is not None:
                agreements.append(result)
    ceilings = [ceiling for rating, rows in table.items() if (ceiling := _ceiling(rating, rows)) is not None]
    agreements.sort(key=lambda a: (a.rating, -abs(a.spearman.value) if a.is_neutral else -a.spearman.value))
    n_rows = sum(len(rows) for rows in table.values())
    return Report(agreements=tuple(agreements), ceilings=tuple(ceilings), n_rows=n_rows, unmatched=unmatched)


Rows = list[tuple[str, Place]]
Table = Mapping[str, Mapping[tuple[str, Place], float]]


def read_ratings(file: Path) -> Table:
    """Rating column → (rater, place) → value.

    Raises:
        CatalogError: a column is missing, a value is no number, or a clip is rated twice by one rater.
    """
    columns, lines = csv_table(file)
    if missing := [column for column in KEY_COLUMNS if column not in columns]:
        raise CatalogError(
            f"{file}:1: no column {', '.join(missing)}; needed are {', '.join(KEY_COLUMNS)} and a rating"
        )
    ratings = [column for column in columns if column not in (*KEY_COLUMNS, RATER_COLUMN)]
    if not ratings:
        raise CatalogError(f"{file}:1: no rating column beside {', '.join(columns)}; add one with numbers")
    table: dict[str, dict[tuple[str, Place], float]] = {rating: {} for rating in ratings}
    for number, row in lines:
        try:
            place = (row["model"].strip(), row["prompt_id"].strip(), int(row["sample"]))
        except KeyError as error:
            raise CatalogError(f"{file}:{number}: {error.args[0]} is empty; say which clip this is") from None
        except ValueError:
            raise CatalogError(f"{file}:{number}: sample is {row['sample']!r}; write a whole number") from None
        rater = row.get(RATER_COLUMN, "").strip()
        for rating in ratings:
            text = row.get(rating, "").strip()
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                raise CatalogError(
                    f"{file}:{number}: {rating} is {text!r}; write a number, or leave it empty"
                ) from None
            if not np.isfinite(value):
                raise CatalogError(f"{file}:{number}: {rating} is {text}; write a finite number, or leave it empty")
            if (rater, place) in table[rating]:
                raise CatalogError(
                    f"{file}:{number}: {'/'.join(map(str, place))} is rated twice"
                    + (f" by {rater!r}" if rater else f"; name the raters in a column {RATER_COLUMN!r}")
                )
            table[rating][rater, place] = value
    return table


def _means(rows: Mapping[tuple[str, Place], float]) -> dict[Place, float]:
    by_place: dict[Place, list[float]] = defaultdict(list)
    for (_, place), value in rows.items():
        by_place[place].append(value)
    return {place: float(np.mean(values)) for place, values in by_place.items()}


def _agreement(
    rating: str, metric: str, means: Mapping[Place, float], values: Mapping[Place, float], direction: bool | None
) -> Agreement | None:
    """None where too few clips have both, or where either is the same for all, so that no order exists."""
    places = sorted(means.keys() & values.keys(), key=lambda place: (place[1], place))
    people = np.array([means[place] for place in places])
    metric_values = np.array([values[place] for place in places]) * (-1.0 if direction is False else 1.0)
    if len(places) < MIN_CLIPS or np.ptp(people) == 0 or np.ptp(metric_values) == 0:
        return None
    prompts = np.unique([place[1] for place in places], return_inverse=True)[1]
    accuracy, with_ties = pairwise_accuracy(people, metric_values, prompts)
    return Agreement(
        rating=rating,
        metric=metric,
        spearman=_correlation(spearman, people, metric_values, prompts),
        kendall=_correlation(kendall, people, metric_values, prompts),
        accuracy=accuracy,
        accuracy_with_ties=with_ties,
        n_clips=len(places),
        n_prompts=int(prompts.max()) + 1,
        is_neutral=direction is None,
    )


def spearman(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation, ties sharing ranks; NaN where either is constant."""
    ranks = scipy_stats.rankdata(np.stack([a, b]), axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1).prod())
    return float((centred[0] * centred[1]).sum() / scale) if scale else float("nan")


def kendall(a: Floats, b: Floats) -> float:
    """Kendall's tau-b; NaN where either is constant."""
    return float(scipy_stats.kendalltau(a, b).statistic)


def _correlation(statistic: object, a: Floats, b: Floats, prompts: NDArray[np.intp]) -> Correlation:
    value = statistic(a, b)  # type: ignore[operator]
    n_prompts = int(prompts.max()) + 1
    if n_prompts < 2:
        return Correlation(value=value, low=None, high=None)
    members = [np.flatnonzero(prompts == i) for i in range(n_prompts)]
    rng = np.random.default_rng(SEED)
    draws = []
    for _ in range(N_RESAMPLES):
        chosen = np.concatenate([members[i] for i in rng.integers(0, n_prompts, n_prompts)])
        draw = statistic(a[chosen], b[chosen])  # type: ignore[operator]
        if np.isfinite(draw):
            draws.append(draw)
    low, high = np.quantile(draws, percentile_levels(n_prompts))
    return Correlation(value=value, low=float(low), high=float(high))


def pairwise_accuracy(people: Floats, metric: Floats, prompts: NDArray[np.intp]) -> tuple[float | None, float | None]:
    """Accuracy over pairs of one prompt: of decisive ones, and of all with ties calibrated; see `Agreement`."""
    pairs = [
        (people[i] - people[j], metric[i] - metric[j])
        for i, j in combinations(range(len(people)), 2)
        if prompts[i] == prompts[j]
    ]
    if not pairs:
        return None, None
    gap, metric_gap = np.array(pairs).T
    decisive = gap != 0
    right = np.sign(gap) == np.sign(metric_gap)
    accuracy = float(np.where(metric_gap == 0, 0.5, right)[decisive].mean()) if decisive.any() else None
    thresholds = np.concatenate([[-1.0], np.unique(np.abs(metric_gap))])
    with_ties = max(float(np.where(np.abs(metric_gap) <= t, ~decisive, right & decisive).mean()) for t in thresholds)
    return accuracy, with_ties


def _ceiling(rating: str, rows: Mapping[tuple[str, Place], float]) -> RaterCeiling | None:
    """Mean over raters of the Spearman of a rater with the mean of the others on the clips they share."""
    by_rater: dict[str, dict[Place, float]] = defaultdict(dict)
    for (rater, place), value in rows.items():
        by_rater[rater][place] = value
    if len(by_rater) < 2:
        return None
    correlations = []
    for rater, own in by_rater.items():
        others = _means({key: value for key, value in rows.items() if key[0] != rater})
        shared = sorted(own.keys() & others.keys())
        if len(shared) >= MIN_CLIPS:
            value = spearman(np.array([own[p] for p in shared]), np.array([others[p] for p in shared]))
            if np.isfinite(value):
                correlations.append(value)
    return (
        RaterCeiling(rating=rating, spearman=float(np.mean(correlations)), n_raters=len(by_rater))
        if correlations
        else None
    )
