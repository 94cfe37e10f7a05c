"""Takes over HTTP: lists, facts, scores, curves, and the notes and stars people give them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from tests.web.conftest import FLICKER, PROMPTS, many_clips
from vbench.bench import Bench
from vbench.records import Failure, ScoreKey
from vbench.web import schemas


def test_clips_carry_what_the_wall_shows(seen: TestClient, seen_bench: Bench) -> None:
    answer = seen.get("/api/v1/clips").json()
    schemas.ClipList.model_validate(answer, strict=True, extra="forbid")
    first, clip = answer["clips"][0], seen_bench.clips()[0]
    assert answer["total"] == len(answer["clips"]) == 6
    assert first["url"] == f"/media/{clip.sha256}"
    assert (first["id"], first["model"], first["prompt"]) == (clip.id, clip.model, clip.prompt.text)
    assert (first["seed"], first["latency_s"], first["cost_usd"]) == (0, 3.5, 0.1)
    assert (first["n_frames"], first["fps"], first["playable"], first["missing"]) == (12, 8.0, True, "")
    assert first["warnings"] == ["no seed"]


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("prompt=boat", 3),
        (f"prompt={PROMPTS[1].key}", 3),
        ("model=alpha", 2),
        ("model=alpha&model=beta", 4),
        ("model=alpha,beta&prompt=cat", 2),
        ("prompt=none", 0),
        ("offset=4", 2),
        ("limit=1", 1),
    ],
)
def test_clips_are_filtered(seen: TestClient, query: str, n: int) -> None:
    assert len(seen.get(f"/api/v1/clips?{query}").json()["clips"]) == n


def test_clips_by_id(seen: TestClient, seen_bench: Bench) -> None:
    ids = [clip.id for clip in seen_bench.clips()[2:4]]
    assert {clip["id"] for clip in seen.get(f"/api/v1/clips?ids={','.join(ids)}").json()["clips"]} == set(ids)
    assert seen.get(f"/api/v1/clips/{ids[0][:8]}").json()["id"] == ids[0]
    assert seen.get("/api/v1/clips/ffffffffffffffff").status_code == 404
    assert seen.get("/api/v1/clips/'%20or%201=1").status_code == 422


def test_ten_thousand_clips_are_one_query(page: TestClient, bench: Bench) -> None:
    many_clips(bench, 10_000)
    statements: list[str] = []
    engine = page.app.state.page.bench.database.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
    answer = page.get("/api/v1/clips?limit=2000&offset=4000")
    assert len(answer.json()["clips"]) == 2000
    assert sum("SELECT" in statement for statement in statements) == 2  # the rows, and how many there are
    statements.clear()
    assert page.get("/api/v1/clips?limit=2001").status_code == 422  # ten megabytes for each of many visitors
    assert page.get("/api/v1/clips?limit=100&offset=5000").json()["total"] == 10_006
    assert sum("SELECT" in statement for statement in statements) == 2


def test_a_script_in_a_prompt_stays_text(seen: TestClient) -> None:
    answer = seen.get("/api/v1/clips?prompt=cat")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["clips"][0]["prompt"] == PROMPTS[1].text
    assert "<script>alert" not in seen.get("/ui/").text


def test_scores_come_with_the_interval_of_the_tool(page: TestClient, bench: Bench) -> None:
    clip, other = bench.clips(models=["alpha"])
    key = ScoreKey(clip=clip.id, metric="sharpness", version=1)
    bench.add_metrics(
        [FLICKER.__class__(**{n: getattr(FLICKER, n) for n in FLICKER.__slots__} | {"name": "sharpness"})]
    )
    bench.add_failure(Failure(stage="score", subject=clip.id, code="undefined", message="one frame only", key=key))
    found = page.get(f"/api/v1/clips/{clip.id}/scores").json()
    values = {score.key.clip: score.value for score in bench.score_records(metrics=["flicker"])}
    assert found["flicker"]["value"] == values[clip.id]
    assert found["flicker"]["tool_mean"] == pytest.approx((values[clip.id] + values[other.id]) / 2)
    assert found["flicker"]["ci_low"] <= found["flicker"]["tool_mean"] <= found["flicker"]["ci_high"]
    assert found["flicker"]["higher_is_better"] is False
    assert found["flicker"]["bounds"] == [0.0, None]
    assert (found["sharpness"]["value"], found["sharpness"]["failure"]) == (None, "one frame only")


def test_timelines_and_events(seen: TestClient, seen_bench: Bench) -> None:
    clip = seen_bench.clips()[0].id
    line = seen.get(f"/api/v1/clips/{clip}/timelines").json()["flicker"]
    assert line == {"t_s": [0.0, 0.5], "value": [1.0, 1.0], "unit": "levels", "higher_is_better": False}
    (cut,) = seen.get(f"/api/v1/clips/{clip}/events").json()
    assert (cut["kind"], cut["frame"], cut["start_s"]) == ("cut", 4, 0.5)


# --- notes and choices --------------------------------------------------------------------------------------------


def test_notes_are_kept_as_they_are(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0].id
    text = '<img src=x onerror="alert(1)"> 手が変 \U0001f590'
    note = page.post("/api/v1/notes", json={"clip": clip, "start_s": 0.5, "text": text})
    assert note.status_code == 201
    assert page.get(f"/api/v1/notes?clip={clip}").json()[0]["text"] == text
    id = note.json()["id"]
    page.post("/api/v1/notes", json={"clip": clip, "start_s": 0.5, "end_s": 1.0, "text": "better", "id": id})
    (kept,) = page.get("/api/v1/notes").json()
    assert (kept["text"], kept["end_s"]) == ("better", 1.0)
    assert page.delete(f"/api/v1/notes/{id}").status_code == 204
    assert page.delete(f"/api/v1/notes/{id}").status_code == 404


def test_a_note_is_answered(page: TestClient, bench: Bench) -> None:
    one, other = bench.clips()[:2]
    note = page.post("/api/v1/notes", json={"clip": one.id, "start_s": 0.5, "text": "look"}).json()
    answer = {"clip": one.id, "start_s": 0.5, "text": "seen", "reply_to": note["id"]}
    assert page.post("/api/v1/notes", json=answer).json()["reply_to"] == note["id"]
    assert page.post("/api/v1/notes", json=answer | {"reply_to": "ffff"}).status_code == 404
    assert page.post("/api/v1/notes", json=answer | {"clip": other.id}).status_code == 404
    assert (
        page.post("/api/v1/notes", json=answer | {"clip": other.id, "reply_to": "", "id": note["id"]}).status_code
        == 403
    )
    assert [note.text for note in bench.notes()].count("look") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"clip": "x", "start_s": 0, "text": "t"},
        {"clip": "0" * 16, "start_s": -1, "text": "t"},
        {"clip": "0" * 16, "start_s": 1e9, "text": "t"},
        {"clip": "0" * 16, "start_s": 0, "text": ""},
        {"clip": "0" * 16, "start_s": 0, "text": "x" * 5000},
        {"clip": "0" * 16, "start_s": 0, "text": "t", "author": "someone else"},
        [],
    ],
)
def test_a_wrong_note_is_a_sentence(seen: TestClient, wrong: Any) -> None:
    answer = seen.post("/api/v1/notes", json=wrong)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error"}


def test_a_note_to_no_clip(seen: TestClient) -> None:
    assert seen.post("/api/v1/notes", json={"clip": "f" * 16, "start_s": 0, "text": "t"}).status_code == 404


def test_stars_and_rejects_are_ones_own(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0].id
    assert (
        page.put(f"/api/v1/selects/{clip}", json={"stars": 4, "state": "reject", "reason": "hands"}).status_code == 200
    )
    shown = page.get(f"/api/v1/clips/{clip}").json()
    assert (shown["stars"], shown["state"], shown["reason"]) == (4, "reject", "hands")
    assert page.put(f"/api/v1/selects/{clip}", json={"stars": 6}).status_code == 422
    assert page.put("/api/v1/selects/ffffffffffffffff", json={"stars": 1}).status_code == 404


def test_choices_about_many_takes_are_kept_all_or_none(page: TestClient, bench: Bench) -> None:
    clips = [clip.id for clip in bench.clips()[:3]]
    chosen = [{"clip": clip, "state": "selected", "ranges": [[0.5, 1.0], [0.25, 0.5]]} for clip in clips]
    assert page.put("/api/v1/selects", json={"choices": chosen}).status_code == 200
    assert [choice.ranges for choice in bench.selects()] == [((0.25, 1.0),)] * 3, "those that meet are one"
    late = [chosen[0] | {"ranges": []}, chosen[1] | {"ranges": [[0.0, 99.0]]}]
    answer = page.put("/api/v1/selects", json={"choices": late})
    assert answer.status_code == 400
    assert "ends at 99.000 s" in answer.json()["error"]
    assert all(choice.ranges for choice in bench.selects())


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "chosen"},
        {"state": "selected", "reason": "hands"},
        {"ranges": [[1.0, 0.5]]},
        {"ranges": [[-1.0, 0.5]]},
        {"stars": 6},
    ],
)
def test_a_choice_that_cannot_be_meant_is_a_sentence(page: TestClient, bench: Bench, wrong: dict[str, Any]) -> None:
    answer = page.put(f"/api/v1/selects/{bench.clips()[0].id}", json=wrong)
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error"}
    assert bench.selects() == []


def test_the_list_is_filtered_by_what_was_decided(page: TestClient, bench: Bench) -> None:
    first, second, *_ = (clip.id for clip in bench.clips())
    page.put(f"/api/v1/selects/{first}", json={"state": "reject", "reason": "melts"})
    page.put(f"/api/v1/selects/{second}", json={"stars": 4})

    def listed(query: str) -> list[str]:
        return [clip["id"] for clip in page.get(f"/api/v1/clips?{query}").json()["clips"]]

    assert listed("state=reject&reason=melts") == [first]
    assert listed("stars=3") == [second]
    assert first not in listed("state=open,maybe,selected,approved")
    assert listed("sort=state")[-1] == first
    assert page.get("/api/v1/clips?state=chosen").status_code == 422


def test_a_note_is_drawn_and_settled(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0].id
    shape = {"kind": "arrow", "points": [[0.1, 0.2], [0.5, 0.6]]}
    note = {"clip": clip, "start_s": 0.5, "text": "here", "drawing": [shape]}
    made = page.post("/api/v1/notes", json=note).json()
    assert made["drawing"] == [shape]
    assert page.put(f"/api/v1/notes/{made['id']}/state", json={"is_resolved": True}).status_code == 204
    (kept,) = page.get(f"/api/v1/notes?clip={clip}").json()
    assert (kept["drawing"], kept["is_resolved"]) == ([shape], True)
    assert page.put("/api/v1/notes/ffff/state", json={"is_resolved": True}).status_code == 404
    assert page.post("/api/v1/notes", json=note | {"drawing": [{"kind": "star", "points": []}]}).status_code == 422


def test_a_board_has_what_people_use(page: TestClient, bench: Bench) -> None:
    clips = bench.clips(models=["alpha"])
    page.put(f"/api/v1/selects/{clips[0].id}", json={"state": "selected"})
    page.put(f"/api/v1/selects/{clips[1].id}", json={"state": "reject", "reason": "hands"})
    rows = {(row["model"], row["metric"]): row for row in page.get("/api/v1/board").json()["rows"]}
    assert rows["alpha", "usable_rate"]["mean"] == 0.5
    assert rows["alpha", "usd_per_usable_s"]["mean"] == pytest.approx(0.2 / clips[0].probe.duration_s)
    points = page.get("/api/v1/best-of").json()
    assert [(point["model"], point["n"], point["share"]) for point in points] == [("alpha", 1, 0.5)]
    drilled = page.get("/api/v1/board/drill?metric=usable_rate&model=alpha").json()
    assert [row["value"] for row in drilled] == [0.0, 1.0]
