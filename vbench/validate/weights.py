"""Weights for the headline from people's ratings: fitted, and judged on prompts that were not fitted on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vbench.errors import OptionError
from vbench.metrics import METRICS
from vbench.rank.agreement import Floats, Place, mean_ratings, read_ratings, spearman
from vbench.rank.intervals import SEED, percentile_levels
from vbench.score.profile import HEADLINE, LEAST_WEIGHT, Profile

if TYPE_CHECKING:
    from vbench.bench import Bench

MIN_CLIPS, MIN_PROMPTS = 200, 10
"""Fewer say more about themselves than about people."""
STEP = 0.05
FOLDS = 5
N_RESAMPLES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Weights, and what they gain on prompts they were not fitted on."""

    profile: Profile
    rating: str
    n_clips: int
    n_prompts: int
    equal: float
    """Spearman with people of the headline with equal weights."""
    fitted: float
    """Spearman of the fitted ones, each prompt judged by weights that never saw it."""
    gain_low: float
    gain_high: float
    """95 % interval of the difference, prompts resampled."""

    @property
    def gain(self) -> float:
        return self.fitted - self.equal


def fit_weights(bench: Bench, file: Path, *, rating: str = "", name: str = "") -> Fit:
    """Fit the weights of the headline's groups to ratings, by cross-validation over prompts.

    Of all weights in steps of 0.05 and at least 0.05 each, those with the highest rank correlation are taken; five
    times on four fifths of the prompts, to judge them on the rest, and once on all, for the profile.

    Args:
        bench: Where scores are.
        file: Ratings as for `vbench agreement`.
        rating: Which column; may be left out where there is one.
        name: Of the profile; the file's own where it is left out.

    Raises:
        CatalogError: the file is not such a table.
        OptionError: fewer than 200 rated clips or 10 prompts have all groups, or it is not said which rating.
    """
    table, _ = read_ratings(file)
    if rating not in table and (rating or len(table) > 1):
        raise OptionError(f"`rating=` is {rating!r}; expected one of {', '.join(table)}")
    rating = rating or next(iter(table))
    means = mean_ratings(table[rating])
    headline = METRICS[HEADLINE]
    groups, logs, places = _groups(bench, list(headline.inputs), means)
    if len(places) < MIN_CLIPS or len({place[1] for place in places}) < MIN_PROMPTS:
        raise OptionError(
            f"{len(places)} clips of {len({place[1] for place in places})} prompts are rated and scored; at least "
            f"{MIN_CLIPS} of {MIN_PROMPTS} are needed to fit weights. The ones there are stay as they are"
        )
    people = np.array([means[place] for place in places])
    prompts = np.unique([place[1] for place in places], return_inverse=True)[1]
    judged = held_out(people, logs, prompts)
    equal = logs.mean(axis=1)
    low, high = _gain_interval(people, judged, equal, prompts)
    best = best_weights(people, logs)
    weights = dict(zip(groups, (float(weight) for weight in best), strict=True))
    absent = [group for group in headline.inputs if group not in weights]
    scale = 1.0 / (1.0 + len(absent) / len(headline.inputs))  # a group nobody has measured keeps its equal share
    weights = {group: weight * scale for group, weight in weights.items()}
    weights |= {group: scale / len(headline.inputs) for group in absent}
    n_prompts = int(prompts.max()) + 1
    return Fit(
        profile=Profile(
            name=name or file.stem,
            version=headline.version,
            weights={group: round(weights[group], 4) for group in headline.inputs},
            fitted_on={
                "ratings": file.name,
                "rating": rating,
                "n_clips": len(places),
                "n_prompts": n_prompts,
                "spearman_equal": round(spearman(people, equal), 4),
                "spearman_held_out": round(spearman(people, judged), 4),
                "gain_interval": [round(low, 4), round(high, 4)],
                "not_fitted": absent,
            },
        ),
        rating=rating,
        n_clips=len(places),
        n_prompts=n_prompts,
        equal=spearman(people, equal),
        fitted=spearman(people, judged),
        gain_low=low,
        gain_high=high,
    )


def _groups(bench: Bench, groups: list[str], means: Mapping[Place, float]) -> tuple[list[str], Floats, list[Place]]:
    """The groups that were measured, their logarithms (n, groups), and the rated clips that have all of them."""
    place_of = {clip.id: (clip.model, clip.prompt.id, clip.sample) for clip in bench.clips()}
    values: dict[str, dict[Place, float]] = {group: {} for group in groups}
    for score in bench.score_records(metrics=groups):
        values[score.key.metric][place_of[score.key.clip]] = score.value
    there = [group for group in groups if values[group]]
    if not there:
        raise OptionError(f"{bench.root} has no scores of {', '.join(groups)}; run vbench score first")
    places = sorted(set(means).intersection(*(values[group].keys() for group in there)))
    # a group of 0 makes the headline 0 whatever its weight: the smallest number there is keeps that order
    table = np.array([[max(values[group][place], 1e-3) for group in there] for place in places])
    return there, np.log(table.reshape(len(places), len(there))), places


def simplex(n: int) -> Floats:
    """All weights of n groups in steps of 0.05, each at least 0.05, 1 together, shape (k, n)."""
    parts, least = round(1 / STEP), round(LEAST_WEIGHT / STEP)
    rows = [
        (*head, parts - sum(head))
        for head in itertools.product(range(least, parts + 1), repeat=n - 1)
        if parts - sum(head) >= least
    ]
    return np.array(rows) * STEP


def best_weights(people: Floats, logs: Floats) -> Floats:
    """The weights whose mean of logarithms (n, groups) orders clips most like people (n,); the most even of equals."""
    weights = simplex(logs.shape[1])
    told = np.array([spearman(people, logs @ row) for row in weights])
    told = np.where(np.isfinite(told), told, -np.inf) - 1e-9 * weights.var(axis=1)
    return np.asarray(weights[int(told.argmax())])


def held_out(people: Floats, logs: Floats, prompts: np.ndarray) -> Floats:
    """What each clip gets from weights fitted on other prompts, shape (n,)."""
    order = np.random.default_rng(SEED).permutation(int(prompts.max()) + 1)
    fold_of = np.empty(len(order), int)
    fold_of[order] = np.arange(len(order)) % FOLDS
    judged = np.empty(len(people))
    for fold in range(FOLDS):
        inside = fold_of[prompts] == fold
        judged[inside] = logs[inside] @ best_weights(people[~inside], logs[~inside])
    return judged


def _gain_interval(people: Floats, judged: Floats, equal: Floats, prompts: np.ndarray) -> tuple[float, float]:
    n_prompts = int(prompts.max()) + 1
    members = [np.flatnonzero(prompts == prompt) for prompt in range(n_prompts)]
    draw = np.random.default_rng(SEED)
    gains = []
    for _ in range(N_RESAMPLES):
        chosen = np.concatenate([members[prompt] for prompt in draw.integers(0, n_prompts, n_prompts)])
        gains.append(spearman(people[chosen], judged[chosen]) - spearman(people[chosen], equal[chosen]))
    low, high = np.quantile(np.array(gains), percentile_levels(n_prompts))
    return float(low), float(high)
