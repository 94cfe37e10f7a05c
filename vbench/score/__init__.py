"""The second stage: one pass per clip, each feature once, a score or a failure for every measure."""

from __future__ import annotations

from vbench.score.plan import PRESETS, presets
from vbench.score.run import Progress, ScoreReport, measure_file, score

__all__ = ["PRESETS", "Progress", "ScoreReport", "measure_file", "presets", "score"]
