"""The JSON API: what it gives, what it takes, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from tests.web.conftest import FLICKER, PROMPTS, Visit, many_clips, moving_square
from vbench import video
from vbench.bench import Bench
from vbench.records import Failure, JobState, Plan, Request, ScoreKey
from vbench.tasks import commands, worker
from vbench.tasks.paths import page_folder
from vbench.web import schemas, uploads

# --- what is there ------------------------------------------------------------------------------------------------


def test_the_bench_says_what_you_may(visit: Visit) -> None:
    facts = visit().get("/api/v1/bench").json()
    assert facts["counts"] == {"clips": 6, "prompts": 2, "models": 3, "votes": 0, "jobs": 0}
    assert (facts["mode"], set(facts["permissions"].values())) == ("local", {True})
    public = visit(public=True).get("/api/v1/bench").json()
    assert public["mode"] == "public"
    assert [name for name, may in public["permissions"].items() if may] == ["vote"]


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
    began = time.perf_counter()
    answer = page.get("/api/v1/clips?limit=2000&offset=4000")
    took_s = time.perf_counter() - began
    assert len(answer.json()["clips"]) == 2000
    assert sum("SELECT" in statement for statement in statements) == 2  # the rows, and how many there are
    assert took_s < 10  # a page of them is timed in the benchmark; this catches a query per clip
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


def test_prompts_and_models(seen: TestClient) -> None:
    prompts = {prompt["id"]: prompt for prompt in seen.get("/api/v1/prompts").json()}
    assert (prompts["boat"]["n_clips"], prompts["boat"]["tags"]) == (3, ["camera:pan", "water"])
    models = {model["id"]: model for model in seen.get("/api/v1/models").json()}
    assert (models["alpha"]["name"], models["alpha"]["country"], models["alpha"]["n_clips"]) == ("Alpha", "DE", 2)
    assert models["synthetic-clean"]["in_catalog"]
    assert models["synthetic-clean"]["n_clips"] == 0


def test_the_api_describes_itself(seen: TestClient) -> None:
    described = seen.get("/api/v1/openapi.json").json()
    assert {"/api/v1/clips", "/api/v1/arena/vote", "/api/v1/board", "/api/v1/notes"} <= set(described["paths"])
    assert not any(path.startswith(("/ui", "/media", "/static")) for path in described["paths"])


# --- board --------------------------------------------------------------------------------------------------------


def test_board_rows(seen: TestClient) -> None:
    table = seen.get("/api/v1/board").json()
    means = {row["model"]: row["mean"] for row in table["rows"] if row["metric"] == "flicker"}
    assert means == {"alpha": 1.5, "beta": 3.5, "gamma": 5.5}
    assert table["models"]["alpha"]["country"] == "DE"
    assert table["tags"] == ["animal", "camera:pan", "water"]


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("model=alpha", {"alpha"}),
        ("tag=animal", {"alpha", "beta", "gamma"}),
        ("country=DE", {"alpha", "beta", "gamma"}),
        ("country=CN", set()),
        ("access=open", set()),
        ("access=hosted", {"alpha", "beta", "gamma"}),
        ("status=retired", set()),
    ],
)
def test_board_filters(seen: TestClient, query: str, models: set[str]) -> None:
    assert {row["model"] for row in seen.get(f"/api/v1/board?{query}").json()["rows"]} == models


def test_a_filter_that_is_unknown_is_a_sentence(seen: TestClient) -> None:
    for query in ("metric=flickr", "tag=watre", "model=alpa"):
        answer = seen.get(f"/api/v1/board?{query}")
        assert answer.status_code == 400
        assert "did you mean" in answer.json()["error"]
    assert seen.get("/api/v1/board?access=secret").status_code == 422


def test_the_board_is_made_once_until_the_bench_changes(
    page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.web.conftest import make_clip, score_clip
    from vbench.rank import board

    made: list[int] = []
    real = board.leaderboard
    monkeypatch.setattr(board, "leaderboard", lambda *a, **k: made.append(1) or real(*a, **k))
    for _ in range(3):
        page.get("/api/v1/board")
    assert len(made) == 1
    score_clip(bench, make_clip(bench, "alpha", PROMPTS[0], 1, seed=50), 101.0)
    means = {row["model"]: row["mean"] for row in page.get("/api/v1/board").json()["rows"]}
    assert len(made) == 2
    assert means["alpha"] == pytest.approx(((1 + 101) / 2 + 2) / 2)


def test_the_clips_behind_a_number_worst_first(seen: TestClient) -> None:
    rows = seen.get("/api/v1/board/drill?metric=flicker&model=beta").json()
    assert [row["value"] for row in rows] == [4.0, 3.0]
    assert seen.get("/api/v1/board/drill?metric=none&model=beta").status_code == 400


def test_runs_and_failures(page: TestClient, bench: Bench) -> None:
    bench.add_failure(Failure(stage="import", subject="a.mp4", code="unreadable", message="no frame"))
    assert page.get("/api/v1/failures?stage=import").json()[0]["message"] == "no frame"
    assert page.get("/api/v1/jobs").json() == {"states": {}, "offset": 0, "limit": 200, "jobs": []}


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
    assert page.put(f"/api/v1/selects/{clip}", json={"stars": 4, "rejected": True}).status_code == 200
    shown = page.get(f"/api/v1/clips/{clip}").json()
    assert (shown["stars"], shown["rejected"]) == (4, True)
    assert page.put(f"/api/v1/selects/{clip}", json={"stars": 6}).status_code == 422
    assert page.put("/api/v1/selects/ffffffffffffffff", json={"stars": 1}).status_code == 404


# --- generating ---------------------------------------------------------------------------------------------------


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> list[Bench]:
    """Tasks are queued and nobody does them; the list says how often a worker was called for."""
    called: list[Bench] = []
    monkeypatch.setattr(worker, "ensure_worker", called.append)
    return called


PRICED = """
name: Priced
vendor: {name: V}
adapter: http
licence: {weights: closed}
limits: {seconds: [5, 10]}
defaults: {seconds: 5}
price: {usd_per_s: 0.10, source: page, checked_on: 2026-11-20}
options: {base_url: "https://api.example.com", auth: {header: Authorization, value: "Bearer ${PRICED_API_KEY}"}}
"""


@pytest.fixture
def priced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tool of one's own that costs money, with its key set."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "priced.yaml").write_text(PRICED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRICED_API_KEY", "sk-not-a-key")
    return "priced"


def test_the_price_of_a_click(page: TestClient, priced: str, no_worker: list[Bench]) -> None:
    wish = {"prompt": "A red boat drifts", "models": [priced, "synthetic-clean", "nobody"], "samples": 3}
    plan = page.post("/api/v1/plan", json=wish | {"seconds": 10}).json()
    by_model = {one["model"]: one for one in plan["models"]}
    assert by_model[priced]["cost_usd"] == pytest.approx(3 * 10 * 0.10)
    assert by_model["synthetic-clean"]["cost_usd"] == 0
    assert by_model["synthetic-clean"]["runnable"]
    assert not by_model["nobody"]["runnable"]
    assert "no model 'nobody'" in by_model["nobody"]["reason"]
    assert plan["cost_usd"] == pytest.approx(3.0)
    assert "sk-not-a-key" not in json.dumps(plan)
    assert no_worker == []


def test_a_tool_without_its_key_cannot_run(
    page: TestClient, priced: str, monkeypatch: pytest.MonkeyPatch, no_worker: list[Bench]
) -> None:
    monkeypatch.delenv("PRICED_API_KEY")
    (plan,) = page.post("/api/v1/plan", json={"prompt": "x", "models": [priced]}).json()["models"]
    assert (plan["runnable"], "PRICED_API_KEY" in plan["reason"]) == (False, True)
    wish = {"prompt": "x", "models": [priced], "max_cost": 5}
    answer = page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    assert (answer.status_code, "PRICED_API_KEY" in answer.json()["error"]) == (400, True)


def test_nothing_is_spent_without_a_ceiling_or_past_it(
    page: TestClient, bench: Bench, priced: str, no_worker: list[Bench]
) -> None:
    wish = {"prompt": "A red boat drifts", "models": [priced], "samples": 2}
    for ceiling, said in ((None, "ceiling"), (0.99, "about $1.00")):
        answer = page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish | {"max_cost": ceiling}})
        assert answer.status_code == 400
        assert said in answer.json()["error"]
    assert bench.tasks() == []
    answer = page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish | {"max_cost": 1.0}})
    assert answer.status_code == 202
    (task,) = bench.tasks()
    assert task.args["prompt"]["id"] == "boat"  # the bench's own prompt, since the text is the same
    assert (task.args["prompt"]["tags"], task.args["prompt"]["suite"]) == (["camera:pan", "water"], "t")
    assert (task.args["prompt_key"], task.args["max_cost"]) == (PROMPTS[0].key, 1.0)


def an_ended_job(bench: Bench, model: str, state: JobState, *, sample: int = 0, usd: float | None = 0.5) -> str:
    """A job that came to an end without a clip; its id."""
    from vbench.bench.jobs import Intent
    from vbench.generate.journal import Journal

    request = Request(prompt=PROMPTS[0], sample=sample, seed=40 + sample, seconds=5.0)
    plan = Plan(
        model=model,
        adapter="http",
        request=request,
        body={},
        identity={"seed": request.seed},
        cost_usd=usd,
        is_billable=True,
    )
    journal = Journal(bench)
    try:
        journal.plan([Intent(label=model, prompt=PROMPTS[0], sample=sample, plan=plan)], run="r", retry={state})
        job = journal.claim([model], 1)
        assert job is not None
        journal.finish(job.id, state, reason=None, message="as said")
    finally:
        journal.close()
    return job.id


def test_one_job_is_tried_again_at_the_price_that_was_shown(
    page: TestClient, bench: Bench, priced: str, no_worker: list[Bench]
) -> None:
    id = an_ended_job(bench, priced, "failed", sample=2)
    shown = page.get("/api/v1/jobs").json()["jobs"][0]
    assert (shown["id"], shown["is_billable"], shown["estimate_usd"]) == (id, True, 0.5)
    for agreed, said in (({}, "max_cost"), ({"max_cost": 0.4}, "the price has changed")):
        answer = page.post(f"/api/v1/jobs/{id}/retry", json=agreed)
        assert (answer.status_code, said in answer.json()["error"]) == (400, True)
    assert bench.tasks() == []
    assert page.post(f"/api/v1/jobs/{id}/retry", json={"max_cost": 0.5}).status_code == 202
    (task,) = bench.tasks()
    assert (task.kind, task.args["job"], task.args["max_cost"], task.args["sample"]) == ("retry", id, 0.5, 2)
    (facts,) = page.get("/api/v1/tasks").json()
    assert (facts["about"], facts["models"], facts["n_takes"]) == (PROMPTS[0].text, [priced], 1)
    twice = page.post(f"/api/v1/jobs/{id}/retry", json={"max_cost": 0.5})
    assert (twice.status_code, "already" in twice.json()["error"]) == (400, True)


def test_an_unknown_outcome_is_sent_again_only_knowing_that_it_may_be_paid_twice(
    page: TestClient, bench: Bench, priced: str, no_worker: list[Bench]
) -> None:
    id = an_ended_job(bench, priced, "outcome_unknown")
    answer = page.post(f"/api/v1/jobs/{id}/retry", json={"max_cost": 0.5})
    assert (answer.status_code, "paid for twice" in answer.json()["error"]) == (400, True)
    assert bench.tasks() == []
    assert page.post(f"/api/v1/jobs/{id}/retry", json={"max_cost": 0.5, "understood": True}).status_code == 202
    assert bench.tasks()[0].args["understood"]


def test_what_cannot_be_tried_again(visit: Visit, bench: Bench, priced: str, no_worker: list[Bench]) -> None:
    first = an_ended_job(bench, priced, "failed")
    second = an_ended_job(bench, priced, "failed")
    page, agreed = visit(), {"max_cost": 0.5}
    assert second != first
    assert "tried again since" in page.post(f"/api/v1/jobs/{first}/retry", json=agreed).json()["error"]
    assert page.post(f"/api/v1/jobs/{'0' * 16}/retry", json=agreed).status_code == 404
    assert visit(public=True).post(f"/api/v1/jobs/{second}/retry", json=agreed).status_code == 403
    assert bench.tasks() == []


def test_cancelling(page: TestClient, bench: Bench, no_worker: list[Bench]) -> None:
    id = page.post("/api/v1/tasks", json={"kind": "score"}).json()["id"]
    assert page.post(f"/api/v1/tasks/{id}/cancel").json()["state"] == "cancelled"
    assert bench.claim_task("w") is None
    assert page.get("/api/v1/tasks/ffffffffffffffff").status_code == 404
    assert page.get("/api/v1/tasks").json()[0]["state"] == "cancelled"


def test_a_dead_worker_is_replaced(page: TestClient, no_worker: list[Bench]) -> None:
    page.post("/api/v1/tasks", json={"kind": "score"})
    no_worker.clear()
    assert page.get("/api/v1/tasks").json()[0]["state"] == "waiting"
    assert len(no_worker) == 1


# --- clips of one's own -------------------------------------------------------------------------------------------


@pytest.fixture
def own_clip(tmp_path: Path) -> bytes:
    video.write_clip(moving_square(77), tmp_path / "own.mp4", fps=8, crf=23, preset="ultrafast")
    return (tmp_path / "own.mp4").read_bytes()


def test_an_upload_is_probed_and_guessed(page: TestClient, bench: Bench, own_clip: bytes) -> None:
    found = page.post("/api/v1/uploads?name=alpha_boat-2.mp4", content=own_clip).json()
    assert (found["model"], found["prompt_id"], found["sample"]) == ("alpha", "boat", 2)
    assert found["probe"]["n_frames"] == 12
    assert found["error"] == ""
    assert bench.clips(models=["alpha"], prompt_ids=["boat"])[-1].sample == 0  # nothing is imported on a guess


@pytest.mark.parametrize(
    "name", ["../../../evil.mp4", "..\\evil.mp4", "/etc/evil.mp4", "a\x00b.mp4", "é" * 150 + ".mp4"]
)
def test_a_name_does_not_leave_its_folder(page: TestClient, bench: Bench, own_clip: bytes, name: str) -> None:
    answer = page.post("/api/v1/uploads", params={"name": name}, content=own_clip)
    assert answer.status_code == 200
    folder = bench.root / "page" / "uploads" / answer.json()["upload"]
    assert [path.parent for path in bench.root.rglob("*evil*")] in ([], [folder])
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [("a.exe", b"MZ", "is no clip"), ("a.mp4", b"", "is empty"), ("noname", b"x", "is no clip")],
)
def test_what_is_no_clip_is_refused(page: TestClient, bench: Bench, name: str, body: bytes, said: str) -> None:
    answer = page.post(f"/api/v1/uploads?name={name}", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert not list((bench.root / "page" / "uploads").glob("*/*"))


def test_a_renamed_text_file_is_thrown_away_with_a_reason(page: TestClient, bench: Bench) -> None:
    found = page.post("/api/v1/uploads?name=a.mp4", content=b"#EXTM3U\nfile:///etc/passwd\n").json()
    assert found["error"]
    assert "/page/uploads/" not in found["error"]
    assert not list((bench.root / "page" / "uploads").glob("*/*"))


def test_an_upload_that_is_too_large(
    page: TestClient, bench: Bench, own_clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vbench.web.api import tasks

    monkeypatch.setattr(tasks, "MAX_UPLOAD_BYTES", 1000)
    assert page.post("/api/v1/uploads?name=a.mp4", content=own_clip).status_code == 400
    monkeypatch.undo()
    monkeypatch.setattr(uploads, "SPARE_BYTES", 10**18)
    answer = page.post("/api/v1/uploads?name=a.mp4", content=own_clip)
    assert "nearly full" in answer.json()["error"]
    assert not list((bench.root / "page" / "uploads").glob("*/*"))


def test_confirmed_uploads_are_imported(
    page: TestClient, bench: Bench, own_clip: bytes, no_worker: list[Bench]
) -> None:
    first = page.post("/api/v1/uploads?name=own.mp4", content=own_clip).json()["upload"]
    body = {"uploads": [{"upload": first, "model": "delta", "prompt_id": "new one", "prompt": "A =new prompt"}]}
    answer = page.post("/api/v1/uploads/confirm", json=body)
    assert answer.status_code == 202
    run_tasks(bench)
    (task,) = [task for task in bench.tasks() if task.kind == "import"]
    assert (task.state, task.progress) == ("done", 1.0), task.message
    (clip,) = bench.clips(models=["delta"])
    assert (clip.prompt.text, clip.prompt.id) == ("A =new prompt", "new-one")
    assert bench.clip_path(clip).read_bytes() == own_clip
    assert not list((bench.root / "page" / "imports").iterdir())
    assert page.post("/api/v1/uploads/confirm", json=body).status_code == 400  # it is gone


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([{"model": "m", "prompt_id": "nothing"}], "give its text"),
        ([{"model": "m", "prompt_id": "boat"}] * 2, "two files"),
    ],
)
def test_a_confirmation_that_cannot_be(
    page: TestClient, bench: Bench, own_clip: bytes, items: list[Any], said: str, no_worker: list[Bench]
) -> None:
    sent = [page.post("/api/v1/uploads?name=a.mp4", content=own_clip).json()["upload"] for _ in items]
    body = {"uploads": [item | {"upload": upload} for item, upload in zip(items, sent, strict=True)]}
    answer = page.post("/api/v1/uploads/confirm", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert bench.tasks() == []


# --- the worker ---------------------------------------------------------------------------------------------------


def run_tasks(bench: Bench) -> None:
    """Do what is queued, in this process's own worker."""
    own = worker.Worker(bench)
    while (task := bench.claim_task("test")) is not None and task.kind != "score":
        own._do(task)


