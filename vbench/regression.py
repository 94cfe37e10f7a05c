"""Same seed, before and after a change: do clips differ by more than the unchanged tool differs from run to run?"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vbench.bench import Bench
from vbench.errors import ClipError, ItemError, OptionError
from vbench.files import written_whole
from vbench.rank.compare import ComparedRow, Side, compare, side_of
from vbench.rank.regress import MeasureSummary, PairValues, RegressRow, Verdict, judged, verdict_of
from vbench.records import Clip
from vbench.score.difference import MEASURES, Difference, differences
from vbench.score.full_reference import one_thread_each
from vbench.text import first_line

Place = tuple[str, int]
"""Prompt key, and seed or number of the sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The clips of one tool in one bench: what `regress` compares."""

    name: str
    """What the person called it."""
    bench: Bench
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One measure of one pair of clips, frame by frame."""

    prompt_id: str
    seed: int
    """Or the number of the sample, where seeds are not known."""
    measure: str
    against: str
    """Name of the run that the clip of the old one is compared with."""
    t_s: tuple[float, ...]
    value: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressReport:
    """Everything that was found."""

    base: str
    new: str
    verdict: Verdict
    rows: tuple[RegressRow, ...]
    measures: tuple[MeasureSummary, ...]
    drift: tuple[ComparedRow, ...]
    """The metrics that both runs were scored with, new against old."""
    notes: tuple[str, ...]
    curves: tuple[Curve, ...]


def regress(base: Run, new: Run, repeats: Sequence[Run] = ()) -> RegressReport:
    """Compare two runs of the same prompts and seeds, beside the noise of repeats of the first.

    Args:
        base: Before the change.
        new: After it.
        repeats: Further runs of what made `base`; without one there is no floor, and the verdict is *inconclusive*.

    Raises:
        OptionError: the runs have no prompt and seed in common.
    """
    old, changed = _by_place(base), _by_place(new)
    places = sorted(old.keys() & changed.keys(), key=lambda place: (old[place].prompt.id, place))
    if not places:
        raise OptionError(
            f"{base.name} and {new.name} have no clip of the same prompt and seed; generate both from one suite with "
            "the same seeds"
        )
    again = [_by_place(run) for run in repeats]
    notes = _not_paired(base, old, new, changed)
    for run, clips in zip(repeats, again, strict=True):
        if missing := len(set(places) - clips.keys()):
            notes.append(f"{run.name} repeats {len(places) - missing} of the {len(places)} clips.")
    if not repeats:
        notes.append("No repeats: how far runs of the unchanged tool differ is not known; run it again (`repeats=`).")
    runs = [new, *repeats]

    def measure(place: Place) -> list[Difference | ItemError | None]:
        others = [(run, clips[place]) for run, clips in zip(runs, [changed, *again], strict=True) if place in clips]
        found = iter(_differences(base, old[place], others))
        return [next(found) if place in clips else None for clips in [changed, *again]]

    with one_thread_each(), ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        measured = dict(zip(places, pool.map(measure, places), strict=True))
    values = [value for prompt in _by_prompt(places).values() for value in _values_of(prompt, old, measured)]
    rows, measures = judged(values, MEASURES)
    for name, reason in sorted(_left_out(measured).items()):
        notes.append(f"{name} is left out: {reason}.")
    notes += [note for found in measured.values() if isinstance(found[0], Difference) for note in found[0].notes]
    return RegressReport(
        base=base.name,
        new=new.name,
        verdict=verdict_of(measures),
        rows=tuple(rows),
        measures=tuple(measures),
        drift=_drift(base, new, notes),
        notes=tuple(dict.fromkeys(notes)),
        curves=tuple(_curves(places, old, measured, runs)),
    )


def write_curves(report: RegressReport, file: Path) -> None:
    """Write every curve as CSV: prompt_id, seed, against, measure, t_s, value."""
    with written_whole(file) as part, part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["prompt_id", "seed", "against", "measure", "t_s", "value"])
        for curve in report.curves:
            for t, value in zip(curve.t_s, curve.value, strict=True):
                writer.writerow([curve.prompt_id, curve.seed, curve.against, curve.measure, f"{t:.4f}", f"{value:.6g}"])


def _by_place(run: Run) -> dict[Place, Clip]:
    """(prompt, seed) → clip; the number of the sample stands for a seed that is not known."""
    clips = run.bench.clips(models=[run.tool])
    return {
        (clip.prompt.key, clip.sample if clip.provenance.seed is None else clip.provenance.seed): clip for clip in clips
    }


