"""Jobs and ceilings as the bench keeps them: which may be tried again, what a row holds, what was spent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vbench.bench import Bench
from vbench.bench.ceilings import WHOLE_BENCH, Ceiling, Spend
from vbench.bench.jobs import Intent, LatestJob, StartOnly, plan_of
from vbench.records import Cell, Job, JobKey, Plan, Prompt, Request

BOAT = Prompt(id="boat", text="a red boat", tags=("water",), expects={"objects": ["boat"]})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


def intent(sample: int = 0, *, seconds: float = 4.0, usd: float | None = 0.5) -> Intent:
    request = Request(prompt=BOAT, sample=sample, seed=7, seconds=seconds)
    body = {"seconds": seconds}
    plan = Plan(model="paid", adapter="http", request=request, body=body, identity=body, cost_usd=usd, is_billable=True)
    return Intent(label="paid@deep", prompt=BOAT, sample=sample, plan=plan)


def begin(bench: Bench, *, run: str | None = None) -> Job | None:
    return bench.claim_job(
        ["paid@deep"],
        99,
        start=["paid@deep"],
        only=StartOnly(run=run),
        owner="somebody",
        lease_s=1e9,
        admit=lambda *_: None,
    )


def test_a_plan_comes_back_as_it_was_written(bench: Bench) -> None:
    wanted = intent()
    assert bench.add_jobs([wanted], run="r") == 1
    (job,) = bench.jobs()
    assert plan_of(job) == wanted.plan
    assert job.cell == wanted.cell == Cell("paid@deep", BOAT.key, 0)
    assert JobKey.parse(job.identity) == JobKey(wanted.identity, 1)
    assert bench.latest_jobs(["paid@deep"]) == {
        wanted.cell: LatestJob(state="planned", reason="", identity=wanted.identity, is_billable=True)
    }


@pytest.mark.parametrize("damaged", [{}, {"of": "another version"}, {"request": "none"}, {"request": {"prompt": 1}}])
def test_a_damaged_plan_is_no_plan(bench: Bench, damaged: dict[str, Any]) -> None:
    bench.add_jobs([intent()], run="r")
    (job,) = bench.jobs()
    broken = damaged if not damaged.get("request") else {**job.plan, **damaged}
    with pytest.raises((KeyError, TypeError, ValueError)):
        plan_of(replace(job, plan=broken))


def test_a_cell_has_one_open_job_and_its_plan_is_the_latest(bench: Bench) -> None:
    bench.add_jobs([intent()], run="r")
    assert bench.add_jobs([intent()], run="other") == 0
    assert [job.cell.sample for job in bench.jobs(run="other")] == [0]  # it counts against the other run now
    assert bench.add_jobs([intent(seconds=8.0)], run="r") == 1
    (job,) = bench.jobs()
    assert plan_of(job).request.seconds == 8.0
    begun = begin(bench)
    assert begun is not None
    assert bench.add_jobs([intent(seconds=2.0)], run="r") == 0  # it is being sent with the settings it has


@pytest.mark.parametrize(
    ("state", "retry", "identity", "may"),
    [
        ("planned", {"failed"}, "other", False),
        ("succeeded", {"succeeded"}, "other", False),
        ("failed", (), "same", False),
        ("failed", (), "other", True),
        ("failed", {"failed"}, "same", True),
        ("failed", {"crashed"}, "same", True),
        ("outcome_unknown", (), "other", False),
        ("outcome_unknown", {"outcome_unknown"}, "same", True),
    ],
)
def test_which_jobs_may_be_tried_again(state: Any, retry: Any, identity: str, may: bool) -> None:
    latest = LatestJob(state=state, reason="crashed", identity="same", is_billable=True)
    assert latest.may_retry(identity, retry) is may


def test_what_was_begun_counts_as_spent_by_its_run(bench: Bench) -> None:
    bench.add_jobs([intent(0), intent(1, usd=None)], run="a")
    bench.add_jobs([intent(2)], run="b")
    assert begin(bench, run="b") is not None
    assert begin(bench, run="b") is None  # the others are another run's
    assert bench.spend() == bench.spend("b") == Spend(n_jobs=1, usd=0.5, n_unpriced=0)
    assert begin(bench) is not None
    assert begin(bench) is not None
    assert bench.spend("a") == Spend(n_jobs=2, usd=0.5, n_unpriced=1)
    assert bench.spend(WHOLE_BENCH) == Spend(n_jobs=3, usd=1.0, n_unpriced=1)


def test_a_ceiling_is_set_and_changed(bench: Bench) -> None:
    bench.set_ceiling(Ceiling(max_jobs=3))
    bench.set_ceiling(Ceiling(max_jobs=3, max_cost_usd=2.0))
    assert bench.ceilings() == [Ceiling(key=WHOLE_BENCH, about="the whole bench", max_cost_usd=2.0, max_jobs=3)]


def test_the_first_answer_of_a_language_model_stays(bench: Bench) -> None:
    for text in ("a red boat at dusk", "something else"):
        bench.add_expansion("k", arm="deep", prompt_key=BOAT.key, text=text, info={})
    assert bench.expansions(["k", "unknown"]) == {"k": "a red boat at dusk"}
    assert bench.expansions([]) == {}
