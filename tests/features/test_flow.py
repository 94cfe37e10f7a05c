"""DIS flow of a drawn pan."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.features.passes import features_of
from vbench.features.flow import DisFeature, dis_flow
from vbench.selftest import textured_pan
from vbench.video import write_clip


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("clips") / "pan.mp4"
    write_clip(textured_pan(24, 320, 192, seed=3, speed=2.0), path, fps=24, crf=0, preset="ultrafast")
    return path


def test_flow_of_a_pan_is_its_speed(pan: Any) -> None:
    flow = features_of(pan, DisFeature)["flow"]
    speed = 2 * 24 / np.hypot(320, 192)
    assert flow.median == pytest.approx(speed, rel=0.05)
    assert flow.camera == pytest.approx(speed, rel=0.05)
    assert flow.subject.max() < 0.05 * speed
    assert flow.move[:, 0] == pytest.approx(-speed, rel=0.05)
    assert flow.frame.tolist() == [3, 6, 9, 12, 15, 18, 21]


@pytest.mark.parametrize("size_px", [0.5, 2.0, 6.0])
def test_of_parts_that_move_apart_a_known_share_is_read(size_px: float) -> None:
    """A bent picture whose truth is known: of its liveliest twentieth nearly all is read."""
    draw = np.random.default_rng(4)
    shares = []
    for seed in range(4):
        second = cv2.cvtColor(textured_pan(1, 320, 192, seed=seed)[0], cv2.COLOR_RGB2GRAY)
        height, width = second.shape
        bends = [cv2.GaussianBlur(draw.normal(size=second.shape).astype(np.float32), (0, 0), 20) for _ in range(2)]
        truth = np.stack([bend / bend.std() * size_px for bend in bends], axis=-1)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        first = cv2.remap(second, x + truth[..., 0], y + truth[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        lengths = [np.hypot(flow[..., 0], flow[..., 1]) for flow in (dis_flow(first, second), truth)]
        shares.append(np.divide(*(np.percentile(length[16:-16, 16:-16], 95) for length in lengths)))
    assert 0.9 < np.mean(shares) < 1.1  # as docs/metrics.md says
