"""Two processes that plan, claim and cancel at the worst moment: each job has one owner and is begun once."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.bench.tables import JobRow
from vbench.errors import JobError
from vbench.generate import RunSpec, Wishes, plan_jobs
from vbench.generate.journal import Journal
from vbench.records import Handle, Prompt

pytestmark = pytest.mark.usefixtures("quick")
FOX = TWO[:1]


@pytest.fixture
def server_bench(postgres_url: str, tmp_path: Path) -> Iterator[Bench]:
    """On a database server, whose transactions do not take turns."""
    with Bench.open(tmp_path / "bench", db=postgres_url) as opened:
        opened.add_model("paid", {})
        yield opened


def plan(journal: Journal, folder: Path, wishes: Wishes | None = None) -> int:
    adapter = BillableAdapter(billable.card(), folder / "server")
    spec = RunSpec(models=[billable.card()], prompts=FOX, wishes=wishes or Wishes())
    return journal.plan(plan_jobs(spec, adapters={"paid": adapter}).intents(), run="run")


def the_job(bench: Bench) -> Any:
    (job,) = bench.jobs()
    return job


@pytest.mark.postgres
def test_a_job_begun_while_its_plan_is_replaced_stays(
    server_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Journal(server_bench), Journal(server_bench)
    plan(here, tmp_path)
    look = Bench._last_job

    def halted(self: Bench, *place: Any) -> Any:
        found = look(self, *place)
        begun = there.claim(["paid"], 2)
        assert begun is not None  # and its request leaves now
        return found

    monkeypatch.setattr(Bench, "_last_job", halted)
    assert plan(here, tmp_path, Wishes(seconds=9)) == 0
    there.submitted(the_job(server_bench).id, Handle(id="at the tool"))
    assert the_job(server_bench).handle == Handle(id="at the tool")
    assert here.claim(["paid"], 2) is None
    here.close()
    there.close()


@pytest.mark.postgres
def test_a_job_cancelled_while_it_is_chosen_is_not_begun(
    server_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, person = Journal(server_bench), Journal(server_bench)
    plan(here, tmp_path)
    job, cancelled = the_job(server_bench), []
    flush = Session.flush

    def halted(self: Session, objects: Any = None) -> None:
        if any(isinstance(row, JobRow) for row in self.dirty) and not cancelled:
            with server_bench.write() as other:
                free = select(JobRow.id).where(JobRow.id == job.id).with_for_update(skip_locked=True)
                is_free = other.scalar(free) is not None
            cancelled.append(is_free and person.cancel(job.id))
        flush(self, objects)

    monkeypatch.setattr(Session, "flush", halted)
    begun = here.claim(["paid"], 2)
    assert begun is None or cancelled == [False]  # one of the two comes first, and the other one knows
    here.close()
    person.close()


def test_a_run_begins_nothing_that_another_run_has_left_planned(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    adapters = {"paid": server(billable.card())}
    journal = Journal(bench)
    journal.plan(
        plan_jobs(RunSpec(models=[billable.card()], prompts=TWO, samples=3), adapters=adapters).intents(), run="stopped"
    )
    journal.close()
    small = run(bench, server, prompts=FOX, max_cost=0.6)
    assert (small.made, small.is_complete) == (1, True)
    assert server.seen() == {"paid fox 0": 1}  # and not the other five, which its ceiling would not hold back
    assert run(bench, server, samples=3).is_complete
    assert len(server.seen()) == 6
    assert set(server.seen().values()) == {1}


def test_two_wordings_that_arrive_at_once_do_not_share_a_file(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server")
    journal = Journal(bench)
    plan(journal, tmp_path)
    begun = journal.claim(["paid"], 2)  # the old wording is at the tool when its run is stopped
    assert begun is not None
    journal.submitted(begun.id, Handle(id="old", data={"ready": 0.0, "end": "succeeded"}))
    journal.close()
    lengths = itertools.count(8)
    monkeypatch.setattr(billable, "tiny_clip", lambda: billable._encoded(next(lengths)))
    put, together = bench.media.put, threading.Barrier(2)

    def halted(local: Path, key: str) -> None:
        together.wait(10)
        put(local, key)

    monkeypatch.setattr(bench.media, "put", halted)
    run(bench, server, prompts=[replace(FOX[0], text="a red fox, edited")])
    clips = bench.clips()
    assert {clip.prompt.text for clip in clips} == {"a red fox", "a red fox, edited"}
    for clip in clips:
        assert hashlib.sha256(bench.clip_path(clip).read_bytes()).hexdigest() == clip.sha256


@pytest.mark.postgres
def test_the_journal_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": [JobError("?", code="outcome_unknown")]})
    with Bench.open(tmp_path / "bench", db=postgres_url) as bench:
        prompts = [*TWO, *(Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(10))]
        with ThreadPoolExecutor(2) as both:
            runs = [both.submit(run, bench, server, prompts=prompts, max_cost=100.0) for _ in range(2)]
            reports = [found.result() for found in runs]
        assert sum(report.made for report in reports) == 11
        assert set(server.seen().values()) == {1}
        final = run(bench, server, prompts=prompts)
        assert dict(final.states) == {"succeeded": 11, "outcome_unknown": 1}
        assert final.spend.usd == pytest.approx(6.0)


@pytest.mark.postgres
def test_two_plan_the_same_prompts_in_opposite_order_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(200)]
    adapter = BillableAdapter(billable.card(), tmp_path / "server")

    def plan(ordered: list[Prompt]) -> int:
        cells = plan_jobs(RunSpec(models=[billable.card()], prompts=ordered), adapters={"paid": adapter}).intents()
        journal = Journal(bench)
        try:
            together.wait(10)
            return journal.plan(cells, run="run")
        finally:
            journal.close()

    together = threading.Barrier(2)
    with Bench.open(tmp_path / "bench", db=postgres_url) as bench, ThreadPoolExecutor(2) as threads:
        bench.add_model("paid", {})
        assert sum(threads.map(plan, (prompts, prompts[::-1]))) == 200
