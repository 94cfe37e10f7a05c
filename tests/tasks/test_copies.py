"""The copies that pages show, made before anybody asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import PROMPTS, make_clip
from vbench.bench import Bench
from vbench.tasks import copies
from vbench.tasks.arguments import CopiesTask, ScoreTask, arguments_of, queue_task
from vbench.tasks.child import do
from vbench.tasks.commands import command_of
from vbench.tasks.events import TaskEvent


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Two takes of one prompt, and one that stands alone."""
    with Bench.open(tmp_path / "bench") as opened:
        for seed, (model, prompt) in enumerate([("alpha", PROMPTS[0]), ("beta", PROMPTS[0]), ("alpha", PROMPTS[1])]):
            make_clip(opened, model, prompt, 0, seed=seed)
        yield opened


def names(bench: Bench) -> list[str]:
    return sorted(copy.name for copy in copies.missing_copies(bench))


def test_posters_of_all_and_sides_of_what_can_meet(bench: Bench) -> None:
    assert names(bench) == ["blind-silent-48.mp4"] * 2 + ["poster.webp"] * 3
    told: list[TaskEvent] = []
    task = bench.task(queue_task(bench, CopiesTask()))
    assert task is not None
    assert do(bench, task, told.append) == 0
    assert names(bench) == []
    assert told[-1].message == "5 of 5 pictures and videos for the page made"
    assert [event.share for event in told] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_clip_that_cannot_be_shown_stops_no_other(bench: Bench) -> None:
    bench.clip_path(bench.clips()[0]).write_bytes(b"no video")
    n_made, problems, is_left = copies.make_copies(
        bench, copies.missing_copies(bench), is_asked=lambda: False, told=lambda *_: None
    )
    assert (n_made, len(problems), is_left) == (3, 2, False)
    assert all(problem.startswith("alpha, prompt boat: ") for problem in problems)


def test_who_waits_is_let_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is another task, which stands behind theirs."""
    monkeypatch.setattr(copies, "PATIENCE_S", 0.0)
    mine = bench.task(queue_task(bench, CopiesTask()))
    assert mine is not None
    bench.update_task(mine.id, state="running")
    theirs = queue_task(bench, ScoreTask())
    assert do(bench, mine, lambda _: None) == 0
    bench.update_task(mine.id, state="done")
    waiting = [task for task in bench.tasks() if task.state == "waiting"]
    assert {task.kind for task in waiting} == {"score", "copies"}
    assert len(names(bench)) == 5
    bench.update_task(theirs, state="done")
    (rest,) = [task for task in bench.tasks() if task.state == "waiting"]
    bench.update_task(rest.id, state="running")
    assert do(bench, rest, lambda _: None) == 0
    assert names(bench) == []


def test_they_follow_scoring(bench: Bench) -> None:
    task = bench.task(queue_task(bench, ScoreTask()))
    assert task is not None
    assert command_of(task, bench).then == CopiesTask()
    assert arguments_of(bench.task(queue_task(bench, CopiesTask()))) == CopiesTask()  # type: ignore[arg-type]
