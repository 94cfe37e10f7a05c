"""Runs on a Ray cluster of two nodes, one of which is killed in the middle: nothing is lost, nothing is done twice."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.generate.paid import Server
from tests.machines.conftest import N_CLIPS, RayCluster, answer, vbench
from vbench.bench import Bench

N_PROMPTS = 12


def wait_until(is_so: Callable[[], bool], *runs: subprocess.Popen[str]) -> None:
    while not is_so():
        assert all(run.poll() is None for run in runs), "a run ended before it could be disturbed"
        time.sleep(0.02)


@pytest.mark.timeout(900)  # two nodes on the cores of one small machine
def test_a_node_that_dies_costs_no_score_no_clip_and_no_money(
    bench_folder: Path, ray_cluster: RayCluster, paid_tool: Server, tmp_path: Path
) -> None:
    lines = [f"- {{id: p{i}, text: a fox number {i}}}" for i in range(N_PROMPTS)]
    (tmp_path / "foxes.yaml").write_text("\n".join(["prompts:", *lines, ""]))
    made = ("generate", "--models", "paid", "--suite", str(tmp_path / "foxes.yaml"), "--max-cost", "20")
    made += ("--bench", str(tmp_path / "made"))
    making = vbench(*made, "--engine", "ray", "--machines", "1", "--engine-set", "cpus=2")  # fits the larger node only
    wait_until(lambda: len(paid_tool.seen()) >= 2, making)
    with Bench.open(bench_folder, create=False) as measured:
        words = ("score", "--metrics", "held", "--bench", str(bench_folder))
        scoring = vbench(*words, "--engine", "ray", "--engine-set", "cpus=1")
        wait_until(lambda: measured.n_claimants("nobody") == 2, scoring)
        ray_cluster.replace_larger_node()
        (paid_tool.folder / "go").touch()
        report = answer(scoring)
        scores = Counter(score.key.clip for score in measured.score_records())
        assert len(scores) == N_CLIPS, "clips of the dead were taken over"
        assert max(scores.values()) == 1
        assert measured.n_claimants("nobody") == 0, "nothing stays claimed"
    assert (report["n_clips"], report["n_failures"]) == (N_CLIPS, 0)
    report = answer(making)
    assert report["is_complete"], "the process was started again, and fetched what the first had asked for"
    assert sum(paid_tool.seen().values()) == N_PROMPTS, "no request was sent twice"
    assert set(paid_tool.seen().values()) == {1}
    with Bench.open(tmp_path / "made", create=False) as bench:
        assert bench.n_clips() == N_PROMPTS
