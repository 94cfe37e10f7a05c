"""Gated consistency, by a floor and as the percentile among clips of equal motion: what must not buy it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.metrics.test_consistency import embeddings
from tests.metrics.values import make_flow, make_steps
from vbench.contracts import Reference
from vbench.metrics.gated import gated, standing

LINES = Reference(slope=1.0, shares=np.array([0.0, 0.5, 1.0]), intercepts=np.array([-4.0, -2.0, 0.0]))
STEPS = make_steps(n=48, fps=24)


def turning(cosine: Any, n: int = 9) -> Any:
    """Rows of which neighbours have this cosine."""
    angle = np.arange(n) * math.acos(cosine)
    return embeddings(np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32))


def flow(p95: Any, *, valid: float = 1.0, jerk: float = 0.0) -> Any:
    return make_flow(8, p95=p95, valid=valid, jerk=jerk)


def test_the_standing_by_hand() -> None:
    consistency, coherent = 0.99, 0.1
    offset = math.log(0.01 + 5e-4) - math.log(0.1 + 5e-3)  # -2.303, between the lines of 0 and of 0.5
    assert standing(LINES, consistency, coherent) == pytest.approx(1 - 0.5 * (offset + 4) / 2)
    assert standing(LINES, 1.0, 10.0) == 1.0
    assert standing(LINES, -1.0, 0.0) == 0.0


def test_steadier_is_higher_and_livelier_is_higher() -> None:
    assert gated(turning(0.999), flow(0.1), STEPS, LINES).value > gated(turning(0.99), flow(0.1), STEPS, LINES).value
    assert gated(turning(0.99), flow(0.2), STEPS, LINES).value > gated(turning(0.99), flow(0.1), STEPS, LINES).value


def test_stillness_does_not_pay() -> None:
    lively, slow = gated(turning(0.99), flow(0.1), STEPS, LINES), gated(turning(1.0), flow(0.001), STEPS, LINES)
    assert gated(turning(1.0), flow(0.0, jerk=np.nan), STEPS, LINES).value == 0.0
    assert slow.value <= 0.1 < lively.value


def test_disorder_does_not_pay() -> None:
    calm = gated(turning(0.99), flow(0.1), STEPS, LINES).value
    assert gated(turning(0.99), flow(0.3, valid=0.4, jerk=1.0), STEPS, LINES).value < calm


def test_without_a_reference_a_floor_of_motion_rules() -> None:
    assert gated(turning(0.9), flow(0.1), STEPS, None).value == pytest.approx(0.8)
    assert gated(turning(0.9), flow(0.007, jerk=np.nan), STEPS, None).value == pytest.approx(0.4)
    assert gated(turning(0.3), flow(0.1), STEPS, None).value == 0.0
    assert gated(turning(1.0), flow(0.0), STEPS, None).value == 0.0
