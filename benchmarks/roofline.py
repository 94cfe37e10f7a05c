"""How fast GPUs could get through the backbones at best: by arithmetic, by memory, and by decoding.

    python benchmarks/roofline.py [--seconds 5] [--cores 16]

Each backbone runs one batch at its published size on tensors without contents (`vbench.extract.footprint`), so this
needs neither a GPU nor weights. For a clip of 16:9 at 24 frames a second:

- arithmetic: FLOPs of all backbones of the preset over the device's dense peak in bf16;
- memory: bytes that all operations read and write, none fused, over the device's bandwidth;
- decoding: seconds of CPU per clip, as measured (docs/performance.md), over the cores beside the device.

The slowest of the three bounds the clips per second. No kernel reaches the peak: 40 to 60 % of the arithmetic bound is
what good ones do. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from vbench.contracts import Encoder, Settings
from vbench.extract.footprint import footprint


@dataclass(frozen=True, slots=True)
class Device:
    """Dense peaks as their maker publishes them."""

    tflops: float
    """bf16 with sums in fp32; fp16 where there is no bf16."""
    gigabytes_per_s: float


DEVICES: Mapping[str, Device] = {
    "H100 SXM": Device(989, 3350),
    "H200": Device(989, 4800),
    "A100 80 GB": Device(312, 2039),
    "L40S": Device(362, 864),
    "RTX 4090": Device(165, 1008),
    "T4 (fp16)": Device(65, 320),
}
ROWS_PER_S = {"dino": 8, "clip_frames": 8, "flow": 8}
"""Rows that a preset makes of a second of clip; what is made once a clip or twice a second is small beside them."""
FRAMES = {"dino": (224, 398), "clip_frames": (224, 224), "flow": (256, 456)}
BATCH = 4
DECODE_S = 0.3
"""Seconds of CPU for a second of a 720p clip: decoding and what runs beside it, as measured on two cores."""


@contextlib.contextmanager
def empty_weights() -> Iterator[None]:
    """Backbones of the published shapes without contents."""
    import torch
    import transformers

    def placed(model: Any, settings: Settings, *, half: bool) -> Any:
        def empty(tensor: Any) -> Any:
            kind = torch.bfloat16 if half and tensor.is_floating_point() else tensor.dtype
            return torch.empty(tensor.shape, dtype=kind, device=settings.device)

        for module in model.modules():
            for name, tensor in module._parameters.items():
                if tensor is not None:
                    module._parameters[name] = torch.nn.Parameter(empty(tensor), requires_grad=False)
            for name, tensor in module._buffers.items():
                if tensor is not None:
                    module._buffers[name] = empty(tensor)
        return model.eval()

    def loaded(kind: str, folder: Any, settings: Settings, **_: Any) -> Any:
        config = getattr(transformers, kind.replace("Model", "Config"))()
        with torch.device("meta"):
            model = getattr(transformers, kind)(config)
        return placed(model, settings, half=settings.precision == "bf16")

    def filled(self: Any, module: Any, state: Any, settings: Settings, wanted: str = "") -> Any:
        return placed(module, settings, half=False)

    with (
        mock.patch("vbench.features.dino.load_transformers", loaded),
        mock.patch("vbench.features.clip.load_transformers", loaded),
        mock.patch("vbench.features.weights.HubModel.require", return_value=Path("none")),
        mock.patch("vbench.features.weights.WeightFile.load", return_value={}),
        mock.patch("vbench.features.weights.WeightFile.fill", filled),
    ):
        yield


def costs() -> dict[str, tuple[float, float]]:
    """Backbone → GFLOP and gigabytes moved for a row."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    from vbench.features.clip import ClipEncoder
    from vbench.features.dino import DinoEncoder
    from vbench.features.raft import RaftEncoder

    kinds: dict[str, type[Encoder]] = {"dino": DinoEncoder, "clip_frames": ClipEncoder, "flow": RaftEncoder}
    settings = Settings({}, "cuda", "bf16")
    told = {}
    with empty_weights():
        for name, kind in kinds.items():
            with FakeTensorMode(allow_non_fake_inputs=True):
                encoder = kind(settings)  # type: ignore[call-arg]
            cost = footprint(encoder, FRAMES[name], BATCH, "cuda")
            told[name] = (cost.flops / BATCH / 1e9, cost.moved_bytes / BATCH / 1e9)
    return told


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a clip")
    parser.add_argument("--cores", type=int, default=16, help="CPU cores beside the device")
    chosen = parser.parse_args()
    per_row = costs()
    print("| backbone | rows of a clip | GFLOP a row | GB moved a row |\n|---|---|---|---|")
    for name, (gigaflops, gigabytes) in per_row.items():
        print(f"| {name} | {ROWS_PER_S[name] * chosen.seconds:.0f} | {gigaflops:.1f} | {gigabytes:.2f} |")
    tera = sum(per_row[name][0] * ROWS_PER_S[name] for name in per_row) * chosen.seconds / 1e3
    giga = sum(per_row[name][1] * ROWS_PER_S[name] for name in per_row) * chosen.seconds
    decode = chosen.cores / (DECODE_S * chosen.seconds)
    print(f"\nA clip of {chosen.seconds:g} s: {tera:.1f} TFLOP, {giga:.0f} GB moved.\n")
    print(f"| device | by arithmetic | by memory | by decoding on {chosen.cores} cores | bound, clips/s |")
    print("|---|---|---|---|---|")
    for name, device in DEVICES.items():
        bounds = (device.tflops / tera, device.gigabytes_per_s / giga, decode)
        print(f"| {name} | {' | '.join(f'{bound:.1f}' for bound in bounds)} | {min(bounds):.1f} |")


if __name__ == "__main__":
    main()
