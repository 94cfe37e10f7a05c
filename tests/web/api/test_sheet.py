"""The shot sheet over the API: cells as they were answered, all answers to one, and a person's word beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.judge.drawn import add_drawn
from vbench.bench import Bench
from vbench.judge import judge
from vbench.judge.sheet import sheet
from vbench.web import schemas
from vbench.web.security.policy import CLIENT_HEADER
from vbench.web.server import build


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    with Bench.open(folder / "bench") as bench:
        add_drawn(bench, folder, "right", "circle")
        add_drawn(bench, folder, "wrong", "circle", wrong=True)
        judge(bench, with_=["planted-good"])
    return folder / "bench"


@pytest.fixture
def client(root: Path) -> TestClient:
    return TestClient(build(root), base_url="http://127.0.0.1:7860", headers={CLIENT_HEADER: "test"})


def test_the_sheet_is_that_of_the_command(root: Path, client: TestClient) -> None:
    facts = schemas.SheetFacts.model_validate(client.get("/api/v1/sheet").json())
    (prompt,) = facts.prompts
    assert [take.model for take in prompt.takes] == ["right", "wrong"]
    with Bench.open(root) as bench:
        cells = {(c.clip, c.digest): c.verdict for c in sheet(bench).cells}
    shown = {
        (take.clip, row.question): verdict
        for row in prompt.rows
        for take, verdict in zip(prompt.takes, row.verdicts, strict=True)
    }
    assert shown == cells
    assert facts.shares["right"]["seen"] > facts.shares["wrong"]["seen"]
    assert client.get("/api/v1/sheet?prompt=nothing").status_code == 400


def test_a_persons_word_stands_beside_the_answer(client: TestClient) -> None:
    def row() -> schemas.SheetRow:
        facts = schemas.SheetFacts.model_validate(client.get("/api/v1/sheet").json())
        return next(row for row in facts.prompts[0].rows if row.kind == "presence")

    clip = client.get("/api/v1/sheet").json()["prompts"][0]["takes"][1]["clip"]
    answers = client.get(f"/api/v1/sheet/answers?clip={clip}&question={row().question}").json()
    assert [(a["by"], a["verdict"], a["trusted"]) for a in answers] == [("planted-good", "not_seen", True)]
    body = {"clip": clip, "question": row().question, "verdict": "seen"}
    assert client.put("/api/v1/sheet/overrule", json=body).status_code == 200
    assert (row().verdicts[1], row().overruled[1]) == ("not_seen", "seen")
    assert client.put("/api/v1/sheet/overrule", json=body | {"verdict": ""}).status_code == 200
    assert row().overruled[1] == ""
    assert client.put("/api/v1/sheet/overrule", json=body | {"verdict": "maybe"}).status_code == 422
