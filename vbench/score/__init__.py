"""The second stage: one pass per clip, each feature once, a score or a failure for every measure."""

from __future__ import annotations

from vbench.metrics.presets import PRESETS
from vbench.score.clip import measure_file
from vbench.score.plan import presets
from vbench.score.run import Progress, ScoreReport, score
from vbench.score.spec import ScoreSpec

__all__ = ["PRESETS", "Progress", "ScoreReport", "ScoreSpec", "measure_file", "presets", "score"]
