"""The headline as it was before version 4, by its own formula."""

from __future__ import annotations

import math

import pytest

from vbench.metrics.overall_before import MOTION_ANCHORS, PICTURE_ANCHORS, TEMPORAL_ANCHORS, motion, picture, temporal
from vbench.score import ScoreSpec
from vbench.score.plan import make_plan, presets

FINE = {name: anchor.one for name, anchor in (TEMPORAL_ANCHORS | MOTION_ANCHORS | PICTURE_ANCHORS).items()}


def test_groups_by_hand() -> None:
    assert [group(FINE).value for group in (temporal, motion, picture)] == pytest.approx([100.0] * 3)
    uneven = FINE | {"motion_jerk": 1.6, "motion_p95": 0.02}  # both half way between their anchors
    assert motion(uneven).value == pytest.approx(100 * 0.5 * math.sqrt(0.5))
    assert temporal(FINE | {"flicker": 1.5, "motion_p95": 0.005}).value == pytest.approx(95.0 / 2)
    assert picture(FINE | {"banding": 0.9}).value == pytest.approx(100 * 8 / 9)


@pytest.mark.parametrize("asked", [{"metrics": ["overall@2"]}, {"preset": "overall@2"}])
def test_it_is_computed_by_name_with_all_its_parts(asked: dict[str, object]) -> None:
    plan = make_plan(ScoreSpec(**asked))  # type: ignore[arg-type]
    names = {metric.name for metric in plan.metrics}
    assert {"overall@2", "overall_temporal@2", "flicker_hf", "sharpness", "motion_jerk"} <= names
    assert "overall" not in names
    assert not plan.left_out


def test_no_common_preset_has_it() -> None:
    assert not any("overall@2" in presets()[name] for name in ("offline", "standard", "full"))
