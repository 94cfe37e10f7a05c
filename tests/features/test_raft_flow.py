"""Our pass over RAFT's layers against torchvision's own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models.optical_flow import raft_large

from vbench.contracts import Settings
from vbench.features.raft import RAFT, RaftEncoder
from vbench.features.raft_flow import correlations, flow_between, grid, neighbourhoods, refined
from vbench.features.weights import WeightFile
from vbench.vbench1 import raft as vbench_raft


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


def test_what_comes_channels_last_stays_so_in_every_layer(model: Any) -> None:
    turned = []

    def look(layer: torch.nn.Module, given: Any, _: Any) -> None:
        if isinstance(layer, torch.nn.Conv2d) and not given[0].is_contiguous(memory_format=torch.channels_last):
            turned.append((layer, tuple(given[0].shape)))

    update = copy.deepcopy(model.update_block)
    for layer in update.modules():
        if isinstance(layer, torch.nn.Conv2d):
            turned_weight = layer.weight.detach().contiguous(memory_format=torch.channels_last)
            layer.weight = torch.nn.Parameter(turned_weight, requires_grad=False)
        layer.register_forward_hook(look)
    hidden, context = (torch.rand(2, 128, 16, 20).contiguous(memory_format=torch.channels_last) for _ in range(2))
    pyramid = correlations(*torch.rand(2, 2, 256, 16, 20), levels=4)
    place = grid(16, 20, "cpu").expand(2, -1, -1, -1)
    with torch.inference_mode():
        after, _ = refined(
            update,
            (pyramid, neighbourhoods(pyramid, 4)),
            place[:1],
            context,
            (hidden, place + torch.rand(2, 2, 16, 20)),
        )
    assert not turned
    assert after.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["features", "vbench"])
def test_compiling_compiles_one_refinement_and_changes_nothing(
    kind: str, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def compiled(function: Any) -> Any:
        assert function is refined

        def counted(*arguments: Any) -> Any:
            called.append(len(arguments))
            return function(*arguments)

        return counted

    torch.save(model.state_dict(), tmp_path / RAFT.name)
    if kind == "features":
        encoder: Any = RaftEncoder(Settings({RAFT.setting: str(tmp_path / RAFT.name)}))
    else:
        monkeypatch.setattr(vbench_raft, "_raft", lambda path, device: model)
        monkeypatch.setattr(WeightFile, "require", lambda self, settings: tmp_path)
        encoder = vbench_raft.PairEncoder(Settings(), 0.05)
    frames = torch.randint(0, 256, (2, 3, 128, 136), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        plain = encoder.encode_windows(frames, torch.tensor([[0, 1]]))
        monkeypatch.setattr(torch, "compile", compiled)
        assert torch.equal(encoder.compiled()(frames, torch.tensor([[0, 1]])), plain)
    assert len(called) == (12 if kind == "features" else vbench_raft.ITERATIONS)
