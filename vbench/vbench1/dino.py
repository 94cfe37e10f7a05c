"""DINO ViT-B/16 embeddings as VBench 1.0's subject consistency takes them (Caron et al. 2021, arXiv:2104.14294)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vbench.contracts import DeviceFeature, Encoder, FrameRequest, Settings, SourceFile
from vbench.features.backbone import IMAGENET_MEAN, IMAGENET_STD, EmbeddingCollector, Normal
from vbench.features.weights import HubModel, load_transformers
from vbench.records import Prompt
from vbench.vbench1.frames import SIDE, resize, whole_frames

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="vbench.dino.model",
    repo="facebook/dino-vitb16",
    revision="f205d5d8e640a89a2b8ef0369670dfc37cc07fc2",
    size_mb=343,
    licence="Apache-2.0",
    holds="DINO ViT-B/16",
)
NUDGE = 0.1
"""Patches that DINO adds to the wanted size, which moves its interpolated positions by a little."""


class VBenchDinoFeature(DeviceFeature):
    """`contracts.Embeddings` of every frame of the file: short side 224 (bilinear, no antialiasing), no crop."""

    name = "vbench_dino"
    weight_sources = {"model": MODEL}  # noqa: RUF012
    is_exact = True

    def request(self) -> FrameRequest:
        return whole_frames()

    def load(self) -> Encoder:
        return VBenchDinoEncoder(self.settings)


class VBenchDinoEncoder(Encoder):
    """A loaded DINO with its own way of stretching position embeddings."""

    batch = 16

    def __init__(self, settings: Settings) -> None:
        self.model = load_transformers("ViTModel", MODEL.require(settings), settings, add_pooling_layer=False)
        embeddings = self.model.embeddings
        embeddings.interpolate_pos_encoding = lambda tokens, height, width: stretched_positions(
            embeddings.position_embeddings, height, width, embeddings.patch_size
        )
        self._normal = Normal(IMAGENET_MEAN, IMAGENET_STD, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, H, W) → class tokens (N, D)."""
        pixels = self._normal(resize(frames, SIDE, "bilinear"))
        tokens: Tensor = self.model(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state[:, 0]
        return tokens

    def collect(self, source: SourceFile, prompt: Prompt) -> EmbeddingCollector:
        return EmbeddingCollector()


def stretched_positions(positions: Tensor, height: int, width: int, patch: int) -> Tensor:
    """Position embeddings for a picture of another size, as DINO's own code interpolates them.

    Bicubic with a scale of (wanted + 0.1) / trained patches: transformers' ViT takes wanted / trained instead, which
    samples at slightly other places and gives other embeddings.

    Args:
        positions: (1, 1 + side x side, D), the class token's first.
        height: Pixels.
        width: Pixels.
        patch: Side of a patch in pixels; what is left over at the right and the bottom is not seen.

    Returns:
        (1, 1 + patches, D).

    Source:
        facebookresearch/dino, `interpolate_pos_encoding` and its issue 8.
    """
    import torch
    from torch.nn import functional

    side = math.isqrt(positions.shape[1] - 1)
    rows, columns = height // patch, width // patch
    if height == width and rows * columns == side * side:
        return positions
    grid = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = ((rows + NUDGE) / side, (columns + NUDGE) / side)
    grid = functional.interpolate(grid, scale_factor=scale, mode="bicubic")
    return torch.cat([positions[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
