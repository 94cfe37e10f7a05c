"""Metrics against people: does a metric order clips as human raters do, how surely, and how well could it at best?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
NO_RATING = frozenset(
    {"std", "sd", "stdev", "stddev", "stds", "deviation", "var", "variance", "se", "sem", "stderr", "ci", "ci95"}
    | {"margin", "n", "num", "number", "count", "counts", "votes"}
)
"""Words in the name of a column that holds the spread or the number of ratings."""
_WHO = "rater|annotator|judge|evaluator|participant|person|user"
_RATER_COLUMNS = (
    re.compile(rf"(?P<rating>.*?)[\s_.:-]*(?:{_WHO})[\s_.-]*(?P<rater>\d+|[A-Za-z])", re.I),
    re.compile(rf"(?:{_WHO})[\s_.-]*(?P<rater>\d+)[\s_.:-]+(?P<rating>.+)", re.I),
    re.compile(r"(?:(?P<rating>.*?)[\s_.-])?r(?P<rater>\d+)", re.I),
)
"""Names of columns that each hold what one person says: `quality_rater1`, `rater 2: quality`, `quality_r3`."""
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
    notes: tuple[str, ...] = ()
    """Columns that are no ratings, and ratings and metrics that order nothing."""


def agreement(bench: Bench, file: Path, *, metrics: Sequence[str] | None = None) -> Report:
    """Compare the scores of a bench with the ratings of a file.

    Args:
        bench: Where scores are.
        file: CSV with the columns model, prompt_id, sample, one or more columns of numbers (higher is better), and
            optionally `rater`, where each rater has a row of their own; or a column for each rater, as in
            `quality_rater1`, `quality_rater2`.
        metrics: Only these.

    Raises:
        CatalogError: the file is not such a table; the message names the line.
        OptionError: none of its clips is in the bench, or nothing is scored.
    """
    table, notes = read_ratings(file)
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
    idle: dict[str, list[str]] = defaultdict(list)
    for rating, rows in table.items():
        means = {place: value for place, value in mean_ratings(rows).items() if place in clips}
        if len(means) >= MIN_CLIPS and len(set(means.values())) == 1:
            notes.append(f"{rating} is {next(iter(means.values())):g} for all {len(means)} clips: it orders nothing")
            continue
        for metric in sorted(values):
            direction = infos[metric].higher_is_better
            result = _agreement(rating, metric, means, values[metric], direction)
            if isinstance(result, Agreement):
                agreements.append(result)
            else:
                idle[result].append(metric)
    for why, names in idle.items():
        notes.append(f"{', '.join(dict.fromkeys(names))}: {why}")
    ceilings = [ceiling for rating, rows in table.items() if (ceiling := rater_ceiling(rating, rows)) is not None]
    agreements.sort(key=lambda a: (a.rating, -abs(a.spearman.value) if a.is_neutral else -a.spearman.value))
    n_rows = sum(len(rows) for rows in table.values())
    return Report(
        agreements=tuple(agreements), ceilings=tuple(ceilings), n_rows=n_rows, unmatched=unmatched, notes=tuple(notes)
    )


Rows = list[tuple[str, Place]]
Table = Mapping[str, Mapping[tuple[str, Place], float]]


def read_ratings(file: Path) -> tuple[Table, list[str]]:
    """Rating → (rater, place) → value, and which columns are no ratings.

    Columns that each hold one rater's numbers are one rating; ones that by their name hold the spread or the number of
    ratings are none.

    Raises:
        CatalogError: a column is missing, a value is no number, or a clip is rated twice by one rater.
    """
    columns, lines = csv_table(file)
    if missing := [column for column in KEY_COLUMNS if column not in columns]:
        raise CatalogError(
            f"{file}:1: no column {', '.join(missing)}; needed are {', '.join(KEY_COLUMNS)} and a rating"
        )
    beside = [column for column in columns if column not in (*KEY_COLUMNS, RATER_COLUMN)]
    left_out = [column for column in beside if _words(column) & NO_RATING]
    ratings = _rater_columns([column for column in beside if column not in left_out])
    if not ratings:
        why = f" ({', '.join(left_out)}: a spread or a number of ratings is none)" if left_out else ""
        raise CatalogError(f"{file}:1: no rating column beside {', '.join(columns)}{why}; add one with numbers")
    notes = [f"{column} is no rating but a spread or a number of ratings by its name: left out" for column in left_out]
    table: dict[str, dict[tuple[str, Place], float]] = {rating: {} for rating, _ in ratings.values()}
    for number, row in lines:
        try:
            place = (row["model"].strip(), row["prompt_id"].strip(), int(row["sample"]))
        except KeyError as error:
            raise CatalogError(f"{file}:{number}: {error.args[0]} is empty; say which clip this is") from None
        except ValueError:
            raise CatalogError(f"{file}:{number}: sample is {row['sample']!r}; write a whole number") from None
        for column, (rating, who) in ratings.items():
            text = row.get(column, "").strip()
            if not text:
                continue
            rater = "/".join(filter(None, (row.get(RATER_COLUMN, "").strip(), who)))
            try:
                value = float(text)
            except ValueError:
                raise CatalogError(
                    f"{file}:{number}: {column} is {text!r}; write a number, or leave it empty"
                ) from None
            if not np.isfinite(value):
                raise CatalogError(f"{file}:{number}: {column} is {text}; write a finite number, or leave it empty")
            if (rater, place) in table[rating]:
                raise CatalogError(
                    f"{file}:{number}: {'/'.join(map(str, place))} is rated twice"
                    + (f" by {rater!r}" if rater else f"; name the raters in a column {RATER_COLUMN!r}")
                )
            table[rating][rater, place] = value
    return table, notes


def _words(column: str) -> set[str]:
    """`qualityStd` and `quality_std` → quality, std."""
    return set(re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", column).lower()))


def _rater_columns(columns: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Column → (rating, rater); a rater is named only where at least two columns of one rating name one."""
    named: dict[str, tuple[str, str]] = {}
    for column in columns:
        match = next((match for form in _RATER_COLUMNS if (match := form.fullmatch(column.strip()))), None)
        if match is not None:
            named[column] = (match["rating"] or "rating", match["rater"])
    groups = [rating for rating, _ in named.values()]
    plain = {column: (column, "") for column in columns if column not in named or groups.count(named[column][0]) < 2}
    rated = {column: parts for column, parts in named.items() if column not in plain}
    taken = {rating for rating, _ in plain.values()}
    return plain | {
        column: (f"{rating} (raters)" if rating in taken else rating, rater)
        for column, (rating, rater) in rated.items()
    }


