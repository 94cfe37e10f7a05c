"""What the bench holds, over HTTP: the bench itself, prompts, tools, jobs, failures."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.web.conftest import Visit
from vbench.bench import Bench
from vbench.records import Failure


def test_the_bench_says_what_you_may(visit: Visit) -> None:
    facts = visit().get("/api/v1/bench").json()
    assert facts["counts"] == {"clips": 6, "prompts": 2, "models": 3, "votes": 0, "jobs": 0}
    assert (facts["mode"], set(facts["permissions"].values())) == ("local", {True})
    public = visit(public=True).get("/api/v1/bench").json()
    assert public["mode"] == "public"
    assert [name for name, may in public["permissions"].items() if may] == ["vote"]


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


def test_runs_and_failures(page: TestClient, bench: Bench) -> None:
    bench.add_failure(Failure(stage="import", subject="a.mp4", code="unreadable", message="no frame"))
    assert page.get("/api/v1/failures?stage=import").json()[0]["message"] == "no frame"
    assert page.get("/api/v1/jobs").json() == {"states": {}, "offset": 0, "limit": 200, "jobs": []}
