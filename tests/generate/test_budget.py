"""Ceilings: a run pauses before it would pass one, and goes on when it is raised."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.paid import Server, run
from vbench.bench import Bench
from vbench.bench.ceilings import Ceiling, believed_usd
from vbench.bench.tables import CeilingRow, JobRow
from vbench.errors import OptionError
from vbench.generate import RunSpec, Wishes, retry_job
from vbench.generate.budget import budget
from vbench.records import Handle, Plan, Prompt, Provenance

pytestmark = pytest.mark.usefixtures("quick")


def test_pauses_before_the_ceiling_and_goes_on_when_it_is_raised(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(5)]
    report = run(bench, server, prompts=prompts, max_cost=1.2)
    assert report.made == 2
    assert report.spend.usd == pytest.approx(1.0)
    assert "ceiling of $1.20" in report.paused["paid"]
    assert "`budget(run=" in report.paused["paid"]
    assert run(bench, server, prompts=prompts, max_cost=1.2).made == 0  # a restart is no new budget
    (ceiling,) = bench.ceilings()
    bench.set_ceiling(replace(ceiling, max_cost_usd=2.0))
    assert run(bench, server, prompts=prompts, max_cost=1.2).made == 2  # the same line, and what was raised stays so
    other = run(bench, server, models=[billable.card("other")], prompts=prompts[:1], max_cost=0.6)
    assert other.made == 1  # another run has a ceiling of its own
    bench.set_ceiling(Ceiling(max_cost_usd=2.6))
    whole = run(bench, server, prompts=prompts, max_cost=9.0)
    assert whole.made == 0
    assert "the whole bench" in whole.paused["paid"]
    assert run(bench, server, prompts=prompts, max_jobs=5, max_cost=9.0).spend.n_jobs == 5


def test_number_of_jobs_has_a_ceiling_too(bench: Bench, tmp_path: Path) -> None:
    report = run(bench, Server(tmp_path / "server"), max_jobs=1)
    assert report.made == 1
    assert "ceiling of 1 jobs" in report.paused["paid"]


def test_a_tool_without_a_price_needs_a_word_under_a_ceiling(bench: Bench, tmp_path: Path) -> None:
    server, card = Server(tmp_path / "server"), billable.card("mystery", usd_per_clip=None)
    report = run(bench, server, models=[card], max_cost=5.0)
    assert report.made == 0
    assert "`allow_unpriced=mystery`" in report.paused["mystery"]
    assert run(bench, server, models=[card], max_cost=5.0, allow_unpriced=["mystery"]).made == 2
    assert run(bench, server, models=[card], prompts=[Prompt(id="x", text="x")]).made == 1  # without a ceiling it may


ENDLESS = [math.inf, -math.inf, math.nan, float("1e400"), -0.01]


@pytest.mark.parametrize("usd", ENDLESS)
def test_what_is_no_ceiling_is_refused_wherever_one_is_given(bench: Bench, usd: float) -> None:
    takers: list[Any] = [
        lambda: RunSpec(models=["kling-v3"], max_cost=usd),
        lambda: RunSpec.from_json({"models": ["kling-v3"], "max_cost": usd}),
        lambda: budget(bench, max_cost=usd),
        lambda: Ceiling(max_cost_usd=usd),
        lambda: retry_job(bench, "0", max_cost=usd),
    ]
    for take in takers:
        with pytest.raises(OptionError, match=r"`max_cost=` is (-?inf|nan|-0\.01); give US dollars, 0 or more"):
            take()


@pytest.mark.parametrize("n_jobs", [-1, 2**31, 10**30])
def test_a_number_of_jobs_that_no_database_takes_is_refused(bench: Bench, n_jobs: int) -> None:
    for take in (lambda: RunSpec(models=["kling-v3"], max_jobs=n_jobs), lambda: budget(bench, max_jobs=n_jobs)):
        with pytest.raises(OptionError, match="`max_jobs=` is"):
            take()


@pytest.mark.parametrize("name", ["seconds", "width", "height", "fps"])
@pytest.mark.parametrize("wish", [math.inf, math.nan, 0, -5, 1e30])
def test_a_wish_from_which_no_price_can_be_computed_is_refused(name: str, wish: float) -> None:
    with pytest.raises(OptionError, match=f"`{name}=` is"):
        RunSpec(models=["kling-v3"], wishes=Wishes(**{name: wish}))


@pytest.mark.parametrize("usd", [math.inf, -3.0])
def test_a_ceiling_that_stands_in_an_old_bench_can_be_read_and_set(bench: Bench, usd: float) -> None:
    bench.set_ceiling(Ceiling(max_cost_usd=1.0))
    with bench.write() as session:
        session.execute(update(CeilingRow).values(max_cost_usd=usd))
    assert bench.ceilings()[0].max_cost_usd is None
    assert budget(bench, max_cost=2.0)[0][0].max_cost_usd == 2.0


@pytest.mark.parametrize(
    ("billed", "estimate", "counts"),
    [
        (0.6, 0.5, 0.6),  # what was billed, where that can be
        (0.05, 0.5, 0.05),  # a tenth: a cheaper tier
        (5.0, 0.5, 5.0),  # ten times: a dearer one
        (0.04, 0.5, None),
        (0.0, 0.5, None),
        (-100.0, 0.5, None),
        (5.1, 0.5, 5.0),
        (6e9, 0.5, 5.0),  # ticks taken for credits
        (math.inf, 0.5, None),
        (math.nan, 0.5, None),
        (-1.0, None, None),
        (0.0, None, 0.0),
        (7.0, None, 7.0),
        (1e300, None, 1000.0),
    ],
)
def test_a_bill_is_believed_within_ten_times_its_estimate(
    billed: float, estimate: float | None, counts: float | None
) -> None:
    assert believed_usd(billed, estimate) == counts


@pytest.mark.parametrize(
    ("billed", "spent", "n_made"),
    [(-100.0, 1.0, 2), (0.0, 1.0, 2), (1e12, 5.0, 1), (0.25, 0.75, 3), (math.nan, 1.0, 2)],
)
def test_no_bill_lifts_a_ceiling(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, billed: float, spent: float, n_made: int
) -> None:
    fetch = BillableAdapter.fetch

    def claims(self: BillableAdapter, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        path, provenance = fetch(self, handle, out)
        return path, replace(provenance, cost_usd=billed)

    monkeypatch.setattr(BillableAdapter, "fetch", claims)
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(6)]
    card = billable.card(concurrency=1)
    report = run(bench, Server(tmp_path / "server"), models=[card], prompts=prompts, max_cost=1.2)
    assert report.made == n_made
    assert report.spend.usd == pytest.approx(spent)
    facts = bench.clips()[0].provenance
    if billed == 0.25:
        assert (facts.cost_usd, facts.warnings) == (0.25, ())
    else:
        assert facts.extra["claimed_usd"] == str(billed)
        assert any("the estimate is $0.5" in warning for warning in facts.warnings)


def test_a_sum_of_old_rows_counts_what_is_below_zero_as_zero(bench: Bench, tmp_path: Path) -> None:
    run(bench, Server(tmp_path / "server"))
    with bench.write() as session:
        session.execute(update(JobRow).where(JobRow.id == bench.jobs()[0].id).values(cost_usd=-40.0))
    assert bench.spend().usd == 0.5


@pytest.mark.parametrize("usd", [math.nan, -1.0, math.inf])
def test_an_estimate_that_is_no_price_is_none(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usd: float
) -> None:
    plan = BillableAdapter.plan

    def odd(self: BillableAdapter, request: Any) -> Plan:
        return replace(plan(self, request), cost_usd=usd)

    monkeypatch.setattr(BillableAdapter, "plan", odd)
    report = run(bench, Server(tmp_path / "server"), max_cost=1.0)
    assert report.made == 0
    assert "its card has no price" in report.paused["paid"]
