"""Things found in frames by detectors trained on COCO: a YOLOX file through OpenCV, or torchvision's SSDLite.

YOLOX: Ge et al. 2021, arXiv:2107.08430. SSDLite: Sandler et al. 2018, arXiv:1801.04381.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.catalog.things import COCO, thing_of
from vbench.contracts import (
    Accumulator,
    Bytes,
    Detection,
    Detector,
    DeviceFeature,
    Encoder,
    Every,
    Feature,
    Floats,
    FrameRequest,
    Settings,
    Sightings,
    SourceFile,
    StreamFeature,
    Weights,
)
from vbench.errors import MetricError
from vbench.features.looks import Looks, places
from vbench.features.onnx import given_file, open_net, run_net, unfit
from vbench.features.weights import WeightFile, identity_of
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

SETTING = "detector.model"
ABOUT = "YOLOX of COCO's 80 things as ONNX; default: torchvision's SSDLite"
SPACING_S = 0.5
SHORT_SIDE = 416
LEAST = 0.25
"""Scores below this are forgotten."""
SAME = 0.5
"""Boxes of one class that overlap by more are one thing."""
YOLOX = "a YOLOX network of COCO's 80 classes (1, anchors, 85)"
SIDES = (416, 640)
"""Squares that published YOLOX networks were exported for."""
STRIDES = (8, 16, 32)
SSD = WeightFile(
    setting="ssdlite.model",
    name="ssdlite320_mobilenet_v3_large_coco-a79551df.pth",
    source="download.pytorch.org/models",
    size_mb=14,
    licence="BSD-3-Clause",
    holds="SSDLite weights",
    is_hub_file=True,
    optional=True,
)
SSD_SIDE = 320

Found = tuple[NDArray[np.int64], Floats, Floats]
"""Of one picture: classes (D,), scores (D,), boxes in shares (D, 4); the surest first."""


def objects_feature(settings: Settings) -> Feature:
    """The detector that is given as a file, or else torchvision's; the choice is part of every score made from it."""
    return YoloxFeature(settings) if settings.get(SETTING, "") else SsdFeature(settings)


def fixed_detector(settings: Settings) -> Detector:
    """The same choice as a `contracts.Detector`, for whoever has frames at hand."""
    return YoloxDetector(settings) if settings.get(SETTING, "") else SsdDetector(settings)


class _Fixed(ABC):
    """What detectors of COCO's classes share."""

    identity: str

    def knows(self, label: str) -> bool:
        """Whether the word names one of the 80 things."""
        return thing_of(label) is not None

    def detect(self, frames: Bytes, labels: Sequence[str]) -> list[list[Detection]]:
        """As `contracts.Detector`."""
        asked = {thing: label for label in labels if (thing := thing_of(label)) is not None}
        return [
            [
                Detection(asked[COCO[label]], float(score), (float(x0), float(y0), float(x1), float(y1)))
                for label, score, (x0, y0, x1, y1) in zip(*found, strict=True)
                if COCO[label] in asked
            ]
            for found in self.found(frames)
        ]

    @abstractmethod
    def found(self, frames: Bytes) -> Iterable[Found]:
        """Everything in each picture, RGB uint8 (T, H, W, 3)."""


def kept(scores: NDArray[np.floating[Any]], boxes: NDArray[np.floating[Any]]) -> Found:
    """The things among candidates: each box of its best class, overlapping ones of a class merged into the surest.

    Args:
        scores: Of each class, shape (A, 80).
        boxes: Left, top, right, bottom in shares, shape (A, 4).
    """
    label = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), label]
    chosen = np.flatnonzero(score >= LEAST)
    corners = np.clip(boxes[chosen], 0.0, 1.0).astype(np.float64)
    sides = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    real = (sides[:, 2:] > 0).all(axis=1)
    chosen, corners, sides = chosen[real], corners[real], sides[real]
    if not len(chosen):
        return np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4))
    best = cv2.dnn.NMSBoxesBatched(
        sides.tolist(), score[chosen].astype(float).tolist(), label[chosen].tolist(), LEAST, SAME
    )
    order = np.array(sorted(np.ravel(best), key=lambda place: -score[chosen[place]]), np.intp)
    return label[chosen[order]].astype(np.int64), score[chosen[order]].astype(np.float64), corners[order]


