"""Unrest of the light, planted in tiles."""

from __future__ import annotations

import numpy as np
import pytest

from tests.metrics.values import make_steps
from vbench.errors import MetricError
from vbench.metrics.flicker import brightness_flicker


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
