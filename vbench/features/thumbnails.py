"""Small pictures of a clip, for comparing it with pictures that it was made from."""

from __future__ import annotations

from typing import Any

import numpy as np

from vbench.contracts import Bytes, ClipFrame, Every, SourceFile, StreamFeature, Thumbnails
from vbench.errors import MetricError

SPACING_S, SHORT_SIDE = 0.25, 64


class ThumbnailsFeature(StreamFeature):
    """`contracts.Thumbnails`: about 5 MB a minute."""

    name = "thumbnails"

    def params(self) -> dict[str, Any]:
        return {"short_side": SHORT_SIDE, "spacing_s": SPACING_S}

    def open(self, source: SourceFile) -> _Thumbnails:
        return _Thumbnails(source)


class _Thumbnails:
    def __init__(self, source: SourceFile) -> None:
        self._sampler = Every(SPACING_S).open(source.probe)
        scale = min(1.0, SHORT_SIDE / min(source.probe.width, source.probe.height))
        self._size = max(8, round(source.probe.width * scale)), max(8, round(source.probe.height * scale))
        self._rows: list[tuple[float, Bytes]] = []
        self._last: ClipFrame | None = None

    def add(self, frame: ClipFrame) -> None:
        self._last = frame
        self._take(self._sampler.add(frame))

    def close(self, end_s: float) -> Thumbnails:
        self._take(self._sampler.close(end_s))
        if self._last is None:
            raise MetricError("the clip has no frame to look at", code="too_short")
        if not self._rows or self._last.t_s > self._rows[-1][0]:
            self._take([(self._last, self._last.t_s)])
        t_s, pictures = zip(*self._rows, strict=True)
        return Thumbnails(np.array(t_s), np.stack(pictures))

    def _take(self, picks: list[tuple[ClipFrame, float]]) -> None:
        self._rows += [(t_s, frame.rgb(self._size, "area")) for frame, t_s in picks]
