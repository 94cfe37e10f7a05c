"""Sound against picture: how far impacts are heard from where they are seen."""

from __future__ import annotations

import numpy as np

from vbench.contracts import Floats, Impacts, Measure, Metric, Onsets, Series
from vbench.errors import MetricError

REACH_S = 0.5
"""Offsets looked at, either way."""
STEP_S = 0.005
CLEAR = 4.0
"""Deviations over what is usual from which a sound begins, or motion stops, without doubt."""
MIN_IMPACTS = 3
APART_S = 0.12
"""Peaks nearer than this are one."""
BLUR_S = 0.045
"""Width of each peak, so that two that a frame's length parts still meet."""
SHARE, LEAD = 0.55, 1.25
"""Least share of the peaks that must meet at the offset, and how much better it must be than any other."""


def peaks(t_s: Floats, strength: Floats) -> Floats:
    """Times of the clear maxima, the middle of their weight over three samples, the stronger of two near ones."""
    left, top, right = strength[:-2], strength[1:-1], strength[2:]
    higher = np.flatnonzero((top >= CLEAR) & (top >= left) & (top > right))
    kept: list[int] = []
    for place in sorted((int(place) + 1 for place in higher), key=lambda place: -strength[place]):
        if all(abs(t_s[place] - t_s[other]) >= APART_S for other in kept):
            kept.append(place)
    times = []
    for place in sorted(kept):
        near = slice(place - 1, place + 2)
        weight = np.maximum(strength[near], 0.0)
        times.append(float((t_s[near] * weight).sum() / weight.sum()))
    return np.array(times)


def av_offset(onsets: Onsets, impacts: Impacts) -> Measure:
    """How much later impacts are heard than seen.

    The beginnings of sounds and the moments at which motion stops or turns round are each reduced to a few clear times;
    the offset is the one at which most of them meet.

    Args:
        onsets: Of the sound.
        impacts: Of the pictures.

    Returns:
        Seconds, -0.5 to 0.5; positive: the sound is late. Timeline: how many of them meet, over the offset in seconds.

    Raises:
        MetricError: no sound (`not_applicable`); `undefined` where there are fewer than three clear impacts or sounds,
            or no offset at which most of them meet: speech, music and steady motion say nothing.
    """
    if not onsets.present:
        raise MetricError("the clip has no sound track, so there is nothing to be late", code="not_applicable")
    heard, seen = peaks(onsets.t_s, onsets.strength), peaks(impacts.t_s, impacts.strength)
    if min(len(heard), len(seen)) < MIN_IMPACTS:
        raise MetricError(
            f"{len(heard)} clear sounds and {len(seen)} clear impacts, {MIN_IMPACTS} of each are needed",
            code="undefined",
        )
    gaps = heard[:, None] - seen[None, :]
    offsets = np.arange(-REACH_S, REACH_S + STEP_S / 2, STEP_S)
    near = np.exp(-0.5 * ((gaps[..., None] - offsets) / BLUR_S) ** 2)
    # an impact meets one sound at most, the nearest
    met = near.max(axis=0).sum(axis=0)
    best = int(met.argmax())
    elsewhere = np.abs(offsets - offsets[best]) > 3 * BLUR_S
    if met[best] < SHARE * min(len(heard), len(seen)) or met[best] < LEAD * met[elsewhere].max():
        raise MetricError(
            f"at the best offset {met[best]:.1f} of {len(seen)} impacts meet a sound, and elsewhere "
            f"{met[elsewhere].max():.1f}: sound and picture say nothing about each other",
            code="undefined",
        )
    matched = gaps[np.abs(gaps - offsets[best]) <= 2 * BLUR_S]
    return Measure(float(np.clip(np.median(matched), -REACH_S, REACH_S)), Series(offsets, met))


AV_OFFSET = Metric(
    name="av_offset",
    version=1,
    inputs=("onsets", "impacts"),
    compute=av_offset,
    unit="s",
    higher_is_better=None,
    bounds=(-0.5, 0.5),
    group="sound",
    about="How much later impacts are heard than seen; undefined where nothing hits anything.",
)
