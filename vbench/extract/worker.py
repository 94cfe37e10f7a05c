"""The decode process: takes clips from its standard input, sends back what `run_clip` gives. Started by `pool`."""

from __future__ import annotations

import pickle
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any, BinaryIO

from vbench.extract.messages import Beat, Refused, Setup, Task, open_pipes, send

HEARTBEAT_S = 2.0


def main() -> None:
    """Serve clips until the parent closes the pipe or goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; it ends this process
    incoming, outgoing = open_pipes()
    setup: Setup = pickle.load(incoming)
    sys.path[:] = setup.path
    import cv2

    cv2.setNumThreads(1)
    if setup.decode_on is not None:
        import torch

        torch.set_num_threads(1)
    features, requests = pickle.loads(setup.features)
    while True:
        try:
            task: Task = pickle.load(incoming)
        except EOFError:
            return
        try:
            _serve(task, features, requests, setup.decode_on, outgoing)
        except BrokenPipeError:
            return


def _serve(
    task: Task, features: Sequence[Any], requests: Sequence[Any], decode_on: str | None, outgoing: BinaryIO
) -> None:
    from vbench.errors import ItemError
    from vbench.extract.decode import run_clip

    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last > HEARTBEAT_S:
            send(outgoing, Beat())
            last = time.monotonic()

    try:
        for message in run_clip(task.path, task.probe, features, requests, decode_on=decode_on, beat=beat):
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
