"""Blind pairs: drawing, hiding, judging once."""

from __future__ import annotations

import base64
import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import MODELS, PROMPTS, Visit, make_clip
from vbench.arena import arena as arena_module
from vbench.arena import tickets
from vbench.arena.arena import Arena
from vbench.arena.tickets import ArenaError
from vbench.bench import Bench
from vbench.records import Vote

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
        for seed, model in enumerate(MODELS):
            make_clip(bench, model, PROMPTS[0], sample, seed=100 * sample + seed)
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


# --- nothing gives a tool away ------------------------------------------------------------------------------------


def test_a_pair_names_nobody(page: TestClient, bench: Bench) -> None:
    answer = page.get("/api/v1/arena/pair")
    pair = answer.json()
    said = json.dumps(pair) + str(answer.headers)
    token = json.loads(base64.urlsafe_b64decode(pair["token"].split(".")[0] + "=="))
    assert set(token) == {"pair", "voter", "expires"}
    for side in ("left", "right"):
        file = page.get(pair[side]["url"])
        assert file.status_code == 200, file.text
        assert file.headers["content-type"] == "video/mp4"
        assert "no-store" in file.headers["cache-control"]
        said += str(file.headers) + pair[side]["url"]
        assert page.get(pair[side]["url"], headers={"range": "bytes=0-1"}).status_code == 206
    for clip in bench.clips():
        for secret in (clip.id, clip.sha256, clip.sha256[:12], clip.model, f"{clip.prompt.id}-"):
            assert secret not in said


def test_both_sides_have_one_height_no_metadata_and_no_sound(bench: Bench, visit: Visit, tmp_path: Any) -> None:
    from vbench import video

    taller = bench.root / "clips" / "alpha" / "tall.mp4"
    frames = (np.full((96, 64, 3), 50 + i, np.uint8) for i in range(12))
    tone = np.sin(np.arange(24_000, dtype=np.float32) / 20)[:, None]
    video.write_clip(frames, taller, fps=8, crf=23, preset="ultrafast", audio=(tone, 16_000))
    assert video.probe(taller).has_audio
    clip = make_clip(bench, "tall", PROMPTS[0], 0, seed=7)
    with bench.write() as session:
        from dataclasses import asdict

        from vbench.bench.tables import ClipRow

        row = session.get(ClipRow, clip.id)
        assert row is not None
        row.media, row.probe = "clips/alpha/tall.mp4", asdict(video.probe(taller))
        import hashlib

        row.sha256 = hashlib.sha256(taller.read_bytes()).hexdigest()
    page = visit()
    for _ in range(30):
        page.cookies.clear()
        pair = page.get("/api/v1/arena/pair?prompt=boat").json()
        if pair["left"]["width"] != pair["right"]["width"]:
            break
    heights = []
    for side in ("left", "right"):
        (tmp_path / "x.mp4").write_bytes(page.get(pair[side]["url"]).content)
        with av.open(str(tmp_path / "x.mp4")) as file:
            heights.append(file.streams.video[0].height)
            assert set(file.metadata) <= {"major_brand", "minor_version", "compatible_brands", "encoder"}
            assert set(file.streams.video[0].metadata) <= {"language", "handler_name", "vendor_id", "encoder"}
            assert file.streams.video[0].width == pair[side]["width"]
            assert not file.streams.audio
    assert heights == [48, 48] == [pair["left"]["height"], pair["right"]["height"]]


def test_the_two_files_are_for_the_voter_who_drew_them(visit: Visit) -> None:
    one, two = visit(), visit()
    url = one.get("/api/v1/arena/pair").json()["left"]["url"]
    two.get("/api/v1/arena/pair")
    assert one.get(url).status_code == 200
    assert two.get(url).status_code == 404
    assert one.get("/arena/media/" + "x" * 22 + ".mp4").status_code == 404


def test_a_file_that_is_gone_does_not_name_its_tool(page: TestClient, bench: Bench) -> None:
    for clip in bench.clips():
        bench.clip_path(clip).unlink()
    pair = page.get("/api/v1/arena/pair").json()
    answer = page.get(pair["left"]["url"])
    assert answer.status_code == 410
    assert not any(model in answer.text for model in MODELS)
    assert page.post("/api/v1/arena/vote", json={"token": pair["token"], "outcome": "broken"}).status_code == 200


# --- votes --------------------------------------------------------------------------------------------------------


