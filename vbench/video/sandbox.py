"""A process of its own for files nobody vouches for: decoding with bounded memory, time, file size and open files."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from vbench.errors import ClipError

MEMORY_BYTES = 6 * 2**30
"""Address space, of which the libraries alone map about one."""
FILE_BYTES = 8 * 2**30
OPEN_FILES = 256
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""Environment that the process keeps; keys of hosted tools are not among it."""


class Sandbox:
    """A child process that does one call at a time; one that runs late is ended, and the next call starts another."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def call(self, operation: str, arguments: Mapping[str, Any], *, limit_s: float) -> Any:
        """Run one of `vbench.video.sandbox_child.OPERATIONS` and return what it returns (JSON values).

        Raises:
            ClipError: the file cannot be used, or using it took more time or memory than allowed.
        """
        with self._lock:
            child = self._running()
            assert child.stdin is not None
            try:
                child.stdin.write(json.dumps({"operation": operation, "arguments": dict(arguments)}).encode() + b"\n")
                child.stdin.flush()
                line = self._read_line(child, time.monotonic() + limit_s)
            except (BrokenPipeError, EOFError, ValueError):  # the last: its pipes were closed under the call
                self._end()
                raise ClipError(
                    f"{operation}: the decoder died on this file (too much memory, or a crash); re-encode the file",
                    code="crashed",
                ) from None
            except TimeoutError:
                self._end()
                raise ClipError(
                    f"{operation}: not done after {limit_s:.0f} s; shorten or re-encode the file", code="timeout"
                ) from None
        answer = json.loads(line)
        if "error" in answer:
            raise ClipError(answer["error"], code=answer["code"])
        return answer["value"]

    def close(self) -> None:
        """End the process; a call under way fails, and so does every later one."""
        self._is_closed = True
        self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        child = self._child
        if child is None or child.poll() is not None:
            child = self._child = subprocess.Popen(
                [sys.executable, "-m", "vbench.video.sandbox_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            )
        if self._is_closed:  # by another thread, perhaps since it was started
            self._end()
            raise ClipError("the decoder was stopped with the page; ask again", code="stopped")
        return child

    def _read_line(self, child: subprocess.Popen[bytes], end: float) -> bytes:
        assert child.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(child.stdout.fileno(), 65536)
            if not part:
                raise EOFError
            line += part
        return line

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(BrokenPipeError):  # a call that it died before reading
                if pipe is not None:
                    pipe.close()
