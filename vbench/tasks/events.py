"""How far each job of a running task is, from the process that makes it to the page."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from vbench.bench import Bench
from vbench.generate import Step
from vbench.records import OPEN_STATES
from vbench.tasks.cells import Place
from vbench.tasks.paths import page_folder

WRITE_EVERY_S = 0.3


def steps_file(bench: Bench, task: str) -> Path:
    """Where the steps of a running task stand, for the page: `{"share": 0 to 1, "jobs": {id: step}}`."""
    return page_folder(bench) / "steps" / f"{task}.json"


def read_steps(bench: Bench, task: str) -> dict[str, Any]:
    """What stands there; nothing before the first step and after the end."""
    try:
        found: dict[str, Any] = json.loads(steps_file(bench, task).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


class Steps:
    """Writes what happens to each job of a task; called from many threads.

    Args:
        path: See `steps_file`; it is gone when the task has ended.
        wanted: The takes that the task is for.
        n_there: How many of them are there before it begins.
    """

    def __init__(self, path: Path, wanted: list[Place], n_there: int) -> None:
        self._path, self._n, self._n_there = path, max(1, len(wanted)), n_there
        self._jobs: dict[str, dict[str, Any]] = {}
        self._shares: dict[tuple[str, int], float] = {}
        self._written, self._lock = 0.0, threading.Lock()
        path.parent.mkdir(exist_ok=True)

    def __call__(self, step: Step) -> None:
        is_over = step.state not in OPEN_STATES
        with self._lock:
            before = self._jobs.get(step.job, {})
            self._shares[step.label, step.sample] = 1.0 if is_over else step.progress or 0.0
            self._jobs[step.job] = {"state": step.state, "message": step.message, "progress": step.progress}
            if before.get("state") != step.state or time.monotonic() - self._written > WRITE_EVERY_S:
                self._write()

    def _write(self) -> None:
        share = min(1.0, (self._n_there + sum(self._shares.values())) / self._n)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({"share": share, "jobs": self._jobs}), encoding="utf-8")
        part.replace(self._path)
        self._written = time.monotonic()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
