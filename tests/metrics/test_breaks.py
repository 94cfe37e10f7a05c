"""Cuts, freezes, black frames and flicker on steps made by hand, against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.metrics.values import make_steps
from vbench.metrics.breaks import black_ratio, cut_count, duplicate_ratio, freeze_longest, freeze_ratio


def test_a_cut_is_a_large_other_step() -> None:
    steps = make_steps(n=48, fps=24, change={20: 60.0}, colour={20: 0.5}, lost={20: 1.0})
    found = cut_count(steps)
    assert found.value == 1
    assert found.events[0].frame == 20
    assert found.events[0].start_s == pytest.approx(20 / 24)


@pytest.mark.parametrize(
    "changes",
    [
        {"lost": {20: 0.3}},
        {"change": {20: 8.0}},
        {"colour": {20: 0.1}, "lost": {20: 0.7}},
        {"change": dict.fromkeys(range(14, 27), 60.0), "colour": {20: 0.3}},
        {"dark": {19: 1.0}, "mean": {19: 1.0}},
        {"dark": {18: 1.0}, "mean": {18: 1.0}},
    ],
    ids=["blocks found again", "small step", "same colours", "lively clip", "out of black", "just after black"],
)
def test_what_is_no_cut(changes: Any) -> None:
    plain = {"change": {20: 60.0}, "colour": {20: 0.5}, "lost": {20: 1.0}}
    assert cut_count(make_steps(n=48, fps=24, **(plain | changes))).value == 0


PLAIN = {"change": {20: 60.0}, "colour": {20: 0.996}, "hue": {20: 40.0}, "lost": {20: 0.25}}
SHOTS = np.where(np.arange(48) < 20, 60.0, 120.0)


def levels(values: Any) -> Any:
    return np.asarray(values, float)[:, None] * np.ones(64)


def test_a_cut_between_plain_backgrounds_is_a_cut() -> None:
    found = cut_count(make_steps(n=48, fps=24, tiles=levels(SHOTS), **PLAIN))
    assert [event.frame for event in found.events] == [20]


@pytest.mark.parametrize(
    ("changes", "tiles"),
    [
        ({"hue": {20: 5.0}}, SHOTS),
        ({"colour": {20: 0.85}}, SHOTS),
        ({"change": {19: 30.0, 20: 60.0}}, SHOTS),
        ({"change": {20: 60.0, 21: 30.0}}, SHOTS),
        ({}, np.where((np.arange(48) >= 20) & (np.arange(48) < 28), 120.0, 60.0)),
        ({}, np.where((np.arange(48) >= 12) & (np.arange(48) < 20), 60.0, 120.0)),
    ],
    ids=["lamp", "some colours stay", "dissolve before", "dissolve after", "flash begins", "flash ends"],
)
def test_what_repaints_the_picture_without_a_cut(changes: dict[str, Any], tiles: Any) -> None:
    assert cut_count(make_steps(n=48, fps=24, tiles=levels(tiles), **(PLAIN | changes))).value == 0


ACROSS = np.tile(np.linspace(-1, 1, 8), 8)


def dipped(after: Any, black: Any) -> Any:
    """A ramp from left to right, black for a while, and `after`; both sides fade."""
    light = np.where(np.isin(np.arange(48), black), 0.0, 1.0)
    light[[k for k in (19, 24) if k not in black]] = 0.4
    tiles = light[:, None] * (100 + 60 * np.where(np.arange(48)[:, None] < 22, ACROSS, after))
    dark = dict.fromkeys(black, 1.0)
    return make_steps(n=48, fps=24, tiles=tiles, dark=dark, mean=dict(enumerate(tiles.mean(axis=1))))


@pytest.mark.parametrize(
    ("after", "black", "frames"),
    [
        (np.repeat(np.linspace(-1, 1, 8), 8), range(20, 24), [24]),
        (-ACROSS, range(20, 24), [24]),
        (ACROSS, range(20, 24), []),
        (-ACROSS, range(8, 24), []),
        (-ACROSS, range(24), []),
        (-ACROSS, range(20, 48), []),
    ],
    ids=["another shot", "mirrored", "a lamp", "long black", "opening", "ending"],
)
def test_black_between_two_shots_is_a_cut(after: Any, black: Any, frames: Any) -> None:
    assert [event.frame for event in cut_count(dipped(after, black)).events] == frames


def test_a_still_before_the_black_counts_as_a_shot() -> None:
    tiles = np.stack([100 + 60 * ACROSS, np.zeros(64), 100 - 60 * ACROSS])
    steps = make_steps(n=3, fps=24, held={0: 2.0}, tiles=tiles, dark={1: 1.0}, mean={1: 0.0})
    assert [event.start_s for event in cut_count(steps).events] == pytest.approx([2 + 1 / 24])


def test_freezes_are_long_holds() -> None:
    steps = make_steps(n=20, fps=24, held={3: 0.5, 9: 0.25})
    total = 18 / 24 + 0.75
    assert freeze_ratio(steps).value == pytest.approx(0.5 / total)
    assert [event.frame for event in freeze_ratio(steps).events] == [3]
    assert freeze_longest(steps) == pytest.approx(0.5)
    assert freeze_ratio(make_steps(n=1, fps=24, held={0: 2.0})).value == 1.0
    assert freeze_longest(make_steps(n=20, fps=24)) == 0.0


def test_a_picture_that_only_flickers_stays() -> None:
    moved = np.r_[True, False, False, np.ones(3), np.zeros(12), True, True].astype(bool)
    steps = make_steps(n=20, fps=24, moved=moved)
    assert [(event.frame, event.value) for event in freeze_ratio(steps).events] == [(5, pytest.approx(13 / 24))]
    assert freeze_ratio(steps).value == pytest.approx(13 / 20)
    assert freeze_longest(make_steps(n=20, fps=24, moved=np.r_[True, np.zeros(19)])) == pytest.approx(20 / 24)


def test_duplicates_are_counted_in_frames() -> None:
    assert duplicate_ratio(make_steps(n=13, fps=12, n_frames=25)) == pytest.approx(0.5)


def test_black_stretches() -> None:
    steps = make_steps(n=24, fps=24, dark=dict.fromkeys([0, 1, 2, 10], 1.0), mean=dict.fromkeys([0, 1, 2, 10], 0.5))
    found = black_ratio(steps)
    assert found.value == pytest.approx(4 / 24)
    assert [(event.frame, round(event.end_s * 24)) for event in found.events] == [(0, 3), (10, 11)]
    starry = make_steps(n=24, fps=24, dark={0: 1.0}, mean={0: 12.0})
    assert black_ratio(starry).value == 0.0
