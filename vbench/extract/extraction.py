"""All features of many clips: decode processes on one side, backbones on the other, values out as clips finish."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vbench.contracts import DeviceFeature, Feature, FileFeature, SourceFile, StreamFeature, TextFeature
from vbench.errors import ItemError, VBenchError
from vbench.extract.batcher import Batcher, Lanes
from vbench.extract.decode import Chunk, ClipEvent, Decoded, NotDecoded, ToDecode, decode_on
from vbench.extract.pool import DecodePool, DecodeSetup, Idle, InlinePool
from vbench.extract.process import ChildProcess, Link
from vbench.records import Probe, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A clip whose features are wanted."""

    path: Path
    probe: Probe | None
    """None: probe it first."""
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """All features of one clip, or why there are none."""

    number: int
    """Position in the list that was asked for."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Feature → its value, or the ItemError that says why this clip has none."""
    probe: Probe | None = None
    failure: NotDecoded | None = None
    decode_s: float = 0.0
    feature_s: float = 0.0

    def at(self, number: int) -> Extracted:
        """The same at another position."""
        return replace(self, number=number)


@dataclass(slots=True)
class Timing:
    """Where the time went, in seconds of process time summed over processes."""

    decode_s: float = 0.0
    feature_s: float = 0.0
    device_s: float = 0.0
    n_frames: int = 0

    def add(self, other: Timing) -> None:
        """Sum up."""
        self.decode_s += other.decode_s
        self.feature_s += other.feature_s
        self.device_s += other.device_s
        self.n_frames += other.n_frames


