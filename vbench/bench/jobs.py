"""The jobs of a bench as records: what is wanted, and how the attempts at it stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, or_, select

from vbench.bench import Bench
from vbench.bench.rows import prompt_record
from vbench.bench.tables import JobRow, PromptRow
from vbench.records import OPEN_STATES, Handle, Job, JobState, Plan, Prompt, Request, digest

FINAL_STATES: tuple[JobState, ...] = (
    "succeeded",
    "refused_input",
    "refused_output",
    "failed",
    "cancelled",
    "expired",
    "outcome_unknown",
)


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


class JobList:
    """What stands in the jobs table, for anyone who looks."""

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
        query = select(JobRow, PromptRow).join(PromptRow, JobRow.prompt_key == PromptRow.key)
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
        return [job_record(row, prompt) for row, prompt in rows]

    @staticmethod
    def has_namesake(bench: Bench, job: Job) -> bool:
        """Whether the tool was asked for the same sample of another wording of this prompt."""
        query = select(JobRow.id).join(PromptRow, JobRow.prompt_key == PromptRow.key)
        query = query.where(JobRow.model == job.model, JobRow.sample == job.sample)
        query = query.where(PromptRow.id == job.prompt.id, PromptRow.key != job.prompt.key)
        with bench.session() as session:
            return session.scalar(query.limit(1)) is not None

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
            return {(row.model, row.prompt_key, row.sample): latest_of(row) for row in session.execute(query)}


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


def latest_of(row: Any) -> Latest:
    """How a job stands, from its row or those columns of it."""
    return Latest(
        state=row.state, reason=row.reason or "", identity=row.identity.partition("#")[0], is_billable=row.is_billable
    )


def handle_json(handle: Handle) -> dict[str, Any]:
    """A handle as JSON values."""
    return {"id": handle.id, "data": dict(handle.data)}


def job_record(row: JobRow, prompt: PromptRow) -> Job:
    """The record of a row and of the prompt it is for."""
    return Job(
        id=row.id,
        identity=row.identity,
        model=row.model,
        prompt=prompt_record(prompt),
        sample=row.sample,
        state=row.state,  # type: ignore[arg-type]  # only the journal writes it
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
