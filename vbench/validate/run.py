"""Score a rated set and say how well each metric agrees with people: within prompts, across them, and in pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from vbench.errors import ItemError, OptionError
from vbench.rank.agreement import (
    MIN_CLIPS,
    Floats,
    Place,
    RaterCeiling,
    gap_accuracy,
    interval,
    mean_ratings,
    pairwise_accuracy,
    rater_ceiling,
    spearman,
    spearman_draws,
)
from vbench.records import Failure, Prompt, Provenance, digest
from vbench.score import score
from vbench.validate.hub import fetch
from vbench.validate.sets import SETS, Preference, RatedSet, read_csv

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.score import Progress
    from vbench.score.spec import ScoreChoices

MIN_WITHIN = 3
"""Clips of one prompt from which an order within it says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRow:
    """One metric against one rating of a set."""

    rating: str
    metric: str
    n_clips: int
    n_prompts: int
    spearman: float | None
    """Over all clips; None for sets that compare pairs only."""
    ci_low: float | None
    ci_high: float | None
    """95 %, prompts resampled."""
    within_prompt: float | None
    """Mean over prompts of the correlation among their own clips."""
    across_prompts: float | None
    """Of the means of prompts."""
    pair_accuracy: float | None
    """Over pairs of one prompt, ties among them, ties calibrated (Deutsch et al. 2023, arXiv:2305.14324)."""
    vbench_published: float | None
    """What the set's authors publish for VBench's own dimension: a Spearman correlation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedAgreement:
    """What a set of ratings says of the metrics."""

    set: str
    revision: str
    """Commit of the hub; empty for a folder."""
    rows: tuple[ValidationRow, ...]
    ceiling: Mapping[str, RaterCeiling]
    """Rating → how well one rater predicts the mean of the others."""
    n_clips: int
    notes: tuple[str, ...] = ()


def validate(
    bench: Bench,
    name: str,
    *,
    folder: Path | None = None,
    revision: str = "",
    limit: int | None = None,
    progress: Progress | None = None,
    **choices: Unpack[ScoreChoices],
) -> RatedAgreement:
    """Load a set, score its clips into a bench, and compare; what was done before is not done again.

    Args:
        bench: Where clips and scores go; its clips are linked where they lie.
        name: One of `SETS`, or the path of a CSV with ratings beside its clips.
        folder: Where the set's files lie; None: from the hub.
        revision: Commit of the hub instead of the pinned one.
        limit: About so many clips, whole prompts.
        progress: As for `vbench.score.score`.
        choices: What to measure and how.

    Raises:
        OptionError: no such set, or its files are not there.
        CatalogError: its files are not in the layout it is published in.
    """
    rated, commit = _loaded(name, folder, revision)
    rated = first_prompts(rated, limit)
    places, problems = _stored(bench, rated)
    notes = [*rated.notes, *problems]
    if not places:
        raise OptionError(f"none of the {len(rated.clips)} clips of {name} can be read; {'; '.join(notes)}")
    choices["clip_ids"] = list(places)
    report = score(bench, progress=progress, **choices)
    notes += [f"{reason}: {n} measures failed" for reason, n in sorted(report.failures.items())]
    values: dict[str, dict[Place, float]] = defaultdict(dict)
    infos = bench.metrics()
    for each in bench.score_records():
        if each.key.clip in places:
            sign = -1.0 if infos[each.key.metric].higher_is_better is False else 1.0
            values[each.key.metric][places[each.key.clip]] = sign * each.value
    published = SETS[name].published if name in SETS else {}
    rows = [*_rated_rows(rated, values, published), *_paired_rows(rated.preferences, values, published)]
    ceilings = {rating: ceiling for rating, said in rated.ratings.items() if (ceiling := rater_ceiling(rating, said))}
    return RatedAgreement(
        set=rated.name,
        revision=commit,
        rows=tuple(sorted(rows, key=lambda row: (row.rating, -(row.spearman or 0), -(row.pair_accuracy or 0)))),
        ceiling=ceilings,
        n_clips=len(places),
        notes=tuple(notes),
    )


def _loaded(name: str, folder: Path | None, revision: str) -> tuple[RatedSet, str]:
    if name not in SETS:
        table = Path(name)
        if table.suffix.lower() != ".csv" or not table.is_file():
            raise OptionError(f"no set {name!r}; expected {', '.join(SETS)}, or the path of a CSV with ratings")
        return read_csv(folder if folder is not None else table.parent, table, table.stem), ""
    if folder is not None:
        if not folder.is_dir():
            raise OptionError(f"`folder=` is {folder}, which is no folder; expected that of {name}")
        return SETS[name].read(folder), ""
    fetched, commit = fetch(name, SETS[name], revision)
    return SETS[name].read(fetched), commit


def first_prompts(rated: RatedSet, limit: int | None) -> RatedSet:
    """About `limit` clips of a set: whole prompts, in an order that has nothing to do with its own."""
    if limit is None or limit >= len(rated.clips):
        return rated
    by_prompt: dict[str, list[Place]] = defaultdict(list)
    for place in rated.clips:
        by_prompt[place[1]].append(place)
    kept: set[Place] = set()
    for prompt in sorted(by_prompt, key=digest):
        if len(kept) >= limit:
            break
        kept.update(by_prompt[prompt])
    return RatedSet(
        name=rated.name,
        clips={place: clip for place, clip in rated.clips.items() if place in kept},
        ratings={
            rating: {key: value for key, value in said.items() if key[1] in kept}
            for rating, said in rated.ratings.items()
        },
        preferences=tuple(p for p in rated.preferences if p.first in kept and p.second in kept),
        notes=(*rated.notes, f"{len(kept)} of {len(rated.clips)} clips, as `limit={limit}` asks"),
    )


def _stored(bench: Bench, rated: RatedSet) -> tuple[dict[str, Place], list[str]]:
    """Take the clips of a set into the bench: clip id → place, and what to know of the others.

    A file that cannot be read is a Failure row, and counted. Clips of the same tool and prompt id that the bench has
    under another text are others than those of the set.
    """
    from vbench.bench.clips import clip_from_file
    from vbench.errors import BenchError
    from vbench.video import probe

    there = {(clip.model, clip.prompt.key, clip.sample): clip for clip in bench.clips()}
    places: dict[str, Place] = {}
    codes: dict[str, int] = defaultdict(int)
    files: dict[str, Place] = {}
    for place, rated_clip in rated.clips.items():
        model, prompt_id, sample = place
        prompt = Prompt(id=prompt_id, text=rated_clip.text, suite=rated.name)
        known = there.get((model, prompt.key, sample))
        if known is not None and Path(known.media) == rated_clip.path.resolve():
            places[known.id] = place
            continue
        try:
            clip = clip_from_file(
                rated_clip.path,
                model=model,
                prompt=prompt,
                sample=sample,
                probe=probe(rated_clip.path, threads=1),
                provenance=Provenance(source=str(rated_clip.path)),
            )
            bench.add_clip(clip)
            places[clip.id] = place
            if files.setdefault(clip.sha256, place) != place:
                codes["same file as another clip"] += 1
        except ItemError as error:
            bench.add_failure(
                Failure(stage="import", subject=str(rated_clip.path), code=error.code, message=str(error))
            )
            codes[error.code] += 1
        except BenchError:
            codes["another file holds its place in this bench"] += 1
    return places, [f"{n} clips: {code}" for code, n in sorted(codes.items())]


def _rated_rows(
    rated: RatedSet, values: Mapping[str, Mapping[Place, float]], published: Mapping[str, float]
) -> list[ValidationRow]:
    rows = []
    for rating, said in rated.ratings.items():
        means = mean_ratings(said)
        for metric, own in values.items():
            places = sorted(means.keys() & own.keys(), key=lambda place: (place[1], place))
            people, numbers = (np.array([source[place] for place in places]) for source in (means, own))
            if len(places) < MIN_CLIPS or np.ptp(people) == 0 or np.ptp(numbers) == 0:
                continue
            prompts = np.unique([place[1] for place in places], return_inverse=True)[1]
            correlation = interval(spearman(people, numbers), spearman_draws, people, numbers, prompts)
            rows.append(
                ValidationRow(
                    rating=rating,
                    metric=metric,
                    n_clips=len(places),
                    n_prompts=int(prompts.max()) + 1,
                    spearman=correlation.value,
                    ci_low=correlation.low,
                    ci_high=correlation.high,
                    within_prompt=within_prompts(people, numbers, prompts),
                    across_prompts=across_prompts(people, numbers, prompts),
                    pair_accuracy=pairwise_accuracy(people, numbers, prompts)[1],
                    vbench_published=published.get(rating),
                )
            )
    return rows


def within_prompts(people: Floats, numbers: Floats, prompts: Sequence[int] | np.ndarray) -> float | None:
    """Mean over prompts of the correlation among their clips; None where no prompt has three that differ."""
    kinds = np.asarray(prompts)
    each = [
        spearman(people[kinds == prompt], numbers[kinds == prompt])
        for prompt in np.unique(kinds)
        if (kinds == prompt).sum() >= MIN_WITHIN
    ]
    told = [value for value in each if np.isfinite(value)]
    return float(np.mean(told)) if told else None


def across_prompts(people: Floats, numbers: Floats, prompts: Sequence[int] | np.ndarray) -> float | None:
    """Correlation of the means of prompts; None below four of them, or where they are all alike."""
    kinds = np.asarray(prompts)
    means = [np.array([side[kinds == prompt].mean() for prompt in np.unique(kinds)]) for side in (people, numbers)]
    value = spearman(*means) if len(means[0]) >= MIN_CLIPS else float("nan")
    return value if np.isfinite(value) else None


def _paired_rows(
    preferences: Sequence[Preference], values: Mapping[str, Mapping[Place, float]], published: Mapping[str, float]
) -> list[ValidationRow]:
    by_rating: dict[str, list[Preference]] = defaultdict(list)
    for preference in preferences:
        by_rating[preference.rating].append(preference)
    rows = []
    for rating, said in by_rating.items():
        for metric, own in values.items():
            told = [each for each in said if each.first in own and each.second in own]
            if not told:
                continue
            gaps = np.array([own[each.first] - own[each.second] for each in told])
            seen = {place for each in told for place in (each.first, each.second)}
            rows.append(
                ValidationRow(
                    rating=rating,
                    metric=metric,
                    n_clips=len(seen),
                    n_prompts=len({place[1] for place in seen}),
                    spearman=None,
                    ci_low=None,
                    ci_high=None,
                    within_prompt=None,
                    across_prompts=None,
                    pair_accuracy=gap_accuracy(np.array([float(each.says) for each in told]), gaps)[1],
                    vbench_published=published.get(rating),
                )
            )
    return rows
