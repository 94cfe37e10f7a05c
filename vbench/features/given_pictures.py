"""The pictures that a prompt gives: as they are, described without weights, and embedded by DINOv2."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import SHORT_SIDE, Bytes, GivenPictures, GivenRows, Settings, TextFeature
from vbench.errors import MetricError
from vbench.features.appearance import describe
from vbench.features.dino import MODEL, SIDE, DinoEncoder
from vbench.records import Prompt
from vbench.video.pictures import read_picture


class PicturesFeature(TextFeature):
    """`contracts.GivenPictures`."""

    name = "pictures"
    is_free = True

    def encode(self, prompt: Prompt) -> GivenPictures:
        """Raises MetricError where a picture is not there any more."""
        return GivenPictures(first=_opened(prompt.image), last=_opened(prompt.last_image))


class _PictureRows(TextFeature):
    """`contracts.GivenRows`."""

    @abstractmethod
    def row(self, picture: Bytes) -> NDArray[np.float32]:
        """Unit row of one picture, RGB uint8 (h, w, 3)."""

    def encode(self, prompt: Prompt) -> GivenRows:
        """Raises MetricError where a picture is not there any more."""
        first, last, *references = map(_opened, (prompt.image, prompt.last_image, *prompt.references))
        rows = [self.row(picture) for picture in references if picture is not None]
        return GivenRows(
            first=None if first is None else self.row(first),
            last=None if last is None else self.row(last),
            references=np.stack(rows) if rows else np.zeros((0, 0), np.float32),
        )


class PicturesLookFeature(_PictureRows):
    """Colours and edges, as the feature `appearance` has them of frames."""

    name = "pictures_look"
    is_free = True

    def params(self) -> dict[str, Any]:
        return {"descriptor": "lab-edges-1"}

    def row(self, picture: Bytes) -> NDArray[np.float32]:
        return describe(_scaled(picture, SHORT_SIDE))


class PicturesDinoFeature(_PictureRows):
    """DINOv2 class tokens, as the feature `dino` has them of frames."""

    name = "pictures_dino"
    weight_sources = {"model": MODEL}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {**super().params(), "short_side": SIDE}

    def row(self, picture: Bytes) -> NDArray[np.float32]:
        import torch

        settings = self.settings
        encoder = _encoder(tuple(sorted(settings.values.items())), settings.device, settings.precision)
        frames = torch.from_numpy(_scaled(picture, SIDE)).permute(2, 0, 1)[None].to(settings.device)
        with torch.inference_mode():
            row = encoder.encode(frames)[0].float().cpu()
        return np.asarray(torch.nn.functional.normalize(row, dim=-1).numpy(), np.float32)


@lru_cache(maxsize=2)
def _encoder(values: tuple[tuple[str, str], ...], device: str, precision: Any) -> DinoEncoder:
    """Loaded once per process."""
    return DinoEncoder(Settings(dict(values), device, precision))


def _opened(place: str) -> Bytes | None:
    """RGB uint8 (h, w, 3); None: no place is given."""
    if not place:
        return None
    try:
        return read_picture(Path(place))
    except OSError as error:
        why = error.strerror or "no picture"
        raise MetricError(f"{place}: the prompt's picture cannot be read ({why}); generate again from it") from None


def _scaled(picture: Bytes, short_side: int) -> Bytes:
    """With this short side, the long one in proportion."""
    height, width = picture.shape[:2]
    scale = short_side / min(height, width)
    size = max(short_side, int(width * scale)), max(short_side, int(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
