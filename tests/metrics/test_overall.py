"""The headline: stillness never pays, no part is at an end, and contrast is no merit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from vbench.metrics.gated import MOTION_FLOOR
from vbench.metrics.overall import (
    GROUPS,
    PICTURE_PARTS,
    TEMPORAL_PARTS,
    Part,
    motion,
    overall,
    picture,
    temporal,
)

PARTS = TEMPORAL_PARTS | PICTURE_PARTS
STEADY = {name: part.best for name, part in TEMPORAL_PARTS.items()}
FINE = STEADY | {
    "motion_p95": 1e9,
    "motion_followed": 1.0,
    "freeze_ratio": 0.0,
    "cut_count": 0.0,
    "definition": 1e9,
    "noise": 0.0,
    "letterbox": 0.0,
    "black_ratio": 0.0,
}


def headline(values: Any) -> Any:
    groups = {
        "overall_temporal": temporal(values),
        "overall_motion": motion(values),
        "overall_picture": picture(values),
    }
    return overall({name: found.value for name, found in groups.items()}).value


def test_a_clip_without_a_fault_comes_near_100() -> None:
    assert headline(FINE) == pytest.approx(100.0)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_half_at_its_half_and_never_at_an_end(name: str) -> None:
    part = PARTS[name]
    assert part(part.half) == pytest.approx(0.5)
    towards = np.linspace(part.half, 3 * part.half if math.isinf(part.best) else part.best, 40)
    shares = [part(float(value)) for value in towards]
    assert (np.diff(shares) > 0).all()
    if not math.isinf(part.best):
        worse = [part(float(part.half + k * (part.half - part.best))) for k in range(1, 40)]
        assert (np.diff(worse) < 0).all()
        assert worse[-1] > 0.0


def test_parts_by_hand() -> None:
    assert Part(half=0.3)(0.9) == pytest.approx(1 / 4)
    assert Part(half=0.99, best=1.0)(0.97) == pytest.approx(1 / 4)
    assert Part(half=1.6, best=math.inf, power=2.0)(3.2) == pytest.approx(4 / 5)
    assert Part(half=5.0, best=math.inf, power=4.0)(-3.0) == 0.0


def test_groups_by_hand() -> None:
    """Two parts at a half, the others perfect; a cut; followed to 0.64 and as even as jerky."""
    values = FINE | {"flicker_relative": 0.3, "motion_jerk": 0.9, "cut_count": 1.0}
    n = len(TEMPORAL_PARTS)
    assert temporal(values).value == pytest.approx(100 * 0.25 ** (1 / n) * 0.9)
    assert temporal(values | {"cut_count": 9.0}).value == pytest.approx(100 * 0.25 ** (1 / n) * 0.7)
    moving = {"motion_p95": 0.07, "motion_followed": 0.64, "motion_jerk": 0.9, "freeze_ratio": 0.5}
    assert motion(moving).value == pytest.approx(100 * 0.5 * math.sqrt(0.64 * 0.5) * 0.5)
    seen = {"definition": 1.6, "noise": 3.0, "letterbox": 0.2, "black_ratio": 0.5}
    assert picture(seen).value == pytest.approx(100 * 0.5 * 0.8 * 0.5)


def test_the_geometric_mean() -> None:
    groups = dict(zip(GROUPS, (90.0, 40.0, 80.0, 50.0), strict=True))
    assert overall(groups).value == pytest.approx((90 * 40 * 80 * 50) ** 0.25)
    assert overall(groups | {"overall_text": 0.0}).value == 0.0


@pytest.mark.parametrize("steadiness", [0.3, 0.9])
def test_slower_never_gains_even_if_it_becomes_perfectly_steady(steadiness: float) -> None:
    """From a lively clip of any steadiness towards a still one that is otherwise perfect."""
    lively = dict(FINE) | {"motion_p95": 0.1}
    for name, part in TEMPORAL_PARTS.items():  # the value whose share is `steadiness`
        lively[name] = part.best + (part.half - part.best) * (1 / steadiness - 1)
    nearly_still = FINE | {"motion_p95": 0.0005}
    frozen = FINE | {"motion_p95": 0.0, "freeze_ratio": 1.0}
    assert headline(frozen) == 0.0
    assert headline(nearly_still) < headline(lively)


def test_below_the_floor_both_groups_fall_in_proportion() -> None:
    still, half = FINE | {"motion_p95": MOTION_FLOOR}, FINE | {"motion_p95": MOTION_FLOOR / 2}
    assert temporal(half).value == pytest.approx(temporal(still).value / 2)
    assert motion(half).value < 0.6 * motion(still).value


def test_freezing_part_of_a_clip_lowers_it_in_proportion() -> None:
    values = [
        headline(FINE | {"freeze_ratio": share, "motion_p95": 0.1 * (1 - share)}) for share in (0.0, 0.25, 0.5, 0.9)
    ]
    assert np.all(np.diff(values) < 0)


def test_disorder_is_no_motion() -> None:
    """A crowd that melts moves more than a bird that flies or sits, and is worth less than the one that flies."""
    lively = {"motion_p95": 0.15, "motion_followed": 0.9, "motion_jerk": 0.5, "freeze_ratio": 0.0}
    sitting = lively | {"motion_p95": 0.02, "motion_followed": 0.99, "motion_jerk": 0.4}
    melting = lively | {"motion_p95": 0.6, "motion_followed": 0.3, "motion_jerk": 1.5}
    assert motion(lively).value > max(motion(sitting).value, motion(melting).value)


def test_missing_parts_are_left_out_of_the_mean() -> None:
    without = {name: value for name, value in FINE.items() if not name.startswith("temporal_")}
    assert headline(without) == pytest.approx(100.0)
