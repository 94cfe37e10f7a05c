"""Boards of votes: filters, controls, what stands beside them, and the manifest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records import PROBE, a_clip
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.vote_board import VoteQuery, vote_board
from vbench.records import Clip, Outcome, Prompt, Vote

PROMPTS = [Prompt(id=f"p{i:02}", text=f"prompt {i}", tags=(f"camera:{'pan' if i % 2 else 'tilt'}",)) for i in range(20)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    opened = Bench.open(tmp_path)
    for tool in "xyz":
        for prompt in PROMPTS:
            clip = a_clip(tool, prompt)
            opened.add_clip(replace(clip, probe=replace(PROBE, height=96)) if tool == "y" else clip)
    return opened


def clip(tool: str, number: int) -> Clip:
    return a_clip(tool, PROMPTS[number])


def cast(
    bench: Bench, number: int, outcome: Outcome, tools: str = "xy", prompt: int | None = None, **facts: Any
) -> None:
    place = number % len(PROMPTS) if prompt is None else prompt
    values: dict[str, Any] = {"voter": f"v{number % 5}", "left": "a"}
    a, b = (clip(tool, place).id for tool in tools)
    bench.add_vote(Vote(id=f"{tools}{number}", a=a, b=b, outcome=outcome, **values | facts))


def test_rows_facts_and_notes(bench: Bench) -> None:
    for i in range(40):
        cast(bench, i, "a" if i % 8 else "b")
    board = vote_board(bench)
    first, second, unrated = board.rows
    assert (first.tool, second.tool, unrated.tool) == ("x", "y", "z")
    assert first.rating > 1000 > second.rating
    assert first.low < first.rating < first.high
    assert (first.rank_low, first.rank_high, second.rank_low) == (1, 1, 2)
    assert (unrated.rating, unrated.n_votes) == (None, 0)
    assert not first.is_provisional
    assert board.facts["n_counted"] == 40
    assert board.facts["votes_to_flip"] == 31
    assert any("Without a vote: z" in note for note in board.notes)
    assert any("Leaving out 31 of 40" in note for note in board.notes)


def test_by_tag_by_voter_by_aspect_and_by_sound(bench: Bench) -> None:
    for i in range(20):
        aspects = {"aspects": {"motion": "b"}, "muted": i % 2 == 0}
        cast(bench, i, "a", watched=aspects, voter="me" if i < 8 else "you")
    tags = vote_board(bench, VoteQuery(by="camera"))
    assert {row.tag for row in tags.rows} == {"camera:pan", "camera:tilt"}
    assert next(row for row in tags.rows if row.tool == "x").n_votes == 10
    assert vote_board(bench, VoteQuery(voter="me")).facts["n_counted"] == 8
    assert vote_board(bench, VoteQuery(sound="heard")).facts["n_counted"] == 10
    assert vote_board(bench, VoteQuery(aspect="motion")).rows[0].tool == "y"
    for query in (VoteQuery(voter="them"), VoteQuery(aspect="face"), VoteQuery(control=("colour",)), VoteQuery(by="k")):
        with pytest.raises(OptionError):
            vote_board(bench, query)


def test_size_and_side_are_told_from_the_tool(bench: Bench) -> None:
    rng = np.random.default_rng(2)
    for i in range(400):
        is_left = bool(rng.integers(2))
        won = rng.random() < (0.8 if is_left else 0.2)
        cast(bench, i, "a" if won else "b", tools="xz", left="a" if is_left else "b")
    board = vote_board(bench, VoteQuery(control=("side", "resolution")))
    side = next(effect for effect in board.effects if effect.covariate == "side")
    assert side.low < 400 * np.log10(4) < side.high
    resolution = next(effect for effect in board.effects if effect.covariate == "resolution")
    assert resolution.elo == pytest.approx(0.0, abs=1.0), "these two tools have one size: nothing is known of it"


def test_unequal_sampling_is_undone(bench: Bench) -> None:
    """x wins on the prompts that are drawn ten times as often as those on which y wins."""
    for i in range(110):
        often = i % 11 != 0
        cast(bench, i, "a" if often else "b", prompt=1 if often else 2, propensity=0.5 if often else 0.05)
    plain, weighed = (vote_board(bench, VoteQuery(weigh=weigh)).rows for weigh in (False, True))
    assert plain[0].rating - 1000 > 150
    assert abs(weighed[0].rating - 1000) < 1.0


def test_what_a_reader_must_know(bench: Bench) -> None:
    for i in range(6):
        cast(bench, i, "tie", voter="loud" if i < 5 else "other")
    cast(bench, 6, "skip")
    cast(bench, 7, "a", excluded="was hurried")
    board = vote_board(bench)
    assert [entry.why for entry in board.manifest if not entry.counted] == ["says skip", "was hurried"]
    assert any(note.startswith("One voter cast 83%") for note in board.notes)
    assert any("All votes are ties" in note for note in board.notes)
    assert board.rows[0].is_provisional


def test_no_votes_is_a_board_without_ratings(bench: Bench) -> None:
    board = vote_board(bench)
    assert {row.rating for row in board.rows} == {None}
    assert board.notes == ("No vote counts.",)


def test_a_tool_without_votes_has_a_row_and_no_rating(bench: Bench) -> None:
    for i in range(8):
        cast(bench, i, "a" if i % 3 else "b")
    rows = {row.tool: row for row in vote_board(bench).rows}
    assert set(rows) == {"x", "y", "z"}
    assert rows["z"].rating is None
    assert rows["x"].rating is not None
