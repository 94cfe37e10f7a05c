"""Whose a job is: processes that died, that live elsewhere, and that cannot write their last word."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.generate.paid import Server, run
from tests.generate.test_journal import plan, server_bench, the_job
from vbench.bench import Bench
from vbench.bench.tables import JobRow
from vbench.generate.journal import Journal
from vbench.generate.lease import Lease
from vbench.records import Handle, Prompt

__all__ = ["server_bench"]
pytestmark = pytest.mark.usefixtures("quick")


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


def test_a_clock_that_jumps_changes_nothing(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path / "server", work_s=0.1)
    real, offset = time.time, [0.0]
    monkeypatch.setattr("vbench.bench.owner.time.time", lambda: real() + offset[0])

    def jump() -> None:
        for hours in (30.0, -50.0, 1e5):
            time.sleep(0.03)
            offset[0] = hours * 3600

    threading.Thread(target=jump, daemon=True).start()
    second = Journal(bench)
    report = run(bench, server, prompts=[Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(6)])
    assert second.recover() == []
    second.close()
    assert report.is_complete
    assert set(server.seen().values()) == {1}
