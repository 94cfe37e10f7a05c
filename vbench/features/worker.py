"""The decode process: takes clips from its standard input, sends back what `run_clip` gives. Started by `pool`."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

HEARTBEAT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """First message to a worker."""

    path: tuple[str, ...]
    """`sys.path` of the parent, so that plug-ins are found."""
    features: bytes
    """Pickled stream features and frame requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One clip to decode."""

    path: Path
    probe: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The clip could not be decoded."""

    code: str
    message: str


class Beat:
    """Still at work."""


def send(stream: IO[bytes], message: object) -> None:
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def open_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for messages; what anything prints from here on goes to standard error."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, outgoing


def main() -> None:
    """Serve clips until the parent closes the pipe or goes away."""
    incoming, outgoing = open_pipes()
    setup: Setup = pickle.load(incoming)
    sys.path[:] = setup.path
    import cv2

    cv2.setNumThreads(1)
    features, requests = pickle.loads(setup.features)
    while True:
        try:
            task: Task = pickle.load(incoming)
        except EOFError:
            return
        try:
            _serve(task, features, requests, outgoing)
        except BrokenPipeError:
            return


def _serve(task: Task, features: Sequence[Any], requests: Sequence[Any], outgoing: BinaryIO) -> None:
    from vbench.errors import ItemError
    from vbench.features.decode import run_clip

    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last > HEARTBEAT_S:
            send(outgoing, Beat())
            last = time.monotonic()

    try:
        for message in run_clip(task.path, task.probe, features, requests, beat=beat):
            send(outgoing, message)
    except ItemError as error:
        send(outgoing, Refused(code=error.code, message=str(error)))
    except BrokenPipeError:
        raise
    except MemoryError:
        send(outgoing, Refused(code="out_of_memory", message=f"{task.path}: not enough memory to decode it"))
    except OSError as error:
        send(outgoing, Refused(code="io", message=f"{task.path}: cannot be read ({error.strerror or error})"))


if __name__ == "__main__":
    main()
