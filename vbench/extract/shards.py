"""Several devices: one process for each, every one with its own share of the clips and its own decode processes."""

from __future__ import annotations

import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from vbench.contracts import Feature
from vbench.errors import VBenchError
from vbench.extract.extraction import Extracted, Timing, Wanted, extract
from vbench.extract.messages import Refused, open_pipes, send


def extract_sharded(
    wanted: Sequence[Wanted],
    features: Sequence[Feature],
    *,
    devices: Sequence[str],
    workers: int,
    note: Callable[[str], None],
    timing: Timing,
) -> Iterator[Extracted]:
    """As `extract`, over several devices; clip n goes to device n modulo their number.

    A process that dies fails the clips it had not finished with `crashed`; the others go on.
    """
    found: queue.Queue[tuple[int, Any]] = queue.Queue(maxsize=32)
    shares = {shard: list(range(shard, len(wanted), len(devices))) for shard in range(len(devices))}
    processes: list[subprocess.Popen[bytes]] = []
    for shard, device in enumerate(devices):
        moved = [_on(feature, device) for feature in features]
        task = (
            tuple(sys.path),
            pickle.dumps(([wanted[n] for n in shares[shard]], moved, max(1, workers // len(devices)))),
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "vbench.extract.shards"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdin is not None
        send(process.stdin, task)
        threading.Thread(target=_listen, args=(shard, process, found), daemon=True).start()
    open_shards = set(shares)
    left = {shard: set(range(len(share))) for shard, share in shares.items()}
    try:
        while open_shards:
            shard, message = found.get()
            if isinstance(message, VBenchError):
                raise message
            if isinstance(message, str):
                note(message)
            elif isinstance(message, Timing):
                timing.add(message)
            elif isinstance(message, Extracted):
                left[shard].discard(message.number)
                yield message.at(shares[shard][message.number])
            else:
                open_shards.discard(shard)
                for number in sorted(left[shard]):
                    reason = (
                        f"{wanted[shares[shard][number]].path}: the process of {devices[shard]} died before it was done"
                    )
                    yield Extracted(number=shares[shard][number], refused=Refused(code="crashed", message=reason))
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _on(feature: Feature, device: str) -> Feature:
    return type(feature)(replace(feature.settings, device=device))


def _listen(shard: int, process: subprocess.Popen[bytes], found: queue.Queue[tuple[int, Any]]) -> None:
    assert process.stdout is not None
    try:
        while True:
            found.put((shard, pickle.load(process.stdout)))
    except (EOFError, pickle.UnpicklingError):
        found.put((shard, None))


def main() -> None:
    """Serve one shard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; it ends this process
    incoming, outgoing = open_pipes()
    path, task = pickle.load(incoming)
    sys.path[:] = path
    wanted, features, workers = pickle.loads(task)
    timing = Timing()
    try:
        for found in extract(wanted, features, workers=workers, note=lambda text: send(outgoing, text), timing=timing):
            send(outgoing, found)
        send(outgoing, timing)
    except VBenchError as error:
        send(outgoing, error)
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main()
