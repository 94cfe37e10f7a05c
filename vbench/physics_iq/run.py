"""Runs of one tool on Physics-IQ: each clip against the takes, then means over runs beside intervals over scenarios."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import tee
from pathlib import Path

import cv2
import numpy as np

from vbench.bench import Bench
from vbench.errors import ClipError, ItemError, OptionError
from vbench.physics_iq.data import PhysicsData, View
from vbench.physics_iq.measures import (
    MEASURES,
    Floats,
    Likeness,
    Mask,
    Pixels,
    likeness,
    motion_masks,
    original_score,
    verified_scores,
)
from vbench.rank.intervals import N_RESAMPLES, SEED, mean_interval, percentile_levels, resample_shares
from vbench.records import Clip
from vbench.score.full_reference import one_thread_each
from vbench.video import read_frames

SECONDS = 5
"""Of every clip and take, from its start."""
SMALLER = 4
"""By how much pictures are made smaller than the first take, in each direction."""
Size = tuple[int, int]
Place = tuple[str, int]
"""Name of the runs and number of the sample: one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Clips of one tool in one bench; each of its samples is a run."""

    name: str
    """What the person called it."""
    bench: Bench
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRow:
    """One clip against the takes of its view."""

    run: str
    id: str
    view: str
    scenario: str
    spatial_iou: float
    spatiotemporal_iou: float
    weighted_spatial_iou: float
    mse: float
    verified: float
    """Percent of what two real takes reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicsRow:
    """One measure over all views and runs."""

    measure: str
    unit: str
    value: float
    """Mean over runs of the means over views."""
    sd: float | None
    """Between runs, n - 1 in the denominator; None for a single run."""
    ci_low: float | None
    """95 %, over scenarios: how far another set of experiments might move it. None for a single scenario."""
    ci_high: float | None
    ceiling: float
    """What one real take reaches against the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicsFailure:
    """A clip that could not be measured, or is not there."""

    run: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicsReport:
    """Everything that was found."""

    runs: tuple[str, ...]
    n_views: int
    """That every run has, over which the rows are."""
    n_expected: int
    """Views of the data set: 198 in the whole of it."""
    rows: tuple[PhysicsRow, ...]
    views: tuple[ViewRow, ...]
    failures: tuple[PhysicsFailure, ...]
    notes: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every run has every view, as boards of Physics-IQ ask."""
        return self.n_views == self.n_expected


def physics_iq(data: PhysicsData, runs: Sequence[Runs]) -> PhysicsReport:
    """Measure every clip against the takes of its view.

    Clips are measured at their own rate over the first 5 s, and every picture is brought to a quarter of the take's
    size, as the benchmark does it. Rows are over the views that every run has, so that runs are compared over the same
    experiments; what is missing is among the failures.

    Args:
        data: The data set.
        runs: Of one tool.

    Raises:
        OptionError: no clip is named as a view of the data set is, or no view is in every run.
    """
    clips, notes = _clips(data, runs)
    by_view: dict[str, list[tuple[Place, Bench, Clip]]] = defaultdict(list)
    for place, (bench, found) in clips.items():
        for number, clip in found.items():
            by_view[number].append((place, bench, clip))
    numbers = sorted(by_view)
    with one_thread_each(), ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        of_views = pool.map(lambda number: _of_view(data, data.views[number], by_view[number]), numbers)
        measured = dict(zip(numbers, of_views, strict=True))
    failures = [
        PhysicsFailure(run=_named(place), id=number, reason=str(reason))
        for place, (_, found) in clips.items()
        for number in data.views
        if isinstance(reason := measured[number].of_clips[place] if number in found else "no clip", ItemError | str)
    ]
    common = [number for number in numbers if all(_is_told(measured[number], place) for place in clips)]
    if not common:
        raise OptionError(
            f"no view of the data set was measured in each of {len(clips)} runs; {failures[0].run} {failures[0].id}: "
            f"{failures[0].reason}"
        )
    notes += sorted({note for each in measured.values() for note in each.notes})
    if len(common) < len(data.views):
        notes.append(
            f"Over {len(common)} of {len(data.views)} views: boards of Physics-IQ take runs with all of them only."
        )
    if len(clips) < 4:
        notes.append(f"{len(clips)} run(s): to claim a place, Physics-IQ Verified asks for the mean and sd of 4.")
    return PhysicsReport(
        runs=tuple(map(_named, clips)),
        n_views=len(common),
        n_expected=len(data.views),
        rows=tuple(_rows(data, [measured[number] for number in common], list(clips))),
        views=tuple(row for each in measured.values() for row in _view_rows(each)),
        failures=tuple(failures),
        notes=tuple(notes),
    )


