"""What may be spent, by one run or by all of them, and what was."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from vbench.bench.tables import CeilingRow, JobRow
from vbench.bench.workspace import Workspace, now

WHOLE_BENCH = "bench"
"""Key of the ceiling over all runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What was started in a bench so far."""

    n_jobs: int
    usd: float
    """Billed where known, else estimated."""
    n_unpriced: int
    """Billable jobs without a price: they cost something on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What may be started by one run, however often it is repeated, or in the whole bench; None: no limit."""

    key: str = WHOLE_BENCH
    """Of the run."""
    about: str = "the whole bench"
    max_cost_usd: float | None = None
    max_jobs: int | None = None


class CeilingStore(Workspace):
    """Ceilings, and what counts against them."""

    def spend(self, run: str = WHOLE_BENCH) -> Spend:
        """What was started so far, by all processes."""
        with self.session() as session:
            return spend_in(session, run)

    def ceilings(self) -> list[Ceiling]:
        """All that are set, the latest first."""
        with self.session() as session:
            rows = session.scalars(select(CeilingRow).order_by(CeilingRow.updated.desc(), CeilingRow.key))
            return [ceiling_record(row) for row in rows]

    def set_ceiling(self, ceiling: Ceiling) -> None:
        """Change what may be started; a run in progress heeds it from its next job on."""
        with self.write() as session:
            row = asdict(ceiling) | {"updated": now()}
            if not self.database.insert_new(session, CeilingRow, [row]):  # another process may be first
                session.execute(update(CeilingRow).where(CeilingRow.key == ceiling.key).values(**row))


def spend_in(session: Session, run: str) -> Spend:
    """`CeilingStore.spend` inside the caller's transaction."""
    cost = func.coalesce(JobRow.cost_usd, JobRow.estimate_usd)
    unpriced = and_(JobRow.is_billable, cost.is_(None))
    query = select(func.count(), func.coalesce(func.sum(cost), 0.0), func.count().filter(unpriced))
    query = query.where(JobRow.submitting_at.is_not(None))
    if run != WHOLE_BENCH:
        query = query.where(JobRow.run == run)
    n_jobs, usd, n_unpriced = session.execute(query).one()
    return Spend(n_jobs=n_jobs, usd=float(usd), n_unpriced=n_unpriced)


def ceiling_record(row: CeilingRow) -> Ceiling:
    """The record of a row."""
    return Ceiling(key=row.key, about=row.about, max_cost_usd=row.max_cost_usd, max_jobs=row.max_jobs)