def sightings(t_s: Floats, frame: NDArray[np.int64], found: Sequence[Found]) -> Sightings:
    """What was found in the pictures of a clip as one value."""
    label, score, box = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Sightings(t_s, frame, COCO, places([each[0] for each in found]), label, score, box)


# --- a YOLOX file ---------------------------------------------------------------------------------------------------


class YoloxDetector(_Fixed):
    """A YOLOX network in an ONNX file.

    Raises:
        WeightsError: the file is missing, cut off, or a network of another shape.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = given_file(SETTING, settings.get(SETTING, ""), YOLOX)
        self.identity = f"yolox {identity_of(self._path)}"
        self._net, self._side = _yolox(self._path)
        self._grid, self._stride = grid(self._side)

    def found(self, frames: Bytes) -> Iterable[Found]:
        """One picture at a time."""
        for picture in frames:
            yield self.look(picture)

    def look(self, picture: Bytes) -> Found:
        """All things in one picture, RGB (H, W, 3)."""
        height, width = picture.shape[:2]
        scale = self._side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        square = np.full((self._side, self._side, 3), 114, np.uint8)
        square[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        # BGR levels of 0 to 255, as the network was trained on
        pixels = np.ascontiguousarray(square[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32)
        rows = run_net(self._net, pixels, self._path, YOLOX)[0]
        centre = (rows[:, :2] + self._grid) * self._stride
        half = np.exp(np.minimum(rows[:, 2:4], 20.0)) * self._stride / 2
        boxes = np.column_stack([centre - half, centre + half]) / np.array([*size, *size])
        return kept(rows[:, 4:5] * rows[:, 5:], boxes)


def grid(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cell of each anchor of YOLOX (A, 2) and its stride (A, 1), for a square input."""
    cells, strides = [], []
    for stride in STRIDES:
        n = side // stride
        y, x = np.mgrid[:n, :n]
        cells.append(np.column_stack([x.ravel(), y.ravel()]))
        strides.append(np.full((n * n, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


@lru_cache(maxsize=2)
def _yolox(path: Path) -> tuple[Any, int]:
    """The network and the side of its square input."""
    net = open_net(path, YOLOX)
    problem = None
    for side in SIDES:
        try:
            rows = run_net(net, np.zeros((1, 3, side, side), np.float32), path, YOLOX)
        except Exception as error:
            problem, net = error, open_net(path, YOLOX)  # a failed pass spoils the network
            continue
        if rows.shape == (1, len(grid(side)[0]), 5 + len(COCO)):
            return net, side
        problem = unfit(path, YOLOX, f"its answer has the shape {rows.shape}")
    assert problem is not None
    raise problem


class YoloxFeature(StreamFeature):
    """`contracts.Sightings` twice a second, by the given file."""

    name = "objects"
    known_settings = {SETTING: ABOUT}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {"detector": f"yolox {identity_of(self._path())}", "spacing_s": SPACING_S}

    def _path(self) -> Path:
        return given_file(SETTING, self.settings.get(SETTING, ""), YOLOX)

    def weights(self) -> tuple[Weights, ...]:
        path = self._path()
        _yolox(path)  # another architecture stops the plan, not each clip
        return (
            Weights(
                name=str(path),
                setting=SETTING,
                size_mb=max(1, path.stat().st_size >> 20),
                licence="of the given file",
                present=True,
                revision=identity_of(path),
            ),
        )

    def open(self, source: SourceFile) -> Accumulator:
        detector = YoloxDetector(self.settings)
        return Looks(source, SPACING_S, lambda frame: detector.look(frame.rgb()), sightings)


# --- torchvision's SSDLite ------------------------------------------------------------------------------------------


class SsdFeature(DeviceFeature):
    """`contracts.Sightings` twice a second, by torchvision's SSDLite320 on MobileNetV3."""

    name = "objects"
    weight_sources = {"detector": SSD}  # noqa: RUF012
    known_settings = {SETTING: ABOUT}  # noqa: RUF012
    is_exact = True

    def params(self) -> dict[str, Any]:
        return {**super().params(), "spacing_s": SPACING_S}

    def request(self) -> FrameRequest:
        return FrameRequest(sampling=Every(SPACING_S), short_side=SHORT_SIDE, kernel="area", never_enlarge=True)

    def load(self) -> Encoder:
        return SsdEncoder(self.settings)


class SsdEncoder(Encoder):
    """A loaded SSDLite; rows are (A, 84): scores of the 80 classes, then the box of each anchor in shares."""

    batch = 16

    def __init__(self, settings: Settings) -> None:
        import torch
        from torchvision.models.detection import ssdlite320_mobilenet_v3_large as empty
        from torchvision.models.detection.image_list import ImageList

        model = empty(weights=None, weights_backbone=None)
        self.model = SSD.fill(model, SSD.load(settings), settings, wanted="weights of SSDLite320")
        blank = torch.zeros(1, 3, SSD_SIDE, SSD_SIDE, device=settings.device)
        with torch.inference_mode():
            levels = list(self.model.backbone(blank).values())
            (anchors,) = self.model.anchor_generator(ImageList(blank, [(SSD_SIDE, SSD_SIDE)]), levels)
        self._centre = (anchors[:, :2] + anchors[:, 2:]) / 2 / SSD_SIDE
        self._size = (anchors[:, 2:] - anchors[:, :2]) / SSD_SIDE
        self._kept = torch.tensor(_published_classes(), device=settings.device)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, h, w) → (N, A, 84)."""
        import torch
        from torch.nn.functional import interpolate

        pixels = interpolate(frames.float() / 127.5 - 1, (SSD_SIDE, SSD_SIDE), mode="bilinear", align_corners=False)
        answer = self.model.head(list(self.model.backbone(pixels).values()))
        scores = answer["cls_logits"].softmax(dim=-1).index_select(2, self._kept)
        moved = answer["bbox_regression"]
        centre = self._centre + moved[..., :2] / 10 * self._size  # variances of SSD
        half = self._size * torch.exp((moved[..., 2:] / 5).clamp(max=4.135)) / 2
        return torch.cat([scores, centre - half, centre + half], dim=-1)

    def collect(self, source: SourceFile, prompt: Prompt) -> SsdCollector:
        return SsdCollector()


def _published_classes() -> list[int]:
    """Which of the 91 numbers of COCO's papers, 0 the background, are the 80 that are in use."""
    unused = {0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    return [number for number in range(91) if number not in unused]


class SsdCollector:
    """Rows of SSDLite into sightings."""

    def __init__(self) -> None:
        self._t_s: list[Floats] = []
        self._frame: list[NDArray[np.int64]] = []
        self._found: list[Found] = []

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        self._t_s.append(t_s)
        self._frame.append(frame)
        self._found += [kept(row[:, : len(COCO)], row[:, len(COCO) :]) for row in rows]

    def close(self) -> Sightings:
        if not self._found:
            raise MetricError("the clip has no frame to look at", code="too_short")
        return sightings(np.concatenate(self._t_s), np.concatenate(self._frame), self._found)


class SsdDetector(_Fixed):
    """torchvision's SSDLite for whoever has frames at hand.

    Raises:
        WeightsError: its weights are missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._encoder, self._device = SsdEncoder(settings), settings.device
        self.identity = f"ssdlite {SSD.identity(settings)}"

    def found(self, frames: Bytes) -> Iterable[Found]:
        """In batches on the device."""
        import torch

        for start in range(0, len(frames), self._encoder.batch):
            part = torch.from_numpy(np.ascontiguousarray(frames[start : start + self._encoder.batch]))
            with torch.inference_mode():
                rows = self._encoder.encode(part.movedim(-1, 1).to(self._device)).cpu().numpy()
            yield from (kept(row[:, : len(COCO)], row[:, len(COCO) :]) for row in rows)
