"""Faces: found by YuNet (Wu et al. 2023, doi:10.1007/s11633-023-1423-y), told apart by SFace or dlib's network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    Accumulator,
    Bytes,
    ClipFrame,
    Faces,
    Floats,
    Rates,
    Settings,
    SourceFile,
    StreamFeature,
    Weights,
)
from vbench.errors import MetricError, WeightsError
from vbench.features.looks import Looks, places
from vbench.features.onnx import PublishedFile, open_net, quiet, run_net, unfit

ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98/models"
YUNET = PublishedFile(
    setting="face.detector",
    name="face_detection_yunet_2023mar.onnx",
    url=f"{ZOO}/face_detection_yunet/face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size_mb=1,
    licence="MIT",
    holds="the face detector YuNet",
)
SFACE = PublishedFile(
    setting="face.recogniser",
    name="face_recognition_sface_2021dec.onnx",
    url=f"{ZOO}/face_recognition_sface/face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    size_mb=37,
    licence="Apache-2.0",
    holds="a network that tells faces apart: SFace, or dlib's as ONNX",
)
SPACING_S = 0.25
LONG_SIDE = 640
"""Pictures are looked at no larger than this."""
LEAST = 0.8
PROFILE = 0.05
"""Eyes nearer to each other than this share of the face's height: seen from the side, where no descriptor holds."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one picture."""

    score: float
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in shares of the picture."""
    height_px: float
    """In pixels of the file."""
    marks: Floats
    """Its right eye, left eye, nose, right and left corner of the mouth, in pixels of the file, shape (5, 2)."""


def faces_in(frame: ClipFrame, settings: Settings) -> list[Face]:
    """Faces in a frame, the largest first; looked for once per frame."""
    return frame.memo("faces", lambda: look_for_faces(frame.rgb(), settings))


def look_for_faces(picture: Bytes, settings: Settings) -> list[Face]:
    """Faces in a picture, RGB (H, W, 3), the largest first."""
    path = YUNET.require(settings)
    height, width = picture.shape[:2]
    scale = min(1.0, LONG_SIDE / max(height, width))
    size = (max(32, round(width * scale)), max(32, round(height * scale)))
    small = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    detector = _yunet(path)
    detector.setInputSize(size)
    try:
        with quiet():
            _, rows = detector.detect(small)
    except cv2.error as error:
        raise unfit(path, YUNET.holds, error) from None
    faces = []
    back = np.array([width / size[0], height / size[1]])
    for row in rows if rows is not None else ():
        if row[14] < LEAST:
            continue
        left, top, wide, high = (float(value) for value in row[:4])
        box = (left / size[0], top / size[1], (left + wide) / size[0], (top + high) / size[1])
        x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in box)
        marks = row[4:14].reshape(5, 2).astype(np.float64) * back
        faces.append(Face(float(row[14]), (x0, y0, x1, y1), high * float(back[1]), marks))
    return sorted(faces, key=lambda face: -face.height_px)


@lru_cache(maxsize=2)
def _yunet(path: Path) -> Any:
    """Raises WeightsError where the file is not YuNet."""
    try:
        with quiet():
            detector = cv2.FaceDetectorYN.create(str(path), "", (64, 64), LEAST)
            detector.detect(np.zeros((64, 64, 3), np.uint8))
    except cv2.error as error:
        raise unfit(path, YUNET.holds, error) from None
    return detector


class FacesFeature(StreamFeature):
    """`contracts.Faces` four times a second, without descriptors."""

    name = "faces"
    weight_sources = {"detector": YUNET}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        which = {name: source.identity(self.settings) for name, source in self.weight_sources.items()}
        return {**which, "spacing_s": SPACING_S}

    def weights(self) -> tuple[Weights, ...]:
        """Another network than the wanted one stops the plan, not each clip."""
        if (path := YUNET.path(self.settings)) is not None:
            _yunet(path)
        return super().weights()

    def open(self, source: SourceFile) -> Accumulator:
        return Looks(source, SPACING_S, self._look, _faces)

    def _look(self, frame: ClipFrame) -> list[tuple[Face, NDArray[np.float32]]]:
        return [(face, np.zeros(0, np.float32)) for face in faces_in(frame, self.settings)]


class FaceRowsFeature(FacesFeature):
    """`contracts.Faces` four times a second, with descriptors."""

    name = "face_rows"
    weight_sources = {"detector": YUNET, "recogniser": SFACE}  # noqa: RUF012

    def weights(self) -> tuple[Weights, ...]:
        if (path := SFACE.path(self.settings)) is not None:
            _recogniser(path)
        return super().weights()

    def _look(self, frame: ClipFrame) -> list[tuple[Face, NDArray[np.float32]]]:
        path = SFACE.require(self.settings)
        return [(face, descriptor(frame.rgb(), face, path)) for face in faces_in(frame, self.settings)]


def _faces(t_s: Floats, frame: NDArray[np.int64], seen: list[list[tuple[Face, NDArray[np.float32]]]]) -> Faces:
    both = [pair for pairs in seen for pair in pairs]
    rows = [row for _, row in both]
    return Faces(
        t_s=t_s,
        frame=frame,
        of=places(seen),
        score=np.array([face.score for face, _ in both]),
        box=np.array([face.box for face, _ in both]).reshape(-1, 4),
        height_px=np.array([face.height_px for face, _ in both]),
        rows=np.stack(rows) if rows else np.zeros((0, 0), np.float32),
    )


# --- who it is ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chip:
    """How a network wants a face: upright, its marks where they were in training."""

    side: int
    marks: tuple[tuple[float, float], ...]
    """Where the five marks of `Face` lie, in pixels."""
    mean: tuple[float, float, float]
    scale: float


CHIPS = (
    Chip(  # SFace: ArcFace's template
        112,
        ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
        (0.0, 0.0, 0.0),
        1.0,
    ),
    Chip(  # dlib: its mean face with a quarter of padding, eyes as the middle of their six points
        150,
        ((47.55, 46.60), (100.48, 46.60), (74.01, 76.56), (50.41, 103.02), (97.61, 103.02)),
        (122.782, 117.001, 104.298),
        1 / 256,
    ),
)


def descriptor(picture: Bytes, face: Face, path: Path) -> NDArray[np.float32]:
    """Unit row of a face, shape (K,); NaN where it is seen from the side, so that no descriptor holds."""
    net, chip, width = _recogniser(path)
    eyes = float(np.linalg.norm(face.marks[1] - face.marks[0]))
    if eyes < PROFILE * face.height_px:
        return np.full(width, np.nan, np.float32)
    turn = similarity(face.marks, np.array(chip.marks))
    upright = cv2.warpAffine(picture, turn, (chip.side, chip.side), flags=cv2.INTER_LINEAR)
    pixels = (upright.astype(np.float32) - np.array(chip.mean, np.float32)) * np.float32(chip.scale)
    row = run_net(net, np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]), path, SFACE.holds).ravel()
    return np.asarray(row / max(float(np.linalg.norm(row)), 1e-12), np.float32)


def similarity(points: Floats, onto: Floats) -> Floats:
    """Turn, scale and shift (2, 3) that bring points (N, 2) nearest to others in least squares, mirrors left out.

    Source: Umeyama 1991, doi:10.1109/34.88573, in two dimensions, where complex numbers say it in a line.
    """
    a, b = (side[:, 0] + 1j * side[:, 1] for side in (points, onto))
    middle = a.mean()
    factor = np.vdot(a - middle, b) / max(float(np.vdot(a - middle, a - middle).real), 1e-12)
    shift = b.mean() - factor * middle
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


@lru_cache(maxsize=2)
def _recogniser(path: Path) -> tuple[Any, Chip, int]:
    """The network, the chip it takes, and how many numbers it gives."""
    problem: WeightsError | None = None
    for chip in CHIPS:
        net = open_net(path, SFACE.holds)
        try:
            row = run_net(net, np.zeros((1, 3, chip.side, chip.side), np.float32), path, SFACE.holds)
        except WeightsError as error:
            problem = error
            continue
        if row.ndim == 2 and row.shape[0] == 1 and 64 <= row.shape[1] <= 1024:
            return net, chip, int(row.shape[1])
        problem = unfit(path, SFACE.holds, f"its answer has the shape {row.shape}")
    assert problem is not None
    raise problem


# --- hands, as a suspicion ------------------------------------------------------------------------------------------

HAND_AREA = (0.08, 1.2)
"""Smallest and largest hand, in areas of the face's box."""
SKIN = 9.0
"""How far the colour of skin lies from that of the face at most, in levels of Cr and of Cb."""


