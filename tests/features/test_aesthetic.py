"""The aesthetic head on random weights: against CLIP's own forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fakes.tiny_models import SIDE, save_clip
from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features.aesthetic import AestheticFeature
from vbench.features.backbone import CLIP_MEAN, CLIP_STD


def pictures(n: Any, height: Any, width: Any, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, height, width), np.uint8))


def test_aesthetic_head_is_linear_on_unit_embeddings(tmp_path: Path) -> None:
    folder = save_clip(tmp_path / "clip")
    head = torch.nn.Linear(24, 1)
    torch.save(head.state_dict(), tmp_path / "head.pth")
    settings = Settings({"aesthetic.clip": str(folder), "aesthetic.head": str(tmp_path / "head.pth")})
    feature = AestheticFeature(settings)
    assert all(weights.present for weights in feature.weights())
    encoder, frames = feature.load(), pictures(3, SIDE, SIDE)
    with torch.inference_mode():
        points = encoder.encode(frames)
        from transformers import CLIPModel

        model = CLIPModel.from_pretrained(folder).eval()
        normal = (frames.float() / 255 - torch.tensor(CLIP_MEAN).view(3, 1, 1)) / torch.tensor(CLIP_STD).view(3, 1, 1)
        rows = model.visual_projection(model.vision_model(pixel_values=normal).pooler_output).numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = rows @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert points.numpy() == pytest.approx(expected[:, 0], abs=1e-4)


def test_a_head_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = save_clip(tmp_path / "clip")
    torch.save(torch.nn.Linear(768, 1).state_dict(), tmp_path / "head.pth")
    settings = Settings({"aesthetic.clip": str(folder), "aesthetic.head": str(tmp_path / "head.pth")})
    with pytest.raises(WeightsError, match="not a linear head for 24"):
        AestheticFeature(settings).load()