def _not_paired(base: Run, old: Mapping[Place, Clip], new: Run, changed: Mapping[Place, Clip]) -> list[str]:
    notes = []
    for run, mine, others in ((base, old, changed), (new, changed, old)):
        if alone := mine.keys() - others.keys():
            ids = sorted({mine[place].prompt.id for place in alone})
            notes.append(
                f"{len(alone)} clip(s) of {run.name} have no partner of the same prompt and seed and are in no row: "
                f"{', '.join(ids[:5])}{' ...' if len(ids) > 5 else ''}."
            )
    return notes


def _differences(base: Run, reference: Clip, others: Sequence[tuple[Run, Clip]]) -> list[Difference | ItemError]:
    """Of one clip from its partners, in their order; an error for one that cannot be compared."""
    paths: list[Path | ItemError] = []
    for run, clip in [(base, reference), *others]:
        try:
            paths.append(run.bench.clip_path(clip))
        except FileNotFoundError as error:
            paths.append(ClipError(f"{error}: the file is gone"))
    first, *rest = paths
    if isinstance(first, ItemError):
        return [first for _ in others]
    try:
        there = iter(differences(first, [path for path in rest if isinstance(path, Path)]))
    except ItemError as error:
        return [error for _ in others]
    return [path if isinstance(path, ItemError) else next(there) for path in rest]


def _by_prompt(places: Sequence[Place]) -> dict[str, list[Place]]:
    prompts: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        prompts[place[0]].append(place)
    return prompts


Measured = Mapping[Place, Sequence[Difference | ItemError | None]]
"""Place → of the new clip, then of each repeat."""


def _values_of(places: Sequence[Place], clips: Mapping[Place, Clip], measured: Measured) -> Iterator[PairValues]:
    """One prompt: the mean over its seeds, measure by measure."""
    prompt_id = clips[places[0]].prompt.id
    news = [measured[place][0] for place in places]
    errors = [first_line(new) for new in news if isinstance(new, ItemError)]
    n_repeats = len(measured[places[0]]) - 1
    missing = set(_left_out({place: measured[place] for place in places}))
    for name in MEASURES:
        if name in missing:
            continue
        of_new = [new.means[name] for new in news if isinstance(new, Difference)]
        floors = []
        for n in range(1, n_repeats + 1):
            of_run = [found.means[name] for place in places if isinstance(found := measured[place][n], Difference)]
            if len(of_run) == len(places):
                floors.append(float(np.mean(of_run)))
        firsts = [t for place in places if (t := _first_difference(name, measured[place])) is not None]
        yield PairValues(
            measure=name,
            prompt_id=prompt_id,
            value=float(np.mean(of_new)) if of_new and not errors else None,
            floors=tuple(floors),
            first_difference_s=min(firsts) if firsts else None,
            reason="; ".join(dict.fromkeys(errors)),
        )


def _first_difference(measure: str, found: Sequence[Difference | ItemError | None]) -> float | None:
    """When the new clip is first further away than the frames of repeats, by more than those differ among themselves.

    Where there is no repeat: when it is first not equal.
    """
    new, *repeats = found
    if not isinstance(new, Difference):
        return None
    sign = 1.0 if MEASURES[measure].higher_is_better else -1.0
    known = [sign * np.array(repeat.curves[measure]) for repeat in repeats if isinstance(repeat, Difference)]
    furthest = min((float(curve.min() - np.ptp(curve)) for curve in known), default=sign * _OF_EQUALS[measure])
    is_further = sign * np.array(new.curves[measure]) < furthest - 1e-6
    return new.t_s[int(is_further.argmax())] if is_further.any() else None


_OF_EQUALS = {name: info.bounds[1] if info.higher_is_better else info.bounds[0] for name, info in MEASURES.items()}


def _left_out(measured: Measured) -> dict[str, str]:
    return {
        name: reason
        for found in measured.values()
        for one in found
        if isinstance(one, Difference)
        for name, reason in one.left_out.items()
    }


def _drift(base: Run, new: Run, notes: list[str]) -> tuple[ComparedRow, ...]:
    """The ordinary metrics, where both runs are scored."""
    sides: list[Side] = [side_of(run.bench, run.tool, name=run.name) for run in (new, base)]
    if not all(side.scores for side in sides):
        notes.append("No drift of ordinary metrics: score both runs for that (vbench score).")
        return ()
    return compare(*sides).rows


def _curves(
    places: Sequence[Place], clips: Mapping[Place, Clip], measured: Measured, runs: Sequence[Run]
) -> Iterator[Curve]:
    for place in places:
        for run, found in zip(runs, measured[place], strict=True):
            if isinstance(found, Difference):
                for name, curve in found.curves.items():
                    yield Curve(
                        prompt_id=clips[place].prompt.id,
                        seed=place[1],
                        measure=name,
                        against=run.name,
                        t_s=found.t_s,
                        value=curve,
                    )
