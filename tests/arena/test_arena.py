"""Blind pairs without a server: drawing, voting, ratings."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.records import a_clip
from vbench.arena import arena as arena_module
from vbench.arena import tickets
from vbench.arena.arena import Arena
from vbench.arena.tickets import (
    ArenaError,
    ExpiredTicketError,
    ForgedTicketError,
    JudgedBeforeError,
    NothingToCompareError,
    NotOnShowError,
)
from vbench.bench import Bench
from vbench.rank.ratings import ratings_of
from vbench.records import Prompt, Vote

MODELS = ("alpha", "beta", "gamma")
PROMPTS = (
    Prompt(id="boat", text="A red boat drifts", tags=("camera:pan", "water")),
    Prompt(id="cat", text="A cat", tags=("animal",)),
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Three tools, two prompts, one sample each; no file is looked at."""
    with Bench.open(tmp_path / "bench") as opened:
        for model in MODELS:
            for prompt in PROMPTS:
                opened.add_clip(a_clip(model, prompt))
        yield opened


def test_a_script_draws_votes_and_reads_ratings(bench: Bench) -> None:
    """Ann and Bo prefer the tool whose name comes first; the ratings say so."""
    arena = Arena(bench, rng=random.Random(4))
    for voter in ("ann", "bo"):
        for _ in range(5):
            pair = arena.draw(voter)
            models = {side: bench.clip(pair.clip(side)).model for side in ("left", "right")}
            _, vote = arena.cast(arena.token(pair), voter, min(models, key=models.get), {"seconds": 2.0})
            assert vote.id in {stored.id for stored in bench.votes()}
    assert [rating.tool for rating in arena.ratings()] == ["alpha", "beta", "gamma"]
    assert arena.facts()["n_voters"] == 2
    ratings, facts = ratings_of(bench)
    assert ratings == arena.ratings(), "a board says the same as the arena"
    assert facts == arena.facts() | {"connected": True}