class SkinFeature(StreamFeature):
    """`contracts.Rates`: patches of a face's own skin colour, of a hand's size, apart from it; pictures with a face."""

    name = "skin"
    weight_sources = {"detector": YUNET}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {"detector": YUNET.identity(self.settings), "spacing_s": SPACING_S}

    def open(self, source: SourceFile) -> Accumulator:
        return Looks(source, SPACING_S, self._look, _patches)

    def _look(self, frame: ClipFrame) -> int | None:
        faces = faces_in(frame, self.settings)
        return skin_patches(frame.rgb(), faces) if faces else None


def _patches(t_s: Floats, frame: NDArray[np.int64], seen: list[int | None]) -> Rates:
    known = [place for place, n in enumerate(seen) if n is not None]
    if not known:
        raise MetricError("no face is seen, so that no skin is known", code="not_applicable")
    return Rates(t_s[known], frame[known], np.array([seen[place] for place in known], np.float64))


def skin_patches(picture: Bytes, faces: list[Face]) -> int:
    """How many patches of the largest face's colour and of a hand's size lie apart from all faces."""
    scale = min(1.0, 320 / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    luma, *colour = cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb).astype(np.float32))
    x0, y0, x1, y1 = faces[0].box
    rows = slice(int((y0 + 0.3 * (y1 - y0)) * height), max(1, int((y0 + 0.75 * (y1 - y0)) * height)))
    columns = slice(int((x0 + 0.25 * (x1 - x0)) * width), max(1, int((x0 + 0.75 * (x1 - x0)) * width)))
    if not luma[rows, columns].size:
        return 0
    near = [np.abs(plane - np.median(plane[rows, columns])) < SKIN for plane in colour]
    light = float(np.median(luma[rows, columns]))
    skin = (near[0] & near[1] & (luma > 0.4 * light) & (luma < 1.7 * light)).astype(np.uint8)
    for face in faces:
        left, top, right, bottom = face.box
        wide, high = right - left, bottom - top
        skin[
            max(0, int((top - 0.4 * high) * height)) : int((bottom + 0.8 * high) * height),  # hair, and the neck below
            max(0, int((left - 0.4 * wide) * width)) : int((right + 0.4 * wide) * width),
        ] = 0
    skin = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(skin)
    area = (x1 - x0) * (y1 - y0) * width * height
    sizes = stats[1:, cv2.CC_STAT_AREA] / max(area, 1.0)
    return int(((sizes >= HAND_AREA[0]) & (sizes <= HAND_AREA[1])).sum())
