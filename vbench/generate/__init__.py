"""The first stage: makes every clip that is wanted and not there, stoppable at any moment, never paying twice."""

from __future__ import annotations

from vbench.generate.again import try_again
from vbench.generate.planning import Matrix, Tool, Wishes, plan_jobs
from vbench.generate.stage import GenerateReport, Step, cancel_jobs, generate, plan_run

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
