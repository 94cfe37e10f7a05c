"""X-CLIP's embedding of a clip by itself, for comparing sets of clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbench.contracts import Encoder, Source
from vbench.features.collect import EmbeddingCollector
from vbench.features.xclip import VideoTextFeature, XClipEncoder
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor


class VideoFeature(VideoTextFeature):
    """`measure.Embeddings` with one row, of eight frames spread over the clip; no prompt is needed."""

    name = "xclip_video"

    def load(self) -> Encoder:
        return VideoEncoder(self.settings)


class VideoEncoder(XClipEncoder):
    """The video tower alone."""

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 8, 3, side, side) → video embeddings (N, D)."""
        return super().encode(frames)[:, 0]

    def collect(self, source: Source, prompt: Prompt) -> EmbeddingCollector:  # type: ignore[override]
        return EmbeddingCollector()
