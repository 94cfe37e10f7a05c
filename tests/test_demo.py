"""The demo end to end, and that its self-test fails where a fault was not planted or not seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vbench.adapters.synthetic import SyntheticAdapter
from vbench.bench import Bench
from vbench.catalog.cards import ModelCard
from vbench.demo import CLEAN, MOMENTS, SEEN_BY, TOOLS, check_demo, check_moments, check_no_moments
from vbench.generate import Wishes, generate
from vbench.records import Event, Outcomes
from vbench.score import score
from vbench.synthetic import tiny_clip_path

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.timeout(600)
SELF_TEST = sorted({metric for metrics in SEEN_BY.values() for metric in metrics})


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process without network settings, keys or a GPU."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_TOKEN"))}
    environment |= {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cwd / "no-cache")}
    return subprocess.run(
        [sys.executable, "-m", "vbench", *args], cwd=cwd, env=environment, capture_output=True, text=True, timeout=500
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """`vbench demo`, once; the folder it ran in and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", "--out", "out", "--json", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, json.loads(done.stdout)


def test_every_check_passes_and_the_files_are_where_it_says(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, report = demo
    assert [finding for finding in report["findings"] if not finding["passed"]] == []
    assert report["passed"]
    assert report["n_clips"] == 64
    assert {finding["tool"] for finding in report["findings"]} == {"all", *TOOLS}
    page = (folder / report["report"]).read_text()
    assert "synthetic-clean" in page
    rows = json.loads((folder / report["board"]).read_text())["rows"]
    assert {row["model"] for row in rows} == set(TOOLS)
    with Bench.open(folder / report["bench"], create=False) as bench:
        assert len(bench.clips()) == 64


def test_the_headline_puts_the_clean_tool_first(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, report = demo
    rows = json.loads((folder / report["board"]).read_text())["rows"]
    overall = {row["model"]: row["mean"] for row in rows if row["metric"] == "overall"}
    assert max(overall, key=overall.get) == CLEAN
    for tool in ("synthetic-still", "synthetic-wrong", "synthetic-flicker"):
        assert overall[tool] < overall[CLEAN] - 5


def test_a_second_run_makes_and_measures_nothing(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, report = demo
    with Bench.open(folder / report["bench"], create=False) as bench:
        before = {clip.id for clip in bench.clips()}
    done = run("demo", "--out", "out", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["seconds"] < report["seconds"] / 2
    assert again["findings"] == report["findings"]
    with Bench.open(folder / report["bench"], create=False) as bench:
        assert {clip.id for clip in bench.clips()} == before


@pytest.fixture(scope="module")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The demo's tools with the faults left out, each with shades of its own; small and short."""

    class Faultless(SyntheticAdapter):
        def plan(self, request: Any) -> Any:
            return super().plan(replace(request, seed=request.seed + TOOLS.index(self.card.id)))

    def make(card: ModelCard) -> SyntheticAdapter:
        return Faultless(card.model_copy(update={"options": {"defect": "none"}}))

    bench = Bench.open(tmp_path_factory.mktemp("faultless"))
    generate(
        bench,
        models=TOOLS,
        suite=ROOT / "prompts" / "demo.yaml",
        make=make,
        wishes=Wishes(seconds=2, width=320, height=240, fps=12),
    )
    score(bench, metrics=SELF_TEST, device="cpu", settings={"clip.model": str(tiny_clip_path())})
    return bench


def test_the_self_test_fails_for_every_tool_whose_fault_was_not_planted(faultless: Bench) -> None:
    findings = check_demo(faultless)
    for tool in SEEN_BY:
        mine = [finding for finding in findings if finding.tool == tool]
        assert mine
        assert not any(finding.passed for finding in mine), mine
    assert all(finding.passed for finding in findings if finding.tool in ("all", CLEAN))


@pytest.mark.parametrize("tool", MOMENTS)
def test_a_moment_at_the_wrong_time_or_twice_is_no_pass(
    tool: Any, demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Events are put in the place of the right ones; the check has to notice."""
    folder, report = demo
    kind = MOMENTS[tool]
    with Bench.open(folder / report["bench"], create=False) as bench:
        assert check_moments(bench, tool, kind).passed
        clip = bench.clips(models=[tool])[0]
    copied = copy_of(folder / report["bench"], tmp_path)
    with Bench.open(copied, create=False) as bench:
        event = next(e for e in bench.events(clip.id) if e.kind == kind)
        for wrong in ((moved(event, 0.5),), (event, moved(event, 0.5)), ()):
            bench.add_outcomes(Outcomes(clip=clip.id, events=(*wrong, replace(event, kind="worst"))))
            finding = check_moments(bench, tool, kind)
            assert not finding.passed
            assert "7 of 8" in finding.found
            assert clip.prompt.id in finding.found
        clean = bench.clips(models=[CLEAN])[0]
        assert check_no_moments(bench).passed
        bench.add_outcomes(Outcomes(clip=clean.id, events=(replace(event, clip=clean.id),)))
        assert not check_no_moments(bench).passed


def moved(event: Event, by_s: float) -> Event:
    return replace(event, start_s=event.start_s + by_s, end_s=event.end_s + by_s, frame=event.frame + 12)


def copy_of(bench: Path, to: Path) -> Path:
    import shutil

    shutil.copytree(bench, to / "bench")
    return to / "bench"


def test_a_failed_check_is_loud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import typer

    import vbench.cli.system as command
    import vbench.demo as module

    failed = module.Finding(tool="synthetic-cut", check="cut events", passed=False, found="0 of 8 clips")
    report = module.DemoReport(
        bench=tmp_path, report=tmp_path, board=tmp_path, n_clips=64, seconds=1.0, findings=(failed,)
    )
    monkeypatch.setattr(module, "run_demo", lambda out, say: report)
    with pytest.raises(typer.Exit) as exit_:
        command.demo(tmp_path)
    assert exit_.value.exit_code == 1
    printed = capsys.readouterr()
    assert "FAIL  cut events  0 of 8 clips" in printed.out
    assert "1 of 1 checks of the self-test failed" in printed.err
