"""Blind pairs: drawing, hiding, judging once."""

from __future__ import annotations

import base64
import json
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.records import an_info
from tests.web.conftest import MODELS, PROMPTS, Visit, make_clip
from vbench.arena import arena as arena_module
from vbench.arena import tickets
from vbench.arena.arena import Arena
from vbench.bench import Bench
from vbench.rank.vote_board import VoteQuery, vote_board
from vbench.records import Outcomes, Score, ScoreKey

WATCHED = {"left_s": 2.0, "right_s": 2.0}


class Clock:
    """Seconds as a test says; starts with those of this machine."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def watch(page: TestClient, seconds: float = 2.0) -> Clock:
    """Ask for both files of every pair on show, as a player does, and let time pass; the takes last 1.5 s."""
    arena: Arena = page.app.state.page.arena  # type: ignore[attr-defined]
    clock = arena._clock = arena._clock if isinstance(arena._clock, Clock) else Clock()
    for pair in list(arena._pairs.values()):
        for file in pair.media.values():
            arena.shown(file, pair.voter)
    clock.now += seconds
    return clock


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
    watch(page)
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
    watch(page)
    body = {"token": token, "outcome": outcome, "watched": WATCHED}
    assert page.post("/api/v1/arena/vote", json=body).status_code == 200
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


# --- votes that do not count ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "seconds", "watched", "excluded"),
    [
        (True, 2.0, WATCHED, ""),
        (True, 1.36, WATCHED, ""),
        (True, 1.3, WATCHED, arena_module.HURRIED),
        (True, 2.0, {"left_s": 1.0, "right_s": 2.0}, arena_module.HURRIED),
        (True, 2.0, {"left_s": 0.7, "right_s": 0.7, "playback_rate": 2}, ""),
        (True, 2.0, {"left_s": 0.0, "right_s": 2.0}, arena_module.NOT_WATCHED),
        (True, 2.0, {}, arena_module.NOT_WATCHED),
        (False, 2.0, WATCHED, arena_module.NOT_WATCHED),
    ],
)
def test_a_vote_counts_when_both_takes_were_watched(
    page: TestClient, bench: Bench, asks: bool, seconds: float, watched: dict[str, float], excluded: str
) -> None:
    token = page.get("/api/v1/arena/pair").json()["token"]
    if asks:
        watch(page, seconds)
    answer = page.post("/api/v1/arena/vote", json={"token": token, "outcome": "left", "watched": watched}).json()
    assert answer["excluded"] == excluded
    assert [vote.excluded for vote in bench.votes()] == [excluded], "kept all the same"
    facts = page.get("/api/v1/ratings").json()["facts"]
    assert facts["n_counted"] == (not excluded)
    assert facts["excluded"] == ({excluded: 1} if excluded else {})


def test_what_is_better_in_one_respect_is_kept_by_take_and_can_be_ranked(page: TestClient, bench: Bench) -> None:
    pair = page.get("/api/v1/arena/pair").json()
    watch(page)
    said = {"prompt": "left", "motion": "right", "look": "tie"}
    body = {"token": pair["token"], "outcome": "left", "watched": WATCHED | {"aspects": said}}
    assert page.post("/api/v1/arena/vote", json=body).status_code == 200
    (vote,) = bench.votes()
    right = {"a": "b", "b": "a"}[vote.left]
    assert vote.watched["aspects"] == {"prompt": vote.left, "motion": right, "look": "tie"}
    assert vote.outcome == vote.left
    tools = {clip.id: clip.model for clip in bench.clips()}
    better = vote_board(bench, VoteQuery(aspect="motion")).rows[0]
    assert better.tool == tools[vote.b if right == "b" else vote.a]
    other = page.get("/api/v1/arena/pair").json()
    wrong = {"token": other["token"], "outcome": "left", "watched": WATCHED | {"aspects": {"smell": "left"}}}
    assert page.post("/api/v1/arena/vote", json=wrong).status_code == 422


def test_one_address_with_new_cookies_does_not_make_a_ranking(visit: Visit, bench: Bench) -> None:
    """125 votes in no time, each by a new voter."""
    page = visit(host="0.0.0.0", public=True)
    for limit in vars(page.app.state.page.limits).values():  # type: ignore[attr-defined]
        limit._clock = lambda: 0.0  # on a slow machine a rate would have had time to refill
    codes = []
    for _ in range(125):
        page.cookies.clear()
        drawn = page.get("/api/v1/arena/pair")
        codes.append(drawn.status_code)
        if drawn.status_code == 200:
            watch(page)
            body = {"token": drawn.json()["token"], "outcome": "left", "watched": WATCHED}
            codes.append(page.post("/api/v1/arena/vote", json=body).status_code)
    assert set(codes) == {200, 429}
    facts = page.get("/api/v1/ratings").json()["facts"]
    assert facts["n_counted"] == 40
    assert facts["excluded"] == {arena_module.CROWDED: facts["n_votes"] - facts["n_counted"]}
    assert facts["excluded"][arena_module.CROWDED] > 0


def test_how_well_measures_predict_votes_is_told_as_votes_come_in(page: TestClient, bench: Bench) -> None:
    assert page.get("/api/v1/votes/metrics").json() == []
    bench.add_metrics([an_info("better")])
    pair = page.get("/api/v1/arena/pair").json()
    watch(page)
    page.post("/api/v1/arena/vote", json={"token": pair["token"], "outcome": "left", "watched": WATCHED})
    (vote,) = bench.votes()
    for id, value in ((vote.a, 1.0), (vote.b, 2.0)):
        key = ScoreKey(clip=id, metric="better", version=1)
        bench.add_outcomes(Outcomes(clip=id, scores=(Score(key=key, value=value),)))
    (row,) = [row for row in page.get("/api/v1/votes/metrics").json() if row["metric"] == "better"]
    assert (row["metric"], row["n_votes"], row["verdict"]) == ("better", 1, "too little data")
    assert row["share"] == (1.0 if vote.outcome == "b" else 0.0)
    own = page.get("/api/v1/votes/metrics", params={"own": True}).json()
    assert row in own
    wrong = page.get("/api/v1/votes/metrics", params={"by": "no such tag"})
    assert wrong.status_code == 400
    assert "no such tag" in wrong.text
