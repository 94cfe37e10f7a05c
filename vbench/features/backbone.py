"""What backbones share: pixels in the scale they were trained on, rows of a clip to embeddings or to rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, Embeddings, Floats, Rates
from vbench.errors import MetricError

if TYPE_CHECKING:
    from torch import Tensor


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Normal:
    """Levels of 0 to 255 → zero mean and unit deviation, by the constants of a backbone."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: str) -> None:
        import torch

        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)

    def __call__(self, levels: Tensor) -> Tensor:
        """(N, 3, h, w), of bytes or in floating point → float32."""
        return (levels.float() / 255 - self._mean) / self._std


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
