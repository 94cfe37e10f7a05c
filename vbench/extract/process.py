"""A process of this interpreter that serves messages: the one protocol of decode processes and of device processes.

Processes are plain subprocesses rather than `multiprocessing` ones, so that scoring works from a notebook or a script
without a main guard, and a killed parent leaves no process behind: its pipes close. Messages are pickled records.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any


class Link:
    """This process's end of the pipes to its parent."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def send(self, message: object) -> None:
        """Raises BrokenPipeError where the other side is gone."""
        pickle.dump(message, self._outgoing, protocol=pickle.HIGHEST_PROTOCOL)
        self._outgoing.flush()

    def receive(self) -> Any:
        """The next message, waited for. Raises EOFError where the other side has closed its end or died."""
        try:
            return pickle.load(self._incoming)
        except pickle.UnpicklingError as error:  # it died in the middle of a message
            raise EOFError from error


Serve = Callable[[Link, Any], None]
"""What a process does with its setup: a function of an importable module, which is how the process finds it."""


class ChildProcess(Link):
    """A process that runs `serve(link, setup)`, seen from its parent.

    Args:
        serve: What it does.
        setup: Anything that can be pickled.
        env: Variables beside those of this process.
    """

    def __init__(self, serve: Serve, setup: object, *, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vbench.extract.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | dict(env or {}),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        super().__init__(self._process.stdout, self._process.stdin)
        with contextlib.suppress(BrokenPipeError):  # one that died at once is noticed at the next message
            self.send(tuple(sys.path))  # before all that has to be imported, so that plug-ins are found
            self.send((serve, setup))

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Close its input, at which it ends by itself, and wait for that."""
        with contextlib.suppress(OSError):
            self._outgoing.close()
        self._process.wait()

    def wait(self) -> int:
        """Its exit code."""
        return self._process.wait()


def main() -> None:
    """Serve the parent until it closes the pipe or goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; it ends this process
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints from here on goes to standard error
    link = Link(sys.stdin.buffer, outgoing)
    with contextlib.suppress(BrokenPipeError, EOFError):
        sys.path[:] = link.receive()
        serve, setup = link.receive()
        serve(link, setup)


if __name__ == "__main__":
    main()
