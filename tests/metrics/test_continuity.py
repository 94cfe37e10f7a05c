"""Joins: a planted jump is found and named, a cut within one movement is not one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from vbench.metrics.continuity import Edge, edge, jumps, lab

APART_S = 0.12
Frame = NDArray[np.uint8]


def scene(shift: int = 0, *, gain: float = 1.0, tint: tuple[float, float, float] = (1, 1, 1), soft: int = 0) -> Frame:
    """A textured plane moved right by pixels, (144, 256, 3)."""
    texture = np.random.default_rng(5).uniform(30, 200, (36, 128, 3)).repeat(4, axis=0).repeat(4, axis=1)
    for _ in range(soft):
        texture = sum(np.roll(texture, step, axis) for step in (-1, 0, 1) for axis in (0, 1)) / 6
    moved = np.roll(texture, shift, axis=1)[:, :256]
    return np.clip(moved * gain * np.asarray(tint), 0, 255).astype(np.uint8)


def found(first: tuple[Frame, Frame], then: tuple[Frame, Frame]) -> dict[str, float]:
    return {jump.property: jump.amount for jump in jumps(edge(first, APART_S), edge(then, APART_S))}


BEFORE = (scene(0), scene(6))


def test_a_cut_within_one_movement_is_no_jump() -> None:
    assert found(BEFORE, (scene(7), scene(13))) == {}


def test_a_planted_drift_is_found_and_named() -> None:
    assert list(found(BEFORE, (scene(7, gain=0.7), scene(13, gain=0.7)))) == ["light"]
    assert found(BEFORE, (scene(7, gain=0.7), scene(13, gain=0.7)))["light"] < -5
    assert "colour" in found(BEFORE, (scene(7, tint=(1.2, 1, 0.7)), scene(13, tint=(1.2, 1, 0.7))))
    softer = found(BEFORE, (scene(7, soft=12), scene(13, soft=12)))
    assert list(softer) == ["sharpness"]
    assert softer["sharpness"] < 0
    assert found(BEFORE, (scene(7), scene(1))) == {"motion": pytest.approx(180)}


def test_how_a_shot_moves_is_told_in_diagonals_a_second() -> None:
    motion = edge(BEFORE, APART_S).motion
    assert motion == pytest.approx((6 / math.hypot(256, 144) / APART_S, 0))
    assert edge((scene(0), scene(0)), APART_S).motion is None
    assert edge((scene(0),), APART_S).motion is None


def test_a_plain_picture_has_neither_sharpness_nor_motion() -> None:
    grey = np.full((144, 256, 3), 119, np.uint8)
    plain = edge((grey, grey), APART_S)
    assert (plain.sharpness, plain.motion) == (None, None)
    assert plain.light == pytest.approx(50, abs=0.5), "sRGB 119 is the middle grey of CIE L*"
    assert plain.colour == pytest.approx((0, 0), abs=0.01)
    assert jumps(plain, Edge(light=50, colour=(0, 0), sharpness=-1, motion=(1, 0))) == []


def test_lab_of_known_colours() -> None:
    red, white = lab(np.array([[[255, 0, 0], [255, 255, 255]]], np.uint8))[0]
    assert red == pytest.approx((53.24, 80.09, 67.20), abs=0.05)
    assert white == pytest.approx((100, 0, 0), abs=0.01)
