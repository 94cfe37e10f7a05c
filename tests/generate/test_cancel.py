"""Cancelling: the tool is asked first, what it has finished is brought home, and the rest is stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.paid import TWO, Server
from vbench.bench import Bench
from vbench.catalog import cards
from vbench.errors import AuthError
from vbench.generate import cancel_jobs, generate
from vbench.generate.journal import Journal
from vbench.records import Handle, Job

FOX = TWO[:1]
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def one_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "find_card", lambda _name: billable.card())


def sent(bench: Bench, server: Server, ready_in_s: float, end: str = "succeeded") -> Job:
    """A job at its tool that no process waits for, as a run that was stopped leaves it."""
    generate(bench, models=[billable.card()], prompts=FOX, max_jobs=0, make=server)
    journal = Journal(bench)
    journal.start_only(job=bench.jobs()[0].id)
    with bench.write() as session:
        from sqlalchemy import delete

        from vbench.bench.tables import CeilingRow

        session.execute(delete(CeilingRow))
    job = journal.claim(["paid"], 1)
    assert job is not None
    journal.submitted(job.id, Handle(id="h1", data={"ready": time.time() + ready_in_s, "end": end}))
    journal.close()
    return bench.jobs()[0]


def test_a_clip_that_is_finished_is_fetched_and_not_destroyed(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    job = sent(bench, server, 0)
    ((_, outcome),) = cancel_jobs(bench, ids=[job.id], make=server)
    assert outcome == "finished at the tool already: its clip was fetched"
    assert [clip.prompt.id for clip in bench.clips()] == ["fox"]
    assert [each.state for each in bench.jobs()] == ["succeeded"]
    assert not server.seen("cancels")


def test_what_still_works_is_stopped(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    job = sent(bench, server, 1e6)
    assert [outcome for _, outcome in cancel_jobs(bench, ids=[job.id], make=server)] == ["cancelled at the tool"]
    assert (sum(server.seen("polls").values()), sum(server.seen("cancels").values())) == (1, 1)
    assert bench.jobs()[0].state == "cancelled"


def test_what_had_ended_otherwise_is_told_so(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    job = sent(bench, server, 0, "refused_output")
    ((_, outcome),) = cancel_jobs(bench, ids=[job.id], make=server)
    assert outcome == "had ended at the tool already: moderated_output as scripted"
    assert bench.jobs()[0].state == "refused_output"


def test_a_tool_that_cannot_be_asked_is_not_told_to_stop(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> Any:
        raise AuthError("paid: the key was refused")

    server = Server(tmp_path / "server")
    job = sent(bench, server, 0)
    monkeypatch.setattr(BillableAdapter, "poll", locked)
    ((_, outcome),) = cancel_jobs(bench, ids=[job.id], make=server)
    assert outcome == "cancelled here; the tool could not be told (paid: the key was refused)"
    assert not server.seen("cancels")
    assert bench.jobs()[0].state == "cancelled"
    monkeypatch.undo()
    monkeypatch.setattr(cards, "find_card", lambda _name: billable.card())
    report = generate(bench, models=[billable.card()], prompts=FOX, retry=["cancelled"], make=server)
    assert report.made == 1
    assert not server.seen(), "the clip of the cancelled job was there; nothing was sent"


def test_a_run_that_waits_for_it_brings_it_home(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    job = sent(bench, server, 0)
    other = Journal(bench)
    assert other.take(job.id)
    ((_, outcome),) = cancel_jobs(bench, ids=[job.id], make=server)
    assert outcome == "finished at the tool already; the run that waits for it brings the clip home"
    other.close()
    assert bench.jobs()[0].state == "submitted"
