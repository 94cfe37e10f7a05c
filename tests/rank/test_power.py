"""What a suite can see: against simulation, textbook numbers and the test that boards use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.comparisons import step_down_p
from vbench.rank.power import power, power_of, prompts_needed, smallest_effect
from vbench.records import Prompt


@pytest.mark.parametrize(("effect", "n"), [(0.1, 787), (0.2, 199), (0.3, 90), (0.5, 34)])
def test_prompts_needed_are_those_of_the_tables(effect: float, n: int) -> None:
    """Cohen 1988, paired, two-sided .05, power .8: 785, 197, 88, 32 by the normal, two more by t."""
    assert prompts_needed(effect, 1.0) == n


def test_power_is_the_share_of_samples_that_the_board_s_test_finds() -> None:
    rng = np.random.default_rng(5)
    sd, n = 2.0, 20
    effect = smallest_effect(sd, n)
    assert effect is not None
    found = [step_down_p(rng.normal(effect, sd, (1, n)))[0] <= 0.05 for _ in range(1500)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)
    assert power_of(effect, sd, n) == pytest.approx(0.8, abs=1e-6)
    assert power_of(0.0, sd, n) == pytest.approx(0.05, abs=1e-9)


def test_five_prompts_see_nothing_and_a_family_sees_less() -> None:
    assert smallest_effect(1.0, 5) is None
    assert smallest_effect(1.0, 6) is not None
    assert smallest_effect(1.0, 6, level=0.005) is None
    assert smallest_effect(1.0, 30, level=0.005) > smallest_effect(1.0, 30)
    assert prompts_needed(100.0, 1.0) == 6
    assert prompts_needed(1e-6, 1.0) is None


def test_the_spread_is_that_of_the_bench(tmp_path: Path) -> None:
    differences = [1.0, 3.0, 5.0, 7.0]
    with Bench.open(tmp_path) as bench:
        bench.add_metrics([an_info("m")])
        for i, difference in enumerate(differences):
            prompt = Prompt(id=f"p{i}", text=f"prompt {i}")
            give(bench, a_clip("x", prompt), m=50 + difference)
            give(bench, a_clip("y", prompt), m=50.0)
        (row,) = power(bench, effect=1.0, n_prompts=40)
        assert row.sd == pytest.approx(np.std(differences, ddof=1))
        assert row.power == pytest.approx(power_of(1.0, row.sd, 40))
        with pytest.raises(OptionError, match="no score of metric 'n'"):
            power(bench, effect=1.0, metrics=["n"])


def test_what_is_missing_is_told() -> None:
    with pytest.raises(OptionError, match="above 0"):
        power(None, effect=0.0, sd=1.0, n_prompts=3)
    with pytest.raises(OptionError, match="how many prompts"):
        power(None, effect=1.0, sd=1.0)
    with pytest.raises(OptionError, match="name a scored bench"):
        power(None, effect=1.0)
