"""Pictures of the synthetic world show what the scene says."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

from tests.synthetic.scenes import H, W, centre, frame_at, red_mask, scene_of
from vbench.synthetic.render import RADIUS, render
from vbench.synthetic.scene import (
    PATTERNS,
    SHAPES,
)


def test_same_seed_same_pixels_other_seed_other_pixels() -> None:
    first, again, other = (
        np.stack(list(render(scene_of(motion="bounce"), width=96, height=64, fps=8, seed=seed, seconds=2)))
        for seed in (1, 1, 2)
    )
    assert first.shape == (16, 64, 96, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 1


def polygon_area(corners: list[tuple[float, float]]) -> float:
    """Shoelace."""
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def star_corners(points: int, inner: float) -> list[tuple[float, float]]:
    radii = [1.1, 1.1 * inner]
    return [
        (radii[i % 2] * math.sin(math.pi * i / points), radii[i % 2] * math.cos(math.pi * i / points))
        for i in range(2 * points)
    ]


AREAS = {
    "circle": math.pi * 0.95**2,
    "square": 1.64**2,
    "ring": math.pi * (0.96**2 - 0.48**2),
    "cross": 2 * 1.9 * 0.6 - 0.6**2,
    "triangle": polygon_area(star_corners(3, 0.5)),
    "star": polygon_area(star_corners(5, 0.42)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_cover_the_area_that_geometry_says(shape: Any) -> None:
    frame = frame_at(scene_of(shape=shape, size="large"), 0, width=480, height=320)
    covered = red_mask(frame).sum() / (RADIUS["large"] * 320) ** 2
    assert covered == pytest.approx(AREAS[shape], rel=0.03)


@pytest.mark.parametrize(
    ("motion", "dx", "dy"),
    [
        ("left_to_right", 1, 0),
        ("right_to_left", -1, 0),
        ("top_to_bottom", 0, 1),
        ("bottom_to_top", 0, -1),
        ("diagonal", 1, 1),
        ("still", 0, 0),
    ],
)
def test_objects_move_the_way_the_scene_says(motion: str, dx: int, dy: int) -> None:
    start, end = (centre(frame_at(scene_of(motion=motion), t_s)) for t_s in (0.3, 2.7))
    for moved, sign, side in ((end[0] - start[0], dx, W), (end[1] - start[1], dy, H)):
        assert moved == pytest.approx(0, abs=1.0) if sign == 0 else sign * moved > 0.25 * side


def test_objects_grow_shrink_turn_bounce_and_circle() -> None:
    def masks(motion: str, shape: str = "circle") -> list[np.ndarray]:
        return [red_mask(frame_at(scene_of(motion=motion, shape=shape), t)) for t in np.linspace(0, 3, 25)]

    assert masks("grow")[-1].sum() > 4 * masks("grow")[0].sum()
    assert masks("shrink")[0].sum() > 4 * masks("shrink")[-1].sum()
    turned = masks("rotate", "cross")
    assert turned[0].sum() == pytest.approx(turned[3].sum(), rel=0.03)
    assert (turned[0] & turned[3]).sum() < 0.85 * turned[0].sum()
    heights = [np.nonzero(mask)[0].mean() for mask in masks("bounce")]
    assert np.ptp(heights) > 0.35 * H
    assert (np.diff(np.sign(np.diff(heights))) != 0).sum() >= 3
    across, down = zip(*(np.argwhere(mask).mean(0)[::-1] for mask in masks("circle_around")), strict=True)
    assert np.ptp(across) > 0.5 * H
    assert np.ptp(down) > 0.4 * H


@pytest.mark.parametrize(
    ("camera", "dx", "dy"), [("pan_right", -1, 0), ("pan_left", 1, 0), ("tilt_down", 0, -1), ("tilt_up", 0, 1)]
)
def test_the_picture_moves_against_the_camera(camera: str, dx: int, dy: int) -> None:
    shots = [frame_at(scene_of(camera=camera), t, grain=i).mean(-1) for i, t in enumerate((1.4, 1.6))]
    (x, y), _ = cv2.phaseCorrelate(*shots, cv2.createHanningWindow((W, H), cv2.CV_64F))
    step = 0.16 * 0.2 * H
    assert x == pytest.approx(dx * step, abs=0.15 * step)
    assert y == pytest.approx(dy * step, abs=0.15 * step)


def test_zoom_and_a_camera_at_rest() -> None:
    small, large = (red_mask(frame_at(scene_of(camera="zoom_in"), t)).sum() for t in (0.5, 2.5))
    assert math.log(large / small) / 2 / 2 == pytest.approx(0.16, rel=0.12)
    out = [red_mask(frame_at(scene_of(camera="zoom_out"), t)).sum() for t in (0.5, 2.5)]
    assert out[0] > 1.5 * out[1]
    still = [frame_at(scene_of(), t).astype(int) for t in (0, 3)]
    np.testing.assert_array_equal(*still)


def test_patterns_and_texture_leave_something_to_follow() -> None:
    """A background without detail would hide a camera move from optical flow."""
    for pattern in PATTERNS:
        grey = cv2.cvtColor(frame_at(scene_of(pattern=pattern), 0, width=384, height=256), cv2.COLOR_RGB2GRAY)
        blocks = grey[:240, :384].reshape(15, 16, 24, 16).std((1, 3))
        assert np.median(blocks) > (4 if pattern != "plain" else 1.5), pattern
