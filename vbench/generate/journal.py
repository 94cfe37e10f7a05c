"""The verbs over the jobs table: what was intended, sent and received is committed before and after each step.

A job that may cost money is sent at most once: `claim` commits ``submitting`` before the request leaves, `submitted`
commits the handle right after it, and a job found in ``submitting`` whose process is gone becomes ``outcome_unknown``.
"""

from __future__ import annotations

import math
import socket
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, update
from sqlalchemy.orm import Session

from vbench.bench import Bench, now
from vbench.errors import BudgetError
from vbench.generate.budget import WHOLE_BENCH, as_ceiling, check_ceiling, spend_in
from vbench.records import (
    OPEN_STATES,
    Clip,
    Handle,
    Job,
    JobState,
    Plan,
    Prompt,
    Reason,
    Request,
    digest,
)
from vbench.tables import CeilingRow, JobRow, ModelRow, PromptRow

CHUNK = 500
PLANNING = 7363
"""Number of the lock under which processes that share a PostgreSQL database plan one after the other."""
LEASE_S = 180.0
"""How long a process on another machine is taken to live after its last sign of life."""
FINAL_STATES: tuple[JobState, ...] = (
    "succeeded", "refused_input", "refused_output", "failed", "cancelled", "expired", "outcome_unknown",
)  # fmt: skip
REFETCHED: tuple[Reason, ...] = ("download_failed", "timeout_local")
"""Failures on our side of a job that the tool may well have finished: asking again costs nothing."""
WHAT_TO_DO = (
    "the process ended between sending the request and storing the answer, so the tool may have started it and may "
    "charge for it; look in the tool's own list of jobs, then vbench generate --retry outcome_unknown to send it again"
)


class LostJobError(Exception):
    """Another process, or a person, has taken this job in the meantime: leave it alone."""


