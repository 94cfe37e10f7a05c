"""Unrest of the light, planted in tiles."""

from __future__ import annotations

import numpy as np
import pytest

from tests.metrics.values import make_steps
from vbench.contracts import Picture
from vbench.errors import MetricError
from vbench.metrics.flicker import brightness_flicker, relative_flicker


def test_flicker_is_the_second_difference() -> None:
    """+-5 levels from frame to frame: |a - 2b + a| / 2 = 10."""
    tiles = 100 + 5 * (-1.0) ** np.arange(24)[:, None] * np.ones(64)
    assert brightness_flicker(make_steps(n=24, fps=24, tiles=tiles)).value == pytest.approx(10.0)


def test_fades_and_small_movers_do_not_flicker() -> None:
    fade = np.arange(24)[:, None] * np.ones(64) * 4.0
    assert brightness_flicker(make_steps(n=24, fps=24, tiles=fade)).value == pytest.approx(0.0)
    fade[::2, :20] += 50
    assert brightness_flicker(make_steps(n=24, fps=24, tiles=fade)).value == pytest.approx(0.0)


def test_flicker_does_not_reach_across_a_cut() -> None:
    tiles = np.where(np.arange(24) < 12, 50.0, 200.0)[:, None] * np.ones(64)
    cut = {"change": {12: 150.0}, "colour": {12: 0.9}, "lost": {12: 1.0}}
    assert brightness_flicker(make_steps(n=24, fps=24, tiles=tiles, **cut)).value == 0.0
    assert brightness_flicker(make_steps(n=24, fps=24, tiles=tiles)).value > 0.0


def test_a_still_picture_has_no_flicker_to_measure() -> None:
    with pytest.raises(MetricError) as caught:
        brightness_flicker(make_steps(n=1, fps=24, n_frames=24))
    assert caught.value.code == "undefined"


def picture(texture: list[float]) -> Picture:
    """Textures half a second apart; everything else is nothing."""
    n = len(texture)
    zeros = {name: np.zeros(n) for name in Picture.__slots__ if name not in ("t_s", "frame", "texture")}
    return Picture(t_s=np.arange(n) / 2, frame=12 * np.arange(n), texture=np.array(texture), **zeros)


def test_relative_flicker_is_flicker_over_texture_at_its_time() -> None:
    """10 levels over a texture that grows from 1.3 to 4.3 within the second, and the floor of 0.7."""
    tiles = 100 + 5 * (-1.0) ** np.arange(24)[:, None] * np.ones(64)
    found = relative_flicker(make_steps(n=24, fps=24, tiles=tiles), picture([1.3, 2.8, 4.3]))
    assert found.timeline is not None
    assert found.timeline.value == pytest.approx([10 / (2.0 + 3 * k / 24) for k in range(1, 23)])
    assert found.value == pytest.approx(found.timeline.value.mean())


def test_contrast_moves_flicker_and_not_relative_flicker() -> None:
    tiles = 100 + 5 * (-1.0) ** np.arange(24)[:, None] * np.ones(64)
    plain, vivid = (make_steps(n=24, fps=24, tiles=100 + gain * (tiles - 100)) for gain in (1.0, 1.2))
    assert brightness_flicker(vivid).value == pytest.approx(1.2 * brightness_flicker(plain).value)
    before, now = relative_flicker(plain, picture([10.0])).value, relative_flicker(vivid, picture([12.0])).value
    assert now == pytest.approx(before, rel=0.02)
