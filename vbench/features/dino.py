"""DINOv2 embeddings of frames (Oquab et al. 2023, arXiv:2304.07193), through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vbench.contracts import DeviceFeature, Encoder, Every, FrameRequest, Settings, Source, Weights
from vbench.features.collect import EmbeddingCollector
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
)
SIDE = 224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DinoFeature(DeviceFeature):
    """`measure.Embeddings`: the class token of the whole frame, short side 224, cut to whole patches."""

    name = "dino"
    known_settings = {MODEL.setting: f"folder of DINOv2 weights; default {MODEL.repo}"}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {"model": MODEL.identity(self.settings), "precision": self.settings.precision, "short_side": SIDE}

    def weights(self) -> tuple[Weights, ...]:
        return (MODEL.weights(self.settings),)

    def fetch(self) -> None:
        MODEL.require(self.settings)

    def request(self) -> FrameRequest:
        return FrameRequest(sampling=Every(spikes=True), short_side=SIDE, kernel="area")

    def load(self) -> Encoder:
        return DinoEncoder(self.settings)


class DinoEncoder(Encoder):
    """A loaded DINOv2."""

    batch = 32

    def __init__(self, settings: Settings) -> None:
        import torch

        self.model = load_transformers("Dinov2Model", MODEL.require(settings), settings)
        self._patch = int(self.model.config.patch_size)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(IMAGENET_MEAN, device=settings.device).view(shape)
        self._std = torch.tensor(IMAGENET_STD, device=settings.device).view(shape)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, h, w) → class tokens (N, D)."""
        height, width = (side // self._patch * self._patch for side in frames.shape[-2:])
        top, left = (frames.shape[-2] - height) // 2, (frames.shape[-1] - width) // 2
        pixels = frames[..., top : top + height, left : left + width]
        normal = (pixels.float() / 255 - self._mean) / self._std
        tokens: Tensor = self.model(pixel_values=normal.to(self.model.dtype)).last_hidden_state[:, 0]
        return tokens

    def collect(self, source: Source, prompt: Prompt) -> EmbeddingCollector:
        return EmbeddingCollector()
