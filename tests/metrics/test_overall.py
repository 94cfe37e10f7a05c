"""The headline: stillness never pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vbench.metrics.overall import (
    GROUPS,
    MOTION_ANCHORS,
    PICTURE_ANCHORS,
    TEMPORAL_ANCHORS,
    motion,
    overall,
    picture,
    temporal,
)

FINE = {name: anchor.one for name, anchor in (TEMPORAL_ANCHORS | MOTION_ANCHORS | PICTURE_ANCHORS).items()}


def headline(values: Any) -> Any:
    groups = {
        "overall_temporal": temporal(values),
        "overall_motion": motion(values),
        "overall_picture": picture(values),
    }
    return overall({name: found.value for name, found in groups.items()}).value


def test_a_clip_at_the_upper_anchors_has_100() -> None:
    assert headline(FINE) == pytest.approx(100.0)


def test_the_geometric_mean() -> None:
    groups = dict(zip(GROUPS, (90.0, 40.0, 80.0, 50.0), strict=True))
    assert overall(groups).value == pytest.approx((90 * 40 * 80 * 50) ** 0.25)
    assert overall(groups | {"overall_text": 0.0}).value == 0.0


@pytest.mark.parametrize("steadiness", [0.3, 0.9])
def test_slower_never_gains_even_if_it_becomes_perfectly_steady(steadiness: float) -> None:
    """From a lively clip of any steadiness towards a still one that is otherwise perfect."""
    lively = dict(FINE)
    for name, anchor in TEMPORAL_ANCHORS.items():
        lively[name] = anchor.zero + steadiness * (anchor.one - anchor.zero)
    nearly_still = FINE | {"motion_p95": 0.0005}
    frozen = FINE | {"motion_p95": 0.0, "freeze_ratio": 1.0}
    assert headline(frozen) == 0.0
    assert headline(nearly_still) < headline(lively)


def test_freezing_part_of_a_clip_lowers_it_in_proportion() -> None:
    values = [
        headline(FINE | {"freeze_ratio": share, "motion_p95": 0.1 * (1 - share)}) for share in (0.0, 0.25, 0.5, 0.9)
    ]
    assert np.all(np.diff(values) < 0)


def test_missing_parts_are_left_out_of_the_mean() -> None:
    without = {name: value for name, value in FINE.items() if not name.startswith("temporal_")}
    assert headline(without) == pytest.approx(100.0)
