"""Decode processes and their clips: a process that dies or hangs costs its clip, never the run."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vbench.contracts import FrameRequest, values
from vbench.errors import ItemError
from vbench.extract.decode import Chunk, ClipEvent, NotDecoded, PassFeature, ToDecode, run_clip
from vbench.extract.process import ChildProcess, Link, Records, UnreadableAnswerError, records_in
from vbench.records import Probe

STALL_S = 120.0
"""Silence after which a process counts as hung."""
LIMIT_S, LIMIT_PER_S = 1800.0, 120.0
"""Time that a clip may take in all, at least and for each of its seconds: one that shows signs of life for ever ends
too. The time in which the process waits for its reader does not count."""
START_S = 120.0
"""Silence that a process is granted beside it while it starts, on a machine that is slow and busy."""
HEARTBEAT_S = 2.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A small matrix product would wake a thread for every core, which then spin against the other processes."""
BACKLOG = 16
"""Messages (of at most about 4 MB) that may wait for the reader before decoding pauses."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing waits to be read: time to do what was put off."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A decode process is still at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSetup:
    """What a decode process needs to know before its first clip."""

    features: tuple[PassFeature, ...]
    requests: tuple[FrameRequest, ...]
    decode_on: str | None = None
    """As in `run_clip`."""


def serve_clips(link: Link, setup: DecodeSetup) -> None:
    """The decode process: takes clips, sends back the events of their passes."""
    import cv2

    cv2.setNumThreads(1)
    if setup.decode_on is not None:
        import torch

        torch.set_num_threads(1)
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last > HEARTBEAT_S:
            link.send(Beat())
            last = time.monotonic()

    while True:
        clip = link.receive()
        for event in events_of(clip, setup, beat=beat):
            try:
                link.send(event)
            except TypeError as error:
                message = f"{clip.path}: a feature's value cannot leave the decode process ({error})"
                link.send(NotDecoded(clip=clip.number, code="failed", message=message))
                break


def events_of(clip: ToDecode, setup: DecodeSetup, *, beat: Callable[[], None] = lambda: None) -> Iterator[ClipEvent]:
    """The pass over one clip, ending with `Decoded` or `NotDecoded`."""

    def failed(code: str, message: str) -> NotDecoded:
        return NotDecoded(clip=clip.number, code=code, message=message)

    try:
        yield from run_clip(clip, setup.features, setup.requests, decode_on=setup.decode_on, beat=beat)
    except ItemError as error:
        yield failed(error.code, str(error))
    except BrokenPipeError:  # by `beat`: the parent is gone
        raise
    except MemoryError:
        yield failed("out_of_memory", f"{clip.path}: not enough memory to decode it")
    except OSError as error:
        yield failed("io", f"{clip.path}: cannot be read ({error.strerror or error})")


def records_of(features: Sequence[PassFeature]) -> Records:
    """What the answers of a decode process may hold: our own records, and those that its features' modules name."""
    modules = {kind.__module__ for feature in features for kind in type(feature).__mro__}
    return records_in(
        {__name__, run_clip.__module__, Probe.__module__, values.__name__, *modules} - {"builtins", "abc"}
    )


