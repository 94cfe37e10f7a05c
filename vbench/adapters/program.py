"""Runs programs of this machine, each in a process group of its own, with a log and a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from vbench.adapters.secrets import redact
from vbench.errors import JobError, OptionError
from vbench.files import write_text

TAIL_CHARS = 1500
TERM_GRACE_S = 5.0


class Programs:
    """Those that run for one tool, by job."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped: set[str] = set()
        self._lock = threading.Lock()

    def run(
        self, job: str, argv: Sequence[str], *, cwd: str, environment: Mapping[str, str], log: Path, timeout_s: float
    ) -> None:
        """Run one to its end; what it prints goes to `log`, with keys struck out.

        Raises:
            OptionError: it cannot be started.
            JobError: it fails, takes too long, or was stopped.
        """
        with log.open("wb") as file:
            try:
                process = subprocess.Popen(
                    list(argv),
                    cwd=cwd or None,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise OptionError(
                    f"{self._model}: {argv[0]} cannot be started ({error.strerror}); correct options.argv and cwd"
                ) from None
            code = self._wait(job, process, log, timeout_s)
        if job in self._stopped:
            raise JobError("stopped by you", code="crashed")
        if code != 0:
            words = tail(log)
            memory = "out of memory" in words.lower()
            how = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise JobError(f"{self._model}: {how}. It said: {words}", code="out_of_memory" if memory else "crashed")

    def _wait(self, job: str, process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> int:
        with self._lock:
            self._running[job] = process
            is_stopped = job in self._stopped
        if is_stopped:
            end_group(process)
        try:
            return process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            end_group(process)
            raise JobError(
                f"{self._model}: not done after {timeout_s:g} s and stopped; raise options.timeout_s. "
                f"It said: {tail(log)}",
                code="timeout_local",
            ) from None
        finally:
            end_group(process)  # children that outlived it would hold the GPU
            with self._lock:
                self._running.pop(job, None)
            _strike_keys(log)

    def stop(self, job: str) -> None:
        """End the program of a job and everything it started; it is not started again."""
        with self._lock:
            self._stopped.add(job)
            process = self._running.get(job)
        if process is not None:
            end_group(process)

    def close(self) -> None:
        """End what is still running."""
        with self._lock:
            processes = list(self._running.values())
        for process in processes:
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: asked first, killed after a grace."""
    if os.name != "posix":
        process.kill()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
        deadline = time.monotonic() + TERM_GRACE_S
        while time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.02)


def tail(log: Path) -> str:
    """The end of what a program said, without keys."""
    try:
        text = log.read_bytes()[-4 * TAIL_CHARS :].decode(errors="replace").strip()
    except OSError:
        text = ""
    return redact(text[-TAIL_CHARS:]) or "nothing"


def _strike_keys(log: Path) -> None:
    text = log.read_text(encoding="utf-8", errors="replace")
    if (clean := redact(text)) != text:
        write_text(log, clean)
