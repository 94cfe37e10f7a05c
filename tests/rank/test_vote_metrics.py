"""Whether a metric predicts votes: on all prompts, by tag, for one voter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.vote_metrics import metric_trust, wilson
from vbench.records import Prompt, Vote


def test_a_metric_that_agrees_one_that_contradicts_and_one_that_is_blind(tmp_path: Path) -> None:
    infos = [
        an_info("good"),
        an_info("low_is_good", higher_is_better=False),
        an_info("bad"),
        an_info("blind"),
        an_info("fact", higher_is_better=None),
    ]
    with Bench.open(tmp_path) as bench:
        bench.add_metrics(infos)
        for i in range(30):
            prompt = Prompt(id=f"p{i}", text=f"prompt {i}", tags=("camera:pan" if i < 3 else "camera:tilt",))
            better, worse = a_clip("x", prompt), a_clip("y", prompt)
            give(bench, better, good=2.0, low_is_good=1.0, bad=1.0, blind=5.0, fact=1.0)
            give(bench, worse, good=1.0, low_is_good=2.0, bad=2.0, blind=5.0, fact=2.0)
            outcome = "a" if i else "b"
            bench.add_vote(Vote(id=str(i), a=better.id, b=worse.id, outcome=outcome, voter=f"v{i % 2}", left="a"))
        rows = {row.metric: row for row in metric_trust(bench)}
        assert {name: row.verdict for name, row in rows.items()} == {
            "good": "predicts",
            "low_is_good": "predicts",
            "bad": "contradicts",
            "blind": "no better than chance",
        }
        assert rows["good"].share == pytest.approx(29 / 30)
        assert rows["blind"].share == 0.5
        assert next(row for row in metric_trust(bench, voter="v1") if row.metric == "good").share == 1.0
        pan = [row for row in metric_trust(bench, by="camera") if row.tag == "camera:pan"]
        assert {row.verdict for row in pan} == {"too little data"}
        with pytest.raises(OptionError):
            metric_trust(bench, by="lens")


def test_the_interval_of_a_share_is_wilson_s() -> None:
    """Of 20 of 30: .488 to .808, in any table."""
    assert wilson(20 / 30, 30) == pytest.approx((0.488, 0.808), abs=1e-3)
    assert wilson(1.0, 10) == pytest.approx((0.722, 1.0), abs=1e-3)
