"""What was asked for against what was delivered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.contracts.test_contracts import PROBE
from vbench.contracts import ClipWishes
from vbench.errors import MetricError
from vbench.metrics.spec import spec_adherence, spec_checks


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (ClipWishes(seconds=1.0), {"seconds": 1.0}),
        (ClipWishes(seconds=2.5), {"seconds": 0.0}),
        (ClipWishes(fps=24), {"fps": 1.0}),
        (ClipWishes(width=64, height=48), {"size": 1.0}),
        (ClipWishes(width=128, height=96), {"size": 0.5}),
        (ClipWishes(width=48, height=64), {"size": 0.0}),
        (ClipWishes(aspect="4:3"), {"aspect": 1.0}),
        (ClipWishes(audio=True), {"audio": 0.0}),
    ],
)
def test_wishes(asked: Any, expected: dict[str, Any]) -> None:
    assert spec_checks(PROBE, asked) == pytest.approx(expected)


def test_the_mean_of_wishes() -> None:
    assert spec_adherence(PROBE, ClipWishes(seconds=1.0, audio=True)).value == pytest.approx(0.5)
    half = spec_checks(replace(PROBE, fps=24 / np.sqrt(2)), ClipWishes(fps=24))["fps"]
    assert half == pytest.approx(0.5 + np.log2(1.02), abs=1e-6)


def test_nothing_asked_is_not_applicable() -> None:
    with pytest.raises(MetricError) as caught:
        spec_adherence(PROBE, ClipWishes())
    assert caught.value.code == "not_applicable"
