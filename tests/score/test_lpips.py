"""LPIPS through the real network, with random weights where the published ones would lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vbench.score import lpips
from vbench.score.difference import Difference, differences
from vbench.video import write_clip

torchvision = pytest.importorskip("torchvision")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub folder with the file of AlexNet's weights; what LPIPS does not use is written as one number."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    state = torchvision.models.alexnet().state_dict()
    small = {k: torch.zeros(1).expand(v.shape) if k.startswith("classifier") else v for k, v in state.items()}
    torch.save(small, folder / lpips.WEIGHTS)
    lpips._net.cache_clear()
    yield folder
    lpips._net.cache_clear()


def noisy(picture: NDArray[np.uint8], sd: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(2).normal(0, sd, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_it_is_zero_for_equals_and_grows_with_noise(weights: Path) -> None:
    assert lpips.is_there()
    picture = np.random.default_rng(1).integers(0, 256, (80, 96, 3), dtype=np.uint8)
    values = [lpips.lpips(picture, noisy(picture, sd)) for sd in (0, 5, 20, 80)]
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert values == sorted(values)
    assert values[-1] > values[1] > 0
    assert lpips.lpips(noisy(picture, 20), picture) == pytest.approx(values[2], rel=1e-4)


def test_clips_have_its_curve_where_the_weights_are(weights: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (192, 192, 3), dtype=np.uint8) for _ in range(3)]
    write_clip(pictures, tmp_path / "a.mp4", fps=8, crf=2, preset="ultrafast")
    write_clip([noisy(p, 40) for p in pictures], tmp_path / "b.mp4", fps=8, crf=2, preset="ultrafast")
    found, same = differences(tmp_path / "a.mp4", [tmp_path / "b.mp4", tmp_path / "a.mp4"])
    assert isinstance(found, Difference)
    assert isinstance(same, Difference)
    assert "lpips" not in found.left_out
    assert min(found.curves["lpips"]) > 0
    assert same.curves["lpips"] == (0, 0, 0)


def test_without_weights_it_is_left_out_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    pictures = [np.full((192, 192, 3), level, np.uint8) for level in (10, 90)]
    write_clip(pictures, tmp_path / "a.mp4", fps=8, preset="ultrafast")
    (found,) = differences(tmp_path / "a.mp4", [tmp_path / "a.mp4"])
    assert isinstance(found, Difference)
    assert "233 MB" in found.left_out["lpips"]
    assert "lpips" not in found.curves
