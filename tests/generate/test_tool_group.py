"""How fast a tool is asked: slower when it says so, and not at all where its key is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fakes import billable
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.errors import AuthError, NotStartedError
from vbench.generate import generate, tool_group

pytestmark = pytest.mark.usefixtures("quick")


def test_throttle_halves_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(tool_group.time, "monotonic", lambda: clock[0])
    throttle = tool_group.Throttle(8)
    assert throttle.too_many(30.0)
    assert (throttle.limit, throttle.wait_s()) == (4, 30.0)
    throttle.too_many(1.0)
    assert (throttle.limit, throttle.wait_s()) == (2, 30.0)  # the longer pause stands
    clock[0] += 31
    assert throttle.wait_s() == 0
    for _ in range(60):
        throttle.succeeded()
    assert throttle.limit == 8
    assert all(throttle.too_many(0.0, is_busy=False) for _ in range(4))
    assert not throttle.too_many(0.0, is_busy=False)


def test_too_many_requests_are_sent_again_later_and_slow_the_tool_down(bench: Bench, tmp_path: Path) -> None:
    busy = [NotStartedError("busy", retry_after_s=0.05) for _ in range(3)]
    server = Server(tmp_path / "server", faults={"cat": list(busy)})
    started = time.monotonic()
    report = run(bench, server)
    assert report.is_complete
    assert time.monotonic() - started >= 0.15
    assert server.seen() == {"paid fox 0": 1, "paid cat 0": 1}


def test_a_refused_key_stops_that_tool_alone_and_its_jobs_wait(bench: Bench, tmp_path: Path) -> None:
    locked = Server(tmp_path / "locked", faults={p.id: [AuthError("locked: no API key; set LOCKED_KEY")] for p in TWO})
    open_ = Server(tmp_path / "open")
    cards = [billable.card("locked", concurrency=1), billable.card("open")]
    report = generate(
        bench, models=cards, prompts=TWO, make=lambda card: (locked if card.id == "locked" else open_)(card)
    )
    assert report.paused == {"locked": "locked: no API key; set LOCKED_KEY"}
    assert dict(report.states) == {"planned": 2, "succeeded": 2}
    assert report.spend.n_jobs == 2
