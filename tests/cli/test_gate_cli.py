"""The gate from the command line: exit codes, JUnit, Markdown, and the example workflow, step by step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest
import yaml

from tests.records import a_clip, an_info, give
from tests.test_regression import scene, write
from vbench.bench import Bench
from vbench.records import Prompt

ROOT = Path(__file__).parents[2]


def gate(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vbench", "gate", *words], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize(("shift", "code", "tag"), [(0.0, 0, None), (-5.0, 100, "failure"), (-1.0, 101, "error")])
def test_exit_codes_and_files(tmp_path: Path, shift: float, code: int, tag: str | None) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        bench.add_metrics([an_info("m")])
        for i in range(12):
            prompt = Prompt(id=f"p{i}", text=f"prompt {i}")
            give(bench, a_clip("old", prompt), m=50.0 + i)
            give(bench, a_clip("new", prompt), m=50.0 + i + shift + 0.4 * (i % 3 - 1))
    words = ["old", "new", "--bench", "bench", "--fail-if", "m drop>1 p<0.05", "--junit", "g.xml", "--markdown", "g.md"]
    run = gate(*words, cwd=tmp_path)
    assert run.returncode == code, run.stderr
    case = xml.parse(tmp_path / "g.xml").getroot().find("./testsuite/testcase")
    assert case is not None
    assert case.get("name") == "m drop>1 p<0.05"
    assert [child.tag for child in case] == [tag or "system-out"]
    assert {0: "pass", 100: "regression", 101: "inconclusive"}[code] in (tmp_path / "g.md").read_text().splitlines()[0]


def test_the_example_workflow_runs_step_by_step(tmp_path: Path) -> None:
    """Its shell steps as a runner would take them; `git` and `pip` are stood in for, `vbench` is the real one."""
    for name, noise_run in (("base", 0), ("repeat", 1)):
        write(tmp_path / f"made-{name}", lambda prompt, run=noise_run: scene(prompt, noise=1.0, run=run))
    write(tmp_path / "made-new", lambda prompt: scene(prompt, noise=1.0, run=2), crf=34)
    tools = tmp_path / "tools"
    tools.mkdir()
    stand_ins = {
        "git": "exit 0",
        "pip": 'test "$*" = "install vbench-studio"',
        "vbench": f'exec {sys.executable} -m vbench "$@"',
    }
    for name, body in stand_ins.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    maker = tmp_path / "make-clips.sh"
    maker.write_text('#!/bin/sh\nmv "made-$1" "$1"\n')
    maker.chmod(0o755)
    summary = tmp_path / "summary.md"
    env = os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_BASE_REF": "main",
        "GITHUB_HEAD_REF": "change",
    }
    job = yaml.safe_load((ROOT / "docs" / "examples" / "gate.yml").read_text())["jobs"]["gate"]
    codes: dict[str, int] = {}
    for step in job["steps"]:
        if "run" in step and (not any(codes.values()) or step.get("if") == "always()"):
            run = subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env=env)
            codes[step["name"]] = run.returncode
    assert codes["Gate"] == 100
    assert [code for name, code in codes.items() if name != "Gate"] == [0] * 4
    assert "❌ regression" in summary.read_text()
