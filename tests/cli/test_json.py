"""Every command that prints JSON says by which schema, and `docs/json.md` tells what is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tests.bench.test_bench import make_clip
from tests.vbench1.test_totals import RAW
from vbench.bench import Bench
from vbench.cli import app
from vbench.demo import DemoReport
from vbench.records import MetricInfo, Outcomes, Score, ScoreKey
from vbench.validate import RatedAgreement

DOCS = Path(__file__).parents[2] / "docs" / "json.md"
FLICKER = MetricInfo(
    name="flicker", version=1, unit="levels", higher_is_better=False, bounds=(0.0, 255.0), group="temporal", about="x"
)


@dataclass(frozen=True)
class Nothing:
    """What a stage gives that is not run here."""

    notes: tuple[str, ...] = ()
    is_complete: bool = True


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bench with one clip and one score, and the files that commands read; long stages are not run."""
    for name in ("VBENCH_DB", "VBENCH_MEDIA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VBENCH_HOME", str(tmp_path / "bench"))
    monkeypatch.chdir(tmp_path)
    with Bench.open() as bench:
        clip = make_clip()
        bench.add_clip(clip)
        bench.add_metrics([FLICKER])
        score = Score(key=ScoreKey(clip=clip.id, metric="flicker", version=1), value=1.5)
        bench.add_outcomes(Outcomes(clip=clip.id, scores=(score,)))
    (tmp_path / "clips").mkdir()
    (tmp_path / "suite.yaml").write_text("- {id: one, text: a red circle}\n")
    (tmp_path / "table.csv").write_text(f"name,{','.join(RAW)}\nA,{','.join(str(value) for value in RAW.values())}\n")
    report = DemoReport(bench=tmp_path, report=tmp_path, board=tmp_path, n_clips=1, seconds=1.0, findings=())
    stages: dict[str, Any] = {
        "vbench.demo.run_demo": report,
        "vbench.selftest.run_selftest": [],
        "vbench.score.score": Nothing(),
        "vbench.score.calibrate.calibrate": [],
        "vbench.score.distance.distance": Nothing(),
        "vbench.rank.agreement.agreement": Nothing(),
        "vbench.doctor.examine": [],
        "vbench.judge.judge": Nothing(),
        "vbench.validate.validate": RatedAgreement(set="fetv", revision="", rows=(), ceiling={}, n_clips=0),
        "vbench.judge.report_card.report_card": {"judge": "planted-good"},
        "vbench.rank.efficiency.efficiency": Nothing(),
        "vbench.rank.efficiency.route": Nothing(),
        "vbench.rank.efficiency.tags_like": (),
        "vbench.publish.target.publish": Nothing(),
    }

    def given(value: Any) -> Callable[..., Any]:
        return lambda *_, **__: value

    for name, value in stages.items():
        monkeypatch.setattr(name, given(value))
    return tmp_path


LINES = {
    "demo": [("demo",)],
    "import": [
        ("import", "clips", "--prompts", "suite.yaml", "--dry-run"),
        ("import", "clips", "--guess", "--dry-run"),
    ],
    "prompts": [("prompts",), ("prompts", "core"), ("prompts", "lint", "suite.yaml"), ("prompts", "questions", "core")],
    "models": [("models",), ("models", "synthetic-clean"), ("models", "check", "synthetic-clean")],
    "plan": [("plan", "--suite", "suite.yaml", "--models", "synthetic-clean")],
    "generate": [("generate", "--suite", "suite.yaml", "--models", "synthetic-clean", "--max-jobs", "0")],
    "status": [("status",)],
    "budget": [("budget",)],
    "score": [("score",)],
    "show": [("show", make_clip().id)],
    "judge": [
        ("judge", "--with", "planted-good"),
        ("judge", "list"),
        ("judge", "card", "planted-good"),
        ("judge", "defects"),
    ],
    "selftest": [("selftest",)],
    "board": [("board",)],
    "selects": [("selects",), ("selects", "--best-of")],
    "agreement": [("agreement", "ratings.csv")],
    "calibrate": [("calibrate", "--out", "reference.json")],
    "validate": [("validate", "fetv", "--folder", ".")],
    "totals": [("totals", "table.csv")],
    "distance": [("distance", "--a", "x", "--b", "y")],
    "doctor": [("doctor",)],
    "compare": [("compare", "tool", "tool")],
    "regress": [("regress", "tool", "tool")],
    "gate": [("gate", "tool", "tool", "--fail-if", "flicker rise>1")],
    "power": [("power", "--effect", "1", "--sd", "1", "--prompts", "30")],
    "efficiency": [("efficiency",)],
    "route": [("route", "--like", "camera")],
    "publish": [("publish", "site")],
}
"""Command → lines of it that print each kind of document it has."""


def documented() -> dict[str, int]:
    """Command → number of its schema, as the docs have it."""
    rows = re.findall(r"^\| `vbench ([a-z]+)[^|]*\| ([0-9]+) \|", DOCS.read_text(), flags=re.MULTILINE)
    return {command: int(number) for command, number in rows}


def printed(*words: str) -> Any:
    run = CliRunner().invoke(app, words)
    assert run.stdout, (words, run.exception)
    return json.loads(run.stdout)


def test_every_json_says_its_schema(place: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    printing = {name for name, command in commands.items() if any("--json" in each.opts for each in command.params)}
    assert printing == LINES.keys(), "a command that is new has a line here"
    told = documented()
    for command, lines in LINES.items():
        for line in lines:
            document = printed(*line, "--json")
            assert isinstance(document, dict), f"{line}: a list has no room for what is added later"
            assert document["schema"] == told[command], f"{line}: docs/json.md"


def test_the_scores_say_it_too(place: Path) -> None:
    document = printed("scores", "--format", "json")
    assert document["schema"] == documented()["scores"]
    assert [row["value"] for row in document["rows"]] == [1.5]
    assert printed("scores", "--format", "json", "--bench", str(place / "bench"))["rows"][0]["metric"] == "flicker"
