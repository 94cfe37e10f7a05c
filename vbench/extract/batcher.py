"""Keeps a backbone busy: collects frames of many clips into full batches and hands the rows back to their clips."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, Collector, DeviceFeature, Encoder, SourceFile
from vbench.errors import ItemError
from vbench.extract.decode import Chunk
from vbench.extract.footprint import batch_under
from vbench.records import Prompt
from vbench.text import first_line
from vbench.video.device_frames import to_host

if TYPE_CHECKING:
    from torch import Tensor

MAX_WAITING_BYTES = 256 << 20
"""Frames that may wait for a batch to fill; above it, part batches run."""
LANE_BACKLOG = 8
"""Batches that may wait in a lane; above it the feeding thread waits, so that memory stays bounded."""
MOST_LANES = 8
"""Lanes at most: each takes the rows of two to three 720p clips a second where flow is reduced."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One input of the backbone: a frame, or a window of frames, of one clip."""

    clip: int
    t_s: float
    frame: int
    pixels: tuple[Bytes, ...]
    """The frame, RGB (h, w, 3), or the frames of the window."""

    @property
    def nbytes(self) -> int:
        return sum(frame.nbytes for frame in self.pixels)


@dataclass(frozen=True, slots=True)
class _Running:
    """A batch on the device."""

    rows: list[_Row]
    frames: Bytes
    """Distinct frames it is made of, RGB (M, h, w, 3)."""
    windows: NDArray[np.int64] | None
    """Which of them make each row, (N, window); None: one each, in order."""
    encoded: Callable[[], NDArray[np.float32]]
    """Waits until the rows are on the host, which started as soon as they were asked for, and gives them."""