def _named(place: Place) -> str:
    return f"{place[0]} #{place[1]}"


Found = Mapping[Place, tuple[Bench, Mapping[str, Clip]]]
"""Run → view → clip."""


def _clips(data: PhysicsData, runs: Sequence[Runs]) -> tuple[Found, list[str]]:
    found: dict[Place, tuple[Bench, dict[str, Clip]]] = {}
    n_others = 0
    for each in runs:
        for clip in each.bench.clips(models=[each.tool]):
            view = data.view_of(clip.prompt.id)
            if view is None:
                n_others += 1
                continue
            found.setdefault((each.name, clip.sample), (each.bench, {}))[1][view.id] = clip
    if not found:
        raise OptionError(
            f"{', '.join(each.name for each in runs)}: none of {n_others} clips is named as a view of {data.folder} is "
            "(0001_perspective-left_...)"
        )
    return found, [f"{n_others} clips of other prompts are left out."] if n_others else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfView:
    view: View
    takes: Mapping[int, Likeness]
    """Rate → the two takes against each other at it."""
    of_clips: Mapping[Place, tuple[int, Likeness] | ItemError]
    """Run → rate of the clip, and its likeness to the first take."""
    notes: tuple[str, ...]


def _is_told(of_view: _OfView, place: Place) -> bool:
    return isinstance(of_view.of_clips.get(place), tuple)


def _of_view(data: PhysicsData, view: View, clips: Sequence[tuple[Place, Bench, Clip]]) -> _OfView:
    takes: dict[int, Likeness] = {}
    of_clips: dict[Place, tuple[int, Likeness] | ItemError] = {}
    notes: list[str] = []
    for place, bench, clip in clips:
        fps = round(clip.probe.fps)
        try:
            path = _path_of(bench, clip)
            if fps < 1:
                raise ClipError(f"{path.name}: a single picture; a clip of {SECONDS} s is asked")
            size = _size(data.take(view, 1, fps)[0])
            if fps not in takes:
                takes[fps] = likeness(
                    _side_by_side(_take(data, view, 1, fps, size, notes), _take(data, view, 2, fps, size, notes))
                )
            of_clips[place] = fps, likeness(_side_by_side(_take(data, view, 1, fps, size, []), _clip(path, fps, size)))
        except ItemError as error:
            of_clips[place] = error
        else:
            if clip.probe.duration_s > SECONDS + 0.5 / fps:
                notes.append(f"Of clips longer than {SECONDS} s the first {SECONDS} s are measured.")
            if abs(clip.probe.width / clip.probe.height - size[0] / size[1]) > 0.02 * size[0] / size[1]:
                shape = f"{clip.probe.width} x {clip.probe.height}"
                notes.append(f"Clips of {shape} are stretched to the shape of the takes, as the benchmark does it.")
    return _OfView(view=view, takes=takes, of_clips=of_clips, notes=tuple(notes))


def _path_of(bench: Bench, clip: Clip) -> Path:
    try:
        return bench.clip_path(clip)
    except FileNotFoundError as error:
        raise ClipError(f"{error}: the file is gone") from error


# --- pictures and masks, side by side -----------------------------------------------------------------------------

Steps = Iterator[tuple[Mask, Pixels]]


def _side_by_side(a: Steps, b: Steps) -> Iterator[tuple[Mask, Mask, Pixels, Pixels]]:
    for (mask_a, picture_a), (mask_b, picture_b) in zip(a, b, strict=True):
        yield mask_a, mask_b, picture_a, picture_b


def _size(take: Path) -> Size:
    """(width, height) that pictures are compared at."""
    first = next(iter(read_frames(take)))
    return first.width // SMALLER, first.height // SMALLER


def _clip(path: Path, fps: int, size: Size) -> Steps:
    for_masks, for_pictures = tee(_pictures(path, fps))
    for mask, picture in zip(motion_masks(for_masks), for_pictures, strict=True):
        yield _small_mask(mask.view(np.uint8) * np.uint8(255), size), cv2.resize(picture, size)


def _take(data: PhysicsData, view: View, n: int, fps: int, size: Size, notes: list[str]) -> Steps:
    path, rate = data.take(view, n, fps)
    if rate != fps:
        notes.append(
            f"The data set has no takes at {fps} a second: of those at {rate} the pictures on screen are taken."
        )
    masks = data.mask(view, n, fps)
    if masks is None:
        notes.append(f"The data set has no masks at {fps} a second: they are made here, as its authors made theirs.")
        yield from _clip(path, fps, size)
        return
    for mask, picture in zip(_pictures(masks, fps), _pictures(path, fps), strict=True):
        yield _small_mask(np.ascontiguousarray(mask[..., 1]), size), cv2.resize(picture, size)


