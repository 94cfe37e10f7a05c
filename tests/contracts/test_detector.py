"""Boxes of detections against a count of grid points, which shares no code with the overlap."""

from __future__ import annotations

import numpy as np
import pytest

from vbench.contracts.detector import Box, overlap

BOXES: list[tuple[Box, Box]] = [
    ((0.1, 0.1, 0.5, 0.5), (0.3, 0.2, 0.7, 0.9)),
    ((0.0, 0.0, 1.0, 1.0), (0.25, 0.25, 0.5, 0.75)),
    ((0.0, 0.0, 0.2, 0.2), (0.6, 0.6, 0.9, 0.9)),
]


@pytest.mark.parametrize(("a", "b"), BOXES)
def test_overlap_is_the_share_of_points_in_both(a: Box, b: Box) -> None:
    x, y = np.meshgrid(*[(np.arange(1000) + 0.5) / 1000] * 2)
    within = [(x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3]) for box in (a, b)]
    expected = (within[0] & within[1]).sum() / (within[0] | within[1]).sum()
    assert overlap(a, b) == pytest.approx(expected, abs=2e-3)
    assert overlap(a, b) == overlap(b, a)
