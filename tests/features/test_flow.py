"""DIS flow of a drawn pan."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.passes import features_of
from vbench.features.flow import DisFeature
from vbench.selftest import textured_pan
from vbench.video import write_clip


@pytest.fixture(scope="module")
def pan(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "pan.mp4"
    write_clip(textured_pan(24, 320, 192, seed=3, speed=2.0), path, fps=24, crf=0, preset="ultrafast")
    return path


def test_flow_of_a_pan_is_its_speed(pan):
    flow = features_of(pan, DisFeature)["flow"]
    speed = 2 * 24 / np.hypot(320, 192)
    assert flow.median == pytest.approx(speed, rel=0.05)
    assert flow.camera == pytest.approx(speed, rel=0.05)
    assert flow.subject.max() < 0.05 * speed
    assert flow.move[:, 0] == pytest.approx(-speed, rel=0.05)
    assert flow.frame.tolist() == [3, 6, 9, 12, 15, 18, 21]
