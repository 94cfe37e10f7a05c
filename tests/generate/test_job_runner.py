"""What may go wrong around a paid request: it is sent once, what came of it is kept, and what was not sent is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.fakes.billable import BillableAdapter
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.bench.tables import JobRow
from vbench.errors import AuthError, BenchError, JobError, OptionError
from vbench.generate import Step
from vbench.generate.journal import Journal
from vbench.records import Handle

CAT = TWO[1:]

pytestmark = pytest.mark.usefixtures("quick")


def test_a_full_disk_after_the_request_has_left_is_no_reason_to_send_it_again(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": [BenchError("spool: the answer cannot be kept")]})
    with pytest.raises(BenchError, match="cannot be kept"):
        run(bench, server, prompts=CAT)
    report = run(bench, server, prompts=CAT)
    assert server.seen() == {"paid cat 0": 1}
    assert [job.message for job in report.unknown] == ["spool: the answer cannot be kept"]


def test_a_plan_that_cannot_be_read_is_not_sent_and_the_others_are_made(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    run(bench, server, max_jobs=0)
    with bench.write() as session:
        session.execute(update(JobRow).where(JobRow.prompt_key == CAT[0].key).values(plan={"of": "another version"}))
    report = run(bench, server, max_jobs=9)
    assert server.seen() == {"paid fox 0": 1}
    (job,) = report.ended
    assert (job.state, job.reason, job.cost_usd) == ("failed", "crashed", 0.0)
    assert "`retry=crashed`" in job.message
    assert run(bench, server, max_jobs=9, retry={"crashed"}).is_complete
    assert server.seen() == {"paid fox 0": 1, "paid cat 0": 1}


def test_where_nobody_can_be_told_nothing_is_sent_and_nothing_is_unknown(bench: Bench, tmp_path: Path) -> None:
    def closed(step: Step) -> None:
        if step.state == "submitting":
            raise BrokenPipeError("the reader has gone")

    server = Server(tmp_path / "server")
    with pytest.raises(BrokenPipeError):
        run(bench, server, progress=closed)
    assert not server.seen()
    assert {job.state for job in bench.jobs()} == {"planned"}
    assert run(bench, server).is_complete


class Away:
    """A database that does not take a handle the first times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left, submitted = times, Journal.submitted

        def fails(journal: Journal, job: str, handle: Handle) -> None:
            self.left -= 1
            if self.left >= 0:
                raise OperationalError("UPDATE jobs", {}, Exception("the server closed the connection"))
            submitted(journal, job, handle)

        monkeypatch.setattr(Journal, "submitted", fails)


def test_a_handle_is_stored_as_soon_as_the_database_is_back(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server")
    Away(monkeypatch, 2)
    assert run(bench, server, prompts=CAT).is_complete
    assert server.seen() == {"paid cat 0": 1}


def test_a_handle_that_cannot_be_stored_is_told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path / "server")
    monkeypatch.setattr(
        BillableAdapter, "submit", lambda *_: Handle(id="video_0815", data={"ready": 0, "end": "succeeded"})
    )
    Away(monkeypatch, 99)
    with pytest.raises(BenchError, match="took cat-0 as its job video_0815, and the bench cannot store that"):
        run(bench, server, prompts=CAT)
    monkeypatch.undo()
    assert [job.state for job in bench.jobs()] == ["submitting"]
    assert run(bench, server, prompts=CAT).is_complete  # what was noted beside the database is taken up
    assert not server.seen()  # it is never sent again by itself


@pytest.mark.parametrize(("code", "usd"), [("empty_result", 0.5), ("download_failed", 0.5), ("bad_request", 0.0)])
def test_what_the_tool_has_taken_counts_as_spent(bench: Bench, tmp_path: Path, code: str, usd: float) -> None:
    server = Server(tmp_path / "server", faults={"cat": [JobError("no clip in the answer", code=code)]})
    assert run(bench, server, prompts=CAT).spend.usd == usd


def test_a_message_cut_in_the_middle_of_a_character_is_stored(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": [JobError("no \ud83d, \x00", code="bad_request")]})
    assert [job.message for job in run(bench, server, prompts=CAT).ended] == ["no ?, ?"]


def test_paid_work_on_this_machine_is_not_begun_again_by_itself(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise OptionError("paid: the program cannot be started")

    monkeypatch.setattr(BillableAdapter, "lane", "device", raising=False)
    fetch = BillableAdapter.fetch
    monkeypatch.setattr(BillableAdapter, "fetch", broken)
    server = Server(tmp_path / "server")
    assert "cannot be started" in run(bench, server, prompts=CAT).paused["paid"]
    monkeypatch.setattr(BillableAdapter, "fetch", fetch)
    assert run(bench, server, prompts=CAT).is_complete
    assert server.seen() == {"paid cat 0": 1}


def test_a_key_that_is_refused_meanwhile_ends_the_asking(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_asked = []

    def locked(self: BillableAdapter, handle: Handle) -> Any:
        n_asked.append(handle.id)
        raise AuthError("paid: the key was refused")

    poll = BillableAdapter.poll
    monkeypatch.setattr(BillableAdapter, "poll", locked)
    server = Server(tmp_path / "server")
    report = run(bench, server)
    assert report.paused == {"paid": "paid: the key was refused"}
    assert len(n_asked) <= 2  # once for each that was under way
    monkeypatch.setattr(BillableAdapter, "poll", poll)
    assert run(bench, server).is_complete
    assert server.seen() == {"paid fox 0": 1, "paid cat 0": 1}


def test_a_tool_that_cannot_be_told_to_stop_does_not_end_the_run(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> bool:
        raise AuthError("paid: the key was refused")

    monkeypatch.setattr(BillableAdapter, "cancel", locked)
    server = Server(tmp_path / "server", work_s=0.5)
    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        if step.prompt == "cat" and step.state == "running":
            other = Journal(bench)
            other.cancel(step.job)
            other.close()

    report = run(bench, server, progress=tell)
    assert dict(report.states) == {"succeeded": 1, "cancelled": 1}
    assert "the tool could not be told (paid: the key was refused)" in [step.message for step in steps]
