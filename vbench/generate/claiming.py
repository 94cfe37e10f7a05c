"""Takes a job for this process alone, within the limit of its tool and below every ceiling."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from vbench.bench import Bench, now
from vbench.bench.jobs import job_record
from vbench.bench.tables import CeilingRow, JobRow, ModelRow, PromptRow
from vbench.errors import BudgetError
from vbench.generate.budget import WHOLE_BENCH, as_ceiling, check_ceiling, spend_in
from vbench.generate.lease import LEASE_S, Owner
from vbench.records import OPEN_STATES, Job


class OverCeilingError(BudgetError):
    """The next job of a tool would pass a ceiling: it stays planned."""

    def __init__(self, message: str, *, model: str) -> None:
        super().__init__(message)
        self.model = model


class Claims(Owner):
    """What this process may begin."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._startable: ColumnElement[bool] = JobRow.state == "planned"

    def start_only(self, *, run: str | None = None, job: str | None = None) -> None:
        """From now on begin planned jobs of this run alone, or this very job; what was sent is still brought home.

        Jobs that another run has left planned were agreed to under another ceiling.
        """
        mine = JobRow.run == run if job is None else JobRow.id == job
        self._startable = and_(JobRow.state == "planned", mine)

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
            row = self._first(session, and_(free, JobRow.state.in_(("submitted", "running"))))
            startable = labels if start is None else start
            if row is None and startable and self._n_under_way(session, labels) < limit:
                row = self._first(session, and_(free, JobRow.model.in_(startable), self._startable))
                if row is not None:
                    self._check_ceilings(session, row, allow_unpriced)
                    row.state, row.submitting_at = "submitting", now()
            if row is None:
                return None
            row.owner, row.lease_until = self.owner, time.time() + LEASE_S
            session.flush()
            prompt = session.get(PromptRow, row.prompt_key)
            assert prompt is not None  # a foreign key
            return job_record(row, prompt)

    def _first(self, session: Session, condition: ColumnElement[bool]) -> JobRow | None:
        """The next job; on a database server not one that someone else is changing, such as cancelling, right now."""
        query = select(JobRow).where(condition).order_by(JobRow.planned_at, JobRow.sample, JobRow.id).limit(1)
        return session.scalar(query if self.bench.database.is_sqlite else query.with_for_update(skip_locked=True))

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
