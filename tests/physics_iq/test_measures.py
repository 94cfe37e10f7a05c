"""The four measures against loops that share no code with them, and the two scores against the published formulas."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vbench.errors import MetricError
from vbench.physics_iq.measures import MEASURES, likeness, motion_masks, original_score, verified_scores

Booleans = NDArray[np.bool_]
N, HEIGHT, WIDTH = 5, 6, 7


def iou(a: Booleans, b: Booleans) -> float:
    both = either = 0
    for x, y in zip(a.ravel(), b.ravel(), strict=True):
        both += bool(x and y)
        either += bool(x or y)
    return both / either if either else 1.0


def reference(a: Booleans, b: Booleans, x: NDArray[np.uint8], y: NDArray[np.uint8]) -> list[float]:
    least = most = 0.0
    for row in range(HEIGHT):
        for column in range(WIDTH):
            times = sorted([a[:, row, column].sum() / N, b[:, row, column].sum() / N])
            least, most = least + times[0], most + times[1]
    squares = [((p / 255.0 - q / 255.0) ** 2).mean() for p, q in zip(x.astype(float), y.astype(float), strict=True)]
    return [
        iou(a.any(axis=0), b.any(axis=0)),
        float(np.mean([iou(p, q) for p, q in zip(a, b, strict=True)])),
        least / most if most else 1.0,
        float(np.mean(squares)),
    ]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_the_measures_are_those_of_the_loops(share: float) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.uniform(size=(2, N, HEIGHT, WIDTH)) < share
    x, y = rng.integers(0, 256, (2, N, HEIGHT, WIDTH, 3), dtype=np.uint8)
    found = likeness(zip(a, b, x, y, strict=True))
    assert found.row() == pytest.approx(reference(a, b, x, y), abs=1e-9)
    assert likeness(zip(a, a, x, x, strict=True)).row() == (1, 1, 1, 0)
    with pytest.raises(MetricError, match="at least one picture"):
        likeness([])


def test_masks_are_where_something_moves_and_the_first_is_empty() -> None:
    pictures = []
    for i in range(4):
        picture = np.full((60, 80, 3), 30, np.uint8)
        picture[20:40, 10 + 10 * i : 30 + 10 * i] = 220
        pictures.append(picture)
    masks = list(motion_masks(pictures))
    assert not masks[0].any()
    for i, mask in enumerate(masks[1:], start=1):
        assert mask[30, 10 + 10 * i + 17], "where the square came"
        assert not mask[:10].any(), "where nothing moved"
        assert not mask[50:].any(), "where nothing moved"
    assert not any(mask.any() for mask in motion_masks([pictures[0]] * 4))


def test_the_verified_score_is_clipped_view_by_view_and_measure_by_measure() -> None:
    of_clip = np.array([[0.25, 0.5, 0.9, 0.04], [0.3, 0.2, 0.1, 0.0]])
    of_takes = np.array([[0.5, 0.5, 0.6, 0.01], [0.6, 0.0, 0.2, 0.02]])
    found = verified_scores(of_clip, of_takes)
    assert found == pytest.approx(np.array([[0.5, 1.0, 1.0, 0.25], [0.5, 1.0, 0.5, 1.0]]), abs=1e-5)
    assert len(MEASURES) == found.shape[-1]


def test_the_original_score_is_of_means_and_clipped_at_the_end() -> None:
    of_takes = np.array([0.5, 0.4, 0.8, 0.01])
    assert original_score(np.array([0.25, 0.1, 0.4, 0.06]), of_takes) == pytest.approx((0.5 + 0.25 + 0.5) / 3 - 0.05)
    assert original_score(of_takes, of_takes) == 1
    assert original_score(np.array([0.0, 0.0, 0.0, 0.5]), of_takes) == 0
