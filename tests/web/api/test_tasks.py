"""What the page sets in motion: prices, ceilings, trying again, uploads, imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.tasks.work import do_all
from tests.web.conftest import PROMPTS, Visit, moving_square
from vbench import video
from vbench.bench import Bench
from vbench.metrics.presets import PRESETS, families
from vbench.records import JobState, Plan, Request
from vbench.tasks import worker
from vbench.web import uploads


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


def test_the_plan_tells_local_lengths_as_their_frames_come(page: TestClient) -> None:
    (plan,) = page.post("/api/v1/plan", json={"prompt": "x", "models": ["allegro"], "seconds": 5}).json()["models"]
    assert (round(plan["seconds"], 3), plan["fps"]) == (5.067, 15), "76 frames: of all it can make the nearest to 75"
    (other,) = page.post("/api/v1/plan", json={"prompt": "x", "models": ["allegro"], "seconds": 30}).json()["models"]
    assert other["seconds"] < 6
    assert "30 s asked for" in " ".join(other["warnings"])


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
    assert task.args["prompts"][0]["id"] == "boat"  # the bench's own prompt, since the text is the same
    assert (task.args["prompts"][0]["tags"], task.args["prompts"][0]["suite"]) == (["camera:pan", "water"], "t")
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
    do_all(bench)
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


def test_every_preset_there_is_can_be_asked_for_and_no_other(page: TestClient, no_worker: list[Bench]) -> None:
    for preset in (*PRESETS, *families()):
        body = {"kind": "score", "score": {"preset": preset}}
        assert page.post("/api/v1/tasks", json=body).status_code == 202, preset
    answer = page.post("/api/v1/tasks", json={"kind": "score", "score": {"preset": "offlin"}})
    assert answer.status_code == 422
    assert "did you mean offline" in answer.text


# --- the whole way ------------------------------------------------------------------------------------------------


def test_takes_are_generated_and_measured(page: TestClient, bench: Bench, no_worker: list[Bench]) -> None:
    """The whole way: the page's task, the command a person would type, clips, the next task."""
    wish = {"prompt": "A red ball rolls over a floor", "models": ["synthetic-clean"], "seconds": 1, "seed": 3}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    do_all(bench)
    generated, score = sorted(bench.tasks(), key=lambda task: task.kind)
    assert (generated.state, generated.message) == ("done", "1 take made")
    assert (score.kind, score.args) == ("score", {"preset": "offline"})
    (clip,) = bench.clips(models=["synthetic-clean"])
    assert (clip.prompt.text, clip.provenance.seed) == (wish["prompt"], 3)
    assert page.get("/api/v1/jobs").json()["states"] == {"succeeded": 1}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    do_all(bench)
    again = [task.message for task in bench.tasks() if task.kind == "generate"]
    assert "these takes are there already; ask for more samples to get others" in again


def test_an_import_that_is_refused_says_which_file_and_why(
    page: TestClient, bench: Bench, own_clip: bytes, no_worker: list[Bench]
) -> None:
    sent = page.post("/api/v1/uploads?name=own.mp4", content=own_clip).json()["upload"]
    body = {"uploads": [{"upload": sent, "model": "alpha", "prompt_id": "boat"}]}
    page.post("/api/v1/uploads/confirm", json=body)
    do_all(bench)
    (task,) = bench.tasks()
    assert task.state == "failed"
    assert task.message.startswith("0 of 1 imported; own.mp4: alpha, prompt 'boat', sample 0 is another file")
