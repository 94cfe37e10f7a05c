"""How a run ended: what was made, what it cost, and every job that needs a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vbench.bench.ceilings import Spend
from vbench.generate.plan import Matrix
from vbench.records import Failure, Job, ToolLabel

if TYPE_CHECKING:
    from vbench.bench import Bench

ENDED_BADLY = ("refused_input", "refused_output", "failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateReport:
    """How a run ended."""

    n_planned: int
    """Jobs that this run added to the journal."""
    made: int
    """Clips that this run finished."""
    states: Mapping[str, int]
    """Of every job of this run's tools, prompts and samples, earlier ones too."""
    impossible: Mapping[str, int]
    """Why clips of the matrix cannot be made at all → how many."""
    unknown: tuple[Job, ...]
    """Jobs whose outcome nobody knows; each message says what to do."""
    ended: tuple[Job, ...]
    """Refused, failed, cancelled or expired."""
    paused: Mapping[str, str]
    """Tool → why it stopped early; its jobs wait for the next run."""
    spend: Spend
    elapsed_s: float

    @property
    def is_complete(self) -> bool:
        """Every clip that was wanted is there."""
        return not (self.impossible or self.paused or set(self.states) - {"succeeded"})


def report_of(
    bench: Bench, matrix: Matrix, *, made: int, paused: Mapping[str, str], n_planned: int, elapsed_s: float
) -> GenerateReport:
    """How the cells of a matrix stand after a run; what ended badly becomes a failure of the bench."""
    cells = {planned.cell: planned for planned in matrix.cells}
    labels = sorted({cell.model for cell in cells})
    latest = {job.cell: job for job in bench.jobs(models=labels) if job.cell in cells}  # the last of each cell stays
    done = {cell for cell, planned in cells.items() if planned.state == "done"}
    states: Counter[str] = Counter(job.state for cell, job in latest.items() if cell not in done)
    if done:
        states["succeeded"] += len(done)
    for job in latest.values():
        if job.state in ENDED_BADLY or job.state == "outcome_unknown":
            code = job.reason or job.state
            bench.add_failure(Failure(stage="generate", subject=job.id, code=code, message=job.message))
        elif job.state == "succeeded":
            bench.clear_failure("generate", job.id)
    return GenerateReport(
        n_planned=n_planned,
        made=made,
        states=dict(states),
        impossible=dict(Counter(planned.note for planned in matrix.cells if planned.state == "impossible")),
        unknown=tuple(job for job in latest.values() if job.state == "outcome_unknown"),
        ended=tuple(job for job in latest.values() if job.state in ENDED_BADLY),
        paused=paused,
        spend=bench.spend(),
        elapsed_s=elapsed_s,
    )


def without_label(label: str, message: str) -> str:
    """A message without the tool it begins with, for a line that names that already."""
    return message.removeprefix(f"{label}: ").removeprefix(f"{ToolLabel.parse(label).tool}: ")
