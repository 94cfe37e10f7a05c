"""The first stage: makes every clip that is wanted and not there, stoppable at any moment, never paying twice."""

from __future__ import annotations

from vbench.generate.again import try_again
from vbench.generate.cancelling import cancel_jobs
from vbench.generate.matrix import Matrix, Tool, Wishes
from vbench.generate.planning import plan_jobs
from vbench.generate.report import GenerateReport
from vbench.generate.stage import generate, plan_run
from vbench.generate.telling import Step

__all__ = [
    "GenerateReport",
    "Matrix",
    "Step",
    "Tool",
    "Wishes",
    "cancel_jobs",
    "generate",
    "plan_jobs",
    "plan_run",
    "try_again",
]
