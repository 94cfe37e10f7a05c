"""Exports over the page: the quick ones come at once, the others are tasks."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from fastapi.testclient import TestClient

from vbench.bench import Bench
from vbench.exports import Take
from vbench.tasks import worker


@pytest.mark.parametrize(("kind", "name"), [("csv", "takes.csv"), ("otio", "takes.otio"), ("edl", "takes.edl")])
def test_quick_exports_come_at_once(page: TestClient, takes: list[Take], kind: str, name: str) -> None:
    answer = page.post("/api/v1/exports", json={"clips": [take.clip.id for take in takes], "kind": kind, "rate": 24})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert b"boat_alpha_0" in answer.content


def test_slow_exports_are_tasks(
    page: TestClient, bench: Bench, takes: list[Take], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ensure_worker", lambda _: None)
    answer = page.post("/api/v1/exports", json={"clips": [take.clip.id for take in takes], "kind": "zip"})
    assert answer.status_code == 202
    id = answer.json()["id"]
    assert page.get(f"/api/v1/exports/{id}").status_code == 409
    task = bench.claim_task("test")
    assert task is not None
    worker.Worker(bench)._do(task)
    facts = page.get(f"/api/v1/tasks/{id}").json()
    assert (facts["state"], facts["message"]) == ("done", "takes.zip")
    file = page.get(facts["result_url"])
    assert zipfile.ZipFile(io.BytesIO(file.content)).testzip() is None
    assert page.get("/api/v1/exports/ffffffffffffffff").status_code == 404


def test_wrong_exports(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0].id
    assert page.post("/api/v1/exports", json={"clips": [], "kind": "csv"}).status_code == 422
    assert page.post("/api/v1/exports", json={"clips": [clip], "kind": "exe"}).status_code == 422
    assert page.post("/api/v1/exports", json={"clips": ["f" * 16], "kind": "csv"}).status_code == 400
    assert "no clip" in json.dumps(page.post("/api/v1/exports", json={"clips": ["f" * 16], "kind": "zip"}).json())
