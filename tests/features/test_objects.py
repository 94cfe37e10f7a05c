"""Detectors against drawn answers and against torchvision's own pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fakes.onnx_file import constant_answer
from vbench.catalog.things import COCO
from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features.objects import SETTING, SSD, SsdDetector, SsdEncoder, YoloxDetector, YoloxFeature, grid
from vbench.features.weights import WeightFile

PUBLISHED = [number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
"""Numbers of the 80 classes in COCO's own count of 91."""


def drawn_answer() -> Any:
    """One bicycle (score .81) centred at 100, 60 of 416 pixels, 80 wide and 40 high; the same again, less sure."""
    rows = np.zeros((1, len(grid(416)[0]), 85), np.float32)
    anchor = 7 * 52 + 12  # stride 8: row 7, column 12
    for place, sure in ((anchor, 0.9), (anchor + 1, 0.8)):
        x = 12 if place == anchor else 13
        rows[0, place, :4] = 100 / 8 - x, 60 / 8 - 7, np.log(80 / 8), np.log(40 / 8)
        rows[0, place, 4] = sure
        rows[0, place, 5 + COCO.index("bicycle")] = 0.9
    return rows


def settings_of(path: Path) -> Settings:
    return Settings({SETTING: str(path)})


def test_a_yolox_file_gives_boxes_in_shares_of_the_picture(tmp_path: Path) -> None:
    path = constant_answer(tmp_path / "yolox.onnx", (1, 3, 416, 416), drawn_answer())
    detector = YoloxDetector(settings_of(path))
    pictures = np.zeros((2, 208, 416, 3), np.uint8)
    first, second = detector.detect(pictures, ["bike", "lantern"])
    assert first == second
    (found,) = first
    assert found.label == "bike"
    assert found.score == pytest.approx(0.81)
    assert found.box == pytest.approx((60 / 416, 40 / 208, 140 / 416, 80 / 208))
    assert detector.knows("red sports car")
    assert not detector.knows("lantern")
    assert detector.detect(pictures, ["dog"]) == [[], []]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: constant_answer(path, (1, 3, 416, 416), np.zeros((1, 10), np.float32)), "shape"),
        (lambda path: path.write_bytes(b"not a network"), "not a YOLOX"),
        (lambda path: None, "no file"),
    ],
)
def test_another_network_is_refused_before_the_run(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match=says):
        YoloxFeature(settings_of(tmp_path / "other.onnx")).weights()


def test_a_file_cut_off_is_refused(tmp_path: Path) -> None:
    whole = constant_answer(tmp_path / "whole.onnx", (1, 3, 416, 416), drawn_answer()).read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="get the file again"):
        YoloxFeature(settings_of(tmp_path / "cut.onnx")).weights()


@pytest.fixture(scope="module")
def ssd_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the published shape."""
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    torch.manual_seed(0)
    model = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    for head in model.head.classification_head.module_list:
        torch.nn.init.normal_(head[-1].weight, std=0.3)
    for head in model.head.regression_head.module_list:
        torch.nn.init.normal_(head[-1].weight, std=0.05)
    path = tmp_path_factory.mktemp("ssd") / "ssd.pth"
    torch.save(model.state_dict(), path)
    return path


def test_ssdlite_finds_what_torchvision_finds(ssd_file: Path) -> None:
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    encoder = SsdEncoder(Settings({SSD.setting: str(ssd_file)}))
    model = ssdlite320_mobilenet_v3_large(
        weights=None,
        weights_backbone=None,
        score_thresh=0.0,
        nms_thresh=1.1,
        topk_candidates=100,
        detections_per_img=50,
    ).eval()
    model.load_state_dict(torch.load(ssd_file, weights_only=True))
    picture = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 3, 240, 320), np.uint8))
    with torch.inference_mode():
        rows = encoder.encode(picture)[0].numpy()
        (theirs,) = model([picture[0] / 255])
    compared = 0
    for box, score, label in zip(*(theirs[key].numpy() for key in ("boxes", "scores", "labels")), strict=True):
        if label in PUBLISHED:
            expected = box / np.array([320, 240, 320, 240])
            place = int(np.abs(np.clip(rows[:, 80:], 0, 1) - expected).sum(axis=1).argmin())
            assert np.clip(rows[place, 80:], 0, 1) == pytest.approx(expected, abs=2e-3)
            assert rows[place, PUBLISHED.index(int(label))] == pytest.approx(float(score), abs=1e-3)
            compared += 1
    assert compared >= 10


def test_ssdlite_names_only_what_was_asked(ssd_file: Path) -> None:
    detector = SsdDetector(Settings({SSD.setting: str(ssd_file)}))
    frames = np.random.default_rng(1).integers(0, 256, (3, 120, 160, 3)).astype(np.uint8)
    everything = detector.detect(frames, COCO)
    assert len(everything) == 3
    some = detector.detect(frames, ["person"])
    assert [[d for d in picture if d.label == "person"] for picture in everything] == some


def test_the_weights_of_ssdlite_come_by_their_published_name() -> None:
    assert isinstance(SSD, WeightFile)
    assert SSD.name.endswith("-a79551df.pth")