def test_takes_are_generated_and_measured(page: TestClient, bench: Bench, no_worker: list[Bench]) -> None:
    """The whole way: the page's task, the command a person would type, clips, the next task."""
    wish = {"prompt": "A red ball rolls over a floor", "models": ["synthetic-clean"], "seconds": 1, "seed": 3}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    run_tasks(bench)
    generated, score = sorted(bench.tasks(), key=lambda task: task.kind)
    assert (generated.state, generated.message) == ("done", "1 take made")
    assert (score.kind, score.args) == ("score", {"preset": "offline"})
    (clip,) = bench.clips(models=["synthetic-clean"])
    assert (clip.prompt.text, clip.provenance.seed) == (wish["prompt"], 3)
    assert page.get("/api/v1/jobs").json()["states"] == {"succeeded": 1}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    run_tasks(bench)
    again = [task.message for task in bench.tasks() if task.kind == "generate"]
    assert "these takes are there already; ask for more samples to get others" in again


def test_an_import_that_is_refused_says_which_file_and_why(
    page: TestClient, bench: Bench, own_clip: bytes, no_worker: list[Bench]
) -> None:
    sent = page.post("/api/v1/uploads?name=own.mp4", content=own_clip).json()["upload"]
    body = {"uploads": [{"upload": sent, "model": "alpha", "prompt_id": "boat"}]}
    page.post("/api/v1/uploads/confirm", json=body)
    run_tasks(bench)
    (task,) = bench.tasks()
    assert task.state == "failed"
    assert task.message.startswith("0 of 1 imported; own.mp4: alpha, prompt 'boat', sample 0 is another file")