class OverCeilingError(BudgetError):
    """The next job of a tool would pass a ceiling: it stays planned."""

    def __init__(self, message: str, *, model: str) -> None:
        super().__init__(message)
        self.model = model


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A clip to be made: the plan of an adapter, under the label its clips will bear."""

    label: str
    """Tool, or ``tool@arm``."""
    prompt: Prompt
    sample: int
    plan: Plan

    @property
    def identity(self) -> str:
        """One job each, ever, but for those that a person asked to try again."""
        return digest(dict(self.plan.identity), self.label, self.prompt.key, self.sample, length=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """How the last attempt at a cell of the matrix stands."""

    state: JobState
    reason: str
    identity: str
    """Without the number of the attempt."""
    is_billable: bool

    def may_try_again(self, identity: str, retry: Collection[str]) -> bool:
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


class Journal:
    """The jobs of a bench, as one process sees and owns them.

    Each `Journal` is an owner of its own. While it is open it holds a file lock, which the operating system lets go
    of however the process ends: that is how others on this machine know that its jobs are free. Owners elsewhere are
    judged by their lease.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._folder = bench.root / "owners"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._place = digest(socket.gethostname(), uuid.getnode(), str(self._folder), length=12)
        token = uuid.uuid4().hex[:12]
        self.owner = f"{self._place}:{token}"
        self._lock = FileLock(self._lock_path(token), thread_local=False)
        self._lock.acquire(timeout=10)
        self._startable: ColumnElement[bool] = JobRow.state == "planned"

    def start_only(self, job: str) -> None:
        """From now on send no other planned job than this one; what was sent already is still brought home."""
        self._startable = and_(JobRow.state == "planned", JobRow.id == job)

    def close(self) -> None:
        """Give back every job this process holds, as it is."""
        with self.bench.write() as session:
            session.execute(update(JobRow).where(JobRow.owner == self.owner).values(owner=None, lease_until=None))
        self._lock.release()
        self._lock_path(self.owner.partition(":")[2]).unlink(missing_ok=True)

    def _lock_path(self, token: str) -> Path:
        return self._folder / f"{token}.lock"

    # --- planning and looking -------------------------------------------------------------------------------------

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
                attempt = last.attempt
                session.delete(last)
                session.flush()
            elif _latest(last).may_try_again(intent.identity, retry):
                attempt = last.attempt + 1
            else:
                if last.state == "planned":
                    last.run = run
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
        query = select(JobRow).where(
            JobRow.model == label, JobRow.prompt_key == prompt_key, JobRow.sample == sample
        )  # fmt: skip
        return session.scalar(query.order_by(JobRow.attempt.desc(), JobRow.planned_at.desc()).limit(1))

    def _remember(self, session: Session, intent: Intent) -> None:
        """Jobs point at tools and prompts: both must be there, whoever writes them first."""
        p, new = intent.prompt, self.bench.database.insert_new
        new(session, ModelRow, [{"id": intent.label, "card": {}}])
        row = asdict(p) | {"key": p.key, "tags": list(p.tags), "expects": dict(p.expects)}
        new(session, PromptRow, [row])

    @staticmethod
    def jobs(
        bench: Bench,
        *,
        states: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        ids: Sequence[str] = (),
        run: str | None = None,
    ) -> list[Job]:
        """Jobs, oldest first; `ids` may be prefixes, `run` is the key of the ceiling they count against."""
        query = _with_prompt()
        if states is not None:
            query = query.where(JobRow.state.in_(states))
        if models is not None:
            query = query.where(JobRow.model.in_(models))
        if run is not None:
            query = query.where(JobRow.run == run)
        if ids:
            query = query.where(or_(*(JobRow.id.startswith(prefix, autoescape=True) for prefix in ids)))
        with bench.session() as session:
            rows = session.execute(query.order_by(JobRow.planned_at, JobRow.attempt, JobRow.model, JobRow.id)).all()
        return [_job(row, prompt) for row, prompt in rows]

    @staticmethod
    def counts(bench: Bench) -> dict[str, dict[str, int]]:
        """Tool → state → number of jobs."""
        query = select(JobRow.model, JobRow.state, func.count()).group_by(JobRow.model, JobRow.state)
        found: dict[str, dict[str, int]] = {}
        with bench.session() as session:
            for model, state, n in session.execute(query.order_by(JobRow.model)):
                found.setdefault(model, {})[state] = n
        return found

    @staticmethod
    def latest(bench: Bench, labels: Sequence[str]) -> dict[tuple[str, str, int], Latest]:
        """(tool, prompt key, sample) → its latest job."""
        columns = (JobRow.model, JobRow.prompt_key, JobRow.sample)
        facts = (JobRow.state, JobRow.reason, JobRow.identity, JobRow.is_billable)
        query = select(*columns, *facts).where(JobRow.model.in_(labels)).order_by(JobRow.attempt, JobRow.planned_at)
        with bench.session() as session:
            return {
                (model, key, sample): Latest(
                    state=state, reason=reason or "", identity=identity.partition("#")[0], is_billable=is_billable
                )
                for model, key, sample, state, reason, identity, is_billable in session.execute(query)
            }

    # --- owning ---------------------------------------------------------------------------------------------------

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
        free = and_(JobRow.model.in_(labels), JobRow.owner.is_(None))
        with self.bench.write() as session:
            if not self.bench.database.is_sqlite:  # SQLite writers take turns anyway
                session.execute(
                    select(ModelRow.id)
                    .where(ModelRow.id.in_(labels))
                    .order_by(ModelRow.id)
                    .with_for_update(key_share=True)  # others may add jobs meanwhile
                )
            row = session.scalar(_first(and_(free, JobRow.state.in_(("submitted", "running")))))
            startable = labels if start is None else start
            if row is None and startable and self._n_under_way(session, labels) < limit:
                row = session.scalar(_first(and_(free, JobRow.model.in_(startable), self._startable)))
                if row is not None:
                    self._check_ceilings(session, row, allow_unpriced)
                    row.state, row.submitting_at = "submitting", now()
            if row is None:
                return None
            row.owner, row.lease_until = self.owner, time.time() + LEASE_S
            session.flush()
            prompt = session.get(PromptRow, row.prompt_key)
            assert prompt is not None  # a foreign key
            return _job(row, prompt)

    def _check_ceilings(self, session: Session, row: JobRow, allow_unpriced: Collection[str]) -> None:
        query = select(CeilingRow).where(CeilingRow.key.in_((row.run, WHOLE_BENCH))).order_by(CeilingRow.key)
        for ceiling in session.scalars(query if self.bench.database.is_sqlite else query.with_for_update()):
            try:
                check_ceiling(
                    as_ceiling(ceiling),
                    spend_in(session, ceiling.key),
                    model=row.model,
                    estimate_usd=row.estimate_usd if row.is_billable else 0.0,
                    allow_unpriced=row.model.partition("@")[0] in allow_unpriced,
                )
            except BudgetError as error:
                raise OverCeilingError(str(error), model=row.model) from None

    def _n_under_way(self, session: Session, labels: Sequence[str]) -> int:
        under_way = or_(JobRow.owner.is_not(None), JobRow.state.in_(("submitting", "submitted", "running")))
        query = select(func.count()).where(JobRow.model.in_(labels), JobRow.state.in_(OPEN_STATES), under_way)
        return int(session.scalar(query) or 0)

    def n_free(self, labels: Sequence[str], sent_labels: Sequence[str]) -> int:
        """How many jobs this process could still take: any of `labels`, and those already sent of `sent_labels`."""
        sent = and_(JobRow.model.in_(sent_labels), JobRow.state.in_(("submitted", "running")))
        planned = and_(JobRow.model.in_(labels), self._startable)
        with self.bench.session() as session:
            query = select(func.count()).select_from(JobRow).where(JobRow.owner.is_(None), or_(sent, planned))
            return int(session.scalar(query) or 0)

    def heartbeat(self) -> set[str]:
        """Show that this process lives; ids of its jobs that a person has cancelled meanwhile."""
        with self.bench.session() as session:
            held = session.execute(select(JobRow.id, JobRow.state).where(JobRow.owner == self.owner)).all()
        if any(state in OPEN_STATES for _, state in held):
            with self.bench.write() as session:
                session.execute(
                    update(JobRow).where(JobRow.owner == self.owner).values(lease_until=time.time() + LEASE_S)
                )
        return {job for job, state in held if state == "cancelled"}

    def recover(self) -> list[str]:
        """Free the jobs of processes that are gone; ids of those whose outcome nobody knows.

        A job that costs nothing and was only about to be sent is planned again.
        """
        unknown = []
        with self.bench.write() as session:
            held = session.scalars(select(JobRow).where(JobRow.owner.is_not(None), JobRow.owner != self.owner)).all()
            alive: dict[str, bool] = {}
            for row in held:
                owner = row.owner or ""
                if owner not in alive:
                    alive[owner] = self._is_alive(owner, row.lease_until or 0.0)
                if alive[owner]:
                    continue
                row.owner = row.lease_until = None
            for row in session.scalars(select(JobRow).where(JobRow.state == "submitting", JobRow.owner.is_(None))):
                if row.is_billable:
                    row.state, row.reason = "outcome_unknown", "outcome_unknown"
                    row.message, row.finished_at = WHAT_TO_DO, now()
                    unknown.append(row.id)
                else:
                    row.state, row.submitting_at = "planned", None
        return unknown

    def _is_alive(self, owner: str, lease_until: float) -> bool:
        place, _, token = owner.partition(":")
        if place != self._place:
            return lease_until > time.time()
        path = self._lock_path(token)
        if not path.exists():
            return False
        probe = FileLock(path, thread_local=False)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return True
        probe.release()
        path.unlink(missing_ok=True)
        return False

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
                    state="submitted", reason=None, message="", handle=_handle_json(handle), submitted_at=now(),
                    finished_at=None, owner=self.owner, lease_until=time.time() + LEASE_S,
                )
            )  # fmt: skip

    def not_started(self, job: str, message: str) -> None:
        """The tool certainly began nothing: planned again, and free."""
        self._change(
            job, state="planned", message=message, handle=None, submitting_at=None, submitted_at=None, owner=None,
            lease_until=None,
        )  # fmt: skip

    def progress(self, job: str, state: JobState, handle: Handle | None = None) -> None:
        """What a poll has told.

        Raises:
            LostJobError: a person has cancelled it, or another process has it.
        """
        values: dict[str, Any] = {"state": state}
        if handle is not None:
            values["handle"] = _handle_json(handle)
        if not self._change(job, **values):
            raise LostJobError(job)

    def finish(
        self, job: str, state: JobState, *, reason: Reason | None, message: str, cost_usd: float | None = None
    ) -> bool:
        """Commit an end without a clip; False where the job was no longer this process's."""
        values = {"cost_usd": cost_usd} if cost_usd is not None else {}
        return self._change(
            job, state=state, reason=reason, message=message, finished_at=now(), owner=None, lease_until=None, **values
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
                    state="succeeded", reason=None, message="", clip=clip.id, finished_at=now(), owner=None,
                    lease_until=None, **values,
                )
            )  # fmt: skip

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


