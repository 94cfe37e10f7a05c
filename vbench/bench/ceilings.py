"""What may be spent, by one run or by all of them, and what was."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.orm import Session

from vbench.bench.tables import CeilingRow, JobRow, JudgeCallRow
from vbench.bench.workspace import Workspace, now
from vbench.errors import OptionError

WHOLE_BENCH = "bench"
"""Key of the ceiling over all runs."""
MAX_JOBS = 2**31 - 1
"""What every database takes as a number."""
PLAUSIBLE_FACTOR = 10.0
"""How far a bill may lie from its estimate, up or down, and be believed. Between the cheapest and the dearest tier of
one tool lies a factor of 6, with sound or a discount 10 at most; a unit that is mistaken (cents for dollars, ticks for
credits) is off by 100 and more."""
MAX_USD_PER_CLIP = 1000.0
"""What a bill may say of a clip whose price nobody knows and be believed: far above any tool's longest clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What was started in a bench so far."""

    n_jobs: int
    usd: float
    """Billed where known, else estimated; of jobs, and of requests to judges."""
    n_unpriced: int
    """Billable jobs and requests without a price: they cost something on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What may be started by one run, however often it is repeated, or in the whole bench; None: no limit."""

    key: str = WHOLE_BENCH
    """Of the run."""
    about: str = "the whole bench"
    max_cost_usd: float | None = None
    max_jobs: int | None = None

    def __post_init__(self) -> None:
        check_limits(self.max_cost_usd, self.max_jobs)


def check_limits(max_cost: float | None, max_jobs: int | None) -> None:
    """Refuse what is no limit: nothing is larger than infinity, and nothing compares with what is no number.

    Raises:
        OptionError: with the name of the parameter.
    """
    if max_cost is not None and not (math.isfinite(max_cost) and max_cost >= 0):
        raise OptionError(f"`max_cost=` is {max_cost:g}; give US dollars, 0 or more, or leave it out for no ceiling")
    if max_jobs is not None and not 0 <= max_jobs <= MAX_JOBS:
        raise OptionError(f"`max_jobs=` is {max_jobs}; give a number from 0 to {MAX_JOBS}, or leave it out")


def countable_usd(usd: float | None) -> float | None:
    """An amount that sums and compares; None: no price, also where it is negative or no number."""
    return usd if usd is not None and math.isfinite(usd) and usd >= 0 else None


def believed_usd(billed: float, estimate: float | None) -> float | None:
    """What counts of an amount that an answer claims was billed; None: what was estimated counts, as without a claim.

    A claim lowers what counts below the estimate only where it is plausible (see `PLAUSIBLE_FACTOR`). One that is too
    high counts as the highest that is plausible: it may be a mistake, and it may have been charged.

    Args:
        billed: US dollars, as the answer says.
        estimate: What the clip should have cost; None: nobody knows.
    """
    if countable_usd(billed) is None:
        return None
    most = MAX_USD_PER_CLIP if not estimate else estimate * PLAUSIBLE_FACTOR
    least = estimate / PLAUSIBLE_FACTOR if estimate else 0.0
    return None if billed < least else min(billed, most)


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
    n_jobs, jobs_usd, jobs_unpriced = _sums(session, run, JobRow, JobRow.submitting_at.is_not(None))
    _, calls_usd, calls_unpriced = _sums(session, run, JudgeCallRow, JudgeCallRow.state != "failed")
    return Spend(n_jobs=n_jobs, usd=jobs_usd + calls_usd, n_unpriced=jobs_unpriced + calls_unpriced)


def _sums(
    session: Session, run: str, table: type[JobRow] | type[JudgeCallRow], begun: ColumnElement[bool]
) -> tuple[int, float, int]:
    """How many were begun, what they cost in US dollars, and how many of those that cost something have no price."""
    cost = func.coalesce(table.cost_usd, table.estimate_usd)
    unpriced = and_(table.is_billable, cost.is_(None))
    paid = case((cost > 0, cost), else_=0.0)  # nothing that a tool answers makes room under a ceiling
    query = select(func.count(), func.coalesce(func.sum(paid), 0.0), func.count().filter(unpriced)).where(begun)
    if run != WHOLE_BENCH:
        query = query.where(table.run == run)
    n, usd, n_unpriced = session.execute(query).one()
    return n, float(usd), n_unpriced


def ceiling_record(row: CeilingRow) -> Ceiling:
    """The record of a row; what an earlier version took for a limit and is none, such as infinity, is none here."""
    return Ceiling(key=row.key, about=row.about, max_cost_usd=countable_usd(row.max_cost_usd), max_jobs=row.max_jobs)
