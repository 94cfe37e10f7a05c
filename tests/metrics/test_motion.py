"""How much moves, from planted flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.metrics.values import make_flow, make_steps
from vbench.errors import MetricError
from vbench.metrics.flicker import compensated_residual, within_shots
from vbench.metrics.motion import motion_coherent, motion_followed, motion_jerk, motion_p95

STEPS = make_steps(n=48, fps=24)


def test_pairs_across_a_cut_are_left_out() -> None:
    steps = make_steps(n=24, fps=24, change={10: 90.0}, colour={10: 0.9}, lost={10: 1.0})
    residual = np.ones(7)
    residual[3] = 80.0  # frames 9 to 12
    flow = make_flow(7, residual=residual, p95=residual, jerk=residual)
    assert within_shots(flow, steps).tolist() == [True, True, True, False, True, True, True]
    assert compensated_residual(flow, steps).value == 1.0
    assert motion_p95(flow, steps).value == 1.0
    assert len(motion_jerk(flow, steps).timeline.t_s) == 4  # nor the pair after, nor the first, which has none before


def flow(p95: Any, *, valid: float = 1.0, jerk: float = 0.0) -> Any:
    return make_flow(8, p95=p95, valid=valid, jerk=jerk)


def test_coherent_motion_by_hand() -> None:
    assert motion_coherent(flow(0.2, valid=0.5, jerk=1.0), STEPS).value == pytest.approx(0.2 * 0.5 / 4)
    assert motion_coherent(flow(0.2), STEPS).value == pytest.approx(0.2)
    assert motion_coherent(flow(0.0, jerk=np.nan), STEPS).value == 0.0
    with pytest.raises(MetricError, match="jerk needs three"):
        motion_coherent(flow(0.2, jerk=np.nan), STEPS)


def test_followed_is_the_mean_share_within_shots() -> None:
    steps = make_steps(n=24, fps=24, change={10: 90.0}, colour={10: 0.9}, lost={10: 1.0})
    found = motion_followed(make_flow(7, valid=[0.9, 0.8, 0.7, 0.0, 0.6, 0.5, 0.4]), steps)  # nothing across the cut
    assert found.value == pytest.approx(np.mean([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]))
    assert len(found.timeline.t_s) == 6
