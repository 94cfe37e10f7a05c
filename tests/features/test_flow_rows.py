"""Flow fields whose camera, subject and jerk are known."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vbench.features.flow_rows import FlowRows, camera_part
from vbench.selftest import textured_pan

TEXTURE = textured_pan(2, 320, 192, seed=3, speed=2.0)
LUMA = cv2.cvtColor(TEXTURE[0], cv2.COLOR_RGB2GRAY)


def test_camera_part_of_a_known_zoom_and_turn() -> None:
    y, x = np.mgrid[:90, :160].astype(np.float32)
    centred = (x - 79.5) + 1j * (y - 44.5)
    moved = centred * 1.03 * np.exp(0.02j) + (1.5 - 0.5j) - centred
    flow = np.stack([moved.real, moved.imag], axis=2).astype(np.float32)
    camera, subject, move, inliers = camera_part(flow, np.ones((45, 80), bool))
    assert move == pytest.approx([1.5, -0.5, np.log(1.03), 0.02], abs=0.03)
    assert subject < 0.02
    assert inliers == 1.0
    assert camera == pytest.approx(np.abs(moved).mean(), rel=0.05)


def test_what_moves_by_itself_is_subject() -> None:
    flow = np.zeros((96, 160, 2), np.float32)
    flow[32:64, 40:80, 0] = 6.0
    camera, subject, _, _ = camera_part(flow, np.ones((48, 80), bool))
    assert camera < 0.05
    assert subject == pytest.approx(6 * 32 * 40 / (96 * 160), rel=0.1)


def test_chaos_is_no_camera() -> None:
    flow = np.random.default_rng(0).uniform(-20, 20, (96, 160, 2)).astype(np.float32)
    camera, subject, move, _ = camera_part(flow, np.ones((48, 80), bool))
    assert camera == 0.0
    assert not move.any()
    assert subject == pytest.approx(np.hypot(*flow[4::8, 4::8].reshape(-1, 2).T).mean())


def test_jerk_of_even_and_of_turning_motion() -> None:
    def jerk(velocities: Any) -> Any:
        rows = FlowRows()
        for i, velocity in enumerate(velocities):
            flow = np.full((64, 96, 2), 0, np.float32)
            flow[..., 0] = velocity
            rows.add(i / 8, (i + 1) / 8, i, LUMA[:64, :96], LUMA[:64, :96], flow, -flow)
        return rows.close().jerk[1:]

    assert jerk([4, 4, 4]) == pytest.approx(0.0, abs=1e-6)
    assert jerk([4, -4, 4]) == pytest.approx(8 / 4.25, rel=1e-3)
