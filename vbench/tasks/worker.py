"""The worker: does what the page was asked for, one task at a time, in child processes; a restart of the page
does not disturb it, and the next worker takes up what a dead one left."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from vbench.bench import Bench
from vbench.records import Task
from vbench.tasks.arguments import page_folder, queue_task
from vbench.tasks.child import BUG, PARTLY
from vbench.tasks.commands import Command, command_of, vbench_command
from vbench.tasks.events import EventReader, events_file
from vbench.video.sandbox import FILE_BYTES

IDLE_S = 600.0
"""A worker with nothing to do goes; the page starts another when there is something."""
BEAT_S = 2.0
STOP_S = 20.0
"""From the request to stop to the end by force."""


def environment(bench: Bench) -> dict[str, str]:
    """What a process needs to open this very bench; a password is not in the process list so."""
    url = bench.database.engine.url.render_as_string(hide_password=False)
    return os.environ | {"VBENCH_HOME": str(bench.root), "VBENCH_DB": url, "VBENCH_MEDIA": bench.media.url}


# --- the page's side ----------------------------------------------------------------------------------------------


def is_alive(bench: Bench) -> bool:
    """Whether a worker of this bench is running; none works on a bench that can only be looked at."""
    if bench.is_read_only:
        return False
    try:
        with FileLock(page_folder(bench) / "worker.lock", timeout=0):
            return False
    except Timeout:
        return True


def ensure_worker(bench: Bench) -> None:
    """Start a worker, unless one runs; it outlives this process."""
    if is_alive(bench):
        return
    with (page_folder(bench) / "worker.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "vbench.tasks.worker"],
            env=environment(bench),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started.append(child)
    _started[:] = [worker for worker in _started if worker.poll() is None]


_started: list[subprocess.Popen[bytes]] = []
"""Workers this process started; asking after them lets the system forget those that ended."""


# --- the worker's side --------------------------------------------------------------------------------------------


class Worker:
    """Takes tasks until there are none for a while."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._name = bench, f"{os.uname().nodename}:{os.getpid()}"
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, *, idle_s: float = IDLE_S) -> None:
        """Work; returns after `idle_s` without a task."""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < idle_s:
            task = self._bench.claim_task(self._name)
            if task is None:
                time.sleep(0.5)
                continue
            self._do(task)
            idle_since = time.monotonic()

    def stop(self) -> None:
        """End the child under way, as Ctrl-C would; its work is taken up by the next worker."""
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGINT)

    def _do(self, task: Task) -> None:
        try:
            command = command_of(task, self._bench)
        except (ValueError, OSError) as error:
            self._bench.update_task(task.id, state="failed", message=str(error))
            return
        logs = page_folder(self._bench) / "logs"
        logs.mkdir(exist_ok=True)
        log = logs / f"{task.id}.log"
        events_file(self._bench, task.id).unlink(missing_ok=True)  # of an attempt whose worker died
        with log.open("wb") as output:
            self._child = child = subprocess.Popen(
                list(command.argv),
                env=environment(self._bench) | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if command.memory_bytes is not None:
            resource.prlimit(child.pid, resource.RLIMIT_AS, (command.memory_bytes, command.memory_bytes))
            resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        state = self._watch(task, command, child, log)
        if state == "done":
            if command.then is not None:
                queue_task(self._bench, command.then)
            log.unlink(missing_ok=True)
        if command.leaves is not None and child.returncode in (0, PARTLY):
            shutil.rmtree(command.leaves, ignore_errors=True)

    def _watch(self, task: Task, command: Command, child: subprocess.Popen[bytes], log: Path) -> str:
        began, stopping = time.monotonic(), 0.0
        events = EventReader(events_file(self._bench, task.id))
        while child.poll() is None:
            time.sleep(0.2 if time.monotonic() - began < 2 else BEAT_S / 2)
            is_late = command.limit_s is not None and time.monotonic() - began > command.limit_s
            if not stopping and (is_late or self._state(task) == "cancelled"):
                os.killpg(child.pid, signal.SIGINT)
                stopping = time.monotonic()
            if stopping and time.monotonic() - stopping > STOP_S:
                os.killpg(child.pid, signal.SIGKILL)
            told = events.read()
            self._bench.update_task(task.id, progress=told.share, message=None if stopping else told.message or None)
        message = events.read().message
        events_file(self._bench, task.id).unlink(missing_ok=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # whatever the command left behind
        if self._state(task) == "cancelled":
            self._cancel_jobs(command)
            self._bench.update_task(task.id, message="stopped; what was finished is kept")
            return "cancelled"
        if child.returncode == 0:
            self._bench.update_task(task.id, state="done", progress=1.0, message=message)
            return "done"
        if stopping:
            message = f"not done after {command.limit_s:.0f} s; do it in smaller parts"
        elif child.returncode < 0:
            message = f"ended by signal {-child.returncode}, most likely for want of memory; {message}"
        elif child.returncode == BUG:
            message = f"a bug: {message}; its traceback is in {log.relative_to(self._bench.root)} of the bench"
        self._bench.update_task(task.id, state="failed", message=message or f"ended with {child.returncode}; see {log}")
        return "failed"

    def _cancel_jobs(self, command: Command) -> None:
        if jobs := command.open_jobs(self._bench):
            words = vbench_command("cancel", *jobs)
            subprocess.run(words, env=environment(self._bench), stdout=subprocess.DEVNULL, timeout=120, check=False)

    def _state(self, task: Task) -> str:
        current = self._bench.task(task.id)
        return "cancelled" if current is None else current.state


def main() -> None:
    """Run the one worker of the bench that the environment names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=float, default=IDLE_S, help="seconds without a task after which it ends")
    idle_s = parser.parse_args().idle
    with Bench.open(create=False) as bench:
        try:
            lock = FileLock(page_folder(bench) / "worker.lock", timeout=2)
            with lock:
                worker = Worker(bench)

                def leave(_signal: int, _frame: object) -> None:
                    worker.stop()
                    sys.exit(0)

                signal.signal(signal.SIGTERM, leave)
                worker.run(idle_s=idle_s)
        except Timeout:
            print("a worker of this bench is running already")


if __name__ == "__main__":
    main()
