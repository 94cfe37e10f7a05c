"""DINOv2 on random weights: against the model's own forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fakes.tiny_models import save_dino
from vbench.contracts import Settings
from vbench.features.backbone import IMAGENET_MEAN, IMAGENET_STD
from vbench.features.dino import DinoFeature


def pictures(n: Any, height: Any, width: Any, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, height, width), np.uint8))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_dino_is_the_class_token_of_whole_patches(tmp_path: Path, device: str) -> None:
    from transformers import Dinov2Model

    folder = save_dino(tmp_path / "dino")
    frames = pictures(2, 75, 100)
    with torch.inference_mode():
        ours = DinoFeature(Settings({"dino.model": str(folder)}, device)).load().encode(frames.to(device)).cpu()
        cut = frames[:, :, 2:72, 1:99].float() / 255
        normal = (cut - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
        theirs = Dinov2Model.from_pretrained(folder)(pixel_values=normal).last_hidden_state[:, 0]
    assert torch.allclose(ours, theirs, atol=1e-4)
