"""Several processes score one bench: nothing is measured twice, and what a killed one had is taken over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.conftest import moving_square
from vbench.bench import Bench
from vbench.importing import import_folder
from vbench.video import write_clip

N_CLIPS = 12
METRICS = ("flicker", "sharpness")
PROGRAM = """
import json, sys, time
from vbench.bench import Bench
from vbench.score import claims, run
claims.FIRST_BATCH, claims.BATCH_S, run.POLL_S = 3, 0.0, 0.05
root, db, pause_s = sys.argv[1], sys.argv[2] or None, float(sys.argv[3])
def told(done, total, text):
    print(json.dumps([done, total, text]), flush=True)
    time.sleep(pause_s)
with Bench.open(root, db=db, create=False) as bench:
    input()
    report = run.score(bench, metrics=("flicker", "sharpness"), workers=1, progress=told)
    print(json.dumps({"n": report.n_scores, "n_skipped": report.n_skipped}), flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("import")
    (root / "one").mkdir()
    for number in range(N_CLIPS):
        write_clip(moving_square(number), root / "one" / f"wall-{number}.mp4", fps=8, crf=23, preset="ultrafast")
    (root / "prompts.jsonl").write_text('{"id": "wall", "text": "a square moves"}\n')
    return root


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> tuple[Path, str]:
    """The folder and the address of a bench with clips to measure."""
    db = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with Bench.open(tmp_path / "bench", db=db or None) as bench:
        import_folder(bench, folder, link=True)
        assert bench.n_clips() == N_CLIPS
    return tmp_path / "bench", db


def scorer(place: tuple[Path, str], *, pause_s: float = 0.0) -> subprocess.Popen[str]:
    """A process that scores as soon as it reads a line."""
    words = [sys.executable, "-c", PROGRAM, str(place[0]), place[1], str(pause_s)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def report_of(process: subprocess.Popen[str]) -> dict[str, int]:
    """What a process said at its end."""
    said, _ = process.communicate()
    assert process.returncode == 0
    report: dict[str, int] = json.loads(said.splitlines()[-1])
    return report


def n_scores(place: tuple[Path, str]) -> int:
    with Bench.open(place[0], db=place[1] or None, create=False) as bench:
        assert bench.n_claimants("nobody") == 0, "nothing stays claimed"
        return len(bench.score_records())


@pytest.mark.parametrize("n_processes", [1, 2, 4])
def test_processes_divide_the_clips(place: tuple[Path, str], n_processes: int) -> None:
    processes = [scorer(place) for _ in range(n_processes)]
    for process in processes:
        go(process)
    reports = [report_of(process) for process in processes]
    assert sum(report["n"] for report in reports) == N_CLIPS * len(METRICS), "each clip was measured by one of them"
    assert n_scores(place) == N_CLIPS * len(METRICS)


def test_what_a_killed_process_had_is_taken_over(place: tuple[Path, str]) -> None:
    killed, other = scorer(place, pause_s=0.2), scorer(place)
    go(killed)
    assert killed.stdout is not None
    while json.loads(killed.stdout.readline())[0] < 1:
        assert killed.poll() is None
    go(other)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    report = report_of(other)
    assert n_scores(place) == N_CLIPS * len(METRICS)
    assert 0 < report["n_skipped"] < N_CLIPS, "what the killed one had stored is not measured again"
