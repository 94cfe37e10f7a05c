"""What was asked for against what came, and which way the camera went."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.contracts.test_contracts import PROBE
from tests.metrics.values import make_flow, make_steps
from vbench.contracts import Asked
from vbench.errors import MetricError
from vbench.metrics.camera import camera_move, recognised
from vbench.metrics.spec import spec_adherence, spec_checks
from vbench.records import Prompt


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(seconds=1.0), {"seconds": 1.0}),
        (Asked(seconds=2.5), {"seconds": 0.0}),
        (Asked(fps=24), {"fps": 1.0}),
        (Asked(width=64, height=48), {"size": 1.0}),
        (Asked(width=128, height=96), {"size": 0.5}),
        (Asked(width=48, height=64), {"size": 0.0}),
        (Asked(aspect="4:3"), {"aspect": 1.0}),
        (Asked(audio=True), {"audio": 0.0}),
    ],
)
def test_wishes(asked, expected):
    assert spec_checks(PROBE, asked) == pytest.approx(expected)


def test_the_mean_of_wishes():
    assert spec_adherence(PROBE, Asked(seconds=1.0, audio=True)).value == pytest.approx(0.5)
    half = spec_checks(replace(PROBE, fps=24 / np.sqrt(2)), Asked(fps=24))["fps"]
    assert half == pytest.approx(0.5 + np.log2(1.02), abs=1e-6)


def test_nothing_asked_is_not_applicable():
    with pytest.raises(MetricError) as caught:
        spec_adherence(PROBE, Asked())
    assert caught.value.code == "not_applicable"


@pytest.mark.parametrize(
    ("move", "name"),
    [
        ((-0.1, 0, 0, 0), "pan_right"),
        ((0.1, 0, 0, 0), "pan_left"),
        ((0, -0.1, 0, 0), "tilt_down"),
        ((0, 0.1, 0, 0), "tilt_up"),
        ((0.01, 0, 0.3, 0), "zoom_in"),
        ((0, 0, -0.3, 0), "zoom_out"),
        ((0, 0, 0, -0.3), "roll_cw"),
        ((0, 0, 0, 0.3), "roll_ccw"),
        ((0.002, 0.001, 0.001, 0), "static"),
    ],
)
def test_moves_are_named_as_the_crew_does(move, name):
    flow, steps = make_flow(8, move=np.tile(move, (8, 1))), make_steps(n=30, fps=24)
    assert set(recognised(flow, steps)[0]) == {name}
    found = camera_move(flow, steps, Prompt(id="p", text="", expects={"camera": name}))
    assert found.value == 1.0


@pytest.mark.parametrize("move", [(-0.1, 0, 0, 0), (0, 0, 0, 0)])
def test_what_no_camera_explains_is_no_move_and_not_static(move):
    """A homography that fits a quarter of the points fits them by chance."""
    flow = make_flow(16, move=np.tile(move, (16, 1)), inliers=np.where(np.arange(16) < 8, 0.9, 0.25))
    steps, asked = make_steps(n=60, fps=24), {"camera": "pan_right" if any(move) else "static"}
    names = recognised(flow, steps)[0]
    assert "unclear" not in names[:8]
    assert set(names[10:]) == {"unclear"}
    assert camera_move(flow, steps, Prompt(id="p", text="", expects=asked)).value == pytest.approx(9 / 16, abs=0.07)


def test_half_the_time():
    move = np.zeros((16, 4))
    move[8:, 0] = -0.2
    found = camera_move(
        make_flow(16, move=move), make_steps(n=60, fps=24), Prompt(id="p", text="", expects={"camera": "truck_right"})
    )
    assert found.value == pytest.approx(0.5, abs=0.13)


@pytest.mark.parametrize("expects", [{}, {"camera": "handheld"}])
def test_moves_that_cannot_be_checked(expects):
    with pytest.raises(MetricError) as caught:
        camera_move(make_flow(8), make_steps(n=30, fps=24), Prompt(id="p", text="", expects=expects))
    assert caught.value.code == "not_applicable"