# --- rows and records ---------------------------------------------------------------------------------------------


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as JSON values."""
    return asdict(plan)


def plan_from_json(values: Mapping[str, Any]) -> Plan:
    """The plan again."""
    request = dict(values["request"])
    prompt = dict(request["prompt"])
    prompt["tags"] = tuple(prompt["tags"])
    request["prompt"] = Prompt(**prompt)
    return Plan(**{**values, "request": Request(**request), "warnings": tuple(values["warnings"])})


def _latest(row: JobRow) -> Latest:
    return Latest(
        state=row.state,  # type: ignore[arg-type]
        reason=row.reason or "",
        identity=row.identity.partition("#")[0],
        is_billable=row.is_billable,
    )


def _handle_json(handle: Handle) -> dict[str, Any]:
    return {"id": handle.id, "data": dict(handle.data)}


def _with_prompt() -> Select[JobRow, PromptRow]:
    return select(JobRow, PromptRow).join(PromptRow, JobRow.prompt_key == PromptRow.key)


def _first(condition: ColumnElement[bool]) -> Select[JobRow]:
    return select(JobRow).where(condition).order_by(JobRow.planned_at, JobRow.sample, JobRow.id).limit(1)


def _job(row: JobRow, prompt: PromptRow) -> Job:
    return Job(
        id=row.id,
        identity=row.identity,
        model=row.model,
        prompt=Prompt(
            id=prompt.id,
            text=prompt.text,
            suite=prompt.suite,
            negative=prompt.negative,
            tags=tuple(prompt.tags),
            expects=prompt.expects,
            image=prompt.image,
        ),
        sample=row.sample,
        state=row.state,  # type: ignore[arg-type]  # only this module writes it
        reason=row.reason,  # type: ignore[arg-type]
        message=row.message,
        plan=row.plan,
        handle=None if row.handle is None else Handle(id=row.handle["id"], data=row.handle["data"]),
        cost_usd=row.cost_usd if row.cost_usd is not None else row.estimate_usd,
        clip=row.clip,
        planned=row.planned_at,
        submitted=row.submitted_at or "",
        finished=row.finished_at or "",
    )
