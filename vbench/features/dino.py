"""DINOv2 embeddings of frames (Oquab et al. 2023, arXiv:2304.07193), through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vbench.contracts import DeviceFeature, Encoder, Every, FrameRequest, Settings, SourceFile
from vbench.features.backbone import IMAGENET_MEAN, IMAGENET_STD, EmbeddingCollector, Normal
from vbench.features.weights import HubModel, load_transformers
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="dino.model",
    repo="facebook/dinov2-base",
    revision="f9e44c814b77203eaa57a6bdbbd535f21ede1415",
    size_mb=346,
    licence="Apache-2.0",
    holds="DINOv2 weights",
)
SIDE = 224


class DinoFeature(DeviceFeature):
    """`contracts.Embeddings`: the class token of the whole frame, short side 224, cut to whole patches."""

    name = "dino"
    weight_sources = {"model": MODEL}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {**super().params(), "short_side": SIDE}

    def request(self) -> FrameRequest:
        return FrameRequest(sampling=Every(spikes=True), short_side=SIDE, kernel="area")

    def load(self) -> Encoder:
        return DinoEncoder(self.settings)


class DinoEncoder(Encoder):
    """A loaded DINOv2."""

    batch = 32

    def __init__(self, settings: Settings) -> None:
        self.model = load_transformers("Dinov2Model", MODEL.require(settings), settings)
        self._patch = int(self.model.config.patch_size)
        self._normal = Normal(IMAGENET_MEAN, IMAGENET_STD, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, h, w) → class tokens (N, D)."""
        height, width = (side // self._patch * self._patch for side in frames.shape[-2:])
        top, left = (frames.shape[-2] - height) // 2, (frames.shape[-1] - width) // 2
        pixels = frames[..., top : top + height, left : left + width]
        pixels = self._normal(pixels).to(self.model.dtype)
        tokens: Tensor = self.model(pixel_values=pixels).last_hidden_state[:, 0]
        return tokens

    def collect(self, source: SourceFile, prompt: Prompt) -> EmbeddingCollector:
        return EmbeddingCollector()