def test_a_task_of_another_version_fails_with_a_sentence(bench: Bench) -> None:
    bench.add_task("dance", {})
    run_tasks(bench)
    assert (bench.tasks()[0].state, "knows no task 'dance'" in bench.tasks()[0].message) == ("failed", True)


def fake_command(monkeypatch: pytest.MonkeyPatch, code: str, **options: Any) -> None:
    command = commands.Command(argv=[sys.executable, "-c", code], **options)
    monkeypatch.setattr(worker, "command_of", lambda _task, _bench: command)


@pytest.mark.parametrize(
    ("code", "options", "state", "said"),
    [
        ("print('one'); print('two')", {}, "done", "two"),
        ("import sys; sys.exit('vbench: nothing to do')", {}, "failed", "nothing to do"),
        ("import os; os.kill(os.getpid(), 9)", {}, "failed", "ended by signal 9"),
        ("import time; time.sleep(60)", {"limit_s": 0.3}, "failed", "not done after 0 s"),
        ("bytearray(4 * 2**30)", {"memory_bytes": 2**30}, "failed", "MemoryError"),
    ],
)
def test_how_a_command_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, code: str, options: Any, state: str, said: str
) -> None:
    fake_command(monkeypatch, code, **options)
    bench.add_task("any", {})
    run_tasks(bench)
    task = bench.tasks()[0]
    assert (task.state, said in task.message) == (state, True), task.message


