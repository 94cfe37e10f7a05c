"""VBench-2.0's questions as dimensions of their own on the board; gates and doubts count against, never for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import a_clip
from vbench.bench import Bench
from vbench.errors import MetricError
from vbench.judge import questions_of, tally
from vbench.judge.questions import VBENCH2_KINDS
from vbench.judge.vbench2 import ABSENT, GROUPS, dimension_share
from vbench.rank.board import leaderboard
from vbench.records import Answer, Prompt


def test_the_eighteen_dimensions_are_tallied_or_named_as_absent() -> None:
    every = [dimension for of in GROUPS.values() for dimension in of]
    assert len(every) == len(set(every)) == 18
    assert set(every) == set(VBENCH2_KINDS) | set(ABSENT)
    assert not set(VBENCH2_KINDS) & set(ABSENT)


def test_gates_and_doubts() -> None:
    assert dimension_share("Thermotics", ["seen", "seen", "not_seen"]) == 0.5
    assert dimension_share("Thermotics", ["not_seen", "seen", "seen"]) == 0.0
    assert dimension_share("Thermotics", ["unsure", "seen", "seen"]) == 0.0
    assert dimension_share("Composition", ["seen", "unsure"]) == 0.5
    with pytest.raises(MetricError):
        dimension_share("Composition", ["seen", "failed"])


def test_dimensions_stand_on_the_board_from_answers(bench: Bench) -> None:
    facts = {"Thermotics": ["Is there ice?", "Does it melt?"], "Composition": ["Are there two heads?"]}
    clip = a_clip("right", Prompt(id="ice", text="ice", expects={"vbench": facts}))
    other = replace(a_clip("wrong", clip.prompt), sha256="0" * 64)
    for each in (clip, other):
        bench.add_clip(each)
    verdicts = {clip.sha256: ("seen", "seen", "unsure"), other.sha256: ("not_seen", "seen", "seen")}
    bench.add_answers(
        [
            Answer(sha256=sha, question=q.digest, answerer="j", by="judge", version="1", verdict=said)  # type: ignore[arg-type]
            for sha, of in verdicts.items()
            for q, said in zip(questions_of(clip.prompt), of, strict=True)
        ]
    )
    tally(bench)
    board = {(row.model, row.metric): row.mean for row in leaderboard(bench).rows}
    assert (board["right", "vbench2.thermotics"], board["wrong", "vbench2.thermotics"]) == (1.0, 0.0)
    assert (board["right", "vbench2.composition"], board["wrong", "vbench2.composition"]) == (0.0, 1.0)
