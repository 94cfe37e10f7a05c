"""Threads that work a run off: local tools in turn, a sign of life, and an end whenever a person wants one."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.errors import JobError
from vbench.generate import Wishes, generate, job_runner
from vbench.generate.journal import Journal

pytestmark = pytest.mark.usefixtures("quick")


def test_a_run_that_cannot_show_that_it_lives_ends(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Journal) -> set[str]:
        raise OSError("the database is gone")

    monkeypatch.setattr(Journal, "heartbeat", fails)
    with pytest.raises(OSError, match="the database is gone"):
        run(bench, Server(tmp_path / "server", work_s=30.0))


def test_ctrl_c_leaves_everything_to_be_taken_up_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server", work_s=0.4)

    def interrupt() -> None:
        while not server.seen("polls"):
            time.sleep(0.005)
        import _thread

        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run(bench, server)
    assert {job.state for job in bench.jobs()} <= {"submitted", "running", "planned"}
    assert run(bench, server).is_complete
    assert set(server.seen().values()) == {1}


def test_a_job_cancelled_meanwhile_is_stopped_at_the_tool(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "ASK_FOR_S", 120.0)  # one that is not stopped fails then
    server = Server(tmp_path / "server", work_s=1e6)

    def cancel() -> None:
        other = Journal(bench)
        while not (jobs := bench.jobs(states=["running"])):
            time.sleep(0.01)
        assert other.cancel(jobs[0].id)
        other.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    report = run(bench, server, prompts=TWO[:1])
    thread.join()
    assert [job.state for job in report.ended] == ["cancelled"]
    assert sum(server.seen("cancels").values()) == 1


class LocalAdapter(BillableAdapter):
    """A program on this machine: free, alone on its device, and stopped by `cancel`."""

    lane = "device"
    at_once: ClassVar[list[int]] = [0, 0]
    """Clips in the making: now, and at most."""
    has_begun: ClassVar[threading.Event] = threading.Event()

    def plan(self, request: Any) -> Any:
        return replace(super().plan(request), is_billable=False, cost_usd=0.0)

    def fetch(self, handle: Any, out: Path) -> Any:
        self.at_once[0] += 1
        self.at_once[1] = max(self.at_once)
        self.has_begun.set()
        try:
            deadline = time.monotonic() + self.options_s
            while time.monotonic() < deadline:
                if handle.id in self.lines("cancels"):
                    raise JobError("stopped by you", code="crashed")
                time.sleep(0.005)
            return super().fetch(handle, out)
        finally:
            self.at_once[0] -= 1

    options_s = 0.0


def test_local_tools_take_turns_and_are_freed_one_after_the_other(bench: Bench, tmp_path: Path) -> None:
    LocalAdapter.at_once[:] = [0, 0]
    cards = [billable.card(name, concurrency=4) for name in ("first", "second")]
    made: list[str] = []

    def make(card: Any) -> LocalAdapter:
        adapter = LocalAdapter(card, tmp_path / "server")
        adapter.options_s = 0.02
        return adapter

    report = generate(
        bench,
        models=cards,
        prompts=TWO,
        make=make,
        progress=lambda step: made.append(step.label) if step.state == "succeeded" else None,
    )
    assert report.is_complete
    assert LocalAdapter.at_once[1] == 1
    assert made == ["first", "first", "second", "second"]
    closes = (tmp_path / "server" / "closes").read_text().split()
    assert closes[0] == "first"


def test_ctrl_c_while_the_threads_are_being_started_stops_those_that_run(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalAdapter.at_once[:] = [0, 0]
    LocalAdapter.has_begun.clear()

    class Interrupted(threading.Thread):
        def start(self) -> None:
            super().start()
            if self.name.startswith("vbench lane"):
                LocalAdapter.has_begun.wait()
                raise KeyboardInterrupt

    def slow(card: Any) -> LocalAdapter:
        adapter = LocalAdapter(card, tmp_path / "server")
        adapter.options_s = 1e6
        return adapter

    monkeypatch.setattr(threading, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(bench, models=[billable.card(), billable.card("other")], prompts=TWO, make=slow)
    assert LocalAdapter.at_once == [0, 1]


def test_local_work_is_stopped_at_once_and_planned_anew(bench: Bench, tmp_path: Path) -> None:
    LocalAdapter.at_once[:] = [0, 0]
    LocalAdapter.has_begun.clear()

    def slow(card: Any) -> LocalAdapter:
        adapter = LocalAdapter(card, tmp_path / "server")
        adapter.options_s = 1e6  # longer than a stopped run waits for it
        return adapter

    def interrupt() -> None:
        import _thread

        LocalAdapter.has_begun.wait()
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        generate(bench, models=[billable.card()], prompts=TWO, make=slow)
    assert LocalAdapter.at_once == [0, 1]  # it was begun, and has ended
    changed = generate(
        bench,
        models=[billable.card()],
        prompts=TWO,
        wishes=Wishes(seconds=3),
        make=lambda card: LocalAdapter(card, tmp_path / "server"),
    )
    assert changed.is_complete
    bodies = [job.plan["body"]["seconds"] for job in bench.jobs()]
    assert bodies == [3, 3]  # with the settings of now, not those of the interrupted run


def test_a_wait_ends_with_the_time_that_a_run_may_ask(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that says to come back in an hour would otherwise be waited for beyond it."""
    monkeypatch.setattr(job_runner, "ASK_FOR_S", 0.05)
    report = run(bench, Server(tmp_path / "server", work_s=1e6, poll_s=3600.0), prompts=TWO[:1])
    assert not report.is_complete
    (job,) = bench.jobs()
    assert (job.state, job.reason) == ("failed", "timeout_local")
