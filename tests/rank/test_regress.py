"""The floor and the verdict: false alarms of noisy, rare and two-faced tools, and what is found."""

from __future__ import annotations

import numpy as np
import pytest

from tests.records import an_info
from vbench.rank.regress import PairValues, Verdict, judged, verdict_of

INFOS = {"psnr": an_info("psnr"), "lpips": an_info("lpips", higher_is_better=False)}


def pairs(values: np.ndarray, floors: np.ndarray, measure: str = "psnr") -> list[PairValues]:
    return [
        PairValues(
            measure=measure, prompt_id=f"p{i:03}", value=float(v), floors=tuple(map(float, f)), first_difference_s=None
        )
        for i, (v, f) in enumerate(zip(values, floors, strict=True))
    ]


def verdict(values: np.ndarray, floors: np.ndarray, measure: str = "psnr") -> Verdict:
    return verdict_of(judged(pairs(values, floors, measure), INFOS)[1])


@pytest.mark.parametrize("flips", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("n_repeats", [1, 3])
def test_a_tool_that_flips_is_rarely_called_changed(flips: float, n_repeats: int) -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(200):
        drawn = np.where(rng.random((20, 1 + n_repeats)) < flips, 20.0, 100.0)
        alarms += verdict(drawn[:, 0], drawn[:, 1:]) == "beyond noise"
    assert alarms / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


@pytest.mark.parametrize("n_repeats", [1, 4])
def test_a_noisy_tool_is_rarely_called_changed(n_repeats: int) -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        level = rng.normal(40, 6, (20, 1))
        drawn = level + rng.standard_t(3, (20, 1 + n_repeats))
        alarms += verdict(drawn[:, 0], drawn[:, 1:]) == "beyond noise"
    assert alarms / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


def test_a_small_change_of_all_prompts_is_found_in_either_direction() -> None:
    rng = np.random.default_rng(6)
    floors = rng.normal(40, 1, (20, 1))
    assert verdict(floors[:, 0] - 1.5 + rng.normal(0, 1, 20), floors) == "beyond noise"
    assert verdict(floors[:, 0] + 5.0, floors) == "within noise", "nearer than a repeat is no regression"
    assert verdict(floors[:, 0] + 1.5 + rng.normal(0, 1, 20), floors, "lpips") == "beyond noise"


def test_a_few_broken_clips_count_beside_many_clean_repeats() -> None:
    clean, one, three = np.full(20, 100.0), np.full(20, 100.0), np.full(20, 100.0)
    one[3], three[[3, 5, 9]] = 20.0, 20.0
    assert verdict(clean, np.full((20, 1), 100.0)) == "within noise"
    assert verdict(one, np.full((20, 1), 100.0)) == "inconclusive"
    assert verdict(three, np.full((20, 4), 100.0)) == "beyond noise"
    rows, _ = judged(pairs(three, np.full((20, 4), 100.0)), INFOS)
    assert [row.prompt_id for row in rows if row.verdict == "beyond noise"] == ["p003", "p005", "p009"]


def test_too_few_prompts_are_inconclusive() -> None:
    assert verdict(np.full(2, 90.0), np.full((2, 1), 100.0)) == "inconclusive"


def test_the_interval_of_a_row_is_the_change_give_or_take_the_noise() -> None:
    floors = np.array([[30.0, 32.0], [40.0, 42.0]])
    rows, _ = judged(pairs(np.array([25.0, 41.0]), floors), INFOS)
    assert [row.floor for row in rows] == [31.0, 41.0]
    # noise: each repeat is 2 from the other of its prompt; range -2 to 2, widened by 4 at each end
    assert (rows[0].ci_low, rows[0].ci_high) == pytest.approx((-6 - 6, -6 + 6))
    assert [row.verdict for row in rows] == ["within noise", "within noise"]
