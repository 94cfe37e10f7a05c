"""What may be spent, and what was: ceilings per run and over the whole bench, kept over restarts."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from vbench.bench import Bench, now
from vbench.bench.tables import CeilingRow, JobRow
from vbench.errors import BudgetError

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


def spend(bench: Bench, run: str = WHOLE_BENCH) -> Spend:
    """What was started so far, by all processes."""
    with bench.session() as session:
        return spend_in(session, run)


def ceilings(bench: Bench) -> list[Ceiling]:
    """All that are set, the latest first."""
    with bench.session() as session:
        rows = session.scalars(select(CeilingRow).order_by(CeilingRow.updated.desc(), CeilingRow.key))
        return [as_ceiling(row) for row in rows]


def set_ceiling(bench: Bench, ceiling: Ceiling) -> None:
    """Change what may be started; a run in progress heeds it from its next job on."""
    with bench.write() as session:
        row = asdict(ceiling) | {"updated": now()}
        if not bench.database.insert_new(session, CeilingRow, [row]):  # another process may be first
            session.execute(update(CeilingRow).where(CeilingRow.key == ceiling.key).values(**row))


def check_ceiling(
    ceiling: Ceiling, spend: Spend, *, model: str, estimate_usd: float | None, allow_unpriced: bool
) -> None:
    """Refuse the job that would pass a ceiling.

    Raises:
        BudgetError: which ceiling, what was spent, what this one costs, and how to go on.
    """
    if ceiling.max_jobs is not None and spend.n_jobs + 1 > ceiling.max_jobs:
        raise BudgetError(
            f"paused at the ceiling of {ceiling.max_jobs} jobs for {ceiling.about}; raise it with "
            f"vbench budget --run {ceiling.key} --max-jobs N, then repeat the same line"
        )
    if ceiling.max_cost_usd is None:
        return
    if estimate_usd is None:
        if allow_unpriced:
            return
        raise BudgetError(
            f"{model}: its card has no price, so a ceiling of ${ceiling.max_cost_usd:.2f} cannot be kept; allow it "
            f"with --allow-unpriced {model}, or leave it out"
        )
    if spend.usd + estimate_usd > ceiling.max_cost_usd + 1e-9:
        raise BudgetError(
            f"paused before the ceiling of ${ceiling.max_cost_usd:.2f} for {ceiling.about}: ${spend.usd:.2f} spent or "
            f"under way, the next clip of {model} costs about ${estimate_usd:.2f}; raise it with "
            f"vbench budget --run {ceiling.key} --max-cost USD, then repeat the same line"
        )


def spend_in(session: Session, run: str) -> Spend:
    """`spend` inside the caller's transaction."""
    cost = func.coalesce(JobRow.cost_usd, JobRow.estimate_usd)
    unpriced = and_(JobRow.is_billable, cost.is_(None))
    query = select(func.count(), func.coalesce(func.sum(cost), 0.0), func.count().filter(unpriced))
    query = query.where(JobRow.submitting_at.is_not(None))
    if run != WHOLE_BENCH:
        query = query.where(JobRow.run == run)
    n_jobs, usd, n_unpriced = session.execute(query).one()
    return Spend(n_jobs=n_jobs, usd=float(usd), n_unpriced=n_unpriced)


def as_ceiling(row: CeilingRow) -> Ceiling:
    """The record of a row."""
    return Ceiling(key=row.key, about=row.about, max_cost_usd=row.max_cost_usd, max_jobs=row.max_jobs)
