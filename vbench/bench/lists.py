"""Long lists of a bench as plain rows, each in one query whatever its size: takes, jobs, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, case, func, literal_column, or_, select
from sqlalchemy.orm import Session

from vbench.bench.jobs import latest_job
from vbench.bench.tables import ClipRow, EventRow, JobRow, NoteRow, PromptRow, ScoreRow, SelectRow, VoteRow
from vbench.bench.workspace import Workspace
from vbench.delivery import ASKED, TOLD
from vbench.records import OPEN_STATES, SelectState

ClipColumn = Literal["prompt_key", "model"]


Sort = Literal["prompt", "model", "added", "stars", "state"]
STATE_ORDER: tuple[SelectState, ...] = ("approved", "selected", "maybe", "", "reject")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFilter:
    """Which takes a list holds, and in which order; an empty field leaves none out."""

    prompt: str = ""
    """Key or id."""
    models: Sequence[str] = ()
    ids: Sequence[str] = ()
    tag: str = ""
    """Of the prompt."""
    states: Sequence[str] = ()
    """`SelectState`s, of whom the list is for; ``open`` for those nobody settled."""
    reason: str = ""
    min_stars: int = 0
    has_notes: bool = False
    defect: str = ""
    """Kind of an event that was found in the take."""
    not_as_asked: bool = False
    """Only takes that came otherwise than they were asked for, as their warnings say."""
    sort: Sort = "prompt"


class ListStore(Workspace):
    """What lists of clips and jobs show, without a record for each row."""

    def list_clips(
        self, wanted: ClipFilter, *, author: str, offset: int = 0, limit: int = 200
    ) -> tuple[int, Sequence[Any]]:
        """Clips by prompt, tool and sample, or as the filter sorts them.

        Args:
            wanted: Which, and in which order.
            author: Whose choices come with them.
            offset: How many to pass over.
            limit: How many at most.

        Returns:
            How many there are in all, and rows with the columns of a clip (`probe` and `provenance` as JSON values) and
            `key`, `prompt_id`, `text`, `stars`, `state`, `reason`, `ranges`; the last four None where nothing was
            chosen; and `n_notes`.
        """
        own = and_(SelectRow.clip == ClipRow.id, SelectRow.author == author)
        n_notes = select(func.count()).where(NoteRow.clip == ClipRow.id).scalar_subquery()
        columns = (
            ClipRow.id,
            ClipRow.model,
            ClipRow.sample,
            ClipRow.sha256,
            ClipRow.media,
            ClipRow.linked,
            ClipRow.probe,
            ClipRow.provenance,
            ClipRow.added,
            PromptRow.key,
            PromptRow.id.label("prompt_id"),
            PromptRow.text,
            SelectRow.stars,
            SelectRow.state,
            SelectRow.reason,
            SelectRow.ranges,
            n_notes.label("n_notes"),
        )
        place = (PromptRow.id, PromptRow.key, ClipRow.model, ClipRow.sample)
        with self.session() as session:
            where = _conditions(session, wanted)
            joined = select(ClipRow).join(PromptRow, ClipRow.prompt_key == PromptRow.key).outerjoin(SelectRow, own)
            query = joined.with_only_columns(*columns).where(*where)
            query = query.order_by(*_ORDERS[wanted.sort], *place).offset(offset).limit(limit)
            count = joined.with_only_columns(func.count(), maintain_column_froms=True).where(*where)
            return session.scalar(count) or 0, session.execute(query).all()

    def list_jobs(
        self, *, state: str = "", offset: int = 0, limit: int = 200
    ) -> tuple[dict[str, int], list[dict[str, Any]]]:
        """Attempts to generate, newest first.

        Args:
            state: Only these; empty: all.
            offset: How many to pass over.
            limit: How many at most.

        Returns:
            State → number of jobs, and the rows asked for: column → value, and `is_asked_first`, as of a `LatestJob`.
        """
        columns = (
            JobRow.id,
            JobRow.model,
            JobRow.sample,
            JobRow.state,
            JobRow.reason,
            JobRow.message,
            JobRow.cost_usd,
            JobRow.estimate_usd,
            JobRow.is_billable,
            JobRow.identity,
            JobRow.handle,
            JobRow.clip,
            JobRow.planned_at,
            JobRow.submitting_at,
            JobRow.submitted_at,
            JobRow.finished_at,
            PromptRow.id.label("prompt_id"),
            PromptRow.text.label("prompt"),
        )
        query = select(*columns).join(PromptRow, JobRow.prompt_key == PromptRow.key)
        if state:
            query = query.where(JobRow.state == state)
        query = query.order_by(JobRow.planned_at.desc(), JobRow.id).offset(offset).limit(limit)
        counts = select(JobRow.state, func.count()).group_by(JobRow.state)
        with self.session() as session:
            by_state = {row[0]: row[1] for row in session.execute(counts)}
            rows = session.execute(query).all()
        shown = [row._asdict() | {"is_asked_first": latest_job(row).is_asked_first} for row in rows]
        inner = ("identity", "handle")
        return by_state, [{name: value for name, value in row.items() if name not in inner} for row in shown]

    def noun_counts(self) -> dict[str, int]:
        """How many there are: `clips`, `prompts` and `models` that have clips, `votes`, `jobs`."""
        with self.session() as session:
            numbers: Mapping[str, int | None] = {
                "clips": session.scalar(select(func.count()).select_from(ClipRow)),
                "prompts": session.scalar(select(func.count(func.distinct(ClipRow.prompt_key)))),
                "models": session.scalar(select(func.count(func.distinct(ClipRow.model)))),
                "votes": session.scalar(select(func.count()).select_from(VoteRow)),
                "jobs": session.scalar(select(func.count()).select_from(JobRow)),
            }
        return {name: n or 0 for name, n in numbers.items()}

    def n_clips_by(self, column: ClipColumn) -> dict[str, int]:
        """Prompt key, or tool → number of clips."""
        of = {"prompt_key": ClipRow.prompt_key, "model": ClipRow.model}[column]
        with self.session() as session:
            return {row[0]: row[1] for row in session.execute(select(of, func.count()).group_by(of))}

    def state_mark(self) -> tuple[Any, ...]:
        """Changes whenever clips, scores, jobs or selects do; for whoever keeps what was made of them."""
        # scores are only ever added, and SQLite knows the number of its last row without counting
        n_scores = func.max(literal_column("rowid")) if self.database.is_sqlite else func.count()
        with self.session() as session:
            return (
                session.scalar(select(func.count()).select_from(ClipRow)),
                session.scalar(select(n_scores).select_from(ScoreRow)),
                *session.execute(select(func.count(), func.max(JobRow.finished_at)).select_from(JobRow)).one(),
                *session.execute(select(func.count(), func.max(SelectRow.updated)).select_from(SelectRow)).one(),
            )

    def job_models(self) -> set[str]:
        """Tools that were asked for anything."""
        with self.session() as session:
            return set(session.scalars(select(JobRow.model).distinct()))

    def job_outcomes(self) -> list[tuple[str, str]]:
        """(tool, state) of each clip that was wanted; of several attempts at one, the last one speaks."""
        columns = (JobRow.model, JobRow.prompt_key, JobRow.sample, JobRow.state)
        with self.session() as session:
            rows = session.execute(select(*columns).order_by(JobRow.attempt))
            last = {(model, prompt, sample): state for model, prompt, sample, state in rows}
        return [(model, state) for (model, _, _), state in last.items()]

    def open_job_ids(self, *, models: Sequence[str], prompt_key: str, samples: Sequence[int]) -> list[str]:
        """Jobs of these tools for these samples of a prompt that have not come to an end."""
        wanted = (JobRow.model.in_(models), JobRow.prompt_key == prompt_key, JobRow.sample.in_(samples))
        with self.session() as session:
            return list(session.scalars(select(JobRow.id).where(*wanted, JobRow.state.in_(OPEN_STATES))))


_STATE = func.coalesce(SelectRow.state, "")
_ORDERS: Mapping[Sort, Sequence[Any]] = {
    "prompt": (),
    "model": (ClipRow.model,),
    "added": (ClipRow.added.desc(),),
    "stars": (func.coalesce(SelectRow.stars, 0).desc(),),
    "state": (case({state: place for place, state in enumerate(STATE_ORDER)}, value=_STATE, else_=len(STATE_ORDER)),),
}


def _conditions(session: Session, wanted: ClipFilter) -> list[Any]:
    """What a row of a clip, its prompt and the choice about it fulfils."""
    conditions: list[Any] = []
    if wanted.prompt:
        conditions.append((PromptRow.key == wanted.prompt) | (PromptRow.id == wanted.prompt))
    if wanted.models:
        conditions.append(ClipRow.model.in_(wanted.models))
    if wanted.ids:
        conditions.append(ClipRow.id.in_(wanted.ids))
    if wanted.tag:
        tags = session.execute(select(PromptRow.key, PromptRow.tags))
        conditions.append(PromptRow.key.in_([key for key, own in tags if wanted.tag in own]))
    if wanted.states:
        conditions.append(_STATE.in_(["" if state == "open" else state for state in wanted.states]))
    if wanted.reason:
        conditions.append(SelectRow.reason == wanted.reason)
    if wanted.min_stars:
        conditions.append(SelectRow.stars >= wanted.min_stars)
    if wanted.has_notes:
        conditions.append(select(NoteRow.id).where(NoteRow.clip == ClipRow.id).exists())
    if wanted.not_as_asked:
        said = ClipRow.provenance["warnings"].as_string()
        conditions.append(or_(*(said.contains(words, autoescape=True) for words in (ASKED, TOLD))))
    if wanted.defect:
        of_kind = (EventRow.clip == ClipRow.id, EventRow.kind == wanted.defect)
        conditions.append(select(EventRow.id).where(*of_kind).exists())
    return conditions
