"""All features of many clips: decode processes on one side, backbones on the other, values out as clips finish."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vbench.contracts import DeviceFeature, Feature, FrameRequest, Source, StreamFeature, TextFeature
from vbench.errors import ItemError
from vbench.extract.batcher import Batcher
from vbench.extract.decode import Done
from vbench.extract.decoder_choice import decode_on
from vbench.extract.lanes import Lanes
from vbench.extract.messages import Refused
from vbench.extract.pool import STALL_S, DecodePool, InlinePool, Item
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
    refused: Refused | None = None
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


def extract(
    wanted: Sequence[Wanted],
    features: Sequence[Feature],
    *,
    workers: int,
    note: Callable[[str], None] = lambda _: None,
    stall_s: float = STALL_S,
    timing: Timing | None = None,
) -> Iterator[Extracted]:
    """Compute features, each once per clip, and give clips as they finish (in no fixed order).

    Args:
        wanted: The clips.
        features: What to compute.
        workers: Decode processes; 0: decode in this process.
        note: Told of anything a person should know, in a sentence.
        stall_s: Silence after which a decode process counts as hung.
        timing: Filled in as it runs.

    Raises:
        WeightsError: a backbone cannot be loaded.
    """
    timing = timing if timing is not None else Timing()
    stream = [feature for feature in features if isinstance(feature, StreamFeature)]
    device = [feature for feature in features if isinstance(feature, DeviceFeature)]
    text = [feature for feature in features if isinstance(feature, TextFeature)]
    requests: list[FrameRequest] = list(dict.fromkeys(feature.request() for feature in device))
    lanes = Lanes()
    batchers = [Batcher(feature, feature.load(), note=note, lanes=lanes) for feature in device]
    by_request = [[b for b in batchers if b.feature.request() == request] for request in requests]
    items = [Item(number=n, path=clip.path, probe=clip.probe) for n, clip in enumerate(wanted)]
    opened: set[int] = set()
    waiting: dict[int, Done] = {}
    """Clips that are decoded."""
    flushed: dict[int, Done] = {}
    """Clips whose rows are all off the device."""

    def finish(number: int, done: Done) -> Extracted:
        values = dict(done.values)
        for batcher in batchers:
            if number not in opened:
                _open(number, done.probe)
            values[batcher.feature.name] = batcher.close(number)
        for feature in text:
            try:
                values[feature.name] = feature.encode(wanted[number].prompt)
            except ItemError as error:
                values[feature.name] = error
        return Extracted(
            number=number, values=values, probe=done.probe, decode_s=done.decode_s, feature_s=done.feature_s
        )

    def _open(number: int, probe: Probe | None) -> None:
        if number not in opened and batchers:
            opened.add(number)
            facts = probe if probe is not None else wanted[number].probe
            assert facts is not None, "a clip without facts is probed by its decode process before its frames come"
            for batcher in batchers:
                batcher.open(number, Source(path=wanted[number].path, probe=facts), wanted[number].prompt)

    def flush() -> None:
        started = time.perf_counter()
        for batcher in batchers:
            batcher.flush()
        timing.device_s += time.perf_counter() - started
        flushed.update(waiting)
        waiting.clear()

    def finished(*, wait: bool = False) -> Iterator[Extracted]:
        for number in list(flushed):
            if wait or all(batcher.is_settled(number) for batcher in batchers):
                yield finish(number, flushed.pop(number))

    decoder = decode_on(features[0].settings) if features else None
    pool = (
        DecodePool(stream, requests, workers=workers, decode_on=decoder, stall_s=stall_s)
        if workers
        else InlinePool(stream, requests, decode_on=decoder)
    )
    with pool, lanes:
        for event in pool.run(items):
            if event is None:
                flush()
            elif isinstance(event[1], Refused):
                for batcher in batchers:
                    batcher.drop(event[0].number)
                yield Extracted(number=event[0].number, refused=event[1])
            elif isinstance(event[1], Done):
                item, done = event[0], event[1]
                timing.decode_s += done.decode_s
                timing.feature_s += done.feature_s
                timing.n_frames += done.n_frames
                waiting[item.number] = done
                if not batchers or len(waiting) >= max(1, 2 * workers):
                    flush()
            else:
                item, chunk = event[0], event[1]
                _open(item.number, chunk.probe)
                started = time.perf_counter()
                for batcher in by_request[chunk.request]:
                    batcher.add(item.number, chunk)
                timing.device_s += time.perf_counter() - started
            yield from finished()
        flush()
        yield from finished(wait=True)
