"""Events of a task: written line by line by its process, and put together by whoever follows."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vbench.records import Cell, JobState
from vbench.tasks import events
from vbench.tasks.events import EventReader, EventReaders, EventWriter, JobEvents, TaskEvent, TaskProgress


def test_what_is_told_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events" / "t.jsonl"
    reader, tell = EventReader(path), EventWriter(path)
    assert reader.read() == TaskProgress()
    tell(TaskEvent(share=0.25, message="one\ntwo \u2028 three"))
    tell(TaskEvent(job="a", state="running", progress=0.5))
    assert reader.read() == TaskProgress(
        share=0.25,
        message="one\ntwo \u2028 three",
        jobs={"a": {"state": "running", "message": "", "progress": 0.5}},
    )
    tell(TaskEvent(share=1.0, message="all of it"))
    tell.close()
    assert (reader.read().share, reader.read().message, list(reader.read().jobs)) == (1.0, "all of it", ["a"])
    assert EventReader(path).read() == reader.read()


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    reader = EventReader(path)
    path.write_text('{"message": "one"}\n{"mess')
    assert reader.read().message == "one"
    with path.open("a") as file:
        file.write('age": "two"}\n')
    assert reader.read().message == "two"


def test_another_attempt_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    reader, first = EventReader(path), EventWriter(path)
    first(TaskEvent(share=0.5, job="a", state="running"))
    assert reader.read().share == 0.5
    second = EventWriter(path)
    second(TaskEvent(message="again"))
    first(TaskEvent(share=0.9))  # its worker has died, and nobody hears it any more
    assert reader.read() == TaskProgress(message="again")
    path.unlink()
    assert reader.read() == TaskProgress()
    first.close()
    second.close()


def test_threads_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    tell = EventWriter(path)

    def work(job: str) -> None:
        for n in range(200):
            tell(TaskEvent(job=job, state="running", message="x" * 300, progress=n / 200))

    workers = [threading.Thread(target=work, args=(f"{i}",)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    tell.close()
    assert len(path.read_text().splitlines()) == 1 + 800
    assert {job["progress"] for job in EventReader(path).read().jobs.values()} == {199 / 200}


def test_a_page_forgets_tasks_that_ended(tmp_path: Path) -> None:
    readers, paths = EventReaders(), [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    paths[0].write_text('{"message": "one"}\n')
    assert [progress.message for progress in readers.read(paths)] == ["one", ""]
    assert readers.read([]) == []
    assert [progress.message for progress in readers.read(paths[:1])] == ["one"]


def test_the_share_counts_parts_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    from vbench.generate import Step

    def step(job: str, state: JobState, progress: float | None = None, sample: int = 0) -> Step:
        return Step(job=job, label="m", prompt="p", sample=sample, state=state, progress=progress)

    told: list[TaskEvent] = []
    monkeypatch.setattr(events, "WRITE_EVERY_S", 60.0)
    steps = JobEvents(told.append, [Cell("m", "k", n) for n in range(4)], 1)
    steps(step("a", "running", 0.5))
    assert told[-1].share == pytest.approx(1.5 / 4)
    steps(step("a", "running", 0.6))  # not so soon again
    assert len(told) == 1
    steps(step("a", "failed"))  # but an end is told at once
    steps(step("b", "running", None, 1))
    assert told[-1].share == pytest.approx(2 / 4)
    assert told[1] == TaskEvent(share=2 / 4, job="a", state="failed")
