"""Rules: how they are written, and pass, regression or inconclusive."""

from __future__ import annotations

import numpy as np
import pytest

from vbench.errors import OptionError
from vbench.rank.gate import checked, overall, rule_of


def verdict(text: str, changes: list[float]) -> str:
    rule = rule_of(text)
    return checked([rule], {rule.metric: changes}, {})[0].verdict


def drawn(mean: float, n: int = 30, sd: float = 1.0) -> list[float]:
    values = np.random.default_rng(1).normal(0, sd, n)
    return (values - values.mean() + mean).tolist()


def test_rules_are_read() -> None:
    rule = rule_of("temporal_consistency drop>0.01 p<0.05")
    assert (rule.metric, rule.direction, rule.limit, rule.level) == ("temporal_consistency", "drop", 0.01, 0.05)
    assert rule_of("flicker rise > 2").direction == "rise"
    assert rule_of("psnr beyond noise").direction is None
    for wrong in ("psnr", "psnr drop 0.1", "drop>0.1", "m drop>0.1 p<2", ""):
        with pytest.raises(OptionError, match="beyond noise"):
            rule_of(wrong)


def test_a_drop_beyond_the_limit_within_it_and_between() -> None:
    assert verdict("m drop>1", drawn(-3.0)) == "regression"
    assert verdict("m drop>1", drawn(0.0)) == "pass"
    assert verdict("m drop>1", drawn(5.0)) == "pass"
    assert verdict("m drop>1", drawn(-1.0)) == "inconclusive"
    assert verdict("m rise>1", drawn(3.0)) == "regression"
    assert verdict("m rise>1", drawn(-3.0)) == "pass"


def test_few_prompts_are_inconclusive_and_equal_clips_pass() -> None:
    assert verdict("m drop>1", drawn(-3.0, n=4)) == "inconclusive"
    assert verdict("m drop>1", drawn(0.0, n=4, sd=9.0)) == "inconclusive"
    assert verdict("m drop>0", [0.0] * 8) == "pass"


def test_the_worst_rule_speaks_for_all() -> None:
    rules = [rule_of("a drop>1"), rule_of("b drop>1"), rule_of("psnr beyond noise")]
    checks = checked(rules, {"a": drawn(0.0), "b": drawn(-4.0)}, {})
    assert [check.verdict for check in checks] == ["pass", "regression", "inconclusive"]
    assert overall(checks) == "regression"
    assert overall(checks[::2]) == "inconclusive"
    assert overall(checks[:1]) == "pass"


def test_a_change_at_the_limit_is_called_a_regression_in_at_most_five_of_a_hundred() -> None:
    rng = np.random.default_rng(3)
    wrong = sum(verdict("m drop>1", rng.normal(-1, 1, 12).tolist()) == "regression" for _ in range(300))
    assert wrong / 300 <= 0.05
