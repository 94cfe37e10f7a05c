"""Optical flow by RAFT (Teed and Deng 2020, arXiv:2003.12039) as torchvision ships it, on the device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    Bytes,
    DeviceFeature,
    Encoder,
    Every,
    Floats,
    Flow,
    FrameRequest,
    Settings,
    SourceFile,
)
from vbench.features.flow_rows import SETTINGS, STILL_S, FlowRows
from vbench.features.raft_flow import flow_between, refined
from vbench.features.weights import WeightFile
from vbench.records import Prompt

if TYPE_CHECKING:
    from torch import Tensor

RAFT = WeightFile(
    setting="raft.model",
    name="raft_large_C_T_SKHT_V2-ff5fadd5.pth",
    source="download.pytorch.org/models",
    size_mb=21,
    licence="BSD-3-Clause",
    holds="RAFT large weights",
    is_hub_file=True,
)
SHORT_SIDE = 256
MIN_SIDE = 128
"""RAFT's coarsest features need this many pixels; smaller pictures are padded."""
ITERATIONS = 12


class RaftFeature(DeviceFeature):
    """`contracts.Flow` by RAFT large, both ways, on a short side of 256."""

    name = "flow"
    weight_sources = {"weights": RAFT}  # noqa: RUF012
    known_settings = SETTINGS

    def params(self) -> dict[str, Any]:
        return {**super().params(), "backend": "raft-large", "iterations": ITERATIONS, "short_side": SHORT_SIDE}

    def request(self) -> FrameRequest:
        return FrameRequest(sampling=Every(), short_side=SHORT_SIDE, kernel="area", never_enlarge=True)

    def load(self) -> Encoder:
        return RaftEncoder(self.settings)


class RaftEncoder(Encoder):
    """A loaded RAFT; rows are flow there and back, (2, h, w, 2) in pixels."""

    window, hop, batch = 2, 1, 16

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = raft_large(RAFT, settings)

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 2, 3, h, w) → (N, 2, h, w, 2)."""
        import torch

        windows = torch.arange(2 * len(frames), device=frames.device).view(-1, 2)
        return self.encode_windows(frames.flatten(0, 1), windows)

    def encode_windows(self, frames: Tensor, windows: Tensor) -> Tensor:
        """RGB uint8 (M, 3, h, w) and the pairs among them (N, 2) → (N, 2, h, w, 2)."""
        return self._encode_windows(frames, windows, refine=refined)

    def _encode_windows(self, frames: Tensor, windows: Tensor, *, refine: Callable[..., Any]) -> Tensor:
        import torch
        from torch.nn.functional import pad

        height, width = frames.shape[-2:]
        down = max(MIN_SIDE, -(-height // 8) * 8) - height
        across = max(MIN_SIDE, -(-width // 8) * 8) - width
        padded = pad(frames.float() / 127.5 - 1, (0, across, 0, down), mode="replicate")
        there_and_back = torch.cat([windows, windows.flip(1)])
        device = torch.device(self._settings.device).type
        with torch.autocast(device, torch.bfloat16, enabled=self._settings.precision == "bf16"):
            first, second = there_and_back.unbind(1)
            both = flow_between(self._model, padded, first, second, iterations=ITERATIONS, refine=refine)
        there, back = both.float()[..., :height, :width].movedim(1, -1).chunk(2)
        return torch.stack([there, back], dim=1)

    def compiled(self) -> Callable[..., Tensor]:
        import torch

        refine = torch.compile(refined)  # one of the twelve that do most of the work: all at once take minutes
        return partial(self._encode_windows, refine=refine)

    def collect(self, source: SourceFile, prompt: Prompt) -> RaftCollector:
        return RaftCollector()


def raft_large(file: WeightFile, settings: Settings) -> Any:
    """torchvision's RAFT large with the weights of a file.

    Raises:
        WeightsError: the file is missing, or holds something else.
    """
    import torch
    from torch import nn
    from torchvision.models.optical_flow import raft_large as empty

    model = file.fill(
        empty(weights=None, progress=False), file.load(settings), settings, wanted="weights of RAFT large"
    )
    if torch.device(settings.device).type == "cuda":  # the layout in which a GPU convolves
        for layer in (*model.update_block.modules(), *model.mask_predictor.modules()):
            if isinstance(layer, nn.Conv2d):
                turned = layer.weight.detach().contiguous(memory_format=torch.channels_last)
                layer.weight = nn.Parameter(turned, requires_grad=False)
    return model


class RaftCollector:
    """Pairs of the time grid into `FlowRows`, by their time on the grid."""

    def __init__(self) -> None:
        self._rows = FlowRows()
        self._shown: tuple[float, int] = (0.0, -1)
        """Time and index of the picture that shows now."""

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        for time_s, index, flow, pair in zip(t_s, frame, rows, frames, strict=True):
            since_s, shown = self._shown
            if index == shown or np.array_equal(pair[0], pair[1]):
                if time_s - since_s > STILL_S:
                    self._rows.still(float(time_s), int(index))
                continue
            first, second = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pair)
            self._rows.add(since_s, float(time_s), int(index), np.asarray(first), np.asarray(second), *flow)
            self._shown = (float(time_s), int(index))

    def close(self) -> Flow:
        return self._rows.close()