def mean_ratings(rows: Mapping[tuple[str, Place], float]) -> dict[Place, float]:
    """The mean over raters of each rated clip."""
    by_place: dict[Place, list[float]] = defaultdict(list)
    for (_, place), value in rows.items():
        by_place[place].append(value)
    return {place: float(np.mean(values)) for place, values in by_place.items()}


def _agreement(
    rating: str, metric: str, means: Mapping[Place, float], values: Mapping[Place, float], direction: bool | None
) -> Agreement | str:
    """What a metric and a rating have in common, or why that cannot be said."""
    places = sorted(means.keys() & values.keys(), key=lambda place: (place[1], place))
    people = np.array([means[place] for place in places])
    metric_values = np.array([values[place] for place in places]) * (-1.0 if direction is False else 1.0)
    if len(places) < MIN_CLIPS:
        return f"fewer than {MIN_CLIPS} of the rated clips have a value"
    if np.ptp(people) == 0 or np.ptp(metric_values) == 0:
        return "the same for every rated clip, so that nothing is ordered"
    prompts = np.unique([place[1] for place in places], return_inverse=True)[1]
    accuracy, with_ties = pairwise_accuracy(people, metric_values, prompts)
    return Agreement(
        rating=rating,
        metric=metric,
        spearman=interval(spearman(people, metric_values), spearman_draws, people, metric_values, prompts),
        kendall=interval(kendall(people, metric_values), kendall_draws, people, metric_values, prompts),
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


def interval(
    value: float,
    draws: Callable[[Floats, Floats, NDArray[np.intp]], Floats],
    a: Floats,
    b: Floats,
    prompts: NDArray[np.intp],
) -> Correlation:
    """A rank correlation with the 95 % interval over resamples of prompts that `draws` makes; none for one prompt."""
    n_prompts = int(prompts.max()) + 1
    if n_prompts < 2:
        return Correlation(value=value, low=None, high=None)
    drawn = draws(a, b, prompts)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Correlation(value=value, low=None, high=None)
    low, high = np.quantile(drawn, percentile_levels(n_prompts))
    return Correlation(value=value, low=float(low), high=float(high))


@lru_cache(maxsize=16)
def _times_drawn(n_prompts: int) -> Floats:
    """How often each prompt is drawn in each resample, shape (N_RESAMPLES, n_prompts)."""
    chosen = np.random.default_rng(SEED).integers(0, n_prompts, (N_RESAMPLES, n_prompts))
    return np.stack([np.bincount(row, minlength=n_prompts) for row in chosen]).astype(np.float64)


def spearman_draws(a: Floats, b: Floats, prompts: NDArray[np.intp]) -> Floats:
    """`spearman` of resamples of prompts, all at once: a clip's rank is what lies below it in the prompts drawn.

    Args:
        a: Shape (n,).
        b: Shape (n,).
        prompts: Number of each clip's prompt, from 0, shape (n,).

    Returns:
        Shape (N_RESAMPLES,); NaN where either is constant in a resample.
    """
    times = _times_drawn(int(prompts.max()) + 1)
    weights = times[:, prompts]
    n_drawn = weights.sum(axis=1, keepdims=True)
    ranks = [times @ _share_below(values, prompts) for values in (a, b)]
    x, y = (rank - (weights * rank).sum(axis=1, keepdims=True) / n_drawn for rank in ranks)
    scale = (weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 1e-9, (weights * x * y).sum(axis=1) / np.sqrt(scale), np.nan)


def _share_below(values: Floats, prompts: NDArray[np.intp]) -> Floats:
    """How many clips of each prompt lie below each clip, a tie counting half, shape (n_prompts, n)."""
    rows = []
    for prompt in range(int(prompts.max()) + 1):
        own = np.sort(values[prompts == prompt])
        rows.append((np.searchsorted(own, values, "left") + np.searchsorted(own, values, "right")) / 2)
    return np.stack(rows)


def kendall_draws(a: Floats, b: Floats, prompts: NDArray[np.intp]) -> Floats:
    """`kendall` of resamples of prompts, as for `spearman_draws`, from sums over pairs of clips by pairs of prompts."""
    order = np.argsort(prompts, kind="stable")
    a, b, prompts = a[order], b[order], prompts[order]
    n_prompts = int(prompts.max()) + 1
    starts = np.searchsorted(prompts, np.arange(n_prompts))
    sums = np.zeros((3, n_prompts, n_prompts))
    for first, after in zip(starts, [*starts[1:], len(prompts)], strict=True):
        signs_a, signs_b = (np.sign(values[first:after, None] - values) for values in (a, b))
        for k, product in enumerate((signs_a * signs_b, signs_a * signs_a, signs_b * signs_b)):
            sums[k, prompts[first]] = np.add.reduceat(product.sum(axis=0), starts)
    times = _times_drawn(n_prompts)
    both, of_a, of_b = ((times @ each * times).sum(axis=1) for each in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(of_a * of_b > 0, both / np.sqrt(of_a * of_b), np.nan)


def pairwise_accuracy(people: Floats, metric: Floats, prompts: NDArray[np.intp]) -> tuple[float | None, float | None]:
    """Accuracy over pairs of one prompt: of decisive ones, and of all with ties calibrated; see `Agreement`."""
    gaps = []
    for prompt in np.unique(prompts):
        members = np.flatnonzero(prompts == prompt)
        first, second = (members[side] for side in np.triu_indices(len(members), 1))
        gaps.append((people[first] - people[second], metric[first] - metric[second]))
    gap, metric_gap = (np.concatenate(sides) for sides in zip(*gaps, strict=True))
    return gap_accuracy(gap, metric_gap)


def gap_accuracy(gap: Floats, metric_gap: Floats) -> tuple[float | None, float | None]:
    """`pairwise_accuracy` of pairs that are given by what people and the metric say of the first over the second.

    Args:
        gap: Above 0 where people prefer the first, 0 where they call a tie, shape (n,).
        metric_gap: The metric of the first minus that of the second, higher is better, shape (n,).
    """
    if not len(gap):
        return None, None
    decisive = gap != 0
    right = decisive & (np.sign(gap) == np.sign(metric_gap))
    accuracy = float(np.where(metric_gap == 0, 0.5, right)[decisive].mean()) if decisive.any() else None
    # the k pairs that the metric sets least apart are called ties, for every k at which a threshold can lie
    order = np.argsort(np.abs(metric_gap), kind="stable")
    size = np.abs(metric_gap)[order]
    n_right = np.r_[0, np.cumsum(~decisive[order])] + np.r_[0, np.cumsum(right[order][::-1])][::-1]
    can_end = np.r_[True, size[1:] != size[:-1], True]
    return accuracy, float(n_right[can_end].max()) / len(gap)


def rater_ceiling(rating: str, rows: Mapping[tuple[str, Place], float]) -> RaterCeiling | None:
    """Mean over raters of the Spearman of a rater with the mean of the others on the clips they share."""
    by_rater: dict[str, dict[Place, float]] = defaultdict(dict)
    for (rater, place), value in rows.items():
        by_rater[rater][place] = value
    if len(by_rater) < 2:
        return None
    correlations = []
    for rater, own in by_rater.items():
        others = mean_ratings({key: value for key, value in rows.items() if key[0] != rater})
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
