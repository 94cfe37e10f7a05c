"""The adapter of docs/tools.md, installed as a third party's package: shown, checked and run as one of our own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.test_plugins import install
from vbench.bench import Bench

ROOT = Path(__file__).parents[2]
WATCHED = '''

class Watched(NoiseAdapter):
    """Notes when a clip is begun and when it is done."""

    def fetch(self, handle, out):
        import os

        def note(word):
            with open(os.environ["NOISE_LOG"], "a") as log:
                log.write(word + "\\n")

        note("begun")
        time.sleep(0.05)
        made = super().fetch(handle, out)
        note("done")
        return made
'''


class Workplace:
    """A folder with a bench, a `models` folder, and the package on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site, self.models = folder, folder / "site", folder / "models"
        self.log = folder / "log"
        self.site.mkdir()
        self.models.mkdir()
        section = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8").partition("## An adapter of your own")[2]
        parts = dict(re.findall(r"```(python|toml|yaml)\n(.*?)```", section, re.DOTALL))
        install(self.site, parts["python"] + WATCHED, self.watched(parts["toml"]), module="vbench_noise")
        self.card = parts["yaml"]
        for name in ("noise", "noise-too"):
            (self.models / f"{name}.yaml").write_text(self.card)

    @staticmethod
    def watched(project: str) -> str:
        return project.replace("vbench_noise:NoiseAdapter", "vbench_noise:Watched")

    def bring_weights(self) -> None:
        np.save(self.models / "noise.npy", np.arange(24, dtype=np.uint8).reshape(8, 3) * 10)

    def vbench(self, *words: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(self.site), str(ROOT)])
        return subprocess.run(
            [sys.executable, "-m", "vbench", *words],
            env={**os.environ, "PYTHONPATH": paths, "NOISE_LOG": str(self.log)},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_models_asks_it_what_is_missing(work: Workplace) -> None:
    lacking = {row["id"]: row for row in json.loads(work.vbench("models", "--json").stdout)["tools"]}
    assert not lacking["noise"]["ready"]
    path = work.models / "noise.npy"
    assert lacking["noise"]["missing"] == [{"kind": "disk", "message": f"no weights at {path}", "certain": True}]
    assert "synthetic-clean" in lacking, "beside the built-in ones"
    work.bring_weights()
    (row,) = json.loads(work.vbench("models", "noise", "--json").stdout)["tools"]
    assert (row["ready"], row["missing"], row["billed"], row["price"]) == (True, [], False, "free")
    checked = work.vbench("models", "check", "noise", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["tools"][0]["body"]["width"] == 64


def test_generate_runs_it_in_its_lane(work: Workplace) -> None:
    """Two tools that would take four jobs at once, had they no lane."""
    work.bring_weights()
    (work.folder / "two.yaml").write_text("- {id: one, text: snow}\n- {id: two, text: rain}\n")
    line = ("--suite", "two.yaml", "--models", "noise,noise-too", "--samples", "2", "--bench", "bench", "--json")
    done = work.vbench("generate", *line)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["made"] == 8
    assert work.log.read_text().split() == ["begun", "done"] * 8
    with Bench.open(work.folder / "bench", create=False) as bench:
        assert sorted({clip.model for clip in bench.clips()}) == ["noise", "noise-too"]


def test_its_options_and_its_being_local_are_checked_as_ours_are(work: Workplace) -> None:
    work.bring_weights()
    path = work.models / "noise.yaml"
    path.write_text(work.card.replace("local: true\n", ""))
    checked = work.vbench("models", "check", "noise")
    assert checked.returncode == 3
    assert "add `local: true`" in checked.stdout
    path.write_text(work.card.replace("weights: noise", "wieghts: noise"))
    checked = work.vbench("models", "check", "noise")
    assert checked.returncode == 2
    assert f"{path}:9" in checked.stderr
