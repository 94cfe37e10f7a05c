"""The commands that make clips, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vbench.bench import Bench
from vbench.cli import generate, jobs, main
from vbench.errors import OptionError

SUITE = "- {id: one, text: a red circle moves right over blue}\n- {id: two, text: a green square falls over grey}\n"
app = typer.Typer()
for command in (generate.plan, generate.generate, generate.run, jobs.status, jobs.cancel, jobs.budget):
    app.command(command.__name__)(command)
RUNNER = CliRunner()


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(SUITE)
    return path


def call(*words: object, code: int = 0) -> str:
    result = RUNNER.invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_plan_sees_what_a_bench_in_the_home_folder_holds(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    line = ("--suite", suite, "--models", "synthetic-clean", "--seconds", 1, "--bench", "~/bench")
    call("generate", *line)
    assert json.loads(call("plan", *line, "--json"))["new"] == 0


def test_plan_generate_budget_status(suite: Path, tmp_path: Path) -> None:
    line = ("--suite", suite, "--models", "synthetic-clean", "--samples", 2, "--seconds", 1, "--bench", tmp_path / "b")
    plan = json.loads(call("plan", *line, "--json"))
    assert plan["new"] == 4
    assert not (tmp_path / "b").exists()  # planning makes nothing
    assert "4 clips to make" in call("plan", *line)
    report = json.loads(call("generate", *line, "--max-jobs", 3, "--json", code=3))
    assert (report["made"], report["is_complete"]) == (3, False)
    assert "vbench budget --run" in report["paused"]["synthetic-clean"]
    run = json.loads(call("budget", "--bench", tmp_path / "b", "--json"))["ceilings"][1]
    assert (run["max_jobs"], run["spent"]["n_jobs"]) == (3, 3)
    assert "3 of 9 jobs" in call("budget", "--run", run["key"], "--max-jobs", 9, "--bench", tmp_path / "b")
    assert "1 clips made" in call("generate", *line)
    assert "4 succeeded" in call("status", "--bench", tmp_path / "b")
    assert json.loads(call("status", "--bench", tmp_path / "b", "--json"))["tools"]["synthetic-clean"] == {
        "succeeded": 4
    }
    assert "0 cancelled" in call("cancel", "--all", "--bench", tmp_path / "b")


def test_run_makes_and_measures(suite: Path, tmp_path: Path) -> None:
    line = ("--suite", suite, "--models", "synthetic-clean,synthetic-black", "--seconds", 1, "--preset", "offline")
    line = (*line, "--bench", tmp_path / "b")
    said = call("run", *line)
    assert "4 clips made" in said
    with Bench.open(tmp_path / "b") as bench:
        scores = bench.score_records()
        assert {score.key.clip for score in scores} == {clip.id for clip in bench.clips()}
        black = bench.score_records(metrics=["black_ratio"], models=["synthetic-black"])
        assert len(black) == 2
        assert all(score.value > 0 for score in black)
    assert f"{len(scores)} scores added to 4 clips" in said
    again = call("run", *line)
    assert "0 clips made" in again
    assert "0 scores added to 4 clips" in again


def test_what_is_planned_can_be_dropped(suite: Path, tmp_path: Path) -> None:
    line = ("--suite", suite, "--models", "synthetic-clean", "--seconds", 1, "--bench", tmp_path / "b")
    call("generate", *line, "--max-jobs", 1, code=3)
    assert "1 cancelled" in call("cancel", "--models", "synthetic-clean", "--bench", tmp_path / "b")
    assert "cancelled" in call("generate", *line, code=3)  # not made by itself any more
    assert "1 clips made" in call("generate", *line, "--retry", "cancelled", "--max-jobs", 9)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["generate", "--retry", "faild"], "did you mean failed"),
        (["generate", "--models", ","], "no tool is named"),
        (["cancel"], "nothing to cancel is named"),
        (["budget", "--run", "nope", "--max-jobs", "1"], "no run 'nope'"),
        (["budget", "--max-cost", "inf"], "`max_cost=` is inf"),
        (["budget", "--max-cost", "nan"], "`max_cost=` is nan"),
    ],
)
def test_mistakes_are_sentences(words: list[str], sentence: str, suite: Path, tmp_path: Path) -> None:
    Bench.open(tmp_path / "b").close()
    more = ["--suite", str(suite)] if words[0] == "generate" else []
    more += ["--models", "synthetic-clean"] if words[0] == "generate" and "--models" not in words else []
    with pytest.raises(OptionError, match=sentence):
        call(*words, *more, "--bench", tmp_path / "b")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--samples", 0), "vbench: --samples is 0; give 1 or more\n"),
        (("--only-sample", 3), "vbench: --only-sample is 3; with --samples 1 there are 0 to 0\n"),
        (
            ("--retry", "faild"),
            "vbench: --retry: 'faild' is no state or reason of an ended job; did you mean failed or download_failed?\n",
        ),
        (("--models", ","), "vbench: no tool is named; say --models with one or more of vbench models\n"),
        *(
            (
                ("--max-cost", usd),
                f"vbench: --max-cost is {float(usd):g}; give US dollars, 0 or more, or leave it out for no ceiling\n",
            )
            for usd in ("inf", "nan", "1e400")
        ),
        (("--seconds", "nan"), "vbench: --seconds is nan; give a number above 0 and below 100000\n"),
    ],
)
def test_what_is_wrong_is_told_by_its_flag(
    words: tuple[object, ...],
    sentence: str,
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ("vbench", "generate", "--suite", suite, "--models", "synthetic-clean", "--bench", tmp_path / "b", *words)
    monkeypatch.setattr(sys, "argv", [str(word) for word in line])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_where_it_was(number: signal.Signals, suite: Path, tmp_path: Path) -> None:
    script = "import sys; from tests.cli.test_generate_cli import app; app(sys.argv[1:])"
    line = ["generate", "--suite", str(suite), "--models", "synthetic-clean", "--samples", "20", "--seconds", "1"]
    line += ["--bench", str(tmp_path / "b")]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *line],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for text in process.stderr:
        if text.startswith("made"):
            break
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode != 0
    with Bench.open(tmp_path / "b") as bench:
        before = len(bench.clips())
    assert 1 <= before < 40
    assert f"{40 - before} clips made" in call(*line)
