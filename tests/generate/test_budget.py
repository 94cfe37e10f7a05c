"""Ceilings: a run pauses before it would pass one, and goes on when it is raised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import billable
from tests.generate.paid import Server, run
from vbench.bench import Bench
from vbench.bench.ceilings import Ceiling
from vbench.records import Prompt

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