def _small_mask(mask: Pixels, size: Size) -> Mask:
    small: Mask = cv2.resize(mask, size) > 127
    return small


def _pictures(path: Path, fps: int) -> Iterator[Pixels]:
    """The pictures on screen at each of the steps that 5 s have, as OpenCV would decode them.

    Raises:
        ClipError: it is shorter.
    """
    n_steps, step, end_s = SECONDS * fps, 0, 0.0
    for frame in read_frames(path, threads=1):
        end_s = frame.t_s + frame.duration_s
        until_s = end_s - frame.duration_s / 4  # so that no rounding of a timestamp puts a step into the picture before
        if step < n_steps and step / fps < until_s:
            picture = frame.rgb(kernel="plain")
            while step < n_steps and step / fps < until_s:
                yield picture
                step += 1
        if step == n_steps:
            return
    raise ClipError(f"{path.name}: has {end_s:.2f} s, Physics-IQ measures {SECONDS} s", code="too_short")


# --- over views and runs ------------------------------------------------------------------------------------------


def _pair(of_view: _OfView, place: Place) -> tuple[Likeness, Likeness]:
    """A clip against the first take, and the takes against each other at its rate."""
    told = of_view.of_clips[place]
    assert not isinstance(told, ItemError), "only views that every run has are averaged"
    fps, of_clip = told
    return of_clip, of_view.takes[fps]


def _rows(data: PhysicsData, views: Sequence[_OfView], places: Sequence[Place]) -> Iterator[PhysicsRow]:
    pairs = np.array([[[each.row() for each in _pair(view, place)] for view in views] for place in places])
    of_clip, of_takes = pairs[:, :, 0], pairs[:, :, 1]  # (runs, views, 4)
    kinds = np.unique([view.view.scenario for view in views], return_inverse=True)[1]

    def by_scenario(values: Floats) -> Floats:
        """(runs, views, ...) → (runs, scenarios, ...)."""
        return np.stack([values[:, kinds == kind].mean(axis=1) for kind in range(kinds.max() + 1)], axis=1)

    def row(measure: str, unit: str, values: Floats, ceiling: float, top: float) -> PhysicsRow:
        of_runs = values.mean(axis=1)
        interval = mean_interval(by_scenario(values).mean(axis=0), bounds=(0.0, top))
        return PhysicsRow(
            measure=measure,
            unit=unit,
            value=float(of_runs.mean()),
            sd=_sd(of_runs),
            ci_low=interval.low,
            ci_high=interval.high,
            ceiling=ceiling,
        )

    scores = verified_scores(of_clip, of_takes)
    yield row("verified", "%", 100 * scores.mean(axis=2), 100.0, 100.0)
    yield _original_row(by_scenario(of_clip), by_scenario(of_takes))
    for i, name in enumerate(MEASURES):
        yield row(name, "" if name != "mse" else "of 1", of_clip[..., i], float(of_takes[..., i].mean()), 1.0)
        yield row(f"{name}_score", "%", 100 * scores[..., i], 100.0, 100.0)


def _original_row(of_clip: Floats, of_takes: Floats) -> PhysicsRow:
    """Of means over scenarios, (runs, scenarios, 4), whose ratio has an interval by resampling them."""
    of_runs = 100 * original_score(of_clip.mean(axis=1), of_takes.mean(axis=1))
    n = of_clip.shape[1]
    low = high = None
    if n > 1:
        shares = resample_shares(n, N_RESAMPLES, SEED)
        clip_means, take_means = (np.einsum("rs,nsm->rnm", shares, each) for each in (of_clip, of_takes))
        drawn = 100 * original_score(clip_means, take_means).mean(axis=1)
        low, high = map(float, np.quantile(drawn, percentile_levels(n)))
    return PhysicsRow(
        measure="original",
        unit="%",
        value=float(of_runs.mean()),
        sd=_sd(of_runs),
        ci_low=low,
        ci_high=high,
        ceiling=100.0,
    )


def _sd(of_runs: Floats) -> float | None:
    return float(of_runs.std(ddof=1)) if len(of_runs) > 1 else None


def _view_rows(of_view: _OfView) -> Iterator[ViewRow]:
    for place in of_view.of_clips:
        if not _is_told(of_view, place):
            continue
        of_clip, of_takes = _pair(of_view, place)
        score = verified_scores(np.array(of_clip.row()), np.array(of_takes.row())).mean()
        view = of_view.view
        yield ViewRow(
            run=_named(place),
            id=view.id,
            view=view.view,
            scenario=view.scenario,
            verified=100 * float(score),
            **asdict(of_clip),
        )
