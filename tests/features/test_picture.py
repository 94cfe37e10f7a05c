"""Measures of single pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vbench.features.picture import banding, blockiness, exposure_fault, letterbox, look_at, sharpness
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
    plain = look_at(grey, rgb)
    after = look_at(np.ascontiguousarray(np.rot90(grey, turn)), np.ascontiguousarray(np.rot90(rgb, turn)))
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
