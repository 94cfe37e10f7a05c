"""What of `--engine` and its options cannot be meant is told in a sentence."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from vbench.bench import Bench
from vbench.cli.options import fleet_of
from vbench.errors import BenchError, OptionError, UserError, as_typed
from vbench.generate import RunSpec
from vbench.machines import Fleet, generate, score
from vbench.machines.share import Order, work_off
from vbench.score.spec import ScoreSpec


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("slurm", None, []), "the database is a file on this machine"),
        (("slurm", None, ["cluster=cloud"]), "write slurm or local"),
        (("slurm", 2, ["cluster=local", "minutes=soon"]), "--engine-set minutes is 'soon'; give a whole number"),
        (("slurm", 2, ["queue=gpu"]), "partition (of Slurm)"),
        (("slurm", 0, []), "--machines is 0"),
        (("ray", None, ["cpus"]), "--engine-set 'cpus': expected NAME=VALUE"),
        (("local", 2, []), "go with --engine ray or slurm"),
        (("local", None, ["cpus=1"]), "go with --engine ray or slurm"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, words: tuple[str, int | None, list[str]], sentence: str) -> None:
    with Bench.open(tmp_path / "bench") as bench, pytest.raises(UserError) as told:
        score(bench, ScoreSpec(metrics=("flicker",)), fleet_of(*words))
    assert sentence in as_typed(str(told.value))


def test_ended_jobs_are_not_tried_again_by_several(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench, pytest.raises(OptionError, match="each process of ray would"):
        generate(bench, RunSpec(models=["synthetic-clean"], retry={"failed"}), Fleet(engine="ray"))


def test_a_process_that_cannot_work_says_why(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        order = Order.of(bench, ScoreSpec(metrics=("no_such_metric",)))
    share = work_off(order)
    assert share.report is None
    assert "no_such_metric" in share.problem


def test_whose_code_may_run_is_known_to_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_TRUST_REMOTE_CODE", "wan")
    with Bench.open(tmp_path / "bench") as bench:
        order = Order.of(bench, ScoreSpec(metrics=("flicker",), device="cpu"))
    monkeypatch.setenv("VBENCH_TRUST_REMOTE_CODE", "")
    assert work_off(order).problem == ""
    assert os.environ["VBENCH_TRUST_REMOTE_CODE"] == "wan"


def test_another_version_does_not_take_part(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        order = replace(Order.of(bench, ScoreSpec()), version="0.0")
    assert "and 0.0 where the run began" in work_off(order).problem


def test_a_machine_that_sees_other_media_does_not_take_part(bench_folder: Path, tmp_path: Path) -> None:
    with Bench.open(bench_folder, create=False) as bench:
        clip = bench.clips()[0]
        bench.media.put(Path(clip.media), "clips/copy.mp4")
        order = Order.of(bench, ScoreSpec(metrics=("flicker",)))
        with bench.write() as session:
            session.execute(text("UPDATE clips SET linked = 0, media = 'clips/copy.mp4'"))
    assert "a folder that all of them share" in work_off(replace(order, media=str(tmp_path / "other"))).problem


def test_where_nobody_could_work_the_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vbench.machines.slurm.run", lambda order, _fleet, _note: [work_off(order), work_off(order)])
    notes: list[str] = []
    with Bench.open(tmp_path / "bench") as bench, pytest.raises(BenchError, match="none of the 2 processes could work"):
        score(bench, ScoreSpec(metrics=("no_such_metric",)), Fleet(engine="slurm"), note=notes.append)
    assert len(notes) == 1
    assert "no_such_metric" in notes[0], "the same problem is told once"