class Extraction:
    """Turns the events of clips' passes into their features; backbones are loaded once and keep their batches full.

    Each clip is announced by `expect`, then come its events in their order, mixed with those of other clips. Values of
    a clip come out of `take` once all of them are there, and out of `finish` at the latest; a number may be used again
    after that.

    Args:
        features: What to compute.
        note: Told of anything a person should know, in a sentence.
        lanes: Threads that reduce rows to features; None: this one does.
        batch_clips: Decoded clips from which part batches run, so that their values come out.
        timing: Filled in as it runs.

    Raises:
        WeightsError: a backbone cannot be loaded.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        note: Callable[[str], None] = lambda _: None,
        lanes: Lanes | None = None,
        batch_clips: int = 1,
        timing: Timing | None = None,
    ) -> None:
        self.timing = timing if timing is not None else Timing()
        self.setup = setup_of(features)
        """What the pass over a clip has to compute, and the frames that it has to cut out."""
        self._text = [feature for feature in features if isinstance(feature, TextFeature)]
        device = [feature for feature in features if isinstance(feature, DeviceFeature)]
        self._batchers = [Batcher(feature, feature.load(), note=note, lanes=lanes) for feature in device]
        self._by_request = [[b for b in self._batchers if b.feature.request() == r] for r in self.setup.requests]
        self._batch_clips = batch_clips
        self._wanted: dict[int, Wanted] = {}
        self._opened: set[int] = set()
        self._decoded: dict[int, Decoded] = {}
        """Clips whose pass is over."""
        self._flushed: dict[int, Decoded] = {}
        """Clips whose rows are all off the device."""

    def expect(self, number: int, clip: Wanted) -> None:
        """Announce a clip; what is left of an earlier one of the same number is forgotten."""
        for batcher in self._batchers if number in self._opened else ():
            batcher.drop(number)
        self._forget(number)
        self._wanted[number] = clip

    def take(self, event: ClipEvent | Idle) -> Iterator[Extracted]:
        """One event; gives the clips that are finished now."""
        match event:
            case Idle():
                self._flush()
            case NotDecoded():
                for batcher in self._batchers:
                    batcher.drop(event.clip)
                self._forget(event.clip)
                yield Extracted(number=event.clip, failure=event)
            case Decoded():
                self.timing.decode_s += event.decode_s
                self.timing.feature_s += event.feature_s
                self.timing.n_frames += event.n_frames
                self._decoded[event.clip] = event
                if not self._batchers or len(self._decoded) >= self._batch_clips:
                    self._flush()
            case Chunk():
                self._open(event.clip, event.probe)
                started = time.perf_counter()
                for batcher in self._by_request[event.request]:
                    batcher.add(event)
                self.timing.device_s += time.perf_counter() - started
        yield from self._settled(wait=False)

    def finish(self) -> Iterator[Extracted]:
        """The clips that are left, once all events were taken."""
        self._flush()
        yield from self._settled(wait=True)

    def _open(self, number: int, probe: Probe) -> None:
        if number in self._opened:
            return
        self._opened.add(number)
        wanted = self._wanted[number]
        for batcher in self._batchers:
            batcher.open(number, SourceFile(path=wanted.path, probe=probe), wanted.prompt)

    def _flush(self) -> None:
        started = time.perf_counter()
        for batcher in self._batchers:
            batcher.flush()
        self.timing.device_s += time.perf_counter() - started
        self._flushed.update(self._decoded)
        self._decoded.clear()

    def _settled(self, *, wait: bool) -> Iterator[Extracted]:
        for number in list(self._flushed):
            if wait or all(batcher.is_settled(number) for batcher in self._batchers):
                yield self._extracted(number, self._flushed.pop(number))

    def _extracted(self, number: int, decoded: Decoded) -> Extracted:
        values = dict(decoded.values)
        self._open(number, decoded.probe)  # one that gave no frame has values, or reasons, all the same
        for batcher in self._batchers:
            values[batcher.feature.name] = batcher.close(number)
        for feature in self._text:
            try:
                values[feature.name] = feature.encode(self._wanted[number].prompt)
            except ItemError as error:
                values[feature.name] = error
        self._forget(number)
        return Extracted(
            number=number,
            values=values,
            probe=decoded.probe,
            decode_s=decoded.decode_s,
            feature_s=decoded.feature_s,
        )

    def _forget(self, number: int) -> None:
        self._opened.discard(number)
        for clips in (self._wanted, self._decoded, self._flushed):
            clips.pop(number, None)


def setup_of(features: Sequence[Feature]) -> DecodeSetup:
    """What the pass over a clip has to compute for features; equal requests of several backbones are served once."""
    device = [feature for feature in features if isinstance(feature, DeviceFeature)]
    return DecodeSetup(
        features=tuple(feature for feature in features if isinstance(feature, StreamFeature | FileFeature)),
        requests=tuple(dict.fromkeys(feature.request() for feature in device)),
        decode_on=decode_on(features[0].settings) if features else None,
    )


class Extractor:
    """Computes features of one list of clips after another; decode processes and backbones are kept between them.

    Args:
        features: What to compute, each once per clip.
        workers: Decode processes; 0: decode in this process.
        devices: Where several are named, clips are spread over a process for each, which end with the list of clips;
            else features run where they are.
        note: Told of anything a person should know, in a sentence.
        timing: Filled in as it runs.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        workers: int,
        devices: Sequence[str] = (),
        note: Callable[[str], None] = lambda _: None,
        timing: Timing | None = None,
    ) -> None:
        self._features, self._workers, self._devices, self._note = features, workers, devices, note
        self._timing = timing if timing is not None else Timing()
        self._kept = ExitStack()
        self._opened: tuple[Extraction, DecodePool | InlinePool] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.__exit__(kind, error, trace)

    def extract(self, wanted: Sequence[Wanted]) -> Iterator[Extracted]:
        """Clips as they finish, in no fixed order; to be taken to the end before it is called again.

        Raises:
            WeightsError: a backbone cannot be loaded.
        """
        if len(self._devices) > 1 and len(wanted) > 1:
            yield from extract_sharded(
                wanted,
                self._features,
                devices=self._devices,
                workers=self._workers,
                note=self._note,
                timing=self._timing,
            )
            return
        extraction, pool = self._opened = self._opened or self._open()
        for number, clip in enumerate(wanted):
            extraction.expect(number, clip)
        for event in pool.run([ToDecode(number=n, path=clip.path, probe=clip.probe) for n, clip in enumerate(wanted)]):
            yield from extraction.take(event)
        yield from extraction.finish()

    def _open(self) -> tuple[Extraction, DecodePool | InlinePool]:
        lanes = self._kept.enter_context(Lanes())
        batch_clips = max(1, 2 * self._workers)
        extraction = Extraction(
            self._features, note=self._note, lanes=lanes, batch_clips=batch_clips, timing=self._timing
        )
        setup = extraction.setup
        pool = DecodePool(setup, workers=self._workers) if self._workers else InlinePool(setup)
        self._kept.enter_context(pool)
        return extraction, pool


