"""Our pass over RAFT's layers against torchvision's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision.models.optical_flow import raft_large

from vbench.features.raft_flow import flow_between


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    return raft_large(weights=None).eval()


def bf16_is_fast_here() -> bool:
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16"))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pairs_of_shared_frames_both_ways_as_torchvision_has_them(model: Any, device: str, precision: str) -> None:
    if precision == "bf16" and device == "cpu" and not bf16_is_fast_here():
        pytest.skip("this processor has no instructions for bf16: minutes")
    model = model.to(device)
    pairs, iterations = [[0, 1, 2, 1, 3], [1, 2, 3, 0, 1]], 6
    frames = (torch.rand(4, 3, 128, 160, generator=torch.Generator().manual_seed(1)) * 2 - 1).to(device)
    first, second = torch.tensor(pairs, device=device)
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        ours = flow_between(model, frames, first, second, iterations=iterations)
        theirs = model(frames[first], frames[second], num_flow_updates=iterations)[-1]
    tolerance = 1e-3 if device == "cpu" else 2e-2 if precision == "fp32" else 0.5
    assert theirs.abs().mean() > 0.5
    assert torch.allclose(ours.float(), theirs.float(), atol=tolerance)
    model.to("cpu")
