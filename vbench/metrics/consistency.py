"""How steady a clip looks from moment to moment, over its length, and at its worst."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import GRID_S, Embeddings, Floats, Measure, Metric, Moment, Series, Steps
from vbench.errors import MetricError
from vbench.metrics.flicker import broken_steps

MAX_DRIFT_ROWS = 200
LONG_S, SHOT_S = 30.0, 10
"""From which length a clip has a drift per minute, and the shots of it that are looked at."""
PATH_FLOOR = 0.4
"""Length per second added to the speed along the path of appearance: what rounding and coding change is no path."""
HORIZONS_S = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)


def neighbour_cosine(embeddings: Embeddings) -> Measure:
    r"""Mean cosine similarity of frames 1/8 s apart.

    .. math:: \frac{1}{T-1} \sum_{t=1}^{T-1} \langle e_t, e_{t+1} \rangle

    A frozen clip scores 1, so read it next to a motion metric.

    Args:
        embeddings: Unit rows on the time grid; rows of spikes between its times are not used.

    Returns:
        In [-1, 1], higher is steadier, with its timeline (at the later frame of each pair).

    Raises:
        MetricError: fewer than two times of the grid.

    Source:
        Esser et al. 2023, arXiv:2302.03011 ("frame consistency"), with time in seconds.
    """
    grid = embeddings.on_grid
    rows, t_s = embeddings.rows[grid], embeddings.t_s[grid]
    if len(rows) < 2:
        raise MetricError(f"consistency needs two frames 1/8 s apart, the clip has {len(rows)}", code="too_short")
    cosine = pair_cosine(rows[:-1], rows[1:])
    return Measure(float(cosine.mean()), Series(t_s[1:], cosine))


def pair_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> Floats:
    """Row by row, shape (N,), clipped to [-1, 1] against rounding."""
    return np.asarray(np.clip(np.einsum("td,td->t", a, b, dtype=np.float64), -1.0, 1.0))


def drift(embeddings: Embeddings) -> Measure:
    """Slope over time of the cosine to the first frame (Theil-Sen), in 1/s; 0 is steady, below 0 wanders off.

    The median of the slopes of all pairs of times: a cut or a glitch does not make a drift. Up to 200 frames, evenly
    chosen.

    Raises:
        MetricError: fewer than three times of the grid.
    """
    grid = embeddings.on_grid
    rows, t_s = embeddings.rows[grid], embeddings.t_s[grid]
    if len(rows) < 3:
        raise MetricError(f"drift needs three frames 1/8 s apart, the clip has {len(rows)}", code="too_short")
    cosine = pair_cosine(np.broadcast_to(rows[:1], rows.shape), rows)
    return Measure(drift_of(t_s[1:], cosine[1:]), Series(t_s, cosine))


def drift_of(t_s: Floats, values: Floats) -> float:
    """Median of the slopes of all pairs of times, in 1/s, of up to 200 of them, evenly chosen.

    Args:
        t_s: Ascending seconds, shape (N,), N at least 2.
        values: Shape (N,).
    """
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), MAX_DRIFT_ROWS)).astype(int))
    first, second = np.triu_indices(len(chosen), 1)
    rise = values[chosen][second] - values[chosen][first]
    return float(np.median(rise / (t_s[chosen][second] - t_s[chosen][first])))


def worst_moment(embeddings: Embeddings, steps: Steps) -> Measure:
    """The lowest cosine between frames at most 1/8 s apart, with the quarter second around it as an event.

    Besides the pairs of the grid, frames that stick out between its times are compared with the frame of the grid
    before them, so that a single broken frame is found. The event's frame is the largest change within the worst pair.

    Raises:
        MetricError: fewer than two frames.
    """
    if len(embeddings.rows) < 2:
        raise MetricError("the worst moment needs two frames 1/8 s apart, the clip has fewer", code="too_short")
    grid = np.flatnonzero(embeddings.on_grid)
    before = np.searchsorted(grid, np.arange(1, len(embeddings.rows)), side="left") - 1
    before = grid[np.clip(before, 0, None)]
    cosine = pair_cosine(embeddings.rows[before], embeddings.rows[1:])
    k = int(np.argmin(cosine))
    start_s, end_s = float(embeddings.t_s[before[k]]), float(embeddings.t_s[k + 1])
    low, high = embeddings.frame[before[k]], embeddings.frame[k + 1]
    inside = np.flatnonzero((steps.frame > low) & (steps.frame <= high))
    if not len(inside):
        return Measure(float(cosine[k]))  # the same picture throughout: no moment to show
    peak = inside[int(np.argmax(steps.change[inside]))]
    spare = max(0.0, 2 * GRID_S - (end_s - start_s)) / 2
    event = Moment(
        kind="worst",
        start_s=max(0.0, start_s - spare),
        end_s=min(steps.duration_s, end_s + spare),
        frame=int(steps.frame[peak]),
        value=float(cosine[k]),
    )
    return Measure(float(cosine[k]), events=(event,))


def horizon(embeddings: Embeddings) -> Measure:
    """Mean cosine over all pairs of frames 1/8, 1/4, 1/2, 1, 2 and 4 s apart, each distance weighing the same.

    The timeline is the curve: cosine over the distance in seconds. Distances longer than the clip are left out.
    """
    grid = embeddings.on_grid
    rows = embeddings.rows[grid]
    lags = [round(h / GRID_S) for h in HORIZONS_S if round(h / GRID_S) < len(rows)]
    if not lags:
        raise MetricError(f"the curve needs two frames 1/8 s apart, the clip has {len(rows)}", code="too_short")
    curve = np.array([pair_cosine(rows[:-lag], rows[lag:]).mean() for lag in lags])
    return Measure(float(curve.mean()), Series(np.array(lags) * GRID_S, curve))


def to_first_and_neighbour(embeddings: Embeddings) -> Measure:
    """Mean of the cosines to the frame 1/8 s before and to the first frame, cosines below 0 counted as 0.

    As VBench's consistency, on a grid of seconds instead of on the file's frames. Range [0, 1], higher is steadier.
    """
    grid = embeddings.on_grid
    rows, t_s = embeddings.rows[grid], embeddings.t_s[grid]
    if len(rows) < 2:
        raise MetricError(f"consistency needs two frames 1/8 s apart, the clip has {len(rows)}", code="too_short")
    first = pair_cosine(np.broadcast_to(rows[:1], rows[1:].shape), rows[1:])
    both = (np.maximum(first, 0) + np.maximum(pair_cosine(rows[:-1], rows[1:]), 0)) / 2
    return Measure(float(both.mean()), Series(t_s[1:], both))


def evenness(embeddings: Embeddings, steps: Steps) -> Measure:
    r"""How straight and even the path of appearance is; 1: it moves on, or stands; 0: to and fro, or in jumps.

    .. math:: 1 - \operatorname{mean}_t \frac{|v_{t+1} - v_t|}{|v_{t+1}| + |v_t| + 0.4}

    over the velocities v (difference of embeddings over the time between them, 1/s) from one different picture of the
    time grid to the next. Content is taken out: a lively clip has long velocities and a slow one short ones, and both
    are even. Triples across a cut or black are left out. A frozen clip scores 1, so read it next to a motion metric.

    Args:
        embeddings: Unit rows on the time grid; rows of spikes between its times are not used.
        steps: For the true times of frames, and for cuts.

    Returns:
        In [0, 1], higher is steadier, with its timeline (at the middle of three frames).

    Raises:
        MetricError: no three different pictures of the grid within a shot.
    """
    grid = np.flatnonzero(embeddings.on_grid)
    frame, first = np.unique(embeddings.frame[grid], return_index=True)
    rows = embeddings.rows[grid[first]].astype(np.float64)
    place = np.searchsorted(steps.frame, frame, side="right") - 1
    n_broken = np.cumsum(broken_steps(steps))[place]
    t_s = steps.t_s[place]
    whole = n_broken[2:] == n_broken[:-2]
    if not whole.any():
        raise MetricError(
            "evenness needs three different frames 1/8 s apart in one shot, the clip has none",
            code="too_short" if steps.n_frames < 3 else "undefined",
        )
    velocity = np.diff(rows, axis=0) / np.diff(t_s)[:, None]
    speed = np.linalg.norm(velocity, axis=1)
    turn = np.linalg.norm(np.diff(velocity, axis=0), axis=1)
    even = (1.0 - turn / (speed[1:] + speed[:-1] + PATH_FLOOR))[whole]
    return Measure(float(even.mean()), Series(t_s[1:-1][whole], even))


def drift_per_minute(embeddings: Embeddings, steps: Steps) -> Measure:
    """Slope over time of the cosine between each second of a shot and its first (Theil-Sen), in 1/min; 0 is steady.

    Of the shots of at least 10 s, weighed by their length; a cut is no drift. The timeline is the cosine,
    second by second.

    Raises:
        MetricError: the clip is shorter than 30 s, or no shot is as long as 10 s (`not_applicable`).
    """
    grid = np.flatnonzero(embeddings.on_grid)
    place = np.searchsorted(steps.frame, embeddings.frame[grid], side="right") - 1
    shot = np.cumsum(broken_steps(steps))[place]
    slopes, lengths, times, cosines = [], [], [], []
    for number in np.unique(shot):
        rows, t_s = embeddings.rows[grid[shot == number]], embeddings.t_s[grid[shot == number]]
        n_seconds = int(round((t_s[-1] - t_s[0] + GRID_S) // 1))
        if n_seconds < SHOT_S:
            continue
        second = np.minimum((t_s - t_s[0]).astype(int), n_seconds - 1)
        means = np.stack([rows[second == k].mean(axis=0) for k in range(n_seconds)]).astype(np.float32)
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        cosine = pair_cosine(np.broadcast_to(means[:1], means.shape), means)
        slopes.append(drift_of(np.arange(1.0, n_seconds), cosine[1:]) * 60)
        lengths.append(n_seconds)
        times.append(t_s[0] + np.arange(n_seconds))
        cosines.append(cosine)
    if steps.duration_s < LONG_S or not slopes:
        raise MetricError(
            f"drift per minute needs a clip of {LONG_S:g} s with a shot of {SHOT_S:g} s; the clip has "
            f"{steps.duration_s:.1f} s in {len(np.unique(shot))} stretches",
            code="not_applicable",
        )
    return Measure(float(np.average(slopes, weights=lengths)), Series(np.concatenate(times), np.concatenate(cosines)))


_DINO, _LOOK = "DINOv2 embeddings", "colours and edges (no weights)"

TEMPORAL_CONSISTENCY = Metric(
    name="temporal_consistency",
    version=2,
    inputs=("dino",),
    compute=neighbour_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about=f"How alike frames 1/8 s apart are, by {_DINO}; a frozen clip scores 1, so read it beside motion.",
)
TEMPORAL_DRIFT = Metric(
    name="temporal_drift",
    version=2,
    inputs=("dino",),
    compute=drift,
    unit="1/s",
    higher_is_better=True,
    bounds=(-16.0, 16.0),
    group="temporal",
    min_frames=3,
    min_seconds=2 * GRID_S,
    about=f"How fast the clip moves away from its first frame, by {_DINO}; 0 is steady.",
)
TEMPORAL_WORST = Metric(
    name="temporal_worst",
    version=2,
    inputs=("dino", "steps"),
    compute=worst_moment,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="temporal",
    min_frames=2,
    about=f"The worst quarter second: the least alike neighbours, by {_DINO}, with their time.",
)
TEMPORAL_HORIZON = Metric(
    name="temporal_horizon",
    version=2,
    inputs=("dino",),
    compute=horizon,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about=f"How alike frames 1/8 to 4 s apart are, by {_DINO}; its timeline is the curve over the distance.",
)
TEMPORAL_EVENNESS = Metric(
    name="temporal_evenness",
    version=1,
    inputs=("dino", "steps"),
    compute=evenness,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="temporal",
    min_frames=3,
    about=f"How evenly the clip moves on rather than to and fro, by {_DINO}; a frozen clip scores 1.",
)
SUBJECT_CONSISTENCY = Metric(
    name="subject_consistency",
    version=2,
    inputs=("dino",),
    compute=to_first_and_neighbour,
    unit="cosine",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about=f"Likeness to the first frame and to the neighbour 1/8 s before, by {_DINO}.",
)
BACKGROUND_CONSISTENCY = Metric(
    name="background_consistency",
    version=2,
    inputs=("clip_frames",),
    compute=to_first_and_neighbour,
    unit="cosine",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about="Likeness to the first frame and to the neighbour 1/8 s before, by CLIP embeddings of the whole scene.",
)
APPEARANCE_CONSISTENCY = Metric(
    name="appearance_consistency",
    version=2,
    inputs=("appearance",),
    compute=neighbour_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="temporal",
    min_frames=2,
    min_seconds=GRID_S,
    about=f"How alike frames 1/8 s apart are, by {_LOOK}; a frozen clip scores 1, so read it beside motion.",
)
APPEARANCE_DRIFT = Metric(
    name="appearance_drift",
    version=2,
    inputs=("appearance",),
    compute=drift,
    unit="1/s",
    higher_is_better=True,
    bounds=(-16.0, 16.0),
    group="temporal",
    min_frames=3,
    min_seconds=2 * GRID_S,
    about=f"How fast the clip moves away from its first frame, by {_LOOK}; 0 is steady.",
)
APPEARANCE_WORST = Metric(
    name="appearance_worst",
    version=2,
    inputs=("appearance", "steps"),
    compute=worst_moment,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="temporal",
    min_frames=2,
    about=f"The worst quarter second: the least alike neighbours, by {_LOOK}, with their time.",
)
APPEARANCE_EVENNESS = Metric(
    name="appearance_evenness",
    version=1,
    inputs=("appearance", "steps"),
    compute=evenness,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="temporal",
    min_frames=3,
    about=f"How evenly the clip moves on rather than to and fro, by {_LOOK}; a frozen clip scores 1.",
)
DRIFT_PER_MINUTE = Metric(
    name="appearance_drift_minute",
    version=1,
    inputs=("appearance", "steps"),
    compute=drift_per_minute,
    unit="1/min",
    higher_is_better=True,
    bounds=(-960.0, 960.0),
    group="temporal",
    min_frames=3,
    about=f"How far shots of a clip of 30 s or more move away from their first second in a minute, by {_LOOK}.",
)
