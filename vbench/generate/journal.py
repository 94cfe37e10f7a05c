"""The verbs over the jobs table: what was intended, sent and received is committed before and after each step.

A job that may cost money is sent at most once: `claim` commits ``submitting`` before the request leaves, `submitted`
commits the handle right after it, and a job found in ``submitting`` whose process is gone becomes ``outcome_unknown``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, select, true, update
from sqlalchemy.orm import Session

from vbench.bench import now
from vbench.bench.jobs import Intent, JobList, handle_json, latest_of, plan_json
from vbench.bench.rows import prompt_row, row_values
from vbench.bench.tables import JobRow, ModelRow, PromptRow
from vbench.generate.claiming import Claims
from vbench.generate.lease import LEASE_S
from vbench.records import OPEN_STATES, Clip, Handle, JobState, Reason, digest
from vbench.text import storable

CHUNK = 500
PLANNING = 7363
"""Number of the lock under which processes that share a PostgreSQL database plan one after the other."""
REFETCHED: tuple[Reason, ...] = ("download_failed", "timeout_local")
"""Failures on our side of a job that the tool may well have finished: asking again costs nothing."""


class LostJobError(Exception):
    """Another process, or a person, has taken this job in the meantime: leave it alone."""


class Journal(JobList, Claims):
    """The jobs of a bench, as one process sees and owns them."""

    # --- planning -------------------------------------------------------------------------------------------------

    def plan(self, intents: Iterable[Intent], *, run: str, retry: Collection[str] = ()) -> int:
        """Write down what is to be made; how many jobs are new.

        A cell of the matrix (tool, prompt, sample) has at most one open job. A planned job whose plan has changed since
        is replaced; one that was sent already stays, with the settings it was sent with.

        Args:
            intents: What is wanted.
            run: Key of the ceiling they count against; jobs not begun yet move to it.
            retry: States or reasons whose finished jobs are tried again, as new rows.
        """
        wanted, n_new = list(intents), 0
        for start in range(0, len(wanted), CHUNK):  # so that others need not wait for thousands of rows
            with self.bench.write() as session:
                if not self.bench.database.is_sqlite:  # two that add the same rows in another order would block
                    session.execute(select(func.pg_advisory_xact_lock(PLANNING)))
                n_new += sum(self._plan_one(session, intent, run, retry) for intent in wanted[start : start + CHUNK])
        return n_new

    def _plan_one(self, session: Session, intent: Intent, run: str, retry: Collection[str]) -> int:
        last = self._last(session, intent.label, intent.prompt.key, intent.sample)
        attempt = 1
        if last is not None:
            if last.state == "planned" and last.owner is None and last.identity.partition("#")[0] != intent.identity:
                begun_meanwhile = not self._drop(session, last.id)
                if begun_meanwhile:
                    return 0
                attempt = last.attempt
            elif latest_of(last).may_try_again(intent.identity, retry):
                attempt = last.attempt + 1
            else:
                still_planned = (JobRow.id == last.id, JobRow.state == "planned")
                session.execute(update(JobRow).where(*still_planned).values(run=run))
                return 0
        self._remember(session, intent)
        identity = intent.identity if attempt == 1 else f"{intent.identity}#{attempt}"
        row = {
            "id": digest("job", identity),
            "identity": identity,
            "model": intent.label,
            "prompt_key": intent.prompt.key,
            "sample": intent.sample,
            "state": "planned",
            "message": "",
            "plan": plan_json(intent.plan),
            "is_billable": intent.plan.is_billable,
            "estimate_usd": intent.plan.cost_usd,
            "run": run,
            "attempt": attempt,
            "planned_at": now(),
        }
        return self.bench.database.insert_new(session, JobRow, [row])

    def _last(self, session: Session, label: str, prompt_key: str, sample: int) -> JobRow | None:
        query = select(JobRow).where(JobRow.model == label, JobRow.prompt_key == prompt_key, JobRow.sample == sample)
        return session.scalar(query.order_by(JobRow.attempt.desc(), JobRow.planned_at.desc()).limit(1))

    def _drop(self, session: Session, job: str) -> bool:
        """Remove a planned job; False where another process has begun it since it was looked at."""
        free = (JobRow.id == job, JobRow.state == "planned", JobRow.owner.is_(None))
        return bool(session.execute(delete(JobRow).where(*free)).rowcount)  # type: ignore[attr-defined]

    def _remember(self, session: Session, intent: Intent) -> None:
        """Jobs point at tools and prompts: both must be there, whoever writes them first."""
        self.bench.database.insert_new(session, ModelRow, [{"id": intent.label, "card": {}}])
        self.bench.database.insert_new(session, PromptRow, [row_values(prompt_row(intent.prompt))])

    def reopen(self, labels: Sequence[str], *, job: str | None = None) -> int:
        """Ask again for clips that the tool may have finished but that never arrived; nothing is sent anew.

        Args:
            labels: Of these tools.
            job: This one alone; None: all.
        """
        with self.bench.write() as session:
            query = (
                update(JobRow)
                .where(
                    JobRow.model.in_(labels),
                    JobRow.id == job if job is not None else true(),
                    JobRow.state == "failed",
                    JobRow.reason.in_(REFETCHED),
                    JobRow.handle.is_not(None),
                    JobRow.submitted_at.is_not(None),
                )
                .values(state="submitted", reason=None, message="", finished_at=None)
            )
            return int(session.execute(query).rowcount)  # type: ignore[attr-defined]

    def restart(self, labels: Sequence[str]) -> None:
        """Plan again what was under way on this machine and was interrupted: its card may have changed since."""
        mine = (JobRow.model.in_(labels), JobRow.owner.is_(None), JobRow.is_billable.is_(False))
        with self.bench.write() as session:
            session.execute(
                update(JobRow)
                .where(*mine, JobRow.state.in_(("submitted", "running")))
                .values(state="planned", handle=None, submitting_at=None, submitted_at=None)
            )

    # --- one job --------------------------------------------------------------------------------------------------

    def submitted(self, job: str, handle: Handle) -> None:
        """Commit the handle: with it the job is found again after anything.

        It is stored even where another process has already given this one up.
        """
        with self.bench.write() as session:
            session.execute(
                update(JobRow)
                .where(JobRow.id == job, JobRow.state.in_(("submitting", "outcome_unknown")))
                .values(
                    state="submitted",
                    reason=None,
                    message="",
                    handle=handle_json(handle),
                    submitted_at=now(),
                    finished_at=None,
                    owner=self.owner,
                    lease_until=time.time() + LEASE_S,
                )
            )

    def not_started(self, job: str, message: str) -> None:
        """The tool certainly began nothing: planned again, and free."""
        self._change(
            job,
            state="planned",
            message=storable(message),
            handle=None,
            submitting_at=None,
            submitted_at=None,
            owner=None,
            lease_until=None,
        )

    def progress(self, job: str, state: JobState, handle: Handle | None = None) -> None:
        """What a poll has told.

        Raises:
            LostJobError: a person has cancelled it, or another process has it.
        """
        values: dict[str, Any] = {"state": state}
        if handle is not None:
            values["handle"] = handle_json(handle)
        if not self._change(job, **values):
            raise LostJobError(job)

    def finish(
        self, job: str, state: JobState, *, reason: Reason | None, message: str, cost_usd: float | None = None
    ) -> bool:
        """Commit an end without a clip; False where the job was no longer this process's."""
        values = {"cost_usd": cost_usd} if cost_usd is not None else {}
        return self._change(
            job,
            state=state,
            reason=reason,
            message=storable(message),
            finished_at=now(),
            owner=None,
            lease_until=None,
            **values,
        )

    def succeed(self, job: str, clip: Clip) -> None:
        """Commit the clip and the end of its job together.

        Raises:
            BenchError: another file holds this place meanwhile.
        """
        cost = clip.provenance.cost_usd if clip.provenance.cost_source == "billed" else None
        with self.bench.write() as session:
            self.bench.add_clip_in(session, clip)
            session.flush()
            values: dict[str, Any] = {"cost_usd": cost} if cost is not None and math.isfinite(cost) else {}
            session.execute(
                update(JobRow)
                .where(JobRow.id == job)
                .values(
                    state="succeeded",
                    reason=None,
                    message="",
                    clip=clip.id,
                    finished_at=now(),
                    owner=None,
                    lease_until=None,
                    **values,
                )
            )

    def release(self, job: str) -> None:
        """Give a job back as it is, for a later run."""
        self._change(job, owner=None, lease_until=None)

    def cancel(self, job: str) -> bool:
        """Commit that a person does not want this clip; False where it had ended already.

        The owner, if there is one, learns it from its next `heartbeat`.
        """
        with self.bench.write() as session:
            done = session.execute(
                update(JobRow)
                .where(JobRow.id == job, JobRow.state.in_(("planned", "submitted", "running")))
                .values(state="cancelled", message="cancelled by you", finished_at=now())
            )
            return bool(done.rowcount)  # type: ignore[attr-defined]

    def _change(self, job: str, **values: Any) -> bool:
        with self.bench.write() as session:
            mine = (JobRow.id == job, JobRow.owner == self.owner, JobRow.state.in_(OPEN_STATES))
            return bool(session.execute(update(JobRow).where(*mine).values(**values)).rowcount)  # type: ignore[attr-defined]
