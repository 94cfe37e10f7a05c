"""Every backbone at its real size, on tensors without contents that say they are on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vbench.contracts import Encoder, Settings
from vbench.extract.footprint import SPARE, batch_under, footprint
from vbench.features import clip, dino, objects, raft, xclip
from vbench.features.aesthetic import AestheticEncoder
from vbench.vbench1.viclip import ViClipEncoder
from vbench.vbench1.viclip_model import TextTower, ViClip, VideoTower

CUDA = Settings({}, "cuda", "bf16")


def configured(kind: str) -> Any:
    """The published shapes: the defaults of transformers, but for ViT-L/14."""
    import transformers

    config = getattr(transformers, kind.replace("Model", "Config"))()
    with torch.device("meta"):
        return getattr(transformers, kind)(config)


def large_clip() -> Any:
    import transformers

    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "projection_dim": 768}
    config = transformers.CLIPConfig(vision_config={**vision, "patch_size": 14}, text_config=text, projection_dim=768)
    with torch.device("meta"):
        return transformers.CLIPModel(config)


def large_viclip() -> Any:
    with torch.device("meta"):
        video = VideoTower(width=1024, layers=24, patch=14, n_patches=256, n_frames=8, out=768)
        return ViClip(video, TextTower(width=768, layers=12, vocabulary=49408, context=32, out=768))


def placed(model: Any, settings: Settings, *, keep: bool = False) -> Any:
    """The model on the device and in the precision of the settings, as `Module.to` would leave it."""
    dtype = torch.bfloat16 if settings.precision == "bf16" and not keep else None

    def empty(tensor: Any) -> Any:
        kind = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
        return torch.empty(tensor.shape, dtype=kind, device=settings.device)

    for module in model.modules():
        for name, tensor in module._parameters.items():
            if tensor is not None:
                module._parameters[name] = torch.nn.Parameter(empty(tensor), requires_grad=False)
        for name, tensor in module._buffers.items():
            if tensor is not None:
                module._buffers[name] = empty(tensor)
    return model.eval()


@pytest.fixture
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backbones of the published shapes whose weights have no contents."""
    from pathlib import Path

    def loaded(kind: str, folder: Any, settings: Settings, **_: Any) -> Any:
        return placed(configured(kind), settings)

    for module in (dino, clip, xclip):
        monkeypatch.setattr(module, "load_transformers", loaded)
    monkeypatch.setattr("vbench.features.weights.HubModel.require", lambda self, settings: Path("none"))
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", lambda *_, **__: None)
    monkeypatch.setattr(clip, "clip_model", lambda folder, settings: placed(configured("CLIPModel"), settings))
    monkeypatch.setattr("vbench.features.aesthetic.clip_model", lambda folder, settings: placed(large_clip(), settings))
    monkeypatch.setattr("vbench.features.weights.WeightFile.require", lambda self, settings: Path("none"))
    monkeypatch.setattr("vbench.vbench1.viclip._model", lambda path, device: placed(large_viclip(), CUDA, keep=True))
    monkeypatch.setattr("vbench.features.weights.WeightFile.load", lambda self, settings: {})
    monkeypatch.setattr(
        "vbench.features.weights.WeightFile.fill",
        lambda self, module, state, settings, wanted="": placed(module, settings, keep=True),
    )


BACKBONES: dict[str, tuple[Callable[[Settings], Encoder], tuple[int, int], float]] = {
    "dino": (dino.DinoEncoder, (224, 398), 84.1),
    "clip_frames": (clip.ClipEncoder, (224, 224), 8.8),
    "aesthetic": (AestheticEncoder, (224, 224), 162.0),
    "xclip": (xclip.XClipEncoder, (224, 224), 73.0),
    "flow": (raft.RaftEncoder, (256, 456), 277.0),
    "objects": (objects.SsdEncoder, (416, 740), 1.1),
    "viclip": (ViClipEncoder, (224, 224), 1650.0),
}
"""Backbone, the size of its frames for a 16:9 clip, and GFLOP a row, as docs/performance.md has them."""


