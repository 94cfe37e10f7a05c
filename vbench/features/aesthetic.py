"""How pleasing frames are: the LAION aesthetic head on CLIP ViT-L/14."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.contracts import DeviceFeature, Encoder, Every, FrameRequest, Settings, Source, Weights
from vbench.errors import WeightsError
from vbench.features.clip import MEAN, STD, clip_model
from vbench.features.collect import RateCollector
from vbench.features.weights import HubModel, file_digest
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

MODEL = HubModel(
    setting="aesthetic.clip",
    repo="openai/clip-vit-large-patch14",
    revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
    size_mb=1710,
    licence="MIT",
)
HEAD = "sa_0_4_vit_l_14_linear.pth"
SPACING_S = 0.5


class AestheticFeature(DeviceFeature):
    """`measure.Rates`, about 1 to 10, twice a second."""

    name = "aesthetic"
    known_settings = {  # noqa: RUF012
        "aesthetic.clip": f"folder of CLIP ViT-L/14 weights; default {MODEL.repo}",
        "aesthetic.head": f"file of the linear head, {HEAD} of LAION-AI/aesthetic-predictor (MIT)",
    }

    def _head(self) -> Path:
        return Path(self.settings.get("aesthetic.head", HEAD)).expanduser()

    def params(self) -> dict[str, Any]:
        head = self._head()
        return {
            "model": MODEL.identity(self.settings),
            "head": f"sha256:{file_digest(head)}" if head.is_file() else "",
            "precision": self.settings.precision,
            "every_s": SPACING_S,
        }

    def weights(self) -> tuple[Weights, ...]:
        head = Weights(
            name=HEAD,
            setting="aesthetic.head",
            size_mb=1,
            licence="MIT",
            present=bool(self.settings.get("aesthetic.head", "")) and self._head().is_file(),
            revision="",
            by_hand="get it from LAION-AI/aesthetic-predictor",
        )
        return (MODEL.weights(self.settings), head)

    def fetch(self) -> None:
        MODEL.require(self.settings)

    def request(self) -> FrameRequest:
        side = int(MODEL.config(self.settings).get("vision_config", {}).get("image_size", 224))
        return FrameRequest(sampling=Every(SPACING_S), short_side=side, kernel="area", crop=side)

    def load(self) -> Encoder:
        return AestheticEncoder(self.settings, self._head())


class AestheticEncoder(Encoder):
    """CLIP's image tower and the head on its unit embeddings."""

    batch = 16

    def __init__(self, settings: Settings, head: Path) -> None:
        import torch

        self._model = clip_model(MODEL.require(settings), settings)
        dim = int(self._model.config.projection_dim)
        try:
            state = torch.load(head, map_location=settings.device, weights_only=True)
            self._head = torch.nn.Linear(dim, 1, device=settings.device)
            self._head.load_state_dict(state)
        except Exception as error:
            first = str(error).strip().splitlines()[0][:160]
            raise WeightsError(f"{head}: not a linear head for {dim} numbers ({first}); expected {HEAD}") from None
        self._mean = torch.tensor(MEAN, device=settings.device).view(1, 3, 1, 1)
        self._std = torch.tensor(STD, device=settings.device).view(1, 3, 1, 1)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, side, side) → points (N,)."""
        from torch.nn.functional import normalize

        pixels = ((frames.float() / 255 - self._mean) / self._std).to(self._model.dtype)
        rows = self._model.visual_projection(self._model.vision_model(pixel_values=pixels).pooler_output)
        points: Tensor = self._head(normalize(rows.float(), dim=-1))[:, 0]
        return points

    def collect(self, source: Source, prompt: Prompt) -> RateCollector:
        return RateCollector()
