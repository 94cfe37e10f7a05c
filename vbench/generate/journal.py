"""The verbs over jobs: what was intended, sent and received is committed before and after each step.

A job that may cost money is sent at most once: `claim` commits ``submitting`` before the request leaves, `submitted`
commits the handle right after it, and a job found in ``submitting`` whose process is gone becomes ``outcome_unknown``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from vbench.bench import Bench, now
from vbench.bench.jobs import Intent, StartOnly
from vbench.generate.budget import admission
from vbench.generate.handle_notes import HandleNotes
from vbench.generate.lease import LEASE_S, Lease
from vbench.records import Clip, Handle, Job, JobState, Reason
from vbench.schema import to_json
from vbench.text import storable

REFETCHED: tuple[Reason, ...] = ("download_failed", "timeout_local")
"""Failures on our side of a job that the tool may well have finished: asking again costs nothing."""


class LostJobError(Exception):
    """Another process, or a person, has taken this job in the meantime: leave it alone."""


class Journal:
    """The jobs of a bench, as one process changes those that it owns."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.lease = bench, Lease(bench)
        self._start_only = StartOnly()

    @property
    def owner(self) -> str:
        """How this process is named in the jobs it has."""
        return self.lease.owner

    def recover(self) -> list[str]:
        """Free the jobs of processes that are gone; ids of those whose outcome nobody knows."""
        return self.lease.recover()

    def adopt(self, notes: HandleNotes) -> list[str]:
        """Take up jobs that were sent and whose handles the database did not take at the time; their ids."""
        noted = notes.read()
        if not noted:
            return []
        jobs = self.bench.jobs(states=("submitting", "outcome_unknown"), ids=sorted(noted))
        lost = [job.id for job in jobs if job.state == "outcome_unknown" and job.id in noted]
        for job in lost:
            self.submitted(job, noted[job])
            self.release(job)
        if len(lost) == len(jobs):  # otherwise a process that lives is about to store one of them
            notes.forget()
        return lost

    def heartbeat(self) -> set[str]:
        """Show that this process lives; ids of its jobs that a person has cancelled meanwhile."""
        return self.lease.prolong()

    def close(self) -> None:
        """Give back every job this process holds, as it is."""
        self.lease.close()

    # --- planning -------------------------------------------------------------------------------------------------

    def plan(self, intents: Iterable[Intent], *, run: str, retry: Collection[str] = ()) -> int:
        """Write down what is to be made, see `Bench.add_jobs`; how many jobs are new."""
        return self.bench.add_jobs(intents, run=run, retry=retry)

    def reopen(self, labels: Sequence[str], *, job: str | None = None) -> int:
        """Ask again for clips that the tool may have finished but that never arrived; nothing is sent anew.

        Args:
            labels: Of these tools.
            job: This one alone; None: all.
        """
        return self.bench.reopen_jobs(labels, reasons=REFETCHED, job=job)

    def reopen_ended(self, jobs: Collection[str]) -> int:
        """Ask the tools once more, free, what became of these jobs; how many can be asked for."""
        return self.bench.reopen_ended_jobs(jobs)

    def restart(self, labels: Sequence[str]) -> None:
        """Plan again what was under way on this machine and was interrupted: its card may have changed since."""
        self.bench.restart_jobs(labels)

    # --- taking a job ---------------------------------------------------------------------------------------------

    def start_only(self, *, run: str | None = None, job: str | None = None) -> None:
        """From now on begin planned jobs of this run alone, or this very job; what was sent is still brought home.

        Jobs that another run has left planned were agreed to under another ceiling.
        """
        self._start_only = StartOnly(run=run, job=job)

    def start_nothing(self) -> None:
        """From now on begin no planned job: what was sent is brought home."""
        self._start_only = StartOnly(job="")

    def claim(
        self,
        labels: Sequence[str],
        limit: int,
        *,
        start: Sequence[str] | None = None,
        allow_unpriced: Collection[str] = (),
    ) -> Job | None:
        """A job of these tools for this process alone, those already sent first; None: nothing to do now.

        A new one comes as ``submitting``: it is committed that it is about to be sent, so send it at once.

        Args:
            labels: Tools that share one limit.
            limit: How many of their jobs may be under way at once, over all processes.
            start: Those of them of which new jobs may start; None: all.
            allow_unpriced: Tools, without their arms, that may be used under a ceiling although they have no price.

        Raises:
            OverCeilingError: the next job would pass a ceiling.
        """
        return self.bench.claim_job(
            labels,
            limit,
            start=labels if start is None else start,
            only=self._start_only,
            owner=self.owner,
            lease_s=LEASE_S,
            admit=admission(allow_unpriced),
        )

    def take(self, job: str) -> bool:
        """Take this very job, which is at its tool and nobody's; False where it is not so any more."""
        return self.bench.take_job(job, owner=self.owner, lease_s=LEASE_S)

    def n_free(self, labels: Sequence[str], sent_labels: Sequence[str]) -> int:
        """How many jobs this process could still take: any of `labels`, and those already sent of `sent_labels`."""
        return self.bench.n_free_jobs(labels, sent_labels, only=self._start_only)

    # --- one job --------------------------------------------------------------------------------------------------

    def submitted(self, job: str, handle: Handle) -> None:
        """Commit the handle: with it the job is found again after anything.

        It is stored even where another process has already given this one up.
        """
        self.bench.store_handle(job, handle, owner=self.owner, lease_s=LEASE_S)

    def not_started(self, job: str, message: str) -> None:
        """The tool certainly began nothing: planned again, and free."""
        unsent: dict[str, Any] = {"handle": None, "submitting_at": None, "submitted_at": None}
        self.bench.give_back_job(job, owner=self.owner, state="planned", message=storable(message), **unsent)

    def progress(self, job: str, state: JobState, handle: Handle | None = None) -> None:
        """What a poll has told.

        Raises:
            LostJobError: a person has cancelled it, or another process has it.
        """
        columns = {} if handle is None else {"handle": to_json(handle)}
        if not self.bench.change_job(job, owner=self.owner, state=state, **columns):
            raise LostJobError(job)

    def finish(
        self, job: str, state: JobState, *, reason: Reason | None, message: str, cost_usd: float | None = None
    ) -> bool:
        """Commit an end without a clip; False where the job was no longer this process's."""
        columns: dict[str, Any] = {"state": state, "reason": reason, "message": storable(message)}
        if cost_usd is not None:
            columns["cost_usd"] = cost_usd
        return self.bench.give_back_job(job, owner=self.owner, finished_at=now(), **columns)

    def succeed(self, job: str, clip: Clip) -> None:
        """Commit the clip and the end of its job together.

        Raises:
            BenchError: another file holds this place meanwhile.
        """
        self.bench.finish_job(job, clip)

    def release(self, job: str) -> None:
        """Give a job back as it is, for a later run."""
        self.bench.give_back_job(job, owner=self.owner)

    def cancel(self, job: str) -> bool:
        """Commit that a person does not want this clip; False where it had ended already.

        The owner, if there is one, learns it from its next `heartbeat`.
        """
        return self.bench.cancel_job(job)
