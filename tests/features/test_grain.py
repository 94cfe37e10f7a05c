"""Grain is read near its true size on plain and textured pictures, and texture is not taken for it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vbench.features.grain import noise

HEIGHT, WIDTH = 270, 480


def ramp() -> Any:
    return np.full((HEIGHT, WIDTH), 120.0) + np.linspace(-40, 40, WIDTH)


def strokes(length: Any, degrees: Any, n: Any) -> Any:
    """Short lines of random brightness: grass, or hair where they are long."""
    draw = np.random.default_rng(0)
    canvas = np.full((2 * HEIGHT, 2 * WIDTH), 110, np.uint8)
    for _ in range(n):
        x, y = draw.integers(0, 2 * WIDTH), draw.integers(0, 2 * HEIGHT)
        angle, size = np.deg2rad(draw.uniform(*degrees)), 2 * draw.uniform(*length)
        end = (int(x + size * np.cos(angle)), int(y + size * np.sin(angle)))
        cv2.line(canvas, (int(x), int(y)), end, int(draw.integers(60, 190)), 2, cv2.LINE_AA)
    return cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(float)


def weave(period: Any) -> Any:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return 120 + 25 * np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period)


PICTURES = {
    "ramp": ramp(),
    "grass": strokes((6, 18), (70, 110), 22_000),
    "hair": strokes((60, 200), (80, 100), 8_000),
    "weave": weave(4),
    "coarse weave": weave(6),
}


def grainy(picture: Any, sigma: Any, seed: int = 1) -> Any:
    grain = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(np.round(picture + grain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", PICTURES)
def test_texture_is_no_grain(name: Any) -> None:
    assert noise(grainy(PICTURES[name], 0)) < 0.3


@pytest.mark.parametrize("name", PICTURES)
def test_grain_is_near_its_true_size(name: Any) -> None:
    found = [noise(grainy(PICTURES[name], sigma)) for sigma in (0, 2, 4, 8, 16)]
    assert found == sorted(found)
    assert found[3:] == pytest.approx([8, 16], rel=0.15)
    if name == "ramp":
        assert found[1:3] == pytest.approx([2, 4], rel=0.1)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("quality", [90, 60, 30])
def test_compression_adds_no_grain(name: Any, quality: int) -> None:
    clean, grained = grainy(PICTURES[name], 0), grainy(PICTURES[name], 8)
    for picture, room in ((clean, 2.2), (grained, 0.2 * 8)):  # rounding of coefficients lends grain up to a fifth
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert noise(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)) <= noise(picture) + room


def test_a_clipped_sky_does_not_hide_grain() -> None:
    picture = ramp()
    picture[: HEIGHT // 2] = 255
    assert noise(grainy(picture, 8)) == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("shape", [(16, 16), (33, 47), (1080, 1920)])
def test_any_size_answers(shape: tuple[int, int]) -> None:
    assert noise(np.full(shape, 90, np.uint8)) == pytest.approx(0, abs=1e-3)
    found = noise(grainy(np.full(shape, 120.0), 8))
    assert found == pytest.approx(8, rel=0.1) if min(shape) >= 64 else 1 < found < 9  # few patches, and the least rules
