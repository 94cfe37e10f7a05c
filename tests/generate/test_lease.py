"""Two processes on one bench at the worst moment: each step is halted where another one can slip in between."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.test_run import TWO, Server, run
from vbench.bench import Bench
from vbench.bench.tables import JobRow
from vbench.generate import RunSpec, Wishes, job_runner, plan_jobs
from vbench.generate.journal import Journal
from vbench.generate.lease import Lease
from vbench.records import Handle

FOX = TWO[:1]


@pytest.fixture
def server_bench(postgres_url: str, tmp_path: Path) -> Iterator[Bench]:
    """On a database server, whose transactions do not take turns."""
    with Bench.open(tmp_path / "bench", db=postgres_url) as opened:
        opened.add_model("paid", {})
        yield opened


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        opened.add_model("paid", {})
        yield opened


def plan(journal: Journal, folder: Path, wishes: Wishes | None = None) -> int:
    adapter = BillableAdapter(billable.card(), folder / "server")
    cells = plan_jobs(
        RunSpec(models=[billable.card()], prompts=FOX, wishes=wishes or Wishes()), adapters={"paid": adapter}
    )
    return journal.plan(cells.intents(), run="run")


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


@pytest.mark.postgres
def test_a_job_that_another_has_taken_up_is_not_freed(
    server_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, first, second = (Journal(server_bench) for _ in range(3))
    plan(dead, tmp_path)
    begun = dead.claim(["paid"], 2)
    assert begun is not None
    dead.submitted(begun.id, Handle(id="at the tool"))
    dead.lease._lock.release()
    is_alive = Lease.is_alive

    def halted(self: Lease, owner: str, lease_until: float) -> bool:
        if self is first.lease and the_owner(server_bench) == dead.owner:
            second.recover()
            assert second.claim(["paid"], 2) is not None
        return is_alive(self, owner, lease_until)

    monkeypatch.setattr(Lease, "is_alive", halted)
    first.recover()
    assert the_owner(server_bench) == second.owner
    assert first.claim(["paid"], 2) is None
    for journal in (dead, first, second):
        journal.close()


def the_owner(bench: Bench) -> str | None:
    with bench.session() as session:
        return session.scalar(select(JobRow.owner))


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


def test_the_jobs_of_a_process_under_the_same_name_elsewhere_are_its_own(bench: Bench, tmp_path: Path) -> None:
    journal = Journal(bench)
    plan(journal, tmp_path)
    assert journal.claim(["paid"], 2) is not None
    elsewhere = Journal(bench)
    (bench.root / "owners" / "place").write_text("the folder of a container whose name and path are the same")
    twin = Journal(bench)
    assert twin.lease.is_alive(f"{journal.owner}x", lease_until=4e9)
    assert not elsewhere.lease.is_alive(f"{journal.owner}x", lease_until=4e9)
    for each in (journal, elsewhere, twin):
        each.close()


def test_a_bench_that_cannot_be_written_to_at_the_end_is_freed_all_the_same(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(bench)
    plan(journal, tmp_path)
    assert journal.claim(["paid"], 2) is not None
    with bench.write() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    journal.close()
    assert "database or disk is full" in caplog.text
    with bench.write() as session:
        session.connection().exec_driver_sql("DROP TRIGGER full")
    later = Journal(bench)
    assert later.recover() == [the_job(bench).id]
    later.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "POLL_S", 0.01)