class OnOneDevice(TorchDispatchMode):
    """Fails where an operation's result is not on the GPU: a copy to the host, for which the device must stop."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.dim():
                assert tensor.device.type == "cuda", f"{func} gives a tensor on {tensor.device}"
        return result


def fake(name: str, settings: Settings = CUDA) -> tuple[FakeTensorMode, Encoder]:
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        return mode, BACKBONES[name][0](settings)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_batch_stays_on_the_device_and_its_arithmetic_is_known(name: str, without_files: None) -> None:
    """One batch at real size takes seconds even without contents: every operation is told its shapes."""
    mode, encoder = fake(name)
    frame, gigaflops = BACKBONES[name][1:]
    with mode, torch.inference_mode(), OnOneDevice(), torch.backends.cudnn.flags(enabled=False):
        frames = torch.empty((encoder.window + 1, 3, *frame), dtype=torch.uint8, device="cuda")
        windows = torch.empty((2, encoder.window), dtype=torch.int64, device="cuda")
        rows = encoder.encode(frames) if encoder.window == 1 else encoder.encode_windows(frames, windows)
    assert len(rows) == 2
    assert rows.device.type == "cuda"
    assert rows.is_floating_point()
    cost = footprint(encoder, frame, 2, "cuda")
    assert cost.flops / 2e9 == pytest.approx(gigaflops, rel=0.15)
    assert cost.peak_bytes > 2 * 3 * frame[0] * frame[1] * 2
    assert cost.moved_bytes > cost.peak_bytes


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_have_the_precision_that_is_asked(precision: Any, without_files: None) -> None:
    _, encoder = fake("dino", Settings({}, "cuda", precision))
    kinds = {parameter.dtype for parameter in encoder.model.parameters()}  # type: ignore[attr-defined]
    assert kinds == {torch.bfloat16 if precision == "bf16" else torch.float32}


def test_a_copy_to_the_host_is_caught(without_files: None) -> None:
    """An encoder that looks at a number, and one that takes rows to the host."""
    mode, encoder = fake("clip_frames")
    plain = encoder.encode

    def looking(frames: Any) -> Any:
        rows = plain(frames)
        return rows if rows.sum().item() > 0 else -rows

    encoder.encode = looking  # type: ignore[method-assign]
    with pytest.raises(Exception, match=r"(?i)data.dependent|item|local_scalar"):
        footprint(encoder, (224, 224), 1, "cuda")
    with mode, OnOneDevice(), pytest.raises(AssertionError, match="on cpu"):
        plain(torch.empty((1, 3, 224, 224), dtype=torch.uint8, device="cuda")).cpu()


def test_the_peak_is_what_lives_at_once() -> None:
    """Two squares of 4 MB live at once, the third takes the place of the first."""

    class Squares(Encoder):
        batch = 4

        def encode(self, frames: Any) -> Any:
            first = torch.zeros((len(frames), 1024, 1024), device=frames.device)
            second = first + 1
            del first
            return second * 2

        def collect(self, source: Any, prompt: Any) -> Any:
            raise NotImplementedError

    cost = footprint(Squares(), (8, 8), 3, "cuda")
    assert cost.peak_bytes == 2 * 3 * 4 * 1024 * 1024
    assert cost.flops == 0
    budget = int(2 * 10 * 4 * 1024 * 1024 * SPARE)
    assert batch_under(Squares(), (8, 8), budget, "cuda") == 8  # ten would fit
    assert batch_under(Squares(), (8, 8), 10**15, "cuda") == 32
    assert batch_under(Squares(), (8, 8), 0, "cuda") == 1


def test_the_batch_is_chosen_for_the_memory_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four fifths of what is free; where that cannot be foreseen, the backbone's own batch, and it is said."""
    from vbench.extract.batcher import Batcher

    class Square(Encoder):
        batch = 4

        def encode(self, frames: Any) -> Any:
            return torch.zeros((len(frames), 1024, 1024), device=frames.device)

        def collect(self, source: Any, prompt: Any) -> Any:
            raise NotImplementedError

    class Broken(Square):
        def encode(self, frames: Any) -> Any:
            raise RuntimeError("nobody foresaw this")

    class SquareFeature:
        name, settings = "square", Settings({}, "cuda")

    notes: list[str] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(20 * 4 * 2**20 * SPARE / 0.8), 0))
    chosen = [Batcher(SquareFeature(), kind(), note=notes.append) for kind in (Square, Broken)]  # type: ignore[arg-type]
    for batcher in chosen:
        batcher._fit((8, 8))
    assert [batcher._batch for batcher in chosen] == [16, 4]
    assert notes == [
        "square: the memory of a batch cannot be foreseen (nobody foresaw this); going on with batches of 4"
    ]
