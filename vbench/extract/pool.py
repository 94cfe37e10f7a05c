"""Decode processes and their clips: a process that dies or hangs costs its clip, never the run."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vbench.contracts import FrameRequest, StreamFeature
from vbench.errors import ItemError
from vbench.extract.decode import Chunk, Done, run_clip
from vbench.extract.messages import Beat, Refused, Setup, Task, send
from vbench.records import Probe

STALL_S = 120.0
"""Silence after which a process counts as hung."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A small matrix product would wake a thread for every core, which then spin against the other processes."""
BACKLOG = 16
"""Messages (of at most about 4 MB) that may wait for the reader before decoding pauses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One clip on its way through."""

    number: int
    path: Path
    probe: Probe | None


class DecodePool:
    """A fixed number of decode processes over a list of clips.

    Processes are plain subprocesses of this interpreter rather than `multiprocessing` ones, so that scoring works
    from a notebook or a script without a main guard, and a killed parent leaves no process behind: its pipes close.

    Args:
        features: Stream features to compute.
        requests: Frames to cut out for backbones.
        workers: Processes.
        decode_on: Device on which torchcodec decodes; None: PyAV decodes.
        stall_s: Seconds without a sign of life after which a process is killed and its clip fails with `timeout`.
    """

    def __init__(
        self,
        features: Sequence[StreamFeature],
        requests: Sequence[FrameRequest],
        *,
        workers: int,
        decode_on: str | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        self._setup = Setup(
            path=tuple(sys.path), features=pickle.dumps((tuple(features), tuple(requests))), decode_on=decode_on
        )
        self._n, self._stall_s = max(1, workers), stall_s
        self._todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._out: queue.Queue[tuple[Item | None, Any]] = queue.Queue(maxsize=BACKLOG)
        self._closing = threading.Event()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._heard: dict[int, float] = {}
        self._hung: set[int] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for process in list(self._processes.values()):
            process.kill()
        while any(thread.is_alive() for thread in self._threads):
            with contextlib.suppress(queue.Empty):
                self._out.get(timeout=0.05)  # a reader may wait for room
        for process in list(self._processes.values()):
            process.wait()

    def run(
        self, items: Sequence[Item], *, idle_s: float = 0.05
    ) -> Iterator[tuple[Item, Chunk | Done | Refused] | None]:
        """Messages of all clips as they come, each clip ending with `Done` or `Refused`; None when nothing waits."""
        for item in items:
            self._todo.put(item)
        for slot in range(min(self._n, len(items))):
            thread = threading.Thread(target=self._attend, args=(slot,), name=f"decode-{slot}", daemon=True)
            self._threads.append(thread)
            thread.start()
        left = len(items)
        while left:
            try:
                found = self._out.get(timeout=idle_s)
            except queue.Empty:
                self._check_stalls()
                yield None
                continue
            source, message = found
            if source is None:
                raise message
            left -= isinstance(message, Done | Refused)
            yield source, message

    def _check_stalls(self) -> None:
        for slot, heard in list(self._heard.items()):
            # a full backlog is not the decoder's fault
            if time.monotonic() - heard > self._stall_s and not self._out.full():
                self._hung.add(slot)
                self._processes[slot].kill()

    def _attend(self, slot: int) -> None:
        try:
            while not self._closing.is_set():
                try:
                    item = self._todo.get_nowait()
                except queue.Empty:
                    break
                self._one(slot, item)
        except Exception as error:
            self._out.put((None, error))
        finally:
            process = self._processes.get(slot)
            if process is not None and process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
                process.wait()

    def _one(self, slot: int, item: Item) -> None:
        try:
            process = self._process(slot)
            assert process.stdin is not None
            assert process.stdout is not None
            self._heard[slot] = time.monotonic()
            send(process.stdin, Task(path=item.path, probe=item.probe))
            while True:
                message = pickle.load(process.stdout)
                self._heard[slot] = time.monotonic()
                if isinstance(message, Beat):
                    continue
                self._out.put((item, message))
                self._heard[slot] = time.monotonic()
                if isinstance(message, Done | Refused):
                    break
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            if not self._closing.is_set():
                self._out.put((item, self._obituary(slot, item)))
        finally:
            self._heard.pop(slot, None)

    def _process(self, slot: int) -> subprocess.Popen[bytes]:
        process = self._processes.get(slot)
        if process is None or process.poll() is not None:
            process = subprocess.Popen(
                [sys.executable, "-m", "vbench.extract.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | ONE_THREAD,
            )
            self._processes[slot] = process
            assert process.stdin is not None
            send(process.stdin, self._setup)
        return process

    def _obituary(self, slot: int, item: Item) -> Refused:
        code = self._processes.pop(slot).wait()
        if slot in self._hung:
            self._hung.discard(slot)
            return Refused(
                code="timeout",
                message=f"{item.path}: decoding gave no sign of life for {self._stall_s:g} s and was ended; "
                "try it again, or delete the file if it stays so",
            )
        return Refused(
            code="crashed",
            message=f"{item.path}: the decode process died (exit code {code}); the other clips are not affected",
        )


class InlinePool:
    """The same without processes: clip after clip in this one, for single files and for tests."""

    def __init__(
        self, features: Sequence[StreamFeature], requests: Sequence[FrameRequest], *, decode_on: str | None = None
    ) -> None:
        self._features, self._requests, self._decode_on = features, requests, decode_on

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, items: Sequence[Item]) -> Iterator[tuple[Item, Chunk | Done | Refused] | None]:
        """As `DecodePool.run`."""
        for item in items:
            try:
                for message in run_clip(
                    item.path, item.probe, self._features, self._requests, decode_on=self._decode_on
                ):
                    yield item, message
            except ItemError as error:
                yield item, Refused(code=error.code, message=str(error))
