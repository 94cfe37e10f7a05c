"""The jobs of a bench: what is wanted, how the attempts at it stand, which process has each, and what each becomes.

Every change is one short transaction that names the state it expects, so that two processes never both make it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, true, update
from sqlalchemy.orm import Session

from vbench.bench.ceilings import WHOLE_BENCH, Ceiling, Spend, ceiling_record, countable_usd, spend_in
from vbench.bench.clips import ClipStore
from vbench.bench.rows import prompt_record, prompt_row, row_values
from vbench.bench.tables import CeilingRow, ExpansionRow, JobRow, ModelRow, PromptRow
from vbench.bench.workspace import now
from vbench.records import OPEN_STATES, Cell, Clip, Handle, Job, JobKey, JobState, Plan, Prompt, Reason, Request, digest
from vbench.schema import from_json, to_json
from vbench.text import first_line

FINAL_STATES: tuple[JobState, ...] = (
    "succeeded",
    "refused_input",
    "refused_output",
    "failed",
    "cancelled",
    "expired",
    "outcome_unknown",
)
AT_TOOL: tuple[JobState, ...] = ("submitted", "running")
"""Sent, and not ended yet."""
CHUNK = 500
PLANNING = 7363
"""Number of the lock under which processes that share a PostgreSQL database plan one after the other."""

Admit = Callable[[Ceiling, Spend, str, float | None], None]
"""Raises where a job of this tool, which costs about so many US dollars (None: nobody knows), would pass a ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A clip to be made: the plan of an adapter, under the label its clips will bear."""

    label: str
    """`ToolLabel` as text."""
    prompt: Prompt
    sample: int
    plan: Plan

    @property
    def cell(self) -> Cell:
        return Cell(self.label, self.prompt.key, self.sample)

    @property
    def identity(self) -> str:
        """One job each, ever, but for those that a person asked to try again."""
        return digest(dict(self.plan.identity), self.label, self.prompt.key, self.sample, length=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestJob:
    """How the last attempt at a cell of the matrix stands."""

    state: JobState
    reason: str
    identity: str
    """Without the number of the attempt."""
    is_billable: bool
    id: str = field(default="", compare=False)
    message: str = field(default="", compare=False)
    has_handle: bool = False
    """The tool can be asked for it, which costs nothing."""

    @property
    def is_asked_first(self) -> bool:
        """Before another request may be paid for, the tool is asked what became of the one it has."""
        return self.has_handle and self.is_billable and self.state not in OPEN_STATES and self.state != "succeeded"

    @property
    def why(self) -> str:
        """How it ended, in a line."""
        return f"{self.reason or self.state}: {first_line(self.message)}" if self.message else self.reason or self.state

    def may_retry(self, identity: str, retry: Collection[str]) -> bool:
        """Whether the cell gets another job: where a person asks, or where the settings have changed since.

        Other settings do not make a paid request unsent: an unknown outcome waits for a person.
        """
        if self.state in OPEN_STATES or self.state == "succeeded":
            return False
        if self.state in retry or self.reason in retry:
            return True
        if self.state == "outcome_unknown" and self.is_billable:
            return False
        return self.identity != identity


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOnly:
    """Which planned jobs a process may begin: those of one run, one job alone, or all."""

    run: str | None = None
    job: str | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        is_planned = JobRow.state == "planned"
        if self.job is not None:
            return and_(is_planned, JobRow.id == self.job)
        return is_planned if self.run is None else and_(is_planned, JobRow.run == self.run)


class JobStore(ClipStore):
    """Jobs, their owners and leases, and the prompts that language models have rewritten for them."""

    # --- looking --------------------------------------------------------------------------------------------------

    def jobs(
        self,
        *,
        states: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        ids: Sequence[str] = (),
        run: str | None = None,
    ) -> list[Job]:
        """Jobs, oldest first; `ids` may be prefixes, `run` is the key of the ceiling they count against."""
        query = select(JobRow, PromptRow).join(PromptRow, JobRow.prompt_key == PromptRow.key)
        if states is not None:
            query = query.where(JobRow.state.in_(states))
        if models is not None:
            query = query.where(JobRow.model.in_(models))
        if run is not None:
            query = query.where(JobRow.run == run)
        if ids:
            query = query.where(or_(*(JobRow.id.startswith(prefix, autoescape=True) for prefix in ids)))
        with self.session() as session:
            rows = session.execute(query.order_by(JobRow.planned_at, JobRow.attempt, JobRow.model, JobRow.id)).all()
        return [job_record(row, prompt, self.root) for row, prompt in rows]

    def job_counts(self) -> dict[str, dict[str, int]]:
        """Tool → state → number of jobs."""
        query = select(JobRow.model, JobRow.state, func.count()).group_by(JobRow.model, JobRow.state)
        counts: dict[str, dict[str, int]] = {}
        with self.session() as session:
            for model, state, n in session.execute(query.order_by(JobRow.model)):
                counts.setdefault(model, {})[state] = n
        return counts

    def latest_jobs(self, labels: Sequence[str]) -> dict[Cell, LatestJob]:
        """How the last attempt at each cell of these tools stands."""
        columns = (JobRow.model, JobRow.prompt_key, JobRow.sample)
        facts = (JobRow.state, JobRow.reason, JobRow.identity, JobRow.is_billable)
        more = (JobRow.id, JobRow.message, JobRow.submitted_at, JobRow.handle)
        query = (
            select(*columns, *facts, *more).where(JobRow.model.in_(labels)).order_by(JobRow.attempt, JobRow.planned_at)
        )
        with self.session() as session:
            return {Cell(row.model, row.prompt_key, row.sample): latest_job(row) for row in session.execute(query)}

    def has_namesake(self, job: Job) -> bool:
        """Whether the tool was asked for the same sample of another wording of this prompt."""
        query = select(JobRow.id).join(PromptRow, JobRow.prompt_key == PromptRow.key)
        query = query.where(JobRow.model == job.model, JobRow.sample == job.sample)
        query = query.where(PromptRow.id == job.prompt.id, PromptRow.key != job.prompt.key)
        with self.session() as session:
            return session.scalar(query.limit(1)) is not None

    # --- planning -------------------------------------------------------------------------------------------------

    def ensure_models(self, labels: Iterable[str]) -> None:
        """Store tools without their cards; those that are there stay, also where another process adds them."""
        with self.write() as session:
            self.database.insert_new(session, ModelRow, [{"id": label, "card": {}} for label in labels])

    def add_jobs(self, intents: Iterable[Intent], *, run: str, retry: Collection[str] = ()) -> int:
        """Write down what is to be made; how many jobs are new.

        A cell of the matrix has at most one open job. A planned job whose plan has changed since is replaced; one that
        was sent already stays, with the settings it was sent with.

        Args:
            intents: What is wanted.
            run: Key of the ceiling they count against; jobs not begun yet move to it.
            retry: States or reasons whose finished jobs are tried again, as new rows.
        """
        wanted, n_new = list(intents), 0
        for start in range(0, len(wanted), CHUNK):  # so that others need not wait for thousands of rows
            with self.write() as session:
                if not self.database.is_sqlite:  # two that add the same rows in another order would block
                    session.execute(select(func.pg_advisory_xact_lock(PLANNING)))
                n_new += sum(self._add_job(session, intent, run, retry) for intent in wanted[start : start + CHUNK])
        return n_new

    def _add_job(self, session: Session, intent: Intent, run: str, retry: Collection[str]) -> int:
        last = self._last_job(session, intent.cell)
        attempt = 1
        if last is not None:
            latest = latest_job(last)
            if last.state == "planned" and last.owner is None and latest.identity != intent.identity:
                begun_meanwhile = not self._drop_job(session, last.id)
                if begun_meanwhile:
                    return 0
                attempt = last.attempt
            elif latest.may_retry(intent.identity, retry):
                attempt = last.attempt + 1
            else:
                still_planned = (JobRow.id == last.id, JobRow.state == "planned")
                session.execute(update(JobRow).where(*still_planned).values(run=run))
                return 0
        # Jobs point at tools and prompts: both must be there, whoever writes them first.
        self.database.insert_new(session, ModelRow, [{"id": intent.label, "card": {}}])
        self.database.insert_new(session, PromptRow, [row_values(prompt_row(intent.prompt, self.root))])
        key = str(JobKey(intent.identity, attempt))
        row = {
            "id": digest("job", key),
            "identity": key,
            "model": intent.label,
            "prompt_key": intent.prompt.key,
            "sample": intent.sample,
            "state": "planned",
            "message": "",
            "plan": to_json(intent.plan),
            "is_billable": intent.plan.is_billable,
            "estimate_usd": countable_usd(intent.plan.cost_usd),
            "run": run,
            "attempt": attempt,
            "planned_at": now(),
        }
        return self.database.insert_new(session, JobRow, [row])

    def _last_job(self, session: Session, cell: Cell) -> JobRow | None:
        here = (JobRow.model == cell.model, JobRow.prompt_key == cell.prompt_key, JobRow.sample == cell.sample)
        newest = (JobRow.attempt.desc(), JobRow.planned_at.desc())
        return session.scalar(select(JobRow).where(*here).order_by(*newest).limit(1))

    def _drop_job(self, session: Session, job: str) -> bool:
        """Remove a planned job; False where another process has begun it since it was looked at."""
        free = (JobRow.id == job, JobRow.state == "planned", JobRow.owner.is_(None))
        return bool(session.execute(delete(JobRow).where(*free)).rowcount)  # type: ignore[attr-defined]

    def reopen_jobs(self, labels: Sequence[str], *, reasons: Sequence[Reason], job: str | None = None) -> int:
        """Take jobs that failed for these reasons, or this one alone, as submitted again: their tools are asked."""
        failed = (
            JobRow.model.in_(labels),
            JobRow.id == job if job is not None else true(),
            JobRow.state == "failed",
            JobRow.reason.in_(reasons),
            JobRow.handle.is_not(None),
            JobRow.submitted_at.is_not(None),
        )
        return self._update(*failed, state="submitted", reason=None, message="", finished_at=None)

    def reopen_ended_jobs(self, ids: Collection[str]) -> int:
        """Take jobs that ended without a clip as submitted again, whatever they ended as: their tools are asked."""
        ended = (
            JobRow.state.in_(FINAL_STATES[1:]),
            JobRow.is_billable.is_(True),
            JobRow.handle.is_not(None),
            JobRow.submitted_at.is_not(None),
        )
        wanted, n_reopened = sorted(ids), 0
        for start in range(0, len(wanted), CHUNK):
            these = JobRow.id.in_(wanted[start : start + CHUNK])
            n_reopened += self._update(these, *ended, state="submitted", reason=None, message="", finished_at=None)
        return n_reopened

    def earlier_end(self, job: Job) -> LatestJob | None:
        """How the attempt before this one ended; None: it is the first."""
        attempt = JobKey.parse(job.identity).attempt
        here = (JobRow.model == job.model, JobRow.prompt_key == job.prompt.key, JobRow.sample == job.sample)
        query = select(JobRow).where(*here, JobRow.attempt < attempt).order_by(JobRow.attempt.desc()).limit(1)
        with self.session() as session:
            row = session.scalar(query)
            return None if row is None else latest_job(row)

    def restart_jobs(self, labels: Sequence[str]) -> None:
        """Plan again what of these tools was under way on this machine, costs nothing, and is nobody's."""
        mine = (JobRow.model.in_(labels), JobRow.owner.is_(None), JobRow.is_billable.is_(False))
        anew: dict[str, Any] = {"state": "planned", "handle": None, "submitting_at": None, "submitted_at": None}
        self._update(*mine, JobRow.state.in_(AT_TOOL), **anew)

    # --- taking a job ---------------------------------------------------------------------------------------------

    def claim_job(
        self,
        labels: Sequence[str],
        limit: int,
        *,
        start: Sequence[str],
        only: StartOnly,
        owner: str,
        lease_s: float,
        admit: Admit,
    ) -> Job | None:
        """A job of these tools for one process alone, those already sent first; None: nothing to do now.

        A new one comes as ``submitting``: it is committed that it is about to be sent.

        Args:
            labels: Tools that share one limit.
            limit: How many of their jobs may be under way at once, over all processes.
            start: Those of them of which new jobs may start.
            only: Which planned jobs may start.
            owner: Whose it will be.
            lease_s: For how long from now, unless the owner gives a sign of life.
            admit: Called for each ceiling that the next job counts against, inside the transaction.
        """
        free = and_(JobRow.model.in_(labels), JobRow.owner.is_(None))
        with self.write() as session:
            if not self.database.is_sqlite:  # SQLite writers take turns anyway
                session.execute(
                    select(ModelRow.id)
                    .where(ModelRow.id.in_(labels))
                    .order_by(ModelRow.id)
                    .with_for_update(key_share=True)  # others may add jobs meanwhile
                )
            row = self._first_job(session, and_(free, JobRow.state.in_(AT_TOOL)))
            if row is None and start and self._n_under_way(session, labels) < limit:
                row = self._first_job(session, and_(free, JobRow.model.in_(start), only.condition))
                if row is not None:
                    self._ask_ceilings(session, row, admit)
                    row.state, row.submitting_at = "submitting", now()
            if row is None:
                return None
            row.owner, row.lease_until = owner, time.time() + lease_s
            session.flush()
            prompt = session.get(PromptRow, row.prompt_key)
            assert prompt is not None  # a foreign key
            return job_record(row, prompt, self.root)

    def take_job(self, job: str, *, owner: str, lease_s: float) -> bool:
        """Take one job that is at its tool and nobody's; False where it is not so any more."""
        free = (JobRow.id == job, JobRow.owner.is_(None), JobRow.state.in_(AT_TOOL))
        return bool(self._update(*free, owner=owner, lease_until=time.time() + lease_s))

    def _first_job(self, session: Session, condition: ColumnElement[bool]) -> JobRow | None:
        """The next job; on a database server not one that someone else is changing, such as cancelling, right now."""
        query = select(JobRow).where(condition).order_by(JobRow.planned_at, JobRow.sample, JobRow.id).limit(1)
        return session.scalar(query if self.database.is_sqlite else query.with_for_update(skip_locked=True))

    def _ask_ceilings(self, session: Session, row: JobRow, admit: Admit) -> None:
        query = select(CeilingRow).where(CeilingRow.key.in_((row.run, WHOLE_BENCH))).order_by(CeilingRow.key)
        for ceiling in session.scalars(query if self.database.is_sqlite else query.with_for_update()):
            cost_usd = row.estimate_usd if row.is_billable else 0.0
            admit(ceiling_record(ceiling), spend_in(session, ceiling.key), row.model, cost_usd)

    def _n_under_way(self, session: Session, labels: Sequence[str]) -> int:
        under_way = or_(JobRow.owner.is_not(None), JobRow.state.in_(("submitting", *AT_TOOL)))
        query = select(func.count()).where(JobRow.model.in_(labels), JobRow.state.in_(OPEN_STATES), under_way)
        return int(session.scalar(query) or 0)

    def n_free_jobs(self, labels: Sequence[str], sent_labels: Sequence[str], *, only: StartOnly) -> int:
        """How many jobs are nobody's: those of `labels` that may start, and those already sent of `sent_labels`."""
        sent = and_(JobRow.model.in_(sent_labels), JobRow.state.in_(AT_TOOL))
        planned = and_(JobRow.model.in_(labels), only.condition)
        with self.session() as session:
            query = select(func.count()).select_from(JobRow).where(JobRow.owner.is_(None), or_(sent, planned))
            return int(session.scalar(query) or 0)

    # --- owners ---------------------------------------------------------------------------------------------------

    def extend_leases(self, owner: str, lease_s: float) -> set[str]:
        """Let the lease of all jobs of a process end so long from now; ids of those cancelled by a person meanwhile."""
        with self.session() as session:
            held = session.execute(select(JobRow.id, JobRow.state).where(JobRow.owner == owner)).all()
        if any(state in OPEN_STATES for _, state in held):
            with self.write() as session:  # the lease begins when the transaction does, however long it waited
                until = time.time() + lease_s
                session.execute(update(JobRow).where(JobRow.owner == owner).values(lease_until=until))
        return {job for job, state in held if state == "cancelled"}

    def release_jobs(self, owner: str) -> None:
        """Take every job from a process, as it is."""
        self._update(JobRow.owner == owner, owner=None, lease_until=None)

    def free_abandoned_jobs(self, owner: str, *, is_alive: Callable[[str, float], bool], why_unknown: str) -> list[str]:
        """Free the jobs of processes that are gone; ids of those whose outcome nobody knows.

        A job that costs nothing and was only about to be sent is planned again. Each change names what it found, since
        on a database server another process may have freed, and begun, the same jobs meanwhile.

        Args:
            owner: The process that asks.
            is_alive: (owner, end of its lease) → whether that process still lives.
            why_unknown: What is written beside a job of unknown outcome.
        """
        held = select(JobRow.owner, func.max(JobRow.lease_until)).where(JobRow.owner != owner)
        with self.write() as session:
            owners = session.execute(held.group_by(JobRow.owner)).all()
            gone = [other for other, lease_until in owners if not is_alive(other or "", lease_until or 0.0)]
            session.execute(update(JobRow).where(JobRow.owner.in_(gone)).values(owner=None, lease_until=None))
            left = update(JobRow).where(JobRow.state == "submitting", JobRow.owner.is_(None))
            lost = left.where(JobRow.is_billable).values(
                state="outcome_unknown", reason="outcome_unknown", message=why_unknown, finished_at=now()
            )
            unknown = session.scalars(lost.returning(JobRow.id)).all()
            session.execute(left.where(JobRow.is_billable.is_(False)).values(state="planned", submitting_at=None))
        return list(unknown)

    # --- one job --------------------------------------------------------------------------------------------------

    def store_handle(self, job: str, handle: Handle, *, owner: str, lease_s: float) -> None:
        """Commit the handle of a job that was sent, also where another process has already given it up."""
        with self.write() as session:
            session.execute(
                update(JobRow)
                .where(JobRow.id == job, JobRow.state.in_(("submitting", "outcome_unknown")))
                .values(
                    state="submitted",
                    reason=None,
                    message="",
                    handle=to_json(handle),
                    submitted_at=now(),
                    finished_at=None,
                    owner=owner,
                    lease_until=time.time() + lease_s,
                )
            )

    def change_job(self, job: str, *, owner: str, **columns: Any) -> bool:
        """Change an open job of a process; False where it is no longer open, or no longer its."""
        mine = (JobRow.id == job, JobRow.owner == owner, JobRow.state.in_(OPEN_STATES))
        return bool(self._update(*mine, **columns))

    def give_back_job(self, job: str, *, owner: str, **columns: Any) -> bool:
        """`change_job`, and from then on the job is nobody's."""
        mine = (JobRow.id == job, JobRow.owner == owner, JobRow.state.in_(OPEN_STATES))
        return bool(self._update(*mine, owner=None, lease_until=None, **columns))

    def finish_job(self, job: str, clip: Clip) -> None:
        """Commit the clip and the end of its job together.

        Raises:
            BenchError: another file holds this place meanwhile.
        """
        cost = clip.provenance.cost_usd if clip.provenance.cost_source == "billed" else None
        with self.write() as session:
            self.add_clip_in(session, clip)
            session.flush()
            columns: dict[str, Any] = {} if countable_usd(cost) is None else {"cost_usd": cost}
            columns |= {"state": "succeeded", "reason": None, "message": "", "clip": clip.id, "finished_at": now()}
            ended = update(JobRow).where(JobRow.id == job).values(**columns, owner=None, lease_until=None)
            session.execute(ended)

    def cancel_job(self, job: str) -> bool:
        """Commit that a person does not want this clip; False where the job had ended already, or is being sent."""
        open_ = (JobRow.id == job, JobRow.state.in_(("planned", *AT_TOOL)))
        return bool(self._update(*open_, state="cancelled", message="cancelled by you", finished_at=now()))

    def _update(self, *conditions: ColumnElement[bool], **columns: Any) -> int:
        with self.write() as session:
            done = session.execute(update(JobRow).where(*conditions).values(**columns))
            return int(done.rowcount)  # type: ignore[attr-defined]

    # --- rewritten prompts ----------------------------------------------------------------------------------------

    def expansions(self, keys: Sequence[str]) -> dict[str, str]:
        """Key → the rewritten prompt, where there is one."""
        texts: dict[str, str] = {}
        with self.session() as session:
            for start in range(0, len(keys), CHUNK):
                query = select(ExpansionRow).where(ExpansionRow.key.in_(keys[start : start + CHUNK]))
                texts |= {row.key: row.text for row in session.scalars(query)}
        return texts

    def add_expansion(self, key: str, *, arm: str, prompt_key: str, text: str, info: dict[str, Any]) -> None:
        """Keep what a language model made of a prompt; the first answer of a key stays."""
        row = {"key": key, "arm": arm, "prompt_key": prompt_key, "text": text, "info": info, "created": now()}
        with self.write() as session:
            self.database.insert_new(session, ExpansionRow, [row])