class DecodePool:
    """A fixed number of decode processes over a list of clips.

    Args:
        setup: What each of them computes.
        workers: Processes.
        stall_s: Seconds without a sign of life after which a process is killed and its clip fails with `timeout`.
    """

    def __init__(self, setup: DecodeSetup, *, workers: int, stall_s: float = STALL_S) -> None:
        self._setup = setup
        self._records = records_of(setup.features)
        self._n, self._stall_s = max(1, workers), stall_s
        self._todo: queue.SimpleQueue[ToDecode] = queue.SimpleQueue()
        self._out: queue.Queue[ClipEvent | Exception] = queue.Queue(maxsize=BACKLOG)
        self._closing = threading.Event()
        self._processes: dict[int, ChildProcess] = {}
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

    def run(self, clips: Sequence[ToDecode], *, idle_s: float = 0.05) -> Iterator[ClipEvent | Idle]:
        """Events of all clips as they come, each clip ending with `Decoded` or `NotDecoded`.

        May be called again once all of them have come: the processes stay, with all that they have loaded.
        """
        for clip in clips:
            self._todo.put(clip)
        self._threads = []
        for slot in range(min(self._n, len(clips))):
            thread = threading.Thread(target=self._attend, args=(slot,), name=f"decode-{slot}", daemon=True)
            self._threads.append(thread)
            thread.start()
        left = len(clips)
        while left:
            try:
                event = self._out.get(timeout=idle_s)
            except queue.Empty:
                self._check_stalls()
                yield Idle()
                continue
            if isinstance(event, Exception):
                raise event
            left -= not isinstance(event, Chunk)
            yield event
        for thread in self._threads:  # none is left to take a clip of the next list
            thread.join()

    def _check_stalls(self) -> None:
        for slot, heard in list(self._heard.items()):
            # a full backlog is not the decoder's fault
            is_silent = time.monotonic() - heard > self._stall_s and not self._out.full() and slot not in self._hung
            if is_silent and (process := self._processes.get(slot)) is not None:  # else it has just ended by itself
                self._hung.add(slot)
                process.kill()

    def _attend(self, slot: int) -> None:
        try:
            while not self._closing.is_set():
                try:
                    clip = self._todo.get_nowait()
                except queue.Empty:
                    break
                self._decode(slot, clip)
        except Exception as error:
            self._out.put(error)

    def _decode(self, slot: int, clip: ToDecode) -> None:
        try:
            process, is_new = self._process(slot)
            self._heard[slot] = time.monotonic() + (START_S if is_new else 0.0)
            process.send(clip)
            left_s = max(LIMIT_S, LIMIT_PER_S * (clip.probe.duration_s if clip.probe is not None else 0.0))
            while True:
                asked = time.monotonic()
                event: ClipEvent | Beat = process.receive()
                left_s -= time.monotonic() - asked
                self._heard[slot] = time.monotonic()
                if isinstance(event, Beat | Chunk) and left_s < 0:
                    self._end_late(slot, clip)
                    break
                if isinstance(event, Beat):
                    continue
                self._out.put(event)
                self._heard[slot] = time.monotonic()
                if not isinstance(event, Chunk):
                    break
        except UnreadableAnswerError as error:
            self._processes.pop(slot).kill()
            self._out.put(NotDecoded(clip=clip.number, code="crashed", message=f"{clip.path}: {error}"))
        except (EOFError, BrokenPipeError):
            if not self._closing.is_set():
                self._out.put(self._obituary(slot, clip))
        finally:
            self._heard.pop(slot, None)

    def _end_late(self, slot: int, clip: ToDecode) -> None:
        process = self._processes.pop(slot)
        process.kill()
        process.wait()
        message = (
            f"{clip.path}: decoding and measuring took more than {LIMIT_S / 60:g} min in all and was ended; "
            "shorten or re-encode the file, or delete it if it stays so"
        )
        self._out.put(NotDecoded(clip=clip.number, code="timeout", message=message))

    def _process(self, slot: int) -> tuple[ChildProcess, bool]:
        """The process of a slot, and whether it was started just now."""
        process = self._processes.get(slot)
        if is_new := process is None or not process.is_running:
            process = self._processes[slot] = ChildProcess(
                serve_clips,
                self._setup,
                env=ONE_THREAD,
                records=self._records,
                has_device=self._setup.decode_on is not None,
            )
        return process, is_new

    def _obituary(self, slot: int, clip: ToDecode) -> NotDecoded:
        code = self._processes.pop(slot).wait()
        if slot in self._hung:
            self._hung.discard(slot)
            return NotDecoded(
                clip=clip.number,
                code="timeout",
                message=f"{clip.path}: decoding gave no sign of life for {self._stall_s:g} s and was ended; "
                "try it again, or delete the file if it stays so",
            )
        return NotDecoded(
            clip=clip.number,
            code="crashed",
            message=f"{clip.path}: the decode process died (exit code {code}); the other clips are not affected",
        )


class InlinePool:
    """The same without processes: clip after clip in this one, for single files and for tests."""

    def __init__(self, setup: DecodeSetup) -> None:
        self._setup = setup

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, clips: Sequence[ToDecode]) -> Iterator[ClipEvent | Idle]:
        """As `DecodePool.run`."""
        for clip in clips:
            yield from events_of(clip, self._setup)
