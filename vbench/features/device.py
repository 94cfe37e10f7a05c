"""Keeps a backbone busy: collects frames of many clips into full batches and hands the rows back to their clips."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vbench.errors import ItemError
from vbench.features.decode import Chunk
from vbench.measure import Bytes, Collector, DeviceFeature, Encoder, Source
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

MAX_WAITING_BYTES = 256 << 20
"""Frames that may wait for a batch to fill; above it, part batches run."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One input of the backbone: a frame, or a window of frames, of one clip."""

    clip: int
    t_s: float
    frame: int
    pixels: Bytes
    """RGB (h, w, 3) or (window, h, w, 3)."""


class Batcher:
    """All clips of one device feature.

    Rows of a clip come back in order; frames of different shapes never share a batch.

    Args:
        feature: What is computed.
        encoder: Its loaded backbone.
        note: Told in a sentence when a batch had to be halved.
    """

    def __init__(self, feature: DeviceFeature, encoder: Encoder, *, note: Callable[[str], None]) -> None:
        self.feature, self.encoder = feature, encoder
        self._note = note
        self._batch = encoder.batch
        self._waiting: dict[tuple[int, ...], deque[_Row]] = defaultdict(deque)
        self._windows: dict[int, list[tuple[float, int, Bytes]]] = {}
        self._collectors: dict[int, Collector | ItemError] = {}
        self._in_flight: deque[tuple[list[_Row], Tensor]] = deque()
        self.compute_s = 0.0
        self.n_rows = 0

    def open(self, clip: int, source: Source, prompt: Prompt) -> None:
        """Expect frames of a clip."""
        try:
            self._collectors[clip] = self.encoder.collect(source, prompt)
        except ItemError as error:
            self._collectors[clip] = error
        self._windows[clip] = []

    def drop(self, clip: int) -> None:
        """Forget a clip that could not be decoded."""
        self._collectors.pop(clip, None)
        self._windows.pop(clip, None)
        for rows in self._waiting.values():
            kept = [row for row in rows if row.clip != clip]
            rows.clear()
            rows.extend(kept)

    def add(self, clip: int, chunk: Chunk) -> None:
        """Take frames; runs the backbone when a batch is full."""
        if isinstance(self._collectors.get(clip), ItemError):
            return
        for t_s, index, pixels in zip(chunk.t_s, chunk.frame, chunk.frames, strict=True):
            self._one(clip, float(t_s), int(index), pixels)
        for shape, rows in self._waiting.items():
            while len(rows) >= self._batch:
                self._run(shape, self._batch)
        if sum(row.pixels.nbytes for rows in self._waiting.values() for row in rows) > MAX_WAITING_BYTES:
            self.flush()

    def _one(self, clip: int, t_s: float, index: int, pixels: Bytes) -> None:
        size = self.encoder.window
        if size == 1:
            self._waiting[pixels.shape].append(_Row(clip, t_s, index, pixels))
            return
        window = self._windows[clip]
        window.append((t_s, index, pixels))
        if len(window) == size:
            stacked = np.stack([frame for _, _, frame in window])
            self._waiting[stacked.shape].append(_Row(clip, t_s, index, stacked))
            del window[: self.encoder.hop]

    def flush(self) -> None:
        """Run what waits, in part batches."""
        for shape, rows in self._waiting.items():
            while rows:
                self._run(shape, self._batch)
        self._settle(0)

    def close(self, clip: int) -> Any:
        """The feature's value for a clip whose frames have all been added and flushed, or the ItemError instead."""
        self._windows.pop(clip, None)
        collector = self._collectors.pop(clip)
        if isinstance(collector, ItemError):
            return collector
        try:
            return collector.close()
        except ItemError as error:
            return error

    def _run(self, shape: tuple[int, ...], n: int) -> None:
        import torch

        waiting = self._waiting[shape]
        rows = [waiting.popleft() for _ in range(min(n, len(waiting)))]
        try:
            self._in_flight.append((rows, self._encode(np.stack([row.pixels for row in rows]))))
            self._settle(1 if self.feature.settings.device != "cpu" else 0)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            self._settle(0)
            waiting.extendleft(reversed(rows))
            self._halve(waiting)

    def _halve(self, waiting: deque[_Row]) -> None:
        if self._batch > 1:
            self._batch //= 2
            self._note(f"{self.feature.name}: device out of memory; going on with batches of {self._batch}")
            return
        row = waiting.popleft()
        self._collectors[row.clip] = ItemError(
            f"{self.feature.name}: the device has no memory for a single frame of {row.pixels.shape}; "
            "free the device, or use --device cpu",
            code="out_of_memory",
        )

    def _encode(self, pixels: NDArray[np.uint8]) -> Tensor:
        import torch

        batch = torch.from_numpy(np.moveaxis(pixels, -1, -3).copy())
        if self.feature.settings.device != "cpu":
            batch = batch.pin_memory().to(self.feature.settings.device, non_blocking=True)
        with torch.inference_mode():
            return self.encoder.encode(batch)

    def _settle(self, keep: int) -> None:
        """Hand rows to their clips, leaving `keep` batches running while more are prepared."""
        while len(self._in_flight) > keep:
            rows, encoded = self._in_flight.popleft()
            values = encoded.float().cpu().numpy()
            self.n_rows += len(rows)
            for clip in dict.fromkeys(row.clip for row in rows):
                mine = [i for i, row in enumerate(rows) if row.clip == clip]
                collector = self._collectors.get(clip)
                if collector is None or isinstance(collector, ItemError):
                    continue
                collector.add(
                    np.array([rows[i].t_s for i in mine]),
                    np.array([rows[i].frame for i in mine], np.int64),
                    values[mine],
                    np.stack([rows[i].pixels for i in mine]),
                )