def latest_job(row: Any) -> LatestJob:
    """How a job stands, from its row or those columns of it."""
    identity = JobKey.parse(row.identity).identity
    return LatestJob(
        state=row.state,
        reason=row.reason or "",
        identity=identity,
        is_billable=row.is_billable,
        id=row.id,
        message=row.message,
        has_handle=row.handle is not None and row.submitted_at is not None,
    )


def plan_of(job: Job) -> Plan:
    """What was, or is to be, sent for a job.

    Raises:
        KeyError, TypeError, ValueError: the row is damaged, or of another version.
    """
    plan = from_json(Plan, job.plan)
    if not isinstance(plan.request, Request) or not isinstance(plan.request.prompt, Prompt):
        raise ValueError("its request is no request")
    return plan


def job_record(row: JobRow, prompt: PromptRow, root: Path) -> Job:
    """The record of a row and of the prompt it is for, in the workspace at `root`."""
    return Job(
        id=row.id,
        identity=row.identity,
        model=row.model,
        prompt=prompt_record(prompt, root),
        sample=row.sample,
        state=row.state,  # type: ignore[arg-type]  # only the journal writes it
        reason=row.reason,  # type: ignore[arg-type]
        message=row.message,
        plan=row.plan,
        handle=None if row.handle is None else from_json(Handle, row.handle),
        cost_usd=row.cost_usd if row.cost_usd is not None else row.estimate_usd,
        clip=row.clip,
        planned=row.planned_at,
        submitted=row.submitted_at or "",
        finished=row.finished_at or "",
    )
