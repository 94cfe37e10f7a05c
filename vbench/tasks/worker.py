"""The worker: does what the page was asked for, one task at a time, in child processes; a restart of the page
does not disturb it, and the next worker takes up what a dead one left."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
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
from vbench.tasks.commands import Command, command_of, vbench_command
from vbench.tasks.events import read_steps
from vbench.tasks.paths import page_folder
from vbench.video.sandbox import FILE_BYTES

IDLE_S = 600.0
"""A worker with nothing to do goes; the page starts another when there is something."""
BEAT_S = 2.0
STOP_S = 20.0
"""From the request to stop to the end by force."""
LAST_LINES = 4000
BUG, PARTLY = 1, 3
"""Exit codes: of a command with a bug, and of one that did its work but for something that failed."""


def environment(bench: Bench) -> dict[str, str]:
    """What a process needs to open this very bench; a password is not in the process list so."""
    url = bench.database.engine.url.render_as_string(hide_password=False)
    return os.environ | {"VBENCH_HOME": str(bench.root), "VBENCH_DB": url, "VBENCH_MEDIA": bench.media.url}


# --- the page's side ----------------------------------------------------------------------------------------------


def is_alive(bench: Bench) -> bool:
    """Whether a worker of this bench is running."""
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
        except (ValueError, KeyError, OSError) as error:
            self._bench.update_task(task.id, state="failed", message=str(error))
            return
        logs = page_folder(self._bench) / "logs"
        logs.mkdir(exist_ok=True)
        log = logs / f"{task.id}.log"
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
            for kind, args in command.then:
                self._bench.add_task(kind, args)
            log.unlink(missing_ok=True)
        if command.leaves is not None and child.returncode in (0, PARTLY):
            shutil.rmtree(command.leaves, ignore_errors=True)

    def _watch(self, task: Task, command: Command, child: subprocess.Popen[bytes], log: Path) -> str:
        began, stopping = time.monotonic(), 0.0
        while child.poll() is None:
            time.sleep(0.2 if time.monotonic() - began < 2 else BEAT_S / 2)
            is_late = command.limit_s is not None and time.monotonic() - began > command.limit_s
            if not stopping and (is_late or self._state(task) == "cancelled"):
                os.killpg(child.pid, signal.SIGINT)
                stopping = time.monotonic()
            if stopping and time.monotonic() - stopping > STOP_S:
                os.killpg(child.pid, signal.SIGKILL)
            if command.tells_steps:
                progress = read_steps(self._bench, task.id).get("share")
            else:
                progress = share_done(last_line(log))
            quiet = stopping or command.tells_steps or command.report is not None
            self._bench.update_task(task.id, progress=progress, message=None if quiet else last_line(log))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # whatever the command left behind
        if self._state(task) == "cancelled":
            self._cancel_jobs(command)
            self._bench.update_task(task.id, message="stopped; what was finished is kept")
            return "cancelled"
        said, is_done = last_line(log).removeprefix("vbench: "), child.returncode == 0
        if command.report is not None and child.returncode in (0, PARTLY):
            is_done, said = command.report(log.read_text(errors="replace"))
        if is_done:
            self._bench.update_task(task.id, state="done", progress=1.0, message=said)
            return "done"
        if stopping:
            said = f"not done after {command.limit_s:.0f} s; do it in smaller parts"
        elif child.returncode < 0:
            said = f"ended by signal {-child.returncode}, most likely for want of memory; {said}"
        elif child.returncode == BUG:
            said = f"a bug: {error_line(log)}; its traceback is in {log.relative_to(self._bench.root)} of the bench"
        self._bench.update_task(task.id, state="failed", message=said or f"ended with {child.returncode}; see {log}")
        return "failed"

    def _cancel_jobs(self, command: Command) -> None:
        if command.open_jobs is None:
            return
        if jobs := command.open_jobs(self._bench):
            words = vbench_command("cancel", *jobs)
            subprocess.run(words, env=environment(self._bench), stdout=subprocess.DEVNULL, timeout=120, check=False)

    def _state(self, task: Task) -> str:
        return next((row.state for row in self._bench.tasks() if row.id == task.id), "cancelled")


def last_line(log: Path) -> str:
    """The last thing a command printed, on one line, as the page may show it."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_LINES))
        lines = [line.strip() for line in file.read().decode(errors="replace").replace("\r", "\n").splitlines()]
    said = [line for line in lines if line]
    return said[-1][:500] if said else ""


def error_line(log: Path) -> str:
    """What a traceback says at its end."""
    lines = log.read_text(errors="replace").splitlines()
    named = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
    return (named or lines or [""])[-1][:300]


def share_done(line: str) -> float | None:
    """The part that a line such as `12/40 files` says is done; None where it says nothing of the kind."""
    found = re.search(r"\b(\d+)(?:/| of )(\d+)\b", line)
    return int(found[1]) / int(found[2]) if found and int(found[1]) <= int(found[2]) > 0 else None


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
