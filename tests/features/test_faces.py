"""Faces: what is done to a face before a network sees it, files that are not what they should be, and real faces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.fakes.onnx_file import constant_answer, means_of_channels
from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features.faces import (
    CHIPS,
    Face,
    FaceRowsFeature,
    FacesFeature,
    descriptor,
    look_for_faces,
    similarity,
    skin_patches,
)
from vbench.score import measure_file
from vbench.video import read_frames, write_clip

SHARED = Path(__file__).parents[2] / "shared"
MODELS = Path(os.environ.get("VBENCH_REAL_MODELS", SHARED / "models"))
CLIPS = Path(os.environ.get("VBENCH_REAL_CLIPS", SHARED / "clips"))
needs_models = pytest.mark.skipif(not (MODELS.is_dir() and CLIPS.is_dir()), reason="no real models and clips here")
REAL = {
    "face.detector": str(MODELS / "face_detection_yunet_2023mar.onnx"),
    "face.recogniser": str(MODELS / "dlib_face_int8.onnx"),
}


def test_marks_come_to_where_they_should_be() -> None:
    """Against a turn, a scale and a shift that are known."""
    draw = np.random.default_rng(0)
    points = draw.uniform(0, 100, (5, 2))
    angle, scale = 0.3, 1.7
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points @ turn.T + [12, -7]
    assert similarity(points, moved) == pytest.approx(np.column_stack([turn, [12, -7]]))


def test_a_descriptor_sees_the_face_upright(tmp_path: Path) -> None:
    """The same face turned and moved in the picture gives the same row; another gives another."""
    coarse = np.random.default_rng(1).normal(0, 1, (128, 3, 7, 7)).repeat(16, axis=2).repeat(16, axis=3)
    weights = coarse.reshape(128, -1).T.astype(np.float32)
    path = means_of_channels(tmp_path / "net.onnx", 112, weights)
    draw = np.random.default_rng(2)
    face = cv2.resize(draw.integers(0, 256, (12, 12, 3)).astype(np.uint8), (240, 240), interpolation=cv2.INTER_CUBIC)
    marks = np.array(CHIPS[0].marks) + 60
    plain = descriptor(face, Face(0.9, (0, 0, 1, 1), 112, marks), path)
    assert np.linalg.norm(plain) == pytest.approx(1, abs=1e-5)
    turn = cv2.getRotationMatrix2D((120, 120), 20, 1.0)
    turned = cv2.warpAffine(face, turn, (240, 240))
    moved = marks @ turn[:, :2].T + turn[:, 2]
    again = descriptor(turned, Face(0.9, (0, 0, 1, 1), 112, moved), path)
    other = descriptor(face[::-1].copy(), Face(0.9, (0, 0, 1, 1), 112, marks), path)
    assert plain @ again > 0.9 > plain @ other


def test_a_face_from_the_side_has_no_descriptor(tmp_path: Path) -> None:
    path = means_of_channels(tmp_path / "net.onnx", 112, np.ones((3 * 112 * 112, 128), np.float32))
    marks = np.array(CHIPS[0].marks)
    marks[1] = marks[0] + 1
    assert np.isnan(descriptor(np.zeros((112, 112, 3), np.uint8), Face(0.9, (0, 0, 1, 1), 112, marks), path)).all()


def test_other_networks_are_refused_before_the_run(tmp_path: Path) -> None:
    other = constant_answer(tmp_path / "other.onnx", (1, 3, 64, 64), np.zeros((1, 10), np.float32))
    with pytest.raises(WeightsError, match="YuNet"):
        FacesFeature(Settings({"face.detector": str(other)})).weights()
    wrong = {"face.recogniser": str(other)}
    with pytest.raises(WeightsError, match="tells faces apart"):
        FaceRowsFeature(Settings(wrong)).weights()


def test_skin_of_a_hands_size_is_suspected() -> None:
    picture = np.full((240, 320, 3), (60, 90, 60), np.uint8)
    skin = (205, 150, 120)
    cv2.ellipse(picture, (100, 80), (28, 36), 0, 0, 360, skin, -1)
    face = Face(0.95, (72 / 320, 44 / 240, 128 / 320, 116 / 240), 72, np.zeros((5, 2)))
    assert skin_patches(picture, [face]) == 0
    cv2.circle(picture, (240, 170), 20, skin, -1)
    assert skin_patches(picture, [face]) == 1
    cv2.circle(picture, (240, 60), 20, (90, 120, 220), -1)  # a blue ball
    assert skin_patches(picture, [face]) == 1


@needs_models
def test_landscapes_have_no_faces() -> None:
    pictures = [next(iter(read_frames(path))).rgb() for path in sorted((CLIPS / "fetv" / "real").iterdir())]
    found = [bool(look_for_faces(picture, Settings(REAL))) for picture in pictures]
    assert pictures
    assert sum(found) <= 0.05 * len(found)


@needs_models
def test_one_drawn_woman_is_nearer_to_herself_than_to_another(tmp_path: Path) -> None:
    """Real clips: alone, spliced with another, doubled, frozen."""
    clips = [[f.rgb((640, 360)) for f in read_frames(CLIPS / "showdown" / n / "anime-0.mp4")][::6] for n in NAMES]
    alone, other = (identity(tmp_path / f"{i}.mp4", frames, 4) for i, frames in enumerate(clips))
    spliced = identity(tmp_path / "spliced.mp4", clips[0][:10] + clips[1][-10:], 4)
    doubled = identity(tmp_path / "doubled.mp4", [frame for frame in clips[0] for _ in range(2)], 8)
    assert spliced > 1.1 * max(alone, other)  # drawn faces are not what the network was trained on
    assert doubled == pytest.approx(alone, rel=0.05)
    frozen = outcome(tmp_path / "frozen.mp4", [clips[0][0]] * 12, 4)
    assert [failure.code for failure in frozen.failures] == ["undefined"]


NAMES = ("cogvideox-1.5", "kling-2.0")


def outcome(path: Path, frames: Any, fps: float) -> Any:
    write_clip(frames, path, fps=fps)
    return measure_file(path, metrics=["face_identity"], settings=REAL, workers=0)[1]


def identity(path: Path, frames: Any, fps: float) -> float:
    (score,) = outcome(path, frames, fps).scores
    return float(score.value)
