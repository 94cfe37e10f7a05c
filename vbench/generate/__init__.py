"""The first stage: makes every clip that is wanted and not there, stoppable at any moment, never paying twice."""

from __future__ import annotations

from vbench.generate.cancel import cancel_jobs
from vbench.generate.job_runner import Step
from vbench.generate.plan import Matrix, plan_jobs
from vbench.generate.report import GenerateReport
from vbench.generate.retry import retry_job
from vbench.generate.run import generate, plan_run
from vbench.generate.spec import RunSpec, Tool
from vbench.records import Wishes

__all__ = [
    "GenerateReport",
    "Matrix",
    "RunSpec",
    "Step",
    "Tool",
    "Wishes",
    "cancel_jobs",
    "generate",
    "plan_jobs",
    "plan_run",
    "retry_job",
]
