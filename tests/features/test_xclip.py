"""X-CLIP on random weights: against the model's own forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fakes.tiny_models import SIDE, save_xclip
from vbench.contracts import Settings
from vbench.features.backbone import CLIP_MEAN, CLIP_STD
from vbench.features.xclip import VideoTextFeature
from vbench.records import Prompt


def pictures(n: Any, height: Any, width: Any, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, height, width), np.uint8))


def test_x_clip_equals_the_models_own_logits(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, XCLIPModel

    folder = save_xclip(tmp_path / "xclip")
    text = "a boat at dusk"
    frames = pictures(16, SIDE, SIDE).view(2, 8, 3, SIDE, SIDE)
    encoder = VideoTextFeature(Settings({"xclip.model": str(folder)})).load()
    with torch.inference_mode():
        rows = encoder.encode(frames).numpy()
    collector = encoder.collect(None, Prompt(id="p", text=text))
    collector.add(np.array([1.0, 2.0]), np.array([8, 16]), rows, None)
    model = XCLIPModel.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)([text], return_tensors="pt")
    normal = (frames.float() / 255 - torch.tensor(CLIP_MEAN).view(3, 1, 1)) / torch.tensor(CLIP_STD).view(3, 1, 1)
    with torch.inference_mode():
        for video, ours in zip(normal, collector.close().value, strict=True):
            found = model(pixel_values=video[None], **tokens)
            cosine = found.logits_per_video / model.logit_scale.exp()
            assert ours == pytest.approx(100 * float(cosine), abs=1e-3)
