"""Measures of single pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vbench.features.picture import (
    banding,
    blockiness,
    definition,
    exposure_fault,
    letterbox,
    look_at,
    sharpness,
    texture,
)
from vbench.selftest import textured_pan

TEXTURE = textured_pan(2, 320, 192, seed=3, speed=2.0)
LUMA = cv2.cvtColor(TEXTURE[0], cv2.COLOR_RGB2GRAY)


def test_letterbox_is_the_share_of_the_bars() -> None:
    barred = LUMA.copy()
    barred[:24], barred[-24:] = 0, 5
    assert letterbox(barred)[0] == pytest.approx(48 / 192)
    assert letterbox(barred)[1] == (24, 168, 0, 320)
    assert letterbox(LUMA)[0] == 0.0
    assert letterbox(np.zeros_like(LUMA))[0] == 0.0


def test_blockiness_of_blocks_of_eight() -> None:
    blocks = np.kron(np.random.default_rng(0).integers(0, 256, (24, 40)), np.ones((8, 8))).astype(np.uint8)
    assert blockiness(blocks) == pytest.approx(1.0)
    assert blockiness(np.roll(blocks, 3, axis=(0, 1))) == 0.0
    assert blockiness(LUMA) < 0.05


def test_banding_of_a_staircase() -> None:
    ramp = np.tile(np.linspace(40, 200, 640), (200, 1))
    assert banding(np.floor(ramp).astype(np.uint8)) == pytest.approx(0.0, abs=0.02)
    assert banding((np.floor(ramp / 8) * 8).astype(np.uint8)) > 0.8


def test_banding_is_the_same_whichever_way_the_steps_run() -> None:
    """Six levels of a sky, from left to right or from top to bottom: all of the climb is in steps."""
    sky = (np.floor(np.tile(np.linspace(60, 180, 480), (270, 1)) / 6) * 6).astype(np.uint8)
    down = np.ascontiguousarray(cv2.resize(sky.T, (480, 270), interpolation=cv2.INTER_NEAREST))
    assert banding(sky) == pytest.approx(1.0)
    assert banding(down) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [(320, 192), (298, 168), (427, 241)])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_picture_measures_the_same(size: tuple[int, int], turn: int) -> None:
    """All of them, on a picture with bars, grain, steps, blocks and a cast, whose sides 8 and 16 divide or do not.

    Where the smooth areas of banding end is told to a pixel, which falls either way.
    """
    width, height = size
    draw = np.random.default_rng(0)
    picture = cv2.resize(TEXTURE[0], size).astype(np.float32)
    picture[: height // 3] = np.floor(np.linspace(60, 140, width) / 5)[None, :, None] * 5
    picture[height // 2 :] += draw.normal(0, 6, (height - height // 2, width, 3))
    picture[:, -width // 4 :] = cv2.resize(picture[::8, ::8], size, interpolation=cv2.INTER_NEAREST)[:, -width // 4 :]
    picture[:12] = picture[-12:] = 0
    rgb = np.clip(picture * np.array([1.1, 1.0, 0.8]), 0, 255).astype(np.uint8)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    plain = look_at(grey, rgb, grey)
    turned, turned_rgb = (np.ascontiguousarray(np.rot90(picture, turn)) for picture in (grey, rgb))
    after = look_at(turned, turned_rgb, turned)
    assert after == pytest.approx(plain, rel=0.02, abs=0.0001)
    assert plain[6] == pytest.approx(24 / height)


def test_exposure_is_the_share_of_lost_pixels() -> None:
    picture = np.full((10, 10), 128, np.uint8)
    picture[0], picture[1, :5] = 0, 255
    assert exposure_fault(picture) == pytest.approx(0.15)


def test_sharpness_falls_with_blur_and_not_with_pixels() -> None:
    blurred = cv2.GaussianBlur(LUMA, (0, 0), 3)
    assert sharpness(LUMA) > sharpness(blurred) + 0.1
    large = cv2.resize(LUMA, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    larger = cv2.resize(LUMA, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    assert sharpness(large) == pytest.approx(sharpness(larger), abs=0.05)


def slopes(luma: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Right and down, by scipy and shifts."""
    smooth = gaussian_filter(luma.astype(float), sigma, mode="mirror", truncate=6)
    wide = np.pad(smooth, 1, mode="reflect")
    right = wide[:, 2:] - wide[:, :-2]
    down = wide[2:] - wide[:-2]
    return (
        (right[:-2] + 2 * right[1:-1] + right[2:]) / 8,
        (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 8,
    )


def test_definition_and_texture_against_scipy() -> None:
    (ax, ay), (cx, cy) = slopes(LUMA, 0.7), slopes(LUMA, 3.0)
    angle = np.arctan2(cy, cx)
    along, across = ax * np.cos(angle) + ay * np.sin(angle), ay * np.cos(angle) - ax * np.sin(angle)
    expected = np.sqrt((along**2 - across**2).mean()) / (np.sqrt((cx**2 + cy**2).mean()) + 0.3)
    assert definition(LUMA) == pytest.approx(expected, rel=0.02)
    assert texture(LUMA) == pytest.approx(np.hypot(*slopes(LUMA, 1.5)).mean(), rel=0.02)


def test_definition_falls_with_blur_and_neither_grain_nor_contrast_raises_it() -> None:
    edges = np.kron(np.random.default_rng(1).integers(60, 190, (8, 12)), np.ones((24, 24))).astype(np.uint8)
    ladder = [definition(np.asarray(cv2.GaussianBlur(edges, (0, 0), sigma), np.uint8)) for sigma in (0.5, 1, 2, 4)]
    assert (np.diff(ladder) < -0.05).all()
    draw = np.random.default_rng(0)
    grainy = [np.clip(edges + draw.normal(0, level, edges.shape), 0, 255).astype(np.uint8) for level in (4, 10)]
    assert [definition(picture) for picture in grainy] == pytest.approx([definition(edges)] * 2, rel=0.03)
    assert definition((edges * 0.8 + 25).astype(np.uint8)) == pytest.approx(definition(edges), rel=0.03)
    assert definition(np.full((64, 64), 90, np.uint8)) == 0.0
    assert texture(np.full((64, 64), 90, np.uint8)) == 0.0