def test_a_vote_reveals_and_is_stored_with_what_was_watched(page: TestClient, bench: Bench) -> None:
    pair = page.get("/api/v1/arena/pair").json()
    watched = {"left_s": 3.5, "right_s": 2.0, "left_plays": 2, "muted": False, "device_width": 390}
    answer = page.post(
        "/api/v1/arena/vote", json={"token": pair["token"], "outcome": "left", "watched": watched}
    ).json()
    (vote,) = bench.votes()
    shown = {"a": bench.clip(vote.a), "b": bench.clip(vote.b)}
    assert answer["left"]["model"] == shown[vote.left].model
    assert answer["right"]["model"] != answer["left"]["model"]
    assert vote.outcome == vote.left
    assert dict(vote.watched) | watched == vote.watched
    assert 0 < vote.propensity < 1
    assert vote.voter not in (page.cookies["vbench_voter"], "testclient")
    assert {rating["tool"] for rating in answer["ratings"]} == {shown["a"].model, shown["b"].model}
    assert answer["n_votes"] == 1
    facts = page.get("/api/v1/ratings").json()
    assert facts["facts"]["n_counted"] == 1
    best = facts["ratings"][0]["tool"]
    assert best == answer["left"]["model"]


@pytest.mark.parametrize("outcome", ["left", "right", "tie", "both_bad", "skip", "broken"])
def test_six_outcomes(page: TestClient, bench: Bench, outcome: str) -> None:
    token = page.get("/api/v1/arena/pair").json()["token"]
    assert page.post("/api/v1/arena/vote", json={"token": token, "outcome": outcome}).status_code == 200
    (vote,) = bench.votes()
    other = "b" if vote.left == "a" else "a"
    assert vote.outcome == {"left": vote.left, "right": other}.get(outcome, outcome)
    counted = page.get("/api/v1/ratings").json()["facts"]["n_counted"]
    assert counted == (0 if outcome in ("skip", "broken") else 1)


def test_a_token_is_good_once(page: TestClient, bench: Bench) -> None:
    token = page.get("/api/v1/arena/pair").json()["token"]
    codes = [
        page.post("/api/v1/arena/vote", json={"token": token, "outcome": said}).status_code
        for said in ("left", "right", "left")
    ]
    assert codes == [200, 409, 409]
    assert len(bench.votes()) == 1


def test_two_tabs_with_one_pair(page: TestClient, bench: Bench, visit: Visit) -> None:
    """Both tabs were shown the last pair that was left; the first vote counts, the second is told so."""
    arena: Arena = page.app.state.page.arena  # type: ignore[attr-defined]
    page.get("/api/v1/arena/pair")
    voter = next(iter(arena._pairs.values())).voter
    one, two = (arena._keep(voter, *_boat_pair(bench), "a", 0.5, "") for _ in range(2))
    first = page.post("/api/v1/arena/vote", json={"token": arena.token(one), "outcome": "left"})
    second = page.post("/api/v1/arena/vote", json={"token": arena.token(two), "outcome": "right"})
    assert (first.status_code, second.status_code) == (200, 409)
    assert "another tab" in second.json()["error"]
    assert len(bench.votes()) == 1


def _boat_pair(bench: Bench) -> tuple[str, str, str]:
    clips = bench.clips(prompt_ids=["boat"])
    return clips[0].id, clips[1].id, clips[0].prompt.key


def test_forged_votes(page: TestClient, bench: Bench) -> None:
    token = page.get("/api/v1/arena/pair").json()["token"]
    text, _, signature = token.rpartition(".")
    body = json.loads(base64.urlsafe_b64decode(text + "=="))
    later = base64.urlsafe_b64encode(json.dumps(body | {"expires": 9_999_999_999}).encode()).decode().rstrip("=")
    forged = [
        f"{later}.{signature}",
        f"{text}.{'0' * 64}",
        f"{text}.",
        f".{signature}",
        "x" * 40,
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        f"é{token}",
        f"{token[:-1]}é",
    ]
    for bad in forged:
        answer = page.post("/api/v1/arena/vote", json={"token": bad, "outcome": "left"})
        assert answer.status_code == 403 or (answer.status_code == 422 and len(bad) < 10), bad
    assert bench.votes() == []


def test_a_token_of_someone_else(visit: Visit, bench: Bench) -> None:
    one, two = visit(), visit()
    token = one.get("/api/v1/arena/pair").json()["token"]
    two.get("/api/v1/arena/pair")
    assert two.post("/api/v1/arena/vote", json={"token": token, "outcome": "left"}).status_code == 403
    assert bench.votes() == []


def test_a_token_after_its_time(page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "TOKEN_S", -1)
    token = page.get("/api/v1/arena/pair").json()["token"]
    answer = page.post("/api/v1/arena/vote", json={"token": token, "outcome": "left"})
    assert answer.status_code == 410
    assert bench.votes() == []


def test_a_token_from_before_a_restart(visit: Visit, bench: Bench) -> None:
    before, after = visit(), visit()
    token = before.get("/api/v1/arena/pair").json()["token"]
    after.cookies.update(before.cookies)
    answer = after.post("/api/v1/arena/vote", json={"token": token, "outcome": "left"})
    assert answer.status_code == 410
    assert "restarted" in answer.json()["error"]


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
