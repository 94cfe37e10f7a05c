"""A video-text model: X-CLIP (Ni et al. 2022, arXiv:2208.02816), which sees eight frames at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    Bytes,
    DeviceFeature,
    Encoder,
    Evenly,
    Floats,
    FrameRequest,
    Rates,
    Settings,
    SourceFile,
)
from vbench.errors import MetricError
from vbench.features.backbone import CLIP_MEAN, CLIP_STD, EmbeddingCollector, Normal
from vbench.features.weights import HubModel, load_transformers
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="xclip.model",
    repo="microsoft/xclip-base-patch32",
    revision=None,
    size_mb=786,
    licence="MIT",
    holds="X-CLIP weights and tokenizer",
)
FRAMES = 8


class VideoTextFeature(DeviceFeature):
    """`contracts.Rates` with one entry: 100 x the cosine of the clip's eight middle frames and its prompt."""

    name = "video_text"
    weight_sources = {"model": MODEL}  # noqa: RUF012

    def request(self) -> FrameRequest:
        side = MODEL.image_side(self.settings)
        return FrameRequest(sampling=Evenly(FRAMES), short_side=side, kernel="area", crop=side)

    def load(self) -> Encoder:
        return XClipEncoder(self.settings)


class XClipEncoder(Encoder):
    """A loaded X-CLIP. A row is the video's embedding followed by its patch features, which adapt the text to it."""

    window, hop, batch = FRAMES, FRAMES, 8

    def __init__(self, settings: Settings) -> None:
        from transformers import AutoTokenizer

        folder = MODEL.require(settings)
        self._device = settings.device
        self.model = load_transformers("XCLIPModel", folder, settings)
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._normal = Normal(CLIP_MEAN, CLIP_STD, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 8, 3, side, side) → (N, 1 + patches, D)."""
        import torch

        n, t = frames.shape[:2]
        pixels = self._normal(frames.flatten(0, 1)).to(self.model.dtype)
        seen = self.model.vision_model(pixel_values=pixels)
        video = self.model.mit(self.model.visual_projection(seen[1]).view(n, t, -1))[1]
        patches = self.model.prompts_visual_layernorm(seen[0][:, 1:]) @ self.model.prompts_visual_projection
        patches = patches.view(n, t, -1, video.shape[-1]).mean(dim=1)
        return torch.cat([video[:, None], patches], dim=1)

    def cosine(self, row: NDArray[np.float32], text: str) -> float:
        """Of a clip's row and a prompt, as the model's own forward pass has it before its scale."""
        import torch
        from torch.nn.functional import normalize

        limit = int(self.model.config.text_config.max_position_embeddings)
        tokens = self._tokenizer([text], truncation=True, max_length=limit, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            seen = torch.from_numpy(row).to(device=self._device, dtype=self.model.dtype)
            words = self.model.text_projection(self.model.text_model(**tokens)[1])
            words = words + self.model.prompts_generator(words[:, None], seen[None, 1:])[:, 0]
            return float((normalize(words.float(), dim=-1)[0] * normalize(seen[0].float(), dim=-1)).sum())

    def collect(self, source: SourceFile, prompt: Prompt) -> XClipCollector:
        if not prompt.text.strip():
            raise MetricError("the clip has no prompt to compare with", code="not_applicable")
        return XClipCollector(self, prompt.text)


class XClipCollector:
    """One row per clip, compared with the prompt when it is there."""

    def __init__(self, encoder: XClipEncoder, text: str) -> None:
        self._encoder, self._text = encoder, text
        self._rates: list[tuple[float, int, float]] = []

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        for time_s, index, row in zip(t_s, frame, rows, strict=True):
            self._rates.append((float(time_s), int(index), 100.0 * self._encoder.cosine(row, self._text)))

    def close(self) -> Rates:
        if not self._rates:
            raise MetricError(f"a video-text score needs {FRAMES} frames, the clip has fewer", code="too_short")
        t_s, frame, value = zip(*self._rates, strict=True)
        return Rates(np.array(t_s), np.array(frame, np.int64), np.array(value))


class VideoFeature(VideoTextFeature):
    """`contracts.Embeddings` with one row, of eight frames spread over the clip, for comparing sets of clips.

    No prompt is needed.
    """

    name = "xclip_video"

    def load(self) -> Encoder:
        return XClipVideoEncoder(self.settings)


class XClipVideoEncoder(XClipEncoder):
    """The video tower alone."""

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 8, 3, side, side) → video embeddings (N, D)."""
        return super().encode(frames)[:, 0]

    def collect(self, source: SourceFile, prompt: Prompt) -> EmbeddingCollector:  # type: ignore[override]
        return EmbeddingCollector()