def test_a_cancelled_command_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Even one that does not listen; what it started goes with it."""
    code = "import signal, subprocess, sys; signal.signal(2, signal.SIG_IGN); subprocess.run(['sleep', '300'])"
    fake_command(monkeypatch, code)
    monkeypatch.setattr(worker, "STOP_S", 0.5)
    id = bench.add_task("any", {})
    task = bench.claim_task("test")
    assert task is not None
    bench.update_task(id, state="cancelled")
    began = time.monotonic()
    worker.Worker(bench)._do(task)
    assert time.monotonic() - began < 20
    assert (bench.tasks()[0].state, bench.tasks()[0].message) == ("cancelled", "stopped; what was finished is kept")
    assert b"sleep 300" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout


def test_one_worker_per_bench_survives_the_page(bench: Bench) -> None:
    """A real worker process: only one runs, it does a real export, and it goes when idle."""
    folder = page_folder(bench)
    assert not worker.is_alive(bench)
    bench.add_task("export", {"kind": "zip", "clips": [bench.clips()[0].id], "author": "", "at_s": None})
    run = [sys.executable, "-m", "vbench.tasks.worker", "--idle", "6"]
    first = subprocess.Popen(run, env=worker.environment(bench), stdout=subprocess.PIPE)
    for _ in range(100):
        if worker.is_alive(bench):
            break
        time.sleep(0.1)
    second = subprocess.run(run, env=worker.environment(bench), capture_output=True, check=True)
    assert b"running already" in second.stdout
    assert first.wait(timeout=60) == 0
    assert first.stdout is not None
    first.stdout.close()
    task = bench.tasks()[0]
    assert (task.state, task.message) == ("done", "takes.zip")
    assert (folder / "exports" / task.id / "takes.zip").is_file()
    assert not worker.is_alive(bench)
