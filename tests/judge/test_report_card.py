"""Report cards of planted judges: the good one passes, and each of the others is named as what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.judge import judge_server
from tests.judge.drawn import a_judge, planted
from vbench.bench import Bench
from vbench.judge.backend import backend_of
from vbench.judge.card import JudgeCard
from vbench.judge.planted import truth
from vbench.judge.report_card import faults, faults_of, report_card, scene_questions, trial_scenes
from vbench.judge.tally import distrusted

SMALL = {"even": 2, "extra": 0, "short_side": 64}


def card_of(folder: Path, behaviour: str, **changes: Any) -> tuple[dict[str, Any], set[str]]:
    with Bench.open(folder / "bench") as bench:
        card = report_card(bench, planted(behaviour, frames=SMALL, **changes))
        return card, distrusted(bench)


def test_a_good_judge_passes(tmp_path: Path) -> None:
    card, shunned = card_of(tmp_path, "good")
    assert (card["verdict"], card["reasons"], shunned) == ("passed", [], set())
    assert (card["yes_rate_own"], card["yes_rate_swapped"], card["planted_found"]) == (1.0, 0.0, 1.0)
    assert set(card["planted_by_kind"]) == {
        "wrong object",
        "missing object",
        "wrong count",
        "wrong colour",
        "wrong direction",
        "dropped cut",
    }
    assert (card["order_flip_rate"], card["accusations_clean"], card["follows_picture_text"]) == (0.0, 0.0, 0.0)
    assert card["agreement"]["votes"] == {"n": 0, "share": None}


@pytest.mark.parametrize(
    ("behaviour", "named"),
    [
        ("yes", "always says yes"),
        ("first", "prefers a place"),
        ("random", "answers at random"),
        ("obedient", "follows words in the picture"),
        ("echo", "copies its neighbour"),
    ],
)
def test_each_misleading_judge_is_named(tmp_path: Path, behaviour: str, named: str) -> None:
    card, shunned = card_of(tmp_path, behaviour)
    assert card["verdict"] == "failed"
    assert named in card["reasons"][0]
    assert shunned == {f"planted-{behaviour}"}


def test_the_truth_of_the_trials_is_what_they_say() -> None:
    for scene in trial_scenes():
        drawn = {"scene": scene.as_mapping()}
        assert {truth(question, drawn) for question in scene_questions(scene)} == {"seen"}
        for kind, (spoilt, question) in faults(scene).items():
            assert truth(question, {"scene": spoilt.as_mapping()}) == "not_seen", kind


def test_an_endpoint_that_talks_nonsense_fails_by_that(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench, judge_server("good", [], faults=["prose"] * 500) as server:
        options = {"base_url": server.url, "model": "m"}
        card: JudgeCard = a_judge(frames=SMALL, options=options)
        facts = report_card(bench, card, max_cost=5.0, make=backend_of)
        assert facts["verdict"] == "failed"
        assert "cannot be used" in facts["reasons"][0]
        assert facts["cost_usd_per_clip"] > 0


def test_a_card_that_the_ceiling_cut_short_says_so_and_is_not_kept(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench, judge_server("good", []) as server:
        card = a_judge(frames=SMALL, options={"base_url": server.url, "model": "m"})
        facts = report_card(bench, card, max_cost=0.02)
        assert facts["verdict"] == "incomplete"
        assert "ceiling" in facts["reasons"][0]
        assert bench.report_cards() == {}


def test_a_judge_that_is_never_sure_fails() -> None:
    assert faults_of({"unsure_rate": 0.9}) == ["it is unsure about 90%"]
    assert faults_of({}) == []
