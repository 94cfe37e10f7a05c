"""Pictures of a clip on a grid of seconds, each looked at once however long it stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import ClipFrame, Every, Floats, SourceFile
from vbench.errors import MetricError

T = TypeVar("T")


class Looks(Generic[T]):
    """An accumulator of what a look at each picture says.

    Args:
        source: The clip.
        spacing_s: From one look to the next.
        look: What is seen in one frame.
        finish: (times, frames in the file, what was seen at each time) → the feature's value.
    """

    def __init__(
        self,
        source: SourceFile,
        spacing_s: float,
        look: Callable[[ClipFrame], T],
        finish: Callable[[Floats, NDArray[np.int64], list[T]], Any],
    ) -> None:
        self._sampler, self._look, self._finish = Every(spacing_s).open(source.probe), look, finish
        self._t_s: list[float] = []
        self._frame: list[int] = []
        self._seen: list[T] = []

    def add(self, frame: ClipFrame) -> None:
        self._take(self._sampler.add(frame))

    def close(self, end_s: float) -> Any:
        self._take(self._sampler.close(end_s))
        if not self._t_s:
            raise MetricError("the clip has no frame to look at", code="too_short")
        return self._finish(np.array(self._t_s), np.array(self._frame, np.int64), self._seen)

    def _take(self, picks: list[tuple[ClipFrame, float]]) -> None:
        for frame, t_s in picks:
            stays = bool(self._frame) and self._frame[-1] == frame.index
            self._seen.append(self._seen[-1] if stays else self._look(frame))
            self._t_s.append(t_s)
            self._frame.append(frame.index)


def places(seen: list[Any]) -> NDArray[np.int64]:
    """In which picture each of the things lies that were seen in pictures, shape (D,)."""
    return np.repeat(np.arange(len(seen)), [len(things) for things in seen])