def test_it_loads_no_server(tmp_path: Path) -> None:
    code = (
        "import sys; from vbench.bench import Bench; from vbench.arena.arena import Arena;"
        f"Arena(Bench.open({str(tmp_path)!r})).facts();"
        "assert not {'vbench.web', 'fastapi', 'starlette', 'gradio', 'torch'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_cannot_be_is_told_by_its_type(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    arena, restarted = Arena(bench, rng=random.Random(1)), Arena(bench)
    pair = arena.draw("ann", prompt="boat")
    token = arena.token(pair)
    with pytest.raises(ForgedTicketError, match="not given out"):
        arena.cast(f"{token}x", "ann", "left", {})
    with pytest.raises(ForgedTicketError, match="someone else"):
        arena.cast(token, "bo", "left", {})
    with pytest.raises(ExpiredTicketError, match="restarted"):
        restarted.cast(token, "ann", "left", {})
    arena.cast(token, "ann", "left", {})
    with pytest.raises(JudgedBeforeError, match="has your vote"):
        arena.cast(token, "ann", "left", {})
    with pytest.raises(NotOnShowError):
        arena.shown("no-such-file", "ann")
    with pytest.raises(NothingToCompareError, match="no two tools"):
        arena.draw("bo", tag="none")
    monkeypatch.setattr(tickets, "TOKEN_S", -1)
    with pytest.raises(ExpiredTicketError, match="minutes ago"):
        arena.cast(arena.token(arena.draw("ann")), "ann", "left", {})
    assert len(bench.votes()) == 1


def test_the_side_order_is_signed_but_not_told(bench: Bench) -> None:
    """Tokens of a pair shown either way differ in the signature alone."""
    arena = Arena(bench)
    tokens = {}
    while len(tokens) < 2:
        pair = arena.draw("ann", prompt="boat")
        tokens[pair.left] = arena.token(pair)
    bodies = {len(token.split(".")[0]) for token in tokens.values()}
    assert len(bodies) == 1
    assert all(token.count(".") == 1 for token in tokens.values())


# --- which pair ---------------------------------------------------------------------------------------------------


def test_the_odds_that_are_stored_are_the_odds_of_the_draw(bench: Bench) -> None:
    """Frequencies of drawn pairs agree with the propensity noted with each; sides are even."""
    seen: Counter[tuple[str, str]] = Counter()
    noted: dict[tuple[str, str], float] = {}
    lefts: Counter[str] = Counter()
    arena = Arena(bench, rng=random.Random(5))
    n = 3000
    for i in range(n):
        pair = arena.draw(f"voter{i}")
        seen[pair.a, pair.b] += 1
        noted[pair.a, pair.b] = pair.propensity
        lefts[pair.left] += 1
    assert len(seen) == 6  # three pairs of tools on two prompts
    assert sum(noted.values()) == pytest.approx(1)
    for place, count in seen.items():
        assert count / n == pytest.approx(noted[place], abs=0.035)
    assert lefts["a"] / n == pytest.approx(0.5, abs=0.04)


def test_a_voter_judges_a_pair_once_until_all_are_judged(bench: Bench) -> None:
    arena = Arena(bench, rng=random.Random(2))
    seen = set()
    for _ in range(6):  # fewer than it takes for a repeat, but for the last, which the seed leaves out
        pair = arena.draw("v")
        assert (pair.a, pair.b) not in seen
        seen.add((pair.a, pair.b))
        arena.cast(arena.token(pair), "v", "tie", {})
    with pytest.raises(ArenaError, match="judged every pair"):
        arena._fresh("v", None)
    assert arena.draw("w")


def test_staying_with_a_prompt_or_a_tag(bench: Bench) -> None:
    arena = Arena(bench)
    boat, cat = (prompt.key for prompt in PROMPTS)
    assert {arena.draw(f"{i}", prompt="boat").prompt_key for i in range(20)} == {boat}
    assert {arena.draw(f"{i}", prompt=cat).prompt_key for i in range(20)} == {cat}
    assert {arena.draw(f"{i}", tag="animal").prompt_key for i in range(20)} == {cat}
    with pytest.raises(ArenaError):
        arena.draw("v", tag="no such tag")


def test_repeats_come_with_sides_swapped_and_do_not_count_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in range(1, 4):
        for model in MODELS:
            bench.add_clip(a_clip(model, PROMPTS[0], sample))
    monkeypatch.setattr(arena_module, "REPEAT_SHARE", 0.0)
    arena = Arena(bench, rng=random.Random(1))
    first = {}
    for _ in range(6):
        pair = arena.draw("v")
        _, vote = arena.cast(arena.token(pair), "v", "left", {})
        first[vote.id] = pair
    monkeypatch.setattr(arena_module, "REPEAT_SHARE", 1.0)
    again = arena.draw("v")
    before = first[again.repeats]
    assert {again.a, again.b} == {before.a, before.b}
    assert again.left != before.left
    _, vote = arena.cast(arena.token(again), "v", "right", {})
    assert "sides swapped" in vote.excluded
    assert arena.agreement("v") == (7, 1, 1)
    assert arena.facts()["n_counted"] == 6
    assert arena.draw("v").repeats not in ("", again.repeats)  # each comes back once


def test_about_one_draw_in_twenty_is_a_repeat(bench: Bench) -> None:
    arena = Arena(bench, rng=random.Random(3))
    clips = bench.clips(prompt_ids=["boat"])
    for i in range(6):
        bench.add_vote(Vote(id=f"old{i}", a=clips[0].id, b=clips[1].id, outcome="a", voter="v", left="a"))
    n_repeats = sum(bool(arena.draw("v").repeats) for _ in range(1000))
    assert 25 <= n_repeats <= 80


def test_votes_of_another_process_are_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena_module, "REFRESH_S", 0.0)
    one, two = Arena(bench), Arena(bench)
    pair = one.draw("v")
    one.cast(one.token(pair), "v", "left", {})
    two.draw("w")
    assert two.facts()["n_counted"] == 1
    assert [r.tool for r in one.ratings()] == [r.tool for r in two.ratings()] != []


def test_a_vote_that_could_not_be_stored_may_be_cast_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    arena = Arena(bench)
    pair = arena.draw("v")
    with monkeypatch.context() as patch:
        patch.setattr(bench, "add_vote", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            arena.cast(arena.token(pair), "v", "left", {})
    assert arena.cast(arena.token(pair), "v", "left", {})


def test_fifty_voters_at_once(bench: Bench) -> None:
    """Each draws and votes three times, all at the same moment, without an error, and every vote is there."""
    arena = Arena(bench)
    start = threading.Barrier(50)

    def vote(number: int) -> int:
        start.wait()
        for _ in range(3):
            pair = arena.draw(f"voter{number}")
            arena.cast(arena.token(pair), f"voter{number}", "left", {})
            arena.ratings(max_age_s=5.0)
        return 3

    with ThreadPoolExecutor(50) as voters:
        assert sum(voters.map(vote, range(50))) == 150
    votes = bench.votes()
    assert len({v.id for v in votes}) == 150
    assert len({(v.voter, v.a, v.b) for v in votes}) == 150
    assert arena.facts()["n_counted"] == 150


def test_the_tally_says_what_is_left_out_and_why(bench: Bench) -> None:
    arena = Arena(bench, must_watch=True)
    pair = arena.draw("ann")
    arena.cast(arena.token(pair), "ann", "left", {"left_s": 9, "right_s": 9})
    pair = arena.draw("bo")
    arena.cast(arena.token(pair), "bo", "left", {}, excluded="a reason")
    pair = arena.draw("cy")
    arena.cast(arena.token(pair), "cy", "skip", {})
    assert arena.excluded() == {arena_module.NOT_WATCHED: 1, "a reason": 1}
    assert (arena.facts()["n_votes"], arena.facts()["n_excluded"], arena.facts()["n_counted"]) == (3, 2, 0)
