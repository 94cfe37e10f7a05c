"""High-frequency flicker of a drawn picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.features.passes import features_of
from vbench.features.shimmer import ShimmerFeature
from vbench.video import write_clip


def test_shimmer_is_the_second_difference_where_nothing_moves(tmp_path: Path) -> None:
    flat = np.full((64, 96, 3), 100, np.uint8)
    frames = [flat + np.uint8(6 * (i % 2)) for i in range(24)]
    write_clip(frames, tmp_path / "x.mp4", fps=24, crf=0)
    assert features_of(tmp_path / "x.mp4", ShimmerFeature)["shimmer"].value == pytest.approx(6.0, abs=0.6)
