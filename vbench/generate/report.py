"""How a run ended: what was made, what it cost, and every job that needs a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from vbench.generate.budget import Spend, spend
from vbench.generate.job_runner import Maker
from vbench.generate.matrix import Matrix
from vbench.records import Failure, Job


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
    matrix: Matrix, maker: Maker, paused: Mapping[str, str], *, n_planned: int, elapsed_s: float
) -> GenerateReport:
    """How the cells of a matrix stand after a run; what ended badly becomes a failure of the bench."""
    journal = maker.journal
    cells = {(cell.label, cell.prompt.key, cell.sample) for cell in matrix.cells}
    labels = sorted({cell.label for cell in matrix.cells})
    latest: dict[tuple[str, str, int], Job] = {}
    for job in journal.jobs(journal.bench, models=labels):
        place = (job.model, job.prompt.key, job.sample)
        if place in cells:
            latest[place] = job
    done = {(cell.label, cell.prompt.key, cell.sample) for cell in matrix.cells if cell.state == "done"}
    states: Counter[str] = Counter(job.state for place, job in latest.items() if place not in done)
    if done:
        states["succeeded"] += len(done)
    bad = ("refused_input", "refused_output", "failed", "cancelled", "expired")
    for job in latest.values():
        if job.state in bad or job.state == "outcome_unknown":
            journal.bench.add_failure(
                Failure(stage="generate", subject=job.id, code=job.reason or job.state, message=job.message)
            )
        elif job.state == "succeeded":
            journal.bench.clear_failure("generate", job.id)
    return GenerateReport(
        n_planned=n_planned,
        made=maker.n_made,
        states=dict(states),
        impossible=dict(Counter(cell.note for cell in matrix.cells if cell.state == "impossible")),
        unknown=tuple(job for job in latest.values() if job.state == "outcome_unknown"),
        ended=tuple(job for job in latest.values() if job.state in bad),
        paused=paused,
        spend=spend(journal.bench),
        elapsed_s=elapsed_s,
    )
