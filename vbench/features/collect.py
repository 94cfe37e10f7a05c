"""Collectors that most backbones share: rows to embeddings, rows to rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, Embeddings, Floats, Rates
from vbench.errors import MetricError


class EmbeddingCollector:
    """Unit rows of all frames; 4 bytes per number."""

    def __init__(self) -> None:
        self._t_s: list[Floats] = []
        self._frame: list[NDArray[np.int64]] = []
        self._rows: list[NDArray[np.float32]] = []

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        self._t_s.append(t_s)
        self._frame.append(frame)
        self._rows.append(rows)

    def close(self) -> Embeddings:
        if not self._rows:
            raise MetricError("the clip gave no frame to embed", code="too_short")
        rows = np.concatenate(self._rows).astype(np.float32)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return Embeddings(np.concatenate(self._t_s), np.concatenate(self._frame), rows)


class RateCollector:
    """One number per frame."""

    def __init__(self) -> None:
        self._parts: list[tuple[Floats, NDArray[np.int64], NDArray[np.float32]]] = []

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        self._parts.append((t_s, frame, rows))

    def close(self) -> Rates:
        if not self._parts:
            raise MetricError("the clip gave no frame to judge", code="too_short")
        t_s, frame, value = zip(*self._parts, strict=True)
        return Rates(np.concatenate(t_s), np.concatenate(frame), np.concatenate(value).astype(np.float64).ravel())
