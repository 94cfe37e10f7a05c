"""RAFT flow as VBench 1.0's dynamic degree and static filter take it (Teed and Deng 2020, arXiv:2003.12039)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, DeviceFeature, Encoder, Floats, FrameRequest, PairFlow, Settings, SourceFile
from vbench.errors import MetricError
from vbench.features.raft import raft_large
from vbench.features.raft_flow import flow_between, refined
from vbench.features.weights import WeightFile
from vbench.records import Prompt
from vbench.vbench1.frames import FlowFrames, whole_frames

if TYPE_CHECKING:
    from torch import Tensor

ITERATIONS = 20
MIN_SIDE = 121
"""Padded to 128: below, RAFT's coarsest correlations have no pixel to look up."""
DYNAMIC_SHARE, STATIC_SHARE = 0.05, 0.02
"""Share of the fastest pixels that are averaged."""


RAFT = WeightFile(
    setting="vbench.raft.model",
    name="raft_large_C_T_V1-22a6c225.pth",  # torchvision's port of the authors' raft-things, which VBench loads
    source="download.pytorch.org/models",
    size_mb=21,
    licence="BSD-3-Clause",
    holds="RAFT large weights",
    is_hub_file=True,
    optional=True,
)


class VBenchFlowFeature(DeviceFeature):
    """`PairFlow` between every max(1, round(fps / 8))-th frame, over the fastest 5 % of pixels."""

    name = "vbench_flow"
    share = DYNAMIC_SHARE
    weight_sources = {"model": RAFT}  # noqa: RUF012
    is_exact = True

    def params(self) -> dict[str, Any]:
        return {**super().params(), "iterations": ITERATIONS}

    def request(self) -> FrameRequest:
        return FrameRequest(sampling=FlowFrames(), short_side=None, kernel="plain")

    def load(self) -> Encoder:
        return PairEncoder(self.settings, self.share)


class VBenchStaticFlowFeature(VBenchFlowFeature):
    """`PairFlow` between all neighbouring frames and between the two ends, over the fastest 2 % of pixels."""

    name = "vbench_static_flow"
    share = STATIC_SHARE

    def request(self) -> FrameRequest:
        return whole_frames()

    def load(self) -> Encoder:
        return StaticEncoder(self.settings, self.share)


class PairEncoder(Encoder):
    """A loaded RAFT; one number per pair of frames, in fp32 at the size of the file."""

    window, hop, batch = 2, 1, 1

    def __init__(self, settings: Settings, share: float) -> None:
        self._model = _raft(str(RAFT.require(settings)), settings.device)
        self._share = share
        self._refine: Callable[..., Any] = refined
        self.device = settings.device

    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 2, 3, H, W) → pixels (N,)."""
        import torch

        return torch.stack([fastest(self.flow(pair[:1], pair[1:]), self._share) for pair in frames])

    def compiled(self) -> Callable[..., Tensor]:
        import torch

        self._refine = torch.compile(refined)  # as `features.raft` does; every batch is a full one here
        return self.encode_windows

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """(1, 3, H, W) twice → (1, 2, h, w), padded to whole multiples of 8: VBench does not cut the padding off."""
        import torch

        pictures = padded(torch.cat([first, second]).float()) / 255.0 * 2.0 - 1.0
        pair = torch.arange(2, device=pictures.device)
        return flow_between(self._model, pictures, pair[:1], pair[1:], iterations=ITERATIONS, refine=self._refine)

    def collect(self, source: SourceFile, prompt: Prompt) -> PairCollector:
        if (side := min(source.probe.width, source.probe.height)) < MIN_SIDE:
            raise MetricError(f"RAFT needs frames of at least {MIN_SIDE} pixels a side, these have {side}")
        return PairCollector(side)


class StaticEncoder(PairEncoder):
    """The same, and the two ends of the clip."""

    def collect(self, source: SourceFile, prompt: Prompt) -> EndsCollector:
        return EndsCollector(super().collect(source, prompt).short_side, self)

    def between(self, first: Bytes, last: Bytes) -> float:
        """The fastest pixels between two frames, RGB uint8 (H, W, 3)."""
        import torch

        pair = torch.from_numpy(np.stack([first, last])).movedim(-1, 1)[None].to(self.device)
        with torch.inference_mode():
            return float(self.encode(pair))


class PairCollector:
    """Pairs of one clip."""

    def __init__(self, short_side: int) -> None:
        self.short_side = short_side
        self._rows: list[tuple[Floats, NDArray[np.int64], Floats]] = []

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        self._rows.append((t_s, frame, rows.astype(np.float64)))

    def close(self) -> PairFlow:
        if not self._rows:
            return PairFlow(np.zeros(0), np.zeros(0, np.int64), np.zeros(0), self.short_side)
        t_s, frame, pixels = (np.concatenate(part) for part in zip(*self._rows, strict=True))
        return PairFlow(t_s, frame, pixels, self.short_side)


class EndsCollector(PairCollector):
    """Pairs of one clip, and its first and last frame."""

    def __init__(self, short_side: int, encoder: StaticEncoder) -> None:
        super().__init__(short_side)
        self._encoder = encoder
        self._ends: tuple[Bytes, Bytes] | None = None

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        super().add(t_s, frame, rows, frames)
        first = frames[0, 0].copy() if self._ends is None else self._ends[0]
        self._ends = first, frames[-1, 1].copy()

    def close(self) -> PairFlow:
        pairs = super().close()
        if self._ends is None:
            raise MetricError("the static filter needs two frames, the clip has fewer", code="too_short")
        first, last = self._ends
        ends = self._encoder.between(first, last), self._encoder.between(last, first)
        return PairFlow(pairs.t_s, pairs.frame, pairs.pixels, pairs.short_side, ends)


def padded(pictures: Tensor) -> Tensor:
    """Edges repeated on both sides until height and width are multiples of 8, the odd pixel at the right and bottom.

    Source: `InputPadder` of princeton-vl/RAFT in its `sintel` mode.
    """
    from torch.nn.functional import pad

    down, across = (-side % 8 for side in pictures.shape[-2:])
    return pad(pictures, (across // 2, across - across // 2, down // 2, down - down // 2), mode="replicate")


def fastest(flow: Tensor, share: float) -> Tensor:
    """Mean length of the longest `share` of the vectors of one flow (1, 2, h, w)."""
    length = flow[0].square().sum(dim=0).sqrt().flatten()
    return length.topk(int(len(length) * share)).values.mean()


@lru_cache(maxsize=2)
def _raft(path: str, device: str) -> Any:
    return raft_large(RAFT, Settings({RAFT.setting: path}, device))
