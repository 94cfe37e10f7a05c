"""CLIP embeddings of frames and prompts (Radford et al. 2021, arXiv:2103.00020), through transformers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vbench.contracts import (
    DeviceFeature,
    Encoder,
    Every,
    FrameRequest,
    Settings,
    SourceFile,
    TextFeature,
    TextRows,
)
from vbench.errors import MetricError, WeightsError
from vbench.features.backbone import CLIP_MEAN, CLIP_STD, EmbeddingCollector, Normal
from vbench.features.distractors import POOL_VERSION, distractors
from vbench.features.weights import HubModel, load_transformers
from vbench.records import Prompt
from vbench.text import first_line

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="clip.model",
    repo="openai/clip-vit-base-patch32",
    revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
    size_mb=605,
    licence="MIT",
    holds="CLIP weights and tokenizer",
)
WEIGHTS = {"model": MODEL}
ANTONYMS = ("Good photo.", "Bad photo.")


class ClipFramesFeature(DeviceFeature):
    """`contracts.Embeddings`: projected image embeddings of the centred square of each frame."""

    name = "clip_frames"
    weight_sources = WEIGHTS

    def request(self) -> FrameRequest:
        side = MODEL.image_side(self.settings)
        return FrameRequest(sampling=Every(), short_side=side, kernel="area", crop=side)

    def load(self) -> Encoder:
        return ClipEncoder(self.settings)


class ClipEncoder(Encoder):
    """The image tower."""

    batch = 64

    def __init__(self, settings: Settings) -> None:
        self.model = clip_model(MODEL.require(settings), settings)
        processor = MODEL.processor(settings)
        mean, std = processor.get("image_mean", CLIP_MEAN), processor.get("image_std", CLIP_STD)
        self._normal = Normal(mean, std, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, side, side) → image embeddings (N, D)."""
        return image_rows(self.model, self._normal(frames))

    def collect(self, source: SourceFile, prompt: Prompt) -> EmbeddingCollector:
        return EmbeddingCollector()


class ClipTextFeature(TextFeature):
    """`contracts.TextRows`: the prompt and 63 hard distractors; text beyond the model's 77 tokens is cut."""

    name = "clip_text"
    weight_sources = WEIGHTS

    def params(self) -> dict[str, Any]:
        return {**super().params(), "distractors": POOL_VERSION}

    def encode(self, prompt: Prompt) -> TextRows:
        """Raises MetricError where there is no prompt."""
        if not prompt.text.strip():
            raise MetricError("the clip has no prompt to compare with", code="not_applicable")
        return _text_rows(MODEL.require(self.settings), self.settings.device, self.settings.precision, prompt.text)


class ClipQualityFeature(TextFeature):
    """`contracts.TextRows` of the antonyms of CLIP-IQA (Wang et al. 2022, arXiv:2207.12396): good against bad photo."""

    name = "clip_quality"
    weight_sources = WEIGHTS

    def encode(self, prompt: Prompt) -> TextRows:
        rows = embed_texts([*ANTONYMS], MODEL.require(self.settings), self.settings).numpy().astype(np.float32)
        return TextRows(prompt=rows[0], distractors=rows[1:])


def image_rows(model: Any, pixels: Tensor) -> Tensor:
    """Projected embeddings (N, D) of normalised pictures (N, 3, side, side)."""
    rows: Tensor = model.visual_projection(model.vision_model(pixel_values=pixels.to(model.dtype)).pooler_output)
    return rows


def embed_texts(texts: list[str], folder: Path, settings: Settings) -> Tensor:
    """Unit rows of texts, float32 on the CPU, shape (N, D)."""
    import torch

    model, to_tokens = clip_model(folder, settings), tokenizer(folder)
    limit = int(model.config.text_config.max_position_embeddings)
    tokens = to_tokens(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt").to(settings.device)
    with torch.inference_mode():
        rows = model.text_projection(model.text_model(**tokens).pooler_output).float().cpu()
    return torch.nn.functional.normalize(rows, dim=-1)


def clip_model(folder: Path, settings: Settings) -> Any:
    """The whole model, loaded once per process for frames and texts."""
    return _model(folder, settings.device, settings.precision)


@lru_cache(maxsize=4)
def _model(folder: Path, device: str, precision: Any) -> Any:
    return load_transformers("CLIPModel", folder, Settings({}, device, precision))


@lru_cache(maxsize=4)
def tokenizer(folder: Path) -> Any:
    """The tokenizer beside the weights, loaded once per process."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise WeightsError(
            f"{folder}: no usable tokenizer ({first_line(error, 160)}); get the model again with its tokenizer"
        ) from None


@lru_cache(maxsize=4096)
def _text_rows(folder: Path, device: str, precision: Any, text: str) -> TextRows:
    rows = embed_texts([text, *distractors(text)], folder, Settings({}, device, precision)).numpy().astype(np.float32)
    return TextRows(prompt=rows[0], distractors=rows[1:])
