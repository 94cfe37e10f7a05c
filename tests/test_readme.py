"""Every command of the README, typed as it stands there; every file it points to is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from vbench.vbench1.totals import DIMENSIONS
from vbench.video import write_clip

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.+)$", README, flags=re.MULTILINE)
PYTHON = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)[1]
MISSING_KEY = "vbench models check kling-v3"
"""Says that a key is missing, and exits with 3, where there is none."""
TOO_FEW = 101
"""Exit code of a gate over as few prompts as this user has."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new user's folder, with the clips and files that the README speaks of."""
    folder = tmp_path_factory.mktemp("user")
    for n, tool in enumerate(("kling", "sora")):
        frames = [np.full((96, 128, 3), 30, np.uint8) for _ in range(30)]
        for i, frame in enumerate(frames):
            frame[20 + n * 10 : 60 + n * 10, 5 + 2 * i : 45 + 2 * i] = (200, 120, 40)
        (folder / "my-clips" / tool).mkdir(parents=True)
        for prompt in ("rain", "snow"):
            write_clip(iter(frames), folder / "my-clips" / tool / f"{prompt}-0.mp4", fps=24)
            frames.reverse()
    for run in ("base", "new", "repeat"):
        shutil.copytree(folder / "my-clips" / "kling", folder / run)
    (folder / "my-clips" / "prompts.csv").write_text("id,text\nrain,A woman waits in the rain\nsnow,Snow falls\n")
    rated = [f"{tool},{prompt},0,{4 + i}" for i, (tool, prompt) in enumerate([("kling", "rain"), ("sora", "rain"), ("kling", "snow"), ("sora", "snow")])]  # fmt: skip # noqa: E501
    (folder / "ratings.csv").write_text("\n".join(["model,prompt_id,sample,quality", *rated]) + "\n")
    middle = [str(50 * (dimension.low + dimension.high)) for dimension in DIMENSIONS.values()]
    (folder / "published.csv").write_text(f"model,{','.join(DIMENSIONS)}\nx,{','.join(middle)}\n")
    return folder


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return kept | {"PATH": path, "COLUMNS": "120"}


def test_the_two_commands_are_what_make_does() -> None:
    assert COMMANDS[:2] == ["make demo", "make test"]
    for command in COMMANDS[:2]:
        shown = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.timeout(600)
def test_every_command_works_in_the_order_it_is_read(folder: Path) -> None:
    assert len(COMMANDS) > 15
    for command in COMMANDS[2:]:
        if command.startswith("vbench ui"):
            opens(command, folder)
            continue
        run = subprocess.run(shlex.split(command), cwd=folder, env=environment(), capture_output=True, text=True)
        expected = 3 if command == MISSING_KEY else TOO_FEW if command.startswith("vbench gate") else 0
        assert run.returncode == expected, f"$ {command}\n{run.stdout[-2000:]}\n{run.stderr[-3000:]}"
        assert "Traceback" not in run.stderr
    assert (folder / "report.html").stat().st_size > 10_000


def opens(command: str, folder: Path) -> None:
    """The page answers at the address that the command prints."""
    words = [*shlex.split(command), "--port", "0"]
    server = subprocess.Popen(words, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://\S+", server.stdout.readline())[0]
        for _ in range(120):
            try:
                with urllib.request.urlopen(address, timeout=5) as answer:
                    assert answer.status == 200
                    return
            except OSError:
                time.sleep(0.5)
        pytest.fail(f"{address} did not answer")
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_the_python_works(folder: Path) -> None:
    """After the commands: it reads what they made."""
    if not (folder / "batch").exists():
        pytest.skip("runs after the commands")
    run = subprocess.run([sys.executable, "-c", PYTHON + "\nprint(len(frame), len(board))"], cwd=folder, capture_output=True, text=True)  # fmt: skip # noqa: E501
    assert run.returncode == 0, run.stderr
    n_scores, n_rows = map(int, run.stdout.split()[-2:])
    assert n_scores > n_rows > 20


def test_what_it_points_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []
