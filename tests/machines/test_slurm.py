"""Runs as jobs that submitit hands in, by its executor for this machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.generate.paid import Server
from tests.machines.conftest import N_CLIPS, answer, vbench
from vbench.bench import Bench
from vbench.machines.share import Order
from vbench.machines.slurm import Work
from vbench.score.spec import ScoreSpec

LOCAL = ("--engine", "slurm", "--engine-set", "cluster=local", "--engine-set", "cpus=1", "--machines", "2")


def test_jobs_divide_the_clips(bench_folder: Path) -> None:
    report = answer(vbench("score", "--metrics", "flicker", *LOCAL, "--bench", str(bench_folder)))
    assert (report["n_clips"], report["n_skipped"], report["n_scores"]) == (N_CLIPS, 0, N_CLIPS)
    with Bench.open(bench_folder, create=False) as bench:
        assert len(bench.score_records()) == N_CLIPS
    assert (bench_folder / "slurm").stat().st_mode & 0o077 == 0, "the database's password is in what is handed in"


def test_jobs_divide_what_is_to_be_made(paid_tool: Server, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("prompts:\n- {id: fox, text: a red fox}\n- {id: cat, text: a black cat}\n")
    words = ["generate", "--models", "paid", "--suite", str(tmp_path / "two.yaml"), "--max-cost", "5"]
    paid_tool.folder.mkdir()
    (paid_tool.folder / "go").touch()
    report = answer(vbench(*words, *LOCAL, "--bench", str(tmp_path / "bench")))
    assert (report["made"], report["is_complete"]) == (2, True)
    assert paid_tool.seen() == {"paid fox 0": 1, "paid cat 0": 1}
    assert Counter(report["states"]) == {"succeeded": 2}


def test_a_preempted_job_is_queued_again_as_it_was(bench_folder: Path) -> None:
    with Bench.open(bench_folder, create=False) as bench:
        order = Order.of(bench, ScoreSpec(metrics=("flicker",), workers=1))
        again = Work(order).checkpoint()
        share = again.function(*again.args, **again.kwargs)
        assert share.problem == ""
        assert len(bench.score_records()) == N_CLIPS
