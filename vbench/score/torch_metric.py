"""Clip metrics as `torchmetrics.Metric`, for training loops: the scorer's features and metrics over tensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torchmetrics
from torch import Tensor

from vbench.contracts import SourceFile
from vbench.errors import MetricError, OptionError
from vbench.extract.decode import run_frames
from vbench.extract.extraction import Extracted, Extraction, Wanted
from vbench.records import Clip, Outcomes, Prompt, Provenance, digest
from vbench.score.clip import Unfinished, outcomes_of
from vbench.score.plan import ScorePlan, make_plan
from vbench.score.spec import ScoreSpec
from vbench.video.frames import array_frames, array_probe

Clips = Tensor | Sequence[Tensor]
Texts = str | Sequence[str] | None


class ClipMetric(torchmetrics.Metric):  # type: ignore[misc]
    """Mean of one metric over clips given as tensors; the same number that `vbench score` gives for lossless files.

    Example:
        >>> metric = ClipMetric("motion_amount")
        >>> metric.update(torch.zeros(8, 3, 64, 64, dtype=torch.uint8), fps=8)
        >>> metric.compute()
        tensor(0., dtype=torch.float64)

    States are a sum, counts and a list of values, so that synchronising processes gives the mean over all their clips.
    A clip that cannot be measured counts in `n_failed`, with its reason in `reasons`, and in nothing else.

    Args:
        metric: Name of a clip metric, e.g. `temporal_consistency`.
        settings: As `--set` gives them, e.g. ``{"dino.model": PATH}``.
        device: Where backbones run: `auto`, `cpu`, `cuda`, `cuda:N`.
        precision: `fp32`, `bf16` or `auto`.
        options: For `torchmetrics.Metric`, e.g. `dist_sync_fn`.

    Raises:
        OptionError: no such metric or setting.
        WeightsError: weights that it needs are missing.
    """

    full_state_update = False
    is_differentiable = False
    total: Tensor
    count: Tensor
    failed: Tensor
    values: list[Tensor]

    def __init__(
        self,
        metric: str = "temporal_consistency",
        *,
        settings: Mapping[str, str] | None = None,
        device: str = "auto",
        precision: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.metric = metric
        spec = ScoreSpec(metrics=[metric], settings=dict(settings or {}), device=device, precision=precision)
        self.plan: ScorePlan = make_plan(spec, device=spec.devices()[0])
        self.reasons: list[str] = []
        """Why clips of this process could not be measured."""
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("failed", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("values", [], dist_reduce_fx="cat")

    @property
    def higher_is_better(self) -> bool | None:
        """None: a description rather than a merit."""
        return self.plan.metrics[-1].higher_is_better

    def update(self, frames: Clips, text: Texts = None, fps: float | Sequence[float] = 24.0) -> None:
        """Measure clips.

        Args:
            frames: RGB uint8 (T, 3, H, W); or a batch (N, T, 3, H, W); or a list of clips of any sizes.
            text: The prompt of each clip; None where the metric needs none.
            fps: Frames per second, of all clips or of each.

        Raises:
            OptionError: the arguments are not of these shapes, or not as many prompts or rates as clips.
        """
        clips = as_clips(frames)
        texts = as_many(text, len(clips), "prompts") if text is not None else [""] * len(clips)
        rates = as_many(fps, len(clips), "rates")
        for clip, prompt, rate in zip(clips, texts, rates, strict=True):
            outcomes = self.measure(clip, prompt, rate)
            values = [score.value for score in outcomes.scores if score.key.metric == self.metric]
            if values:
                self.total += values[0]
                self.count += 1
                self.values.append(torch.tensor(values, dtype=self.dtype, device=self.total.device))
            else:
                self.failed += 1
                self.reasons.append(outcomes.failures[-1].message)

    def measure(self, clip: Tensor, text: str = "", fps: float = 24.0) -> Outcomes:
        """All that is found out about one clip, timeline and moments too, without counting it.

        Args:
            clip: RGB uint8 (T, 3, H, W).
            text: Its prompt.
            fps: Frames per second.
        """
        rgb = clip.detach().movedim(1, -1).cpu().numpy()
        probe = array_probe(rgb, fps)
        prompt = Prompt(id="", text=text)
        source = SourceFile(path=Path("memory"), probe=probe)
        extraction = self._extraction
        extraction.expect(0, Wanted(path=source.path, probe=probe, prompt=prompt))
        extracted: list[Extracted] = []
        for event in run_frames(source, array_frames(rgb, fps), extraction.setup.features, extraction.setup.requests):
            extracted += extraction.take(event)
        extracted += extraction.finish()
        item = Unfinished(
            clip=Clip(
                id=digest("memory", text, len(rgb)),
                model="",
                prompt=prompt,
                sample=0,
                sha256="",
                media="",
                linked=False,
                probe=probe,
                provenance=Provenance(),
            ),
            metrics=self.plan.metrics,
            known={},
        )
        return outcomes_of(self.plan, item, extracted[0])

    def compute(self) -> Tensor:
        """Mean over all clips measured, of all processes.

        Raises:
            MetricError: none could be measured.
        """
        if not int(self.count):
            raise MetricError(
                f"{self.metric}: none of {int(self.failed)} clips could be measured"
                f"{f'; the first: {self.reasons[0]}' if self.reasons else ''}"
            )
        return self.total / self.count

    def per_clip(self) -> Tensor:
        """The value of every clip measured, of all processes in order of rank, shape (N,)."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync):
            values = self.values if isinstance(self.values, list) else [self.values]
            return torch.cat([*values, torch.zeros(0, dtype=self.dtype, device=self.total.device)])

    def n_failed(self) -> int:
        """Clips that could not be measured, of all processes."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync):
            return int(self.failed)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """`update`, and the mean over the clips of this call.

        Raises:
            MetricError: none of them could be measured; they are counted all the same.
        """
        before = len(self.values)
        self.update(*args, **kwargs)
        if len(self.values) == before:
            raise MetricError(f"{self.metric}: no clip of this call could be measured; {self.reasons[-1]}")
        return torch.cat(self.values[before:]).mean()

    def reset(self) -> None:
        """Forget all clips; loaded backbones stay."""
        super().reset()
        self.reasons = []

    @cached_property
    def _extraction(self) -> Extraction:
        """Features of clips; backbones are loaded at the first one."""
        return Extraction(list(self.plan.features.values()), note=warnings.warn)

    def __getstate__(self) -> dict[str, Any]:
        """Without the backbones, which are loaded again where the copy is used."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_extraction"}


def as_clips(frames: Clips) -> list[Tensor]:
    """Clips one by one, RGB uint8 (T, 3, H, W).

    Raises:
        OptionError: another shape or dtype.
    """
    clips = list(frames) if not isinstance(frames, Tensor) or frames.ndim == 5 else [frames]
    for clip in clips:
        if clip.dtype != torch.uint8 or clip.ndim != 4 or clip.shape[1] != 3 or 0 in clip.shape:
            raise OptionError(
                f"expected clips of RGB uint8 (T, 3, H, W); found {str(clip.dtype).removeprefix('torch.')} "
                f"{tuple(clip.shape)}; floats in 0..1 become (255 * x).round().to(torch.uint8)"
            )
    return clips


def as_many(value: Any, n: int, what: str) -> list[Any]:
    """One value for each of `n` clips.

    Raises:
        OptionError: another number of them.
    """
    values = [value] * n if isinstance(value, str | int | float) else list(value)
    if len(values) != n:
        raise OptionError(f"{n} clips, but {len(values)} {what}; give one for each, or one for all")
    return values
