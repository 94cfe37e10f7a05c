"""One bench for scripts and for stages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vbench.bench
from tests.records import a_clip, an_info, give
from vbench import Bench
from vbench.rank.board import leaderboard
from vbench.records import Prompt

RAIN = Prompt(id="rain", text="rain")


def test_the_bench_of_a_script_is_the_one_that_stages_take(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "b") as bench:
        assert isinstance(bench, vbench.bench.Bench)
        bench.add_metrics([an_info("good")])
        for n, tool in enumerate(("alpha", "beta")):
            give(bench, a_clip(tool, RAIN), good=1.0 + n)
        assert [clip.model for clip in bench.clips()] == ["alpha", "beta"]
        assert bench.board() == leaderboard(bench)
        assert [row.model for row in bench.board(metrics=["good"]).rows] == ["beta", "alpha"]
        assert [score.value for score in bench.score_records()] != []


def test_scores_are_a_frame_that_can_be_grouped(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "b") as bench:
        bench.add_metrics([an_info("good")])
        for n in range(2):
            give(bench, a_clip("alpha", RAIN, sample=n), good=1.0 + n)
        assert bench.scores().groupby(["model", "metric"]).value.mean().to_dict() == {("alpha", "good"): 1.5}


def test_a_folder_becomes_clips(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with Bench.open(tmp_path / "b") as bench:
        assert bench.import_folder(tmp_path / "clips").counts == {}


def test_it_is_not_loaded_before_it_is_asked_for() -> None:
    code = "import sys, vbench; assert 'sqlalchemy' not in sys.modules; vbench.Bench; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