class Lanes:
    """A few threads, each with a queue; what belongs to one clip goes through one lane, in its order.

    They turn a backbone's rows into features, so that the thread that feeds the device never waits for them.

    Args:
        n: Lanes; None: half the cores this process may use, at least one and at most `MOST_LANES`.
    """

    def __init__(self, n: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        n = n if n is not None else max(1, min(MOST_LANES, cores // 2))
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix=f"lane-{lane}") for lane in range(n)]
        self._waiting: list[deque[Future[None]]] = [deque() for _ in range(n)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in self._threads:
            thread.shutdown(wait=True, cancel_futures=True)

    def put(self, clip: int, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Have `work(*arguments)` done after all that was put in for this clip; what it raises is in the future."""
        lane = clip % len(self._threads)
        waiting = self._waiting[lane]
        while len(waiting) >= LANE_BACKLOG:
            waiting.popleft().exception()  # waits; whoever closes the clip is told of errors
        future = self._threads[lane].submit(work, *arguments)
        waiting.append(future)
        return future


class Batcher:
    """All clips of one device feature.

    Rows of a clip come back in order; frames of different shapes never share a batch.

    Args:
        feature: What is computed.
        encoder: Its loaded backbone.
        note: Told in a sentence when a batch had to be halved.
        lanes: Threads that reduce rows to features; None: this one does.
    """

    def __init__(
        self, feature: DeviceFeature, encoder: Encoder, *, note: Callable[[str], None], lanes: Lanes | None = None
    ) -> None:
        self.feature, self.encoder = feature, encoder
        self._note, self._lanes = note, lanes
        self._batch = encoder.batch
        self._is_fitted = feature.settings.device == "cpu"
        """Whether the batch was chosen for the memory there is: once frames come, when all backbones are loaded."""
        self._encode: Callable[..., Tensor] = encoder.encode if encoder.window == 1 else encoder.encode_windows
        self._encode_full = encoder.compiled() if feature.settings.compile else self._encode
        """For full batches alone: a part batch has another shape, for which all would be compiled again."""
        self._waiting: dict[tuple[int, ...], deque[_Row]] = defaultdict(deque)
        self._waiting_bytes = 0
        self._windows: dict[int, list[tuple[float, int, Bytes]]] = {}
        self._collectors: dict[int, Collector | ItemError] = {}
        self._added: dict[int, list[Future[None]]] = {}
        self._running: deque[_Running] = deque()

    def open(self, clip: int, source: SourceFile, prompt: Prompt) -> None:
        """Expect frames of a clip."""
        try:
            self._collectors[clip] = self.encoder.collect(source, prompt)
        except ItemError as error:
            self._collectors[clip] = error
        self._windows[clip], self._added[clip] = [], []

    def drop(self, clip: int) -> None:
        """Forget a clip that could not be decoded."""
        self._collectors.pop(clip, None)
        self._windows.pop(clip, None)
        self._added.pop(clip, None)
        for rows in self._waiting.values():
            kept = [row for row in rows if row.clip != clip]
            self._waiting_bytes -= sum(row.nbytes for row in rows if row.clip == clip)
            rows.clear()
            rows.extend(kept)

    def add(self, chunk: Chunk) -> None:
        """Take frames; runs the backbone when a batch is full."""
        if isinstance(self._collectors.get(chunk.clip), ItemError):
            return
        if not self._is_fitted and len(chunk.frames):
            self._fit(chunk.frames[0].shape[:2])
        for t_s, index, pixels in zip(chunk.t_s, chunk.frame, chunk.frames, strict=True):
            self._add_frame(chunk.clip, float(t_s), int(index), pixels)
        for rows in self._waiting.values():
            while len(rows) >= self._batch:
                self._run(rows)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self.flush()

    def _fit(self, frame: tuple[int, ...]) -> None:
        """Choose the batch for the first frames' size; one of a larger size is halved if it has to be."""
        import torch

        self._is_fitted = True
        settings = self.feature.settings
        free, _ = torch.cuda.mem_get_info(settings.device)
        budget = int(free * settings.gpu_memory)
        try:
            self._batch = batch_under(self.encoder, frame, budget, settings.device)
        except Exception as error:  # a plug-in's backbone may do what cannot be foreseen; halving still guards it
            self._note(
                f"{self.feature.name}: the memory of a batch cannot be foreseen ({first_line(error, 120)}); "
                f"going on with batches of {self._batch}"
            )

    def _add_frame(self, clip: int, t_s: float, index: int, pixels: Bytes) -> None:
        window = self._windows[clip]
        window.append((t_s, index, pixels))
        if len(window) < self.encoder.window:
            return
        row = _Row(clip, t_s, index, tuple(frame for _, _, frame in window))
        self._waiting[pixels.shape].append(row)
        self._waiting_bytes += row.nbytes
        del window[: self.encoder.hop]

    def flush(self) -> None:
        """Run what waits, in part batches."""
        for rows in self._waiting.values():
            while rows:
                self._run(rows)
        self._settle(0)

    def is_settled(self, clip: int) -> bool:
        """Whether `close` would not have to wait; to be asked after a flush."""
        return all(future.done() for future in self._added.get(clip, ()))

    def close(self, clip: int) -> Any:
        """The feature's value for a clip whose frames have all been added and flushed, or the ItemError instead."""
        self._windows.pop(clip, None)
        added = self._added.pop(clip)
        collector = self._collectors.pop(clip)
        if isinstance(collector, ItemError):
            return collector
        try:
            for future in added:
                future.result()
            return collector.close()
        except ItemError as error:
            return error

    def _run(self, waiting: deque[_Row]) -> None:
        import torch

        rows = [waiting.popleft() for _ in range(min(self._batch, len(waiting)))]
        self._waiting_bytes -= sum(row.nbytes for row in rows)
        is_cuda = self.feature.settings.device != "cpu"
        try:
            frames, windows = stacked(rows, pinned=is_cuda)
            inputs = [frames] if windows is None else [frames, windows]
            if is_cuda:
                inputs = [tensor.to(self.feature.settings.device, non_blocking=True) for tensor in inputs]
            with torch.inference_mode():
                # begun now: a copy asked for later would wait for the batch after this one, too
                encode = self._encode_full if len(rows) == self._batch else self._encode
                encoded = to_host(encode(inputs[0].movedim(-1, -3), *inputs[1:]).float())
        except torch.OutOfMemoryError:
            self._settle(0)
            torch.cuda.empty_cache()
            waiting.extendleft(reversed(rows))
            self._waiting_bytes += sum(row.nbytes for row in rows)
            self._halve(waiting)
            return
        self._running.append(_Running(rows, frames.numpy(), None if windows is None else windows.numpy(), encoded))
        self._settle(1 if is_cuda else 0)

    def _halve(self, waiting: deque[_Row]) -> None:
        if self._batch > 1:
            self._batch //= 2
            self._note(f"{self.feature.name}: device out of memory; going on with batches of {self._batch}")
            return
        row = waiting.popleft()
        self._waiting_bytes -= row.nbytes
        self._collectors[row.clip] = ItemError(
            f"{self.feature.name}: the device has no memory for a single frame of {row.pixels[0].shape}; "
            "free the device, or use --device cpu",
            code="out_of_memory",
        )

    def _settle(self, keep: int) -> None:
        """Hand rows to their clips, leaving `keep` batches running while more are prepared."""
        while len(self._running) > keep:
            batch = self._running.popleft()
            values = batch.encoded()
            for clip, part in stretches(batch.rows):
                collector = self._collectors.get(clip)
                if collector is None or isinstance(collector, ItemError):
                    continue
                if self._lanes is None:
                    _hand_over(collector, batch, values, part)
                else:
                    self._added[clip].append(self._lanes.put(clip, _hand_over, collector, batch, values, part))


def _hand_over(collector: Collector, batch: _Running, values: NDArray[np.float32], part: slice) -> None:
    rows = batch.rows[part]
    collector.add(
        np.array([row.t_s for row in rows]),
        np.array([row.frame for row in rows], np.int64),
        values[part],
        batch.frames[part] if batch.windows is None else batch.frames[batch.windows[part]],
    )


def stacked(rows: Sequence[_Row], *, pinned: bool) -> tuple[Tensor, Tensor | None]:
    """The distinct frames of rows, uint8 (M, h, w, 3), and which of them make each window, (N, window).

    None for the latter where every row is one frame: then the frames are those of the rows, in order.
    """
    import torch

    is_windowed = len(rows[0].pixels) > 1
    shared = {id(frame): frame for row in rows for frame in row.pixels}  # windows overlap in the very same arrays
    frames = list(shared.values()) if is_windowed else [row.pixels[0] for row in rows]
    batch = torch.empty((len(frames), *frames[0].shape), dtype=torch.uint8, pin_memory=pinned)
    np.stack(frames, out=batch.numpy())
    if not is_windowed:
        return batch, None
    place = {key: i for i, key in enumerate(shared)}
    windows = torch.tensor([[place[id(frame)] for frame in row.pixels] for row in rows])
    return batch, windows.pin_memory() if pinned else windows


def stretches(rows: Sequence[_Row]) -> Iterator[tuple[int, slice]]:
    """Neighbouring rows of one clip: the clip, and where they lie."""
    start = 0
    for clip, group in groupby(rows, key=lambda row: row.clip):
        end = start + sum(1 for _ in group)
        yield clip, slice(start, end)
        start = end
