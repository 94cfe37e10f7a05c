"""ViCLIP embeddings of clips and prompts as VBench 1.0's overall consistency and temporal style take them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import DeviceFeature, Encoder, FrameRequest, Settings, SourceFile, TextFeature
from vbench.errors import MetricError, WeightsError
from vbench.features.backbone import CLIP_MEAN, CLIP_STD, EmbeddingCollector, Normal
from vbench.features.clip import tokenizer
from vbench.features.weights import WeightFile
from vbench.records import Prompt
from vbench.vbench1.clip import BASE
from vbench.vbench1.frames import MiddleFrames, centre, resize

if TYPE_CHECKING:
    from torch import Tensor

VICLIP = WeightFile(
    setting="vbench.viclip.model",
    name="ViClip-InternVid-10M-FLT.pth",
    source="huggingface.co/OpenGVLab/ViCLIP",
    size_mb=1710,
    licence="Apache-2.0",
    holds="ViCLIP-L/14",
    optional=True,
)
N_FRAMES = 8


class VBenchVideoFeature(DeviceFeature):
    """`contracts.Embeddings` with one row: eight middle frames, short side 224 (bicubic, no antialiasing), square."""

    name = "vbench_video"
    weight_sources = {"model": VICLIP}  # noqa: RUF012
    is_exact = True

    def request(self) -> FrameRequest:
        return FrameRequest(sampling=MiddleFrames(N_FRAMES), short_side=None, kernel="plain")

    def load(self) -> Encoder:
        return ViClipEncoder(self.settings)


class VBenchVideoTextFeature(TextFeature):
    """Unit row of the whole prompt, float32 (D,); 32 tokens are read."""

    name = "vbench_video_text"
    weight_sources = {"model": VICLIP, "tokenizer": BASE}  # noqa: RUF012
    is_exact = True

    def params(self) -> dict[str, Any]:
        """Without the tokenizer: any CLIP's gives the same tokens."""
        return {name: value for name, value in super().params().items() if name != "tokenizer"}

    def encode(self, prompt: Prompt) -> NDArray[np.float32]:
        """Raises MetricError where there is no prompt."""
        import torch

        if not prompt.text.strip():
            raise MetricError("the clip has no prompt to compare with", code="not_applicable")
        tokens = tokenizer(BASE.require(self.settings))(prompt.text)["input_ids"]  # ViCLIP has CLIP's vocabulary
        with torch.inference_mode():
            row = _model(str(VICLIP.require(self.settings)), self.settings.device).text_row(tokens)
        return np.asarray(row.cpu().numpy(), np.float32)


class ViClipEncoder(Encoder):
    """The video tower."""

    window, hop, batch = N_FRAMES, N_FRAMES, 4

    def __init__(self, settings: Settings) -> None:
        self._model = _model(str(VICLIP.require(settings)), settings.device)
        self._normal = Normal(CLIP_MEAN, CLIP_STD, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 8, 3, H, W) → unit rows (N, D).

        Unlike for the other backbones VBench resizes 8-bit frames here, so that overshoots are cut and levels rounded.
        """
        side = self._model.side
        levels = resize(frames.flatten(0, 1), side, "bicubic").clamp(0, 255).round()
        pixels = self._normal(centre(levels, side))
        rows: Tensor = self._model.video_rows(pixels.view(*frames.shape[:2], *pixels.shape[1:]))
        return rows

    def collect(self, source: SourceFile, prompt: Prompt) -> EmbeddingCollector:
        return EmbeddingCollector()


@lru_cache(maxsize=2)
def _model(path: str, device: str) -> Any:
    from vbench.vbench1.viclip_model import empty_like

    settings = Settings({VICLIP.setting: path}, device)
    state = VICLIP.load(settings)
    state = state.get("model", state)
    try:
        empty = empty_like(state)
    except (KeyError, AttributeError, IndexError, TypeError) as error:
        raise WeightsError(
            f"{path}: not the weights of {VICLIP.name} ({error} is missing); get the file again"
        ) from None
    if empty.n_frames != N_FRAMES:
        raise WeightsError(f"{path}: made for {empty.n_frames} frames, VBench takes {N_FRAMES}; get {VICLIP.name}")
    return VICLIP.fill(empty, state, settings)
