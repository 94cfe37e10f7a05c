"""The matrix that a run would make: what is new, what is there, what it costs, and with which seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import billable
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.generate import RunSpec, Tool, Wishes, plan_jobs, plan_run
from vbench.generate.plan import seed_of

pytestmark = pytest.mark.usefixtures("quick")


def test_plan_shows_the_matrix_without_writing(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", work_s=90.0)
    wishes = Wishes(width=1280, height=720, fps=10, seconds=10)
    tools = [Tool(card=billable.card("dear", usd_per_clip=2.0)), Tool(card=billable.card("mystery", usd_per_clip=None))]
    adapters = {tool.label: server(tool.card) for tool in tools}
    matrix = plan_jobs(RunSpec(models=tools, prompts=TWO, samples=3, wishes=wishes), bench=bench, adapters=adapters)
    dear, mystery = matrix.tools
    assert (dict(dear.n), dear.cost_usd, mystery.cost_usd) == ({"new": 6}, 12.0, None)
    assert dear.hours == pytest.approx(6 * 90 / 3600 / 2)  # two at once
    assert dear.disk_bytes == pytest.approx(6 * 1280 * 720 * 100 * 0.02)
    assert (matrix.cost_usd, matrix.unpriced, matrix.n_new) == (12.0, ["mystery"], 12)
    assert bench.models() == {}
    assert bench.prompts() == []
    assert not server.seen()


def test_plan_knows_what_is_there(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": ["refused_output"]})
    run(bench, server)
    adapters = {"paid": server(billable.card())}
    spec = RunSpec(models=[billable.card()], prompts=TWO)
    matrix = plan_jobs(spec, bench=bench, adapters=adapters)
    assert dict(matrix.tools[0].n) == {"done": 1, "ended": 1}
    assert matrix.cost_usd == 0
    matrix = plan_jobs(replace(spec, retry={"refused_output"}), bench=bench, adapters=adapters)
    assert dict(matrix.tools[0].n) == {"done": 1, "new": 1}
    other = plan_jobs(replace(spec, wishes=Wishes(seconds=8)), bench=bench, adapters=adapters)
    assert dict(other.tools[0].n) == {"done": 1, "new": 1}  # other settings: the refused one may go, the clip is kept
    assert "made earlier with other settings; kept" in other.tools[0].warnings


def test_each_prompt_has_noise_of_its_own_and_every_tool_the_same() -> None:
    seeds = {seed_of(prompt, sample) for prompt in TWO for sample in range(3)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert [seed_of(TWO[1], sample, (5, 9)) for sample in range(2)] == [5, 9]


def test_plan_run_reads_names(bench: Bench) -> None:
    matrix = plan_run(bench, models=["synthetic-clean"], suite="demo", samples=2)
    assert matrix.n_new == 2 * len({cell.prompt.key for cell in matrix.cells})
    assert matrix.cost_usd == 0
