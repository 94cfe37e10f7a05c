"""Prompts to pick: the bench's, the shipped suites' and one's own folder's, thousands of them if need be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import PROMPTS, Visit
from vbench.bench import Bench
from vbench.catalog import find_suite
from vbench.errors import OptionError
from vbench.tasks import worker
from vbench.web import prompt_choice
from vbench.web.prompt_choice import find_prompt, new_prompt, shelves


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of suites of one's own, in the folder one works in."""
    (tmp_path / "prompts").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "prompts"


def test_a_fresh_bench_has_prompts_to_pick(tmp_path: Path, visit: Visit) -> None:
    with Bench.open(tmp_path / "fresh") as fresh:
        assert {shelf.name for shelf in shelves(fresh) if shelf.prompts} >= {"core", "demo", "filmmaker"}
        assert shelves(fresh)[0].prompts == ()


def test_by_suite_and_searched(page: TestClient, own: Path) -> None:
    (own / "mine.txt").write_text("A red boat in a storm\nSomething else\n")
    (own / "broken.yaml").write_text("name: broken\nprompts: [{id: a}]\n")
    found = page.get("/api/v1/choices?q=BOAT+red").json()
    ours = [(prompt["shelf"], prompt["id"], prompt["n_clips"]) for prompt in found["prompts"]]
    assert ("", "boat", 3) in ours
    assert ("mine", "a-red-boat-in-a-storm", 0) in ours
    assert found["total"] == len(ours)
    by_name = {shelf["name"]: shelf for shelf in found["shelves"]}
    assert (by_name["mine"]["n"], by_name[""]["n"], by_name["core"]["problem"]) == (1, 1, "")
    assert "broken.yaml:2" in by_name["broken"]["problem"]
    only = page.get("/api/v1/choices?shelf=mine&limit=1").json()
    assert (only["total"], len(only["prompts"])) == (2, 1)
    (own / "mine.txt").write_text("One alone\n")
    assert page.get("/api/v1/choices?shelf=mine").json()["total"] == 1  # a changed file is read anew
    (own / "core.yaml").write_text("prompts: [{id: a, text: b}]")
    assert "rename one" in json.dumps(page.get("/api/v1/choices").json()["shelves"])


def test_thousands_are_answered_in_part_and_no_file_is_read_twice(
    page: TestClient, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"text": f"scene number {n} with a dog"} for n in range(5000)]
    (own / "large.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    page.get("/api/v1/choices")
    with monkeypatch.context() as reading:
        reading.setattr(prompt_choice, "load_suite", lambda path: pytest.fail(f"{path} was read again"))
        found = page.get("/api/v1/choices?q=dog&shelf=large").json()
    assert (found["total"], len(found["prompts"])) == (5000, 100)


def test_a_picked_prompt_keeps_what_its_suite_says(
    page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ensure_worker", lambda _bench: None)
    suite = find_suite("core")
    picked = next(prompt for prompt in suite.prompts if prompt.expects and prompt.tags)
    wish = {"prompt": picked.text, "prompt_id": picked.id, "models": ["synthetic-clean"]}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    edited = {"prompt": f"{picked.text}, at night", "prompt_id": "", "models": ["synthetic-clean"]}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": edited})
    first, second = sorted((task.args["prompts"][0] for task in bench.tasks()), key=lambda line: len(line["text"]))
    assert (first["id"], first["suite"], tuple(first["tags"])) == (picked.id, picked.suite, picked.tags)
    assert first["expects"] == picked.expects
    assert (second["suite"], second["tags"], second["expects"]) == ("page", [], {})
    assert second["id"] != picked.id


def test_the_bench_comes_first_and_the_id_decides(bench: Bench, own: Path) -> None:
    (own / "mine.yaml").write_text(f"prompts: [{{id: other, text: {PROMPTS[0].text}}}]")
    assert find_prompt(bench, PROMPTS[0].text) == PROMPTS[0]
    found = find_prompt(bench, PROMPTS[0].text, "other")
    assert found is not None
    assert (found.id, found.suite) == ("other", "mine")
    assert find_prompt(bench, "nowhere") is None


@pytest.mark.parametrize(("text", "said"), [("  ", "is empty"), ("a\x00b", "control character")])
def test_what_no_tool_should_be_sent_is_refused(text: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        new_prompt(text)


def test_a_typed_prompt_is_one_text_in_every_spelling() -> None:
    assert new_prompt(" cafe\u0301 ").key == new_prompt("café").key


def test_a_public_page_shows_no_suites(visit: Visit) -> None:
    assert visit(public=True).get("/api/v1/choices").status_code == 403
    assert visit(public=True).get("/api/v1/steps").json() == {}
