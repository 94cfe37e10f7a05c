"""How pleasing frames are: the LAION aesthetic head on CLIP ViT-L/14."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vbench.contracts import DeviceFeature, Encoder, Every, FrameRequest, Settings, SourceFile
from vbench.features.backbone import CLIP_MEAN, CLIP_STD, Normal, RateCollector
from vbench.features.clip import clip_model, image_rows
from vbench.features.weights import HubModel, WeightFile
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="aesthetic.clip",
    repo="openai/clip-vit-large-patch14",
    revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
    size_mb=1710,
    licence="MIT",
    holds="CLIP ViT-L/14 weights",
)
HEAD = WeightFile(
    setting="aesthetic.head",
    name="sa_0_4_vit_l_14_linear.pth",
    source="github.com/LAION-AI/aesthetic-predictor",
    size_mb=1,
    licence="MIT",
    holds="the linear head",
)
SPACING_S = 0.5


class AestheticFeature(DeviceFeature):
    """`contracts.Rates`, about 1 to 10, twice a second."""

    name = "aesthetic"
    weight_sources = {"head": HEAD, "model": MODEL}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {**super().params(), "every_s": SPACING_S}

    def request(self) -> FrameRequest:
        side = MODEL.image_side(self.settings)
        return FrameRequest(sampling=Every(SPACING_S), short_side=side, kernel="area", crop=side)

    def load(self) -> Encoder:
        return AestheticEncoder(self.settings)


class AestheticEncoder(Encoder):
    """CLIP's image tower and the head on its unit embeddings."""

    batch = 16

    def __init__(self, settings: Settings) -> None:
        self._model = clip_model(MODEL.require(settings), settings)
        self._head = linear_head(HEAD, int(self._model.config.projection_dim), settings)
        self._normal = Normal(CLIP_MEAN, CLIP_STD, settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, side, side) → points (N,)."""
        from torch.nn.functional import normalize

        rows = image_rows(self._model, self._normal(frames))
        points: Tensor = self._head(normalize(rows.float(), dim=-1))[:, 0]
        return points

    def collect(self, source: SourceFile, prompt: Prompt) -> RateCollector:
        return RateCollector()


def linear_head(file: WeightFile, dim: int, settings: Settings) -> Any:
    """The head for rows of `dim` numbers; one number per row.

    Raises:
        WeightsError: the file holds another one.
    """
    import torch

    head = torch.nn.Linear(dim, 1)
    return file.fill(head, file.load(settings), settings, wanted=f"a linear head for {dim} numbers")
