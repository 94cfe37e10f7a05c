"""Money is agreed to before it is spent, and what nobody knows is never a zero."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.fakes import billable
from tests.generate.paid import Server
from vbench.bench import Bench
from vbench.cli import generate, jobs
from vbench.errors import BudgetError

app = typer.Typer()
for command in (generate.plan, generate.generate, jobs.status, jobs.budget):
    app.command(command.__name__)(command)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A tool that costs half a dollar a clip, in place of every card."""
    server = Server(tmp_path / "server", poll_s=0.01)
    monkeypatch.setattr("vbench.generate.plan.make_adapter", server)
    monkeypatch.setattr("vbench.generate.generate.__kwdefaults__", {"spec": None, "progress": None, "make": server})
    monkeypatch.setattr(
        "vbench.catalog.cards.find_card", lambda name: billable.card(name, usd_per_clip=None if name == "dark" else 0.5)
    )
    (tmp_path / "two.yaml").write_text("prompts:\n- {id: fox, text: a red fox}\n- {id: cat, text: a black cat}\n")
    return server


def call(tmp_path: Path, verb: str, *words: str, code: int = 0, typed: str = "") -> str:
    line = [verb, *words, "--bench", str(tmp_path / "b")]
    if verb in ("plan", "generate"):
        line += ["--suite", str(tmp_path / "two.yaml")]
    result = CliRunner().invoke(app, line, input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr(generate, "is_terminal", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    return asked


def test_where_nobody_can_be_asked_nothing_is_spent(tmp_path: Path, server: Server) -> None:
    with pytest.raises(BudgetError, match=r"2 clips to pay for, \$1\.00: say that you agree with `yes=`"):
        call(tmp_path, "generate", "--models", "paid")
    assert not server.seen()


@pytest.mark.parametrize("agreed", [["--yes"], ["--max-cost", "2"]])
def test_a_word_or_a_ceiling_agrees(tmp_path: Path, server: Server, agreed: list[str]) -> None:
    assert "$1.00 spent" in call(tmp_path, "generate", "--models", "paid", *agreed)
    call(tmp_path, "generate", "--models", "paid")  # all of it is there: nothing is asked
    assert sum(server.seen().values()) == 2


def test_a_ceiling_set_before_still_agrees(tmp_path: Path, server: Server) -> None:
    call(tmp_path, "generate", "--models", "paid", "--max-cost", "0.6", code=3)
    call(tmp_path, "budget", "--max-cost", "5")
    assert "2 succeeded" in call(tmp_path, "generate", "--models", "paid")


def test_a_person_is_asked_once_with_the_price(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = on_a_terminal(monkeypatch, answer=False)
    assert "nothing was sent" in call(tmp_path, "generate", "--models", "paid", code=2)
    assert asked == ["2 clips to pay for, $1.00. Go on?"]
    assert not server.seen()
    on_a_terminal(monkeypatch, answer=True)
    call(tmp_path, "generate", "--models", "paid")
    assert sum(server.seen().values()) == 2


def test_what_nobody_knows_is_unknown_and_no_zero(tmp_path: Path, server: Server, monkeypatch: Any) -> None:
    shown = call(tmp_path, "plan", "--models", "dark")
    assert "2 clips to make, an unknown sum for dark" in shown
    assert "$0.00" not in shown.splitlines()[-1]
    asked = on_a_terminal(monkeypatch, answer=True)
    monkeypatch.setattr(billable.BillableAdapter, "fetch", _free_of_bills(billable.BillableAdapter.fetch))
    report = call(tmp_path, "generate", "--models", "dark")
    assert asked == ["2 clips to pay for, an unknown sum for dark. Go on?"]
    assert "an unknown sum on 2 jobs spent" in report
    assert "$0.00" not in report
    assert "an unknown sum on 2 jobs spent" in call(tmp_path, "status")
    assert json.loads(call(tmp_path, "plan", "--models", "dark", "--json"))["tools"][0]["price_checked_on"] is None


def _free_of_bills(fetch: Any) -> Any:
    """The tool says nothing of what it charged."""
    from dataclasses import replace

    def fetched(self: Any, handle: Any, out: Path) -> Any:
        path, provenance = fetch(self, handle, out)
        return path, replace(provenance, cost_usd=None, cost_source="")

    return fetched


def test_no_clip_is_planned_of_a_tool_past_its_end(tmp_path: Path, server: Server, monkeypatch: Any) -> None:
    ended = billable.card("gone", status="deprecated", retired_on="2026-01-01")
    monkeypatch.setattr("vbench.catalog.cards.find_card", lambda _name: ended)
    tool = json.loads(call(tmp_path, "plan", "--models", "gone", "--json"))["tools"][0]
    assert tool["clips"] == {"impossible": 2}
    with Bench.open(tmp_path / "b") as bench:
        assert bench.jobs() == []
