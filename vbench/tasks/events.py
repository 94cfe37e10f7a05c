"""What the process of a task tells while it works: events, one JSON line each, for the worker and the page."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench
from vbench.records import OPEN_STATES, Cell
from vbench.schema import from_json, to_json
from vbench.tasks.arguments import page_folder

if TYPE_CHECKING:
    from vbench.generate import Step

WRITE_EVERY_S = 0.3
"""Between two events about the same state of things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """One thing that a task's process tells; what it leaves open stays as it was."""

    share: float | None = None
    """Part of the whole task that is done, 0 to 1."""
    job: str = ""
    """Id of the job that the rest is about; empty: the task."""
    message: str = ""
    """For a person."""
    state: str = ""
    """Of the job."""
    progress: float | None = None
    """Of the job, 0 to 1; None: its tool does not say."""


Tell = Callable[[TaskEvent], None]


def events_file(bench: Bench, task: str) -> Path:
    """Where the events of a running task stand."""
    return page_folder(bench) / "events" / f"{task}.jsonl"


class EventWriter:
    """Tells the events of one task, from any thread; an earlier attempt's are gone.

    Args:
        path: See `events_file`; the worker removes it when the task has ended.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._file, self._lock = path.open("a", encoding="utf-8"), threading.Lock()
        self._write({"attempt": secrets.token_hex(8)})  # by which readers know that it begins anew

    def __call__(self, event: TaskEvent) -> None:
        with self._lock:
            self._write(to_json(event))

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """All that a task has told so far, put together."""

    share: float | None = None
    message: str = ""
    """The last one about the task."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Job → its state, message and progress."""

    def after(self, event: TaskEvent) -> TaskProgress:
        """As it stands when this has been told too."""
        share = self.share if event.share is None else event.share
        if not event.job:
            return replace(self, share=share, message=event.message or self.message)
        told_of_job = {"state": event.state, "message": event.message, "progress": event.progress}
        return replace(self, share=share, jobs=self.jobs | {event.job: told_of_job})


class EventReader:
    """Follows the events of one task, reading each line once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first_line, self._offset, self._progress = b"", 0, TaskProgress()

    def read(self) -> TaskProgress:
        """What was told up to now; nothing before the first event and where the file is gone."""
        try:
            with self._path.open("rb") as file:
                first_line = file.readline()
                if first_line != self._first_line:  # another attempt's
                    self._first_line, self._offset, self._progress = first_line, 0, TaskProgress()
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")  # a line that is being written is read next time
        except FileNotFoundError:
            self._first_line, self._offset, self._progress = b"", 0, TaskProgress()
            return self._progress
        self._offset += len(whole) + len(newline)
        for line in whole.split(b"\n") if newline else ():
            self._progress = self._progress.after(from_json(TaskEvent, json.loads(line)))
        return self._progress


class EventReaders:
    """Follows the events of all running tasks, for a page that many visitors ask."""

    def __init__(self) -> None:
        self._readers: dict[Path, EventReader] = {}
        self._lock = threading.Lock()

    def read(self, paths: Iterable[Path]) -> list[TaskProgress]:
        """What was told of each; tasks that are not among them are forgotten."""
        with self._lock:
            self._readers = {path: self._readers.get(path) or EventReader(path) for path in paths}
            return [reader.read() for reader in self._readers.values()]


class JobEvents:
    """Tells what happens to each job of a task that generates; called from many threads.

    Args:
        tell: Takes the events.
        wanted: The takes that the task is for.
        n_there: How many of them are there before it begins.
    """

    def __init__(self, tell: Tell, wanted: Sequence[Cell], n_there: int) -> None:
        self._tell, self._n, self._n_there = tell, max(1, len(wanted)), n_there
        self._states: dict[str, str] = {}
        self._shares: dict[tuple[str, int], float] = {}
        self._told_at, self._lock = float("-inf"), threading.Lock()

    def __call__(self, step: Step) -> None:
        is_over = step.state not in OPEN_STATES
        with self._lock:
            self._shares[step.label, step.sample] = 1.0 if is_over else step.progress or 0.0
            is_new = self._states.get(step.job) != step.state
            if not is_new and time.monotonic() - self._told_at <= WRITE_EVERY_S:
                return
            self._states[step.job], self._told_at = step.state, time.monotonic()
            share = min(1.0, (self._n_there + sum(self._shares.values())) / self._n)
            self._tell(
                TaskEvent(share=share, job=step.job, state=step.state, message=step.message, progress=step.progress)
            )
