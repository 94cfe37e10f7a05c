"""Tells whoever asked what becomes of each job, and commits an end without a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from vbench.generate.incoming import Incoming
from vbench.generate.journal import Journal
from vbench.records import Job, JobState, Reason

if TYPE_CHECKING:
    from vbench.bench import Bench

REASONS = frozenset(get_args(Reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What has just happened to a job."""

    job: str
    label: str
    prompt: str
    sample: int
    state: JobState
    message: str = ""
    progress: float | None = None


class Telling:
    """What the parts of making a clip have in common: the journal, the folder where files arrive, and who is told."""

    def __init__(self, bench: Bench, journal: Journal, progress: Callable[[Step], None] | None) -> None:
        self.bench, self.journal = bench, journal
        self._progress = progress
        self._incoming = Incoming(bench.root / "incoming")

    def _end(
        self, job: Job, state: JobState, reason: str | None, message: str, *, cost_usd: float | None = None
    ) -> None:
        known: Reason | None = reason if reason in REASONS else ("provider_error" if reason else None)  # type: ignore[assignment]
        if self.journal.finish(job.id, state, reason=known, message=message, cost_usd=cost_usd):
            self._tell(job, state, message)

    def _tell(self, job: Job, state: JobState, message: str = "", progress: float | None = None) -> None:
        if self._progress is not None:
            self._progress(
                Step(
                    job=job.id,
                    label=job.model,
                    prompt=job.prompt.id,
                    sample=job.sample,
                    state=state,
                    message=message,
                    progress=progress,
                )
            )


def state_of(code: str) -> JobState:
    """The state that a job ends in for this reason."""
    states: dict[str, JobState] = {
        "moderated_input": "refused_input",
        "moderated_output": "refused_output",
        "outcome_unknown": "outcome_unknown",
    }
    return states.get(code, "failed")
