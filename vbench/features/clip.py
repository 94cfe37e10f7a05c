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
    Source,
    TextFeature,
    TextRows,
    Weights,
)
from vbench.errors import MetricError, WeightsError
from vbench.features.collect import EmbeddingCollector
from vbench.features.distractors import POOL_VERSION, distractors
from vbench.features.weights import HubModel, load_transformers
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="clip.model",
    repo="openai/clip-vit-base-patch32",
    revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
    size_mb=605,
    licence="MIT",
)
SETTINGS = {MODEL.setting: f"folder of CLIP weights and tokenizer; default {MODEL.repo}"}
ANTONYMS = ("Good photo.", "Bad photo.")
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class ClipFramesFeature(DeviceFeature):
    """`measure.Embeddings`: projected image embeddings of the centred square of each frame."""

    name = "clip_frames"
    known_settings = SETTINGS

    def params(self) -> dict[str, Any]:
        return {"model": MODEL.identity(self.settings), "precision": self.settings.precision}

    def weights(self) -> tuple[Weights, ...]:
        return (MODEL.weights(self.settings),)

    def fetch(self) -> None:
        MODEL.require(self.settings)

    def request(self) -> FrameRequest:
        config = MODEL.config(self.settings)
        side = int(config.get("vision_config", {}).get("image_size", 224))
        return FrameRequest(sampling=Every(), short_side=side, kernel="area", crop=side)

    def load(self) -> Encoder:
        return ClipEncoder(self.settings)


class ClipEncoder(Encoder):
    """The image tower."""

    batch = 64

    def __init__(self, settings: Settings) -> None:
        import torch

        self.model = clip_model(MODEL.require(settings), settings)
        processor = MODEL.processor(settings)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(processor.get("image_mean", MEAN), device=settings.device).view(shape)
        self._std = torch.tensor(processor.get("image_std", STD), device=settings.device).view(shape)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, side, side) → image embeddings (N, D)."""
        normal = ((frames.float() / 255 - self._mean) / self._std).to(self.model.dtype)
        embedded: Tensor = self.model.visual_projection(self.model.vision_model(pixel_values=normal).pooler_output)
        return embedded

    def collect(self, source: Source, prompt: Prompt) -> EmbeddingCollector:
        return EmbeddingCollector()


class ClipTextFeature(TextFeature):
    """`measure.TextRows`: the prompt and 63 hard distractors; text beyond the model's 77 tokens is cut."""

    name = "clip_text"
    known_settings = SETTINGS

    def params(self) -> dict[str, Any]:
        return {
            "model": MODEL.identity(self.settings),
            "precision": self.settings.precision,
            "distractors": POOL_VERSION,
        }

    def weights(self) -> tuple[Weights, ...]:
        return (MODEL.weights(self.settings),)

    def fetch(self) -> None:
        MODEL.require(self.settings)

    def encode(self, prompt: Prompt) -> TextRows:
        """Raises MetricError where there is no prompt."""
        if not prompt.text.strip():
            raise MetricError("the clip has no prompt to compare with", code="not_applicable")
        return _text_rows(MODEL.require(self.settings), self.settings.device, self.settings.precision, prompt.text)


class ClipQualityFeature(TextFeature):
    """`measure.TextRows` of the antonyms of CLIP-IQA (Wang et al. 2022, arXiv:2207.12396): good against bad photo."""

    name = "clip_quality"
    known_settings = SETTINGS

    def params(self) -> dict[str, Any]:
        return {"model": MODEL.identity(self.settings), "precision": self.settings.precision}

    def weights(self) -> tuple[Weights, ...]:
        return (MODEL.weights(self.settings),)

    def fetch(self) -> None:
        MODEL.require(self.settings)

    def encode(self, prompt: Prompt) -> TextRows:
        rows = embed_texts([*ANTONYMS], MODEL.require(self.settings), self.settings).numpy().astype(np.float32)
        return TextRows(prompt=rows[0], distractors=rows[1:])


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
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise WeightsError(f"{folder}: no usable tokenizer ({first}); get the model again with its tokenizer") from None


@lru_cache(maxsize=4096)
def _text_rows(folder: Path, device: str, precision: Any, text: str) -> TextRows:
    rows = embed_texts([text, *distractors(text)], folder, Settings({}, device, precision)).numpy().astype(np.float32)
    return TextRows(prompt=rows[0], distractors=rows[1:])
