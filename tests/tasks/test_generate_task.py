"""The process behind Generate and Try again: what it tells meanwhile, how it ends, and how often it asks to be paid."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.fakes.hosted import Fake
from tests.web.conftest import PROMPTS
from tests.web.paid import paid_tool
from vbench.bench import Bench
from vbench.bench.jobs import Intent
from vbench.catalog.cards import find_card
from vbench.errors import OptionError
from vbench.generate import RunSpec, Wishes
from vbench.generate.journal import Journal
from vbench.generate.plan import make_adapter
from vbench.records import Prompt, Request
from vbench.tasks import worker
from vbench.tasks.events import events_file
from vbench.tasks.generate_task import outcome, spec_of, task_args


@pytest.fixture
def paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setattr(worker, "ensure_worker", lambda _bench: None)
    with paid_tool(tmp_path, monkeypatch) as fake:
        yield fake


def do_next(bench: Bench) -> None:
    """The oldest task, in a process of its own, as the worker does it."""
    task = bench.claim_task("test")
    assert task is not None
    worker.Worker(bench)._do(task)


def ended(bench: Bench, label: str, *, sent: str) -> tuple[str, str]:
    """A job of a tool that failed, and one that it was about to begin; their ids."""
    card = find_card("paid")
    journal, adapter = Journal(bench), make_adapter(card)
    try:
        for prompt in PROMPTS:
            request = Request(prompt=prompt, seed=40, seconds=4.0, prompt_sent=sent)
            plan = replace(adapter.plan(request), model=label)
            journal.plan([Intent(label=label, prompt=prompt, sample=0, plan=plan)], run="r")
            if prompt is PROMPTS[0]:
                job = journal.claim([label], 1)
                assert job is not None
                journal.finish(job.id, "failed", reason="provider_error", message="as said")
    finally:
        journal.close()
        adapter.close()
    first, second = (one.id for one in sorted(bench.jobs(), key=lambda one: one.state))
    return first, second


def test_an_arm_is_tried_again_from_the_page_with_its_own_words_and_paid_once(
    page: TestClient, bench: Bench, paid: Fake
) -> None:
    failed, leftover = ended(bench, "paid@deep", sent="a red boat, in great detail")
    answer = page.post(f"/api/v1/jobs/{failed}/retry", json={"max_cost": 0.5})
    assert (answer.status_code, answer.json()["kind"]) == (202, "retry")
    do_next(bench)
    (task,) = [task for task in bench.tasks() if task.kind == "retry"]
    assert (task.state, task.message) == ("done", "1 take made")
    assert paid.creates == 1
    (job,) = paid.jobs.values()
    assert "a red boat, in great detail" in json.dumps(job.body)
    (clip,) = bench.clips(models=["paid@deep"])
    assert clip.prompt.text == PROMPTS[0].text
    assert next(one.state for one in bench.jobs() if one.id == leftover) == "planned"
    (facts,) = [one for one in page.get("/api/v1/tasks").json() if one["kind"] == "retry"]
    assert (facts["takes"], facts["n_takes"], facts["prompts"]) == ([clip.id], 1, [PROMPTS[0].key])


def test_steps_are_told_while_it_runs_and_gone_after(page: TestClient, bench: Bench, paid: Fake) -> None:
    paid.work_s = 2.0
    wish = {"prompt": "A red boat drifts", "models": ["paid"], "samples": 2, "max_cost": 1.0}
    id = page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish}).json()["id"]
    worker = threading.Thread(target=do_next, args=(bench,))
    worker.start()
    seen: list[tuple[set[str], float]] = []
    while worker.is_alive():
        steps = page.get("/api/v1/steps").json()
        seen.append(({step["state"] for step in steps.values()}, page.get(f"/api/v1/tasks/{id}").json()["progress"]))
        time.sleep(0.1)
    assert any("running" in states for states, _ in seen)
    assert any(0 < share < 1 for _, share in seen)  # one take is there, the other is being made
    facts = page.get(f"/api/v1/tasks/{id}").json()
    assert (facts["state"], facts["progress"], len(facts["takes"]), facts["about"]) == ("done", 1.0, 2, wish["prompt"])
    assert page.get("/api/v1/steps").json() == {}
    assert not events_file(bench, id).exists()
    assert paid.creates == 2
    assert {clip.prompt.tags for clip in bench.clips(models=["paid"])} == {PROMPTS[0].tags}


def test_what_the_tool_refuses_is_said_and_paid_for_once(page: TestClient, bench: Bench, paid: Fake) -> None:
    paid.faults["create"].append("moderated")
    wish = {"prompt": "Something refused", "models": ["paid"], "max_cost": 0.5}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    do_next(bench)
    (task,) = bench.tasks()
    assert (task.state, "paid: refused_input: " in task.message) == ("failed", True)
    assert paid.creates == 1


def test_what_cannot_be_done_is_one_sentence(page: TestClient, bench: Bench, paid: Fake, tmp_path: Path) -> None:
    wish = {"prompt": "A red boat drifts", "models": ["paid"], "max_cost": 1.0}
    page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    (tmp_path / "models" / "paid.yaml").unlink()
    do_next(bench)
    (task,) = bench.tasks()
    assert task.state == "failed"
    assert task.message.startswith("no model 'paid'")


OLD_ARGS: dict[str, Any] = {
    "prompt": {"id": "boat", "text": "A red boat", "suite": "t", "negative": "blur", "tags": ["water"]}
    | {"expects": {}, "image": ""},
    "prompt_key": "k",
    "models": ["paid"],
    "samples": 2,
    "seed": 7,
    "seconds": 4.0,
    "width": None,
    "height": None,
    "fps": None,
    "audio": None,
    "max_cost": 1.0,
    "allow_unpriced": True,
    "retry": ["failed"],
}
"""As the version before `RunSpec` stored a task."""


def test_a_task_stored_by_the_version_before_is_the_same_run() -> None:
    boat = Prompt(id="boat", text="A red boat", suite="t", negative="blur", tags=("water",))
    spec = RunSpec(
        models=["paid"],
        prompts=[boat],
        samples=2,
        seeds=[7, 8],
        wishes=Wishes(seconds=4.0),
        max_cost=1.0,
        allow_unpriced=["paid"],
        retry={"failed"},
    )
    assert spec_of(OLD_ARGS) == spec
    assert spec_of(json.loads(json.dumps(task_args(spec)))) == spec


@pytest.mark.parametrize(
    "args", [{"prompt": {"id": "boat"}, "models": ["paid"], "samples": 1}, {"of": "another version"}, {"models": 3}]
)
def test_a_task_that_cannot_be_read_is_told_in_a_sentence(args: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"stored by another version of vbench .*; start it again"):
        spec_of(args)


def test_what_became_of_a_generation_is_said() -> None:
    refused: Any = SimpleNamespace(
        model="kling", state="refused_input", reason="moderated_input", message="kling: no\nviolence"
    )
    report: Any = SimpleNamespace(
        made=1,
        is_complete=False,
        ended=[refused],
        unknown=[],
        impossible={"needs a key": 1},
        paused={"veo": "veo: the ceiling of $1.00 is reached"},
    )
    is_done, message = outcome(report)
    assert is_done
    assert message == (
        "1 take made; kling: refused_input: no violence; needs a key; veo waits: the ceiling of $1.00 is reached"
    )
