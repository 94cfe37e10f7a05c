"""Measures of single pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vbench.features.picture import banding, blockiness, exposure_fault, letterbox, sharpness
from vbench.selftest import textured_pan

TEXTURE = textured_pan(2, 320, 192, seed=3, speed=2.0)
LUMA = cv2.cvtColor(TEXTURE[0], cv2.COLOR_RGB2GRAY)


def test_letterbox_is_the_share_of_the_bars():
    barred = LUMA.copy()
    barred[:24], barred[-24:] = 0, 5
    assert letterbox(barred)[0] == pytest.approx(48 / 192)
    assert letterbox(barred)[1] == (24, 168, 0, 320)
    assert letterbox(LUMA)[0] == 0.0
    assert letterbox(np.zeros_like(LUMA))[0] == 0.0


def test_blockiness_of_blocks_of_eight():
    blocks = np.kron(np.random.default_rng(0).integers(0, 256, (24, 40)), np.ones((8, 8))).astype(np.uint8)
    assert blockiness(blocks) == pytest.approx(1.0)
    assert blockiness(np.roll(blocks, 3, axis=(0, 1))) == 0.0
    assert blockiness(LUMA) < 0.05


def test_banding_of_a_staircase():
    ramp = np.tile(np.linspace(40, 200, 640), (200, 1))
    assert banding(np.floor(ramp).astype(np.uint8)) == pytest.approx(0.0, abs=0.02)
    assert banding((np.floor(ramp / 8) * 8).astype(np.uint8)) > 0.8


def test_exposure_is_the_share_of_lost_pixels():
    picture = np.full((10, 10), 128, np.uint8)
    picture[0], picture[1, :5] = 0, 255
    assert exposure_fault(picture) == pytest.approx(0.15)


def test_sharpness_falls_with_blur_and_not_with_pixels():
    blurred = cv2.GaussianBlur(LUMA, (0, 0), 3)
    assert sharpness(LUMA) > sharpness(blurred) + 0.1
    large = cv2.resize(LUMA, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    larger = cv2.resize(LUMA, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    assert sharpness(large) == pytest.approx(sharpness(larger), abs=0.05)
