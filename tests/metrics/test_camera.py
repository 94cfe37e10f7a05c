"""Moves of the camera, named from planted flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.metrics.values import make_flow, make_steps
from vbench.errors import MetricError
from vbench.metrics.camera import camera_move, recognised
from vbench.records import Prompt


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
def test_moves_are_named_as_the_crew_does(move: Any, name: str) -> None:
    flow, steps = make_flow(8, move=np.tile(move, (8, 1))), make_steps(n=30, fps=24)
    assert set(recognised(flow, steps)[0]) == {name}
    found = camera_move(flow, steps, Prompt(id="p", text="", expects={"camera": name}))
    assert found.value == 1.0


@pytest.mark.parametrize("move", [(-0.1, 0, 0, 0), (0, 0, 0, 0)])
def test_what_no_camera_explains_is_no_move_and_not_static(move: Any) -> None:
    """A homography that fits a quarter of the points fits them by chance."""
    flow = make_flow(16, move=np.tile(move, (16, 1)), inliers=np.where(np.arange(16) < 8, 0.9, 0.25))
    steps, asked = make_steps(n=60, fps=24), {"camera": "pan_right" if any(move) else "static"}
    names = recognised(flow, steps)[0]
    assert "unclear" not in names[:8]
    assert set(names[10:]) == {"unclear"}
    assert camera_move(flow, steps, Prompt(id="p", text="", expects=asked)).value == pytest.approx(9 / 16, abs=0.07)


def test_half_the_time() -> None:
    move = np.zeros((16, 4))
    move[8:, 0] = -0.2
    found = camera_move(
        make_flow(16, move=move), make_steps(n=60, fps=24), Prompt(id="p", text="", expects={"camera": "truck_right"})
    )
    assert found.value == pytest.approx(0.5, abs=0.13)


@pytest.mark.parametrize("expects", [{}, {"camera": "handheld"}])
def test_moves_that_cannot_be_checked(expects: dict[str, Any]) -> None:
    with pytest.raises(MetricError) as caught:
        camera_move(make_flow(8), make_steps(n=30, fps=24), Prompt(id="p", text="", expects=expects))
    assert caught.value.code == "not_applicable"
