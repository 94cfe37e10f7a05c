"""CLIP as VBench 1.0 uses it: background consistency and appearance style (ViT-B/32), aesthetic quality (ViT-L/14)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import AllFrames, DeviceFeature, Encoder, FrameRequest, Settings, SourceFile, TextFeature
from vbench.errors import MetricError
from vbench.features.backbone import CLIP_MEAN, CLIP_STD, EmbeddingCollector, Normal, RateCollector
from vbench.features.clip import clip_model, embed_texts, image_rows, tokenizer
from vbench.features.weights import HubModel, WeightFile
from vbench.records import Prompt
from vbench.vbench1.frames import PilSquare, centre, resize, whole_frames

if TYPE_CHECKING:
    from torch import Tensor

BASE = HubModel(
    setting="vbench.clip.model",
    repo="openai/clip-vit-base-patch32",
    revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
    size_mb=605,
    licence="MIT",
    holds="CLIP ViT-B/32 and its tokenizer",
)
LARGE = HubModel(
    setting="vbench.clip_l.model",
    repo="openai/clip-vit-large-patch14",
    revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
    size_mb=1710,
    licence="MIT",
    holds="CLIP ViT-L/14",
)
HEAD = WeightFile(
    setting="vbench.aesthetic.head",
    name="sa_0_4_vit_l_14_linear.pth",
    source="github.com/LAION-AI/aesthetic-predictor",
    size_mb=1,
    licence="MIT",
    holds="the linear head",
    optional=True,
)
WEIGHTS = {"model": BASE}


class _BaseFeature(DeviceFeature):
    weight_sources = WEIGHTS
    is_exact = True

    def load(self) -> Encoder:
        return VBenchClipEncoder(BASE, self.settings)


class VBenchClipFeature(_BaseFeature):
    """`contracts.Embeddings` of every frame: short side 224 (bicubic, no antialiasing), the square in the middle."""

    name = "vbench_clip"

    def request(self) -> FrameRequest:
        return whole_frames()


class VBenchStyleFramesFeature(_BaseFeature):
    """`contracts.Embeddings` of every frame as Pillow resizes it, which is how appearance style sees it."""

    name = "vbench_style_frames"

    def request(self) -> FrameRequest:
        return PilSquare(sampling=AllFrames(), short_side=None, side=BASE.image_side(self.settings))


class VBenchStyleTextFeature(TextFeature):
    """Unit row of the style phrase that VBench's prompt list gives for a prompt, float32 (D,)."""

    name = "vbench_style_text"
    weight_sources = WEIGHTS
    is_exact = True

    def encode(self, prompt: Prompt) -> NDArray[np.float32]:
        """Raises MetricError where the prompt has no style phrase."""
        return _phrase_row(BASE.require(self.settings), self.settings.device, style_phrase(prompt))


class VBenchAestheticFeature(DeviceFeature):
    """`contracts.Rates`: LAION's linear head on CLIP ViT-L/14 of every frame, divided by 10."""

    name = "vbench_aesthetic"
    weight_sources = {"head": HEAD, "model": LARGE}  # noqa: RUF012
    is_exact = True

    def request(self) -> FrameRequest:
        return whole_frames()

    def load(self) -> Encoder:
        return VBenchAestheticEncoder(self.settings)


class VBenchClipEncoder(Encoder):
    """An image tower and VBench's way of feeding it."""

    batch = 16

    def __init__(self, model: HubModel, settings: Settings) -> None:
        self.model = clip_model(model.require(settings), settings)
        self._side = model.image_side(settings)
        self._normal = Normal(CLIP_MEAN, CLIP_STD, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, H, W) → image embeddings (N, D)."""
        pixels = self._normal(centre(resize(frames, self._side, "bicubic"), self._side))
        return image_rows(self.model, pixels)

    def collect(self, source: SourceFile, prompt: Prompt) -> EmbeddingCollector | RateCollector:
        return EmbeddingCollector()


class VBenchAestheticEncoder(VBenchClipEncoder):
    """The image tower of ViT-L/14 and the head."""

    def __init__(self, settings: Settings) -> None:
        import torch

        super().__init__(LARGE, settings)
        head = torch.nn.Linear(int(self.model.config.projection_dim), 1)
        self._head = HEAD.fill(head, HEAD.load(settings), settings)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, H, W) → tenths of LAION's points (N,)."""
        from torch.nn.functional import normalize

        points: Tensor = self._head(normalize(super().encode(frames), dim=-1))[:, 0]
        return points / 10

    def collect(self, source: SourceFile, prompt: Prompt) -> RateCollector:
        return RateCollector()


def style_phrase(prompt: Prompt) -> str:
    """The style that VBench's prompt list asks for, e.g. `Van Gogh style`.

    Raises:
        MetricError: the prompt has none.
    """
    style = (prompt.expects.get("vbench") or {}).get("appearance_style")
    phrase = style.get("appearance_style") if isinstance(style, dict) else style
    if not isinstance(phrase, str) or not phrase.strip():
        raise MetricError(
            f"prompt {prompt.id!r} has no style phrase; VBench gives one as auxiliary_info of its appearance_style "
            "prompts, kept here as expects.vbench.appearance_style",
            code="not_applicable",
        )
    return phrase


@lru_cache(maxsize=1024)
def _phrase_row(folder: Path, device: str, phrase: str) -> NDArray[np.float32]:
    settings = Settings({}, device, "fp32")
    limit = int(clip_model(folder, settings).config.text_config.max_position_embeddings)
    n_tokens = len(tokenizer(folder)(phrase)["input_ids"])
    if n_tokens > limit:
        raise MetricError(f"the style phrase has {n_tokens} tokens, CLIP takes {limit}; shorten it")
    return np.asarray(embed_texts([phrase], folder, settings).numpy()[0], np.float32)