def extract(
    wanted: Sequence[Wanted],
    features: Sequence[Feature],
    *,
    workers: int,
    note: Callable[[str], None] = lambda _: None,
    timing: Timing | None = None,
) -> Iterator[Extracted]:
    """Compute features, each once per clip, and give clips as they finish; see `Extractor`.

    Raises:
        WeightsError: a backbone cannot be loaded.
    """
    with Extractor(features, workers=workers, note=note, timing=timing) as extractor:
        yield from extractor.extract(wanted)


# --- several devices ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of several devices has to do."""

    wanted: tuple[Wanted, ...]
    features: tuple[Feature, ...]
    workers: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The process of a device is done, or has died."""


ShareEvent = Extracted | Notice | Timing | VBenchError | Ended
"""What the process of a device tells; a `VBenchError` stops the run."""


def extract_sharded(
    wanted: Sequence[Wanted],
    features: Sequence[Feature],
    *,
    devices: Sequence[str],
    workers: int,
    note: Callable[[str], None],
    timing: Timing,
) -> Iterator[Extracted]:
    """As `extract`, with a process for each device and its own decode processes; clip n goes to device n modulo their
    number.

    A process that dies fails the clips it had not finished with `crashed`; the others go on.
    """
    events: queue.Queue[tuple[int, ShareEvent]] = queue.Queue(maxsize=32)
    numbers = [range(shard, len(wanted), len(devices)) for shard in range(len(devices))]
    processes: list[ChildProcess] = []
    for shard, device in enumerate(devices):
        share = Share(
            wanted=tuple(wanted[number] for number in numbers[shard]),
            features=tuple(_on(feature, device) for feature in features),
            workers=max(1, workers // len(devices)),
        )
        processes.append(ChildProcess(serve_share, share))
        threading.Thread(target=_listen, args=(shard, processes[shard], events), daemon=True).start()
    left = [set(range(len(share_numbers))) for share_numbers in numbers]
    n_open = len(devices)
    try:
        while n_open:
            shard, event = events.get()
            match event:
                case VBenchError():
                    raise event
                case Notice():
                    note(event.text)
                case Timing():
                    timing.add(event)
                case Extracted():
                    left[shard].discard(event.number)
                    yield event.at(numbers[shard][event.number])
                case Ended():
                    n_open -= 1
                    for place in sorted(left[shard]):
                        yield _bereft(numbers[shard][place], wanted, devices[shard])
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _on(feature: Feature, device: str) -> Feature:
    return type(feature)(replace(feature.settings, device=device))


def _bereft(number: int, wanted: Sequence[Wanted], device: str) -> Extracted:
    reason = f"{wanted[number].path}: the process of {device} died before it was done"
    return Extracted(number=number, failure=NotDecoded(clip=number, code="crashed", message=reason))


def _listen(shard: int, process: ChildProcess, events: queue.Queue[tuple[int, ShareEvent]]) -> None:
    try:
        while True:
            events.put((shard, process.receive()))
    except EOFError:
        events.put((shard, Ended()))


def serve_share(link: Link, share: Share) -> None:
    """The process of one device."""
    timing = Timing()

    def note(text: str) -> None:
        link.send(Notice(text))

    try:
        for extracted in extract(share.wanted, share.features, workers=share.workers, note=note, timing=timing):
            link.send(extracted)
        link.send(timing)
    except VBenchError as error:
        link.send(error)
