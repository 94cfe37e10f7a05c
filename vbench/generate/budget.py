"""Holds each job against the ceilings of its run and of the whole bench, which outlive the process."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from vbench.bench import Bench
from vbench.bench.ceilings import WHOLE_BENCH, Ceiling, Spend, check_limits, countable_usd
from vbench.bench.jobs import Admit
from vbench.errors import BudgetError, OptionError
from vbench.generate.pictures import pictures_folder
from vbench.generate.spec import RunSpec
from vbench.records import ToolLabel


class OverCeilingError(BudgetError):
    """The next job of a tool would pass a ceiling: it stays planned."""

    def __init__(self, message: str, *, model: str) -> None:
        super().__init__(message)
        self.model = model


def admission(allow_unpriced: Collection[str]) -> Admit:
    """What decides whether the next job may be sent.

    Args:
        allow_unpriced: Tools, without their arms, that may be used under a ceiling although they have no price.
    """

    def admit(ceiling: Ceiling, spend: Spend, model: str, estimate_usd: float | None) -> None:
        is_allowed = ToolLabel.parse(model).tool in allow_unpriced
        if why := why_over(ceiling, spend, model=model, estimate_usd=estimate_usd, allow_unpriced=is_allowed):
            raise OverCeilingError(why, model=model)

    return admit


def why_over(ceiling: Ceiling, spend: Spend, *, model: str, estimate_usd: float | None, allow_unpriced: bool) -> str:
    """Which ceiling one more job would pass, what was spent, what it costs, and how to go on; empty: it passes none."""
    if ceiling.max_jobs is not None and spend.n_jobs + 1 > ceiling.max_jobs:
        return (
            f"paused at the ceiling of {ceiling.max_jobs} jobs for {ceiling.about}; raise it with "
            f"`budget(run={ceiling.key}, max_jobs=N)`, then repeat the same line"
        )
    if ceiling.max_cost_usd is None:
        return ""
    if countable_usd(estimate_usd) is None or estimate_usd is None:
        if allow_unpriced:
            return ""
        return (
            f"{model}: its card has no price, so a ceiling of ${ceiling.max_cost_usd:.2f} cannot be kept; allow it "
            f"with `allow_unpriced={model}`, or leave it out"
        )
    if spend.usd + estimate_usd > ceiling.max_cost_usd + 1e-9:
        return (
            f"paused before the ceiling of ${ceiling.max_cost_usd:.2f} for {ceiling.about}: ${spend.usd:.2f} spent or "
            f"under way, the next clip of {model} costs about ${estimate_usd:.2f}; raise it with "
            f"`budget(run={ceiling.key}, max_cost=USD)`, then repeat the same line"
        )
    return ""


def budget(
    bench: Bench, *, run: str = "", max_cost: float | None = None, max_jobs: int | None = None
) -> list[tuple[Ceiling, Spend]]:
    """Every ceiling with what was spent under it, after the change that is asked for, if any.

    Args:
        bench: Whose.
        run: Key of the run whose ceiling changes, or ``bench``; empty: the one set last, or the whole bench's.
        max_cost: New ceiling in US dollars.
        max_jobs: New ceiling in jobs.

    Raises:
        OptionError: no such run has a ceiling, or what is given is none.
    """
    check_limits(max_cost, max_jobs)
    ceilings = bench.ceilings()
    if max_cost is not None or max_jobs is not None:
        key = run or (ceilings[0].key if ceilings else WHOLE_BENCH)
        known = {ceiling.key: ceiling for ceiling in ceilings}
        if key != WHOLE_BENCH and key not in known:
            raise OptionError(f"no run {key!r} has a ceiling; there are: {', '.join(known) or 'none'}, and bench")
        bench.set_ceiling(_changed(known.get(key, Ceiling()), max_cost, max_jobs))
        ceilings = bench.ceilings()
    whole = [] if any(ceiling.key == WHOLE_BENCH for ceiling in ceilings) else [Ceiling()]
    return [(ceiling, bench.spend(ceiling.key)) for ceiling in (*whole, *ceilings)]


def has_ceiling(bench: Bench, spec: RunSpec) -> bool:
    """Whether a sum in dollars holds what a run may cost: its own, one set for it before, or the whole bench's."""
    if spec.max_cost is not None:
        return True
    keys = {ceiling.key for ceiling in bench.ceilings() if ceiling.max_cost_usd is not None}
    if not keys:
        return False
    return bool(keys & {WHOLE_BENCH, spec.resolved().with_pictures(pictures_folder(bench)).key})


def set_run_ceiling(bench: Bench, spec: RunSpec) -> None:
    """Store what a resolved spec allows; a ceiling that `budget` has raised since is not lowered by repeating it."""
    if spec.max_cost is None and spec.max_jobs is None:
        return
    old = next((ceiling for ceiling in bench.ceilings() if ceiling.key == spec.key), None)
    old = old or Ceiling(key=spec.key, about=spec.about)
    max_cost, max_jobs = spec.max_cost, spec.max_jobs
    if max_cost is not None and old.max_cost_usd is not None:
        max_cost = max(max_cost, old.max_cost_usd)
    if max_jobs is not None and old.max_jobs is not None:
        max_jobs = max(max_jobs, old.max_jobs)
    bench.set_ceiling(_changed(old, max_cost, max_jobs))


def _changed(ceiling: Ceiling, max_cost: float | None, max_jobs: int | None) -> Ceiling:
    """The ceiling with those of its limits that are given."""
    return replace(
        ceiling,
        max_cost_usd=max_cost if max_cost is not None else ceiling.max_cost_usd,
        max_jobs=max_jobs if max_jobs is not None else ceiling.max_jobs,
    )
