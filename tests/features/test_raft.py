"""RAFT on random weights: against torchvision's own forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features.raft import RaftCollector, RaftFeature


def pictures(n: Any, height: Any, width: Any, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, height, width), np.uint8))


def test_raft_pads_small_pictures_and_crops_its_flow(tmp_path: Path) -> None:
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(0)
    model = raft_large(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "raft.pth")
    settings = Settings({"flow.backend": "raft", "raft.model": str(tmp_path / "raft.pth")})
    encoder = RaftFeature(settings).load()
    frames = pictures(2, 128, 132).view(1, 2, 3, 128, 132)
    with torch.inference_mode():
        ours = encoder.encode(frames)
        padded = torch.nn.functional.pad(frames[0].float() / 127.5 - 1, (0, 4, 0, 0), mode="replicate")
        theirs = model(padded[:1], padded[1:], num_flow_updates=12)[-1][..., :132]
        backwards = model(padded[1:], padded[:1], num_flow_updates=12)[-1][..., :132]
    assert ours.shape == (1, 2, 128, 132, 2)
    assert torch.allclose(ours[:, 0].permute(0, 3, 1, 2), theirs, atol=1e-3)
    assert torch.allclose(ours[:, 1].permute(0, 3, 1, 2), backwards, atol=1e-3)


def test_raft_rows_become_speeds_in_diagonals_per_second() -> None:
    collector = RaftCollector()
    ground = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    flow = np.zeros((2, 60, 80, 2), np.float32)
    flow[0, ..., 0], flow[1, ..., 0] = 5.0, -5.0
    for i in range(3):
        pair = np.stack([np.roll(ground, 5 * i, 1), np.roll(ground, 5 * (i + 1), 1)])
        collector.add(np.array([(i + 1) / 8]), np.array([3 * (i + 1)]), flow[None], pair[None])
    found = collector.close()
    assert found.median == pytest.approx(5 / 100 * 8, rel=1e-4)
    assert found.camera == pytest.approx(found.median, rel=1e-3)
    assert found.residual.max() < 12  # only the columns that enter


def test_a_file_that_is_not_raft_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "raft.pth")
    with pytest.raises(WeightsError, match="not weights of RAFT"):
        RaftFeature(Settings({"raft.model": str(tmp_path / "raft.pth")})).load()
