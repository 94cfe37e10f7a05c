"""What tests of shared runs need: a folder of clips, a hosted tool, a Ray cluster of two nodes, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from tests.generate.paid import Server
from tests.test_plugins import install
from tests.web.conftest import moving_square
from vbench.bench import Bench
from vbench.importing import import_folder
from vbench.video import write_clip

N_CLIPS = 24


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of one prompt, to import."""
    root = tmp_path_factory.mktemp("machines")
    (root / "one").mkdir()
    for number in range(N_CLIPS):
        write_clip(moving_square(number), root / "one" / f"wall-{number}.mp4", fps=8, crf=23, preset="ultrafast")
    (root / "prompts.jsonl").write_text('{"id": "wall", "text": "a square moves"}\n')
    return root


@pytest.fixture
def bench_folder(clip_folder: Path, tmp_path: Path) -> Path:
    """A bench with clips to measure."""
    with Bench.open(tmp_path / "bench") as bench:
        import_folder(bench, clip_folder, link=True)
        assert bench.n_clips() == N_CLIPS
    return tmp_path / "bench"


@pytest.fixture
def paid_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A tool that charges and a metric, as a third party's package and card; processes started from here know them."""
    site = tmp_path / "site"
    (site / "models").mkdir(parents=True)
    project = '[project]\nname = "paid"\nversion = "1"\n[project.entry-points."vbench.adapters"]\npaid = "paid:Paid"\n'
    project += '[project.entry-points."vbench.metrics"]\nheld = "paid:HELD"\n'
    install(site, PAID.format(folder=str(tmp_path / "server")), project, module="paid")
    card = billable.card("paid").model_dump(mode="json", exclude_defaults=True, exclude={"id"}) | {"adapter": "paid"}
    (site / "models" / "paid.yaml").write_text(json.dumps(card))
    monkeypatch.chdir(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(Path(__file__).parents[2])]))
    return Server(tmp_path / "server")


PAID = """
import time
from pathlib import Path
from tests.fakes.billable import BillableAdapter
from vbench.contracts import Metric
from vbench.records import Handle

GO = Path({folder!r}) / "go"

def held(probe):
    while not GO.exists():
        time.sleep(0.02)
    return probe.duration_s

HELD = Metric(name="held", version=1, inputs=("probe",), compute=held, unit="s", higher_is_better=None,
              bounds=(0.0, 100.0), group="picture", about="Length, told when there is a file `go`.")

class Paid(BillableAdapter):
    def __init__(self, card):
        super().__init__(card, Path({folder!r}))

    def poll(self, handle):
        if not GO.exists():
            handle = Handle(id=handle.id, data=handle.data | {{"ready": float("inf")}})
        return super().poll(handle)
"""
"""A tool that works on all it is asked for, and a metric that measures, until there is a file `go`."""


class RayCluster:
    """Two nodes on this machine, of one and three cores; the larger can be killed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self._larger = self._cluster.add_node(num_cpus=3)
        self._cluster.wait_for_nodes()
        self.address: str = self._cluster.address

    def replace_larger_node(self) -> None:
        """End it and all its processes, as when its machine loses power; another comes."""
        self._cluster.remove_node(self._larger, allow_graceful=False)
        self._larger = self._cluster.add_node(num_cpus=3)

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture
def ray_cluster(paid_tool: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """A cluster whose nodes know the tool; what is started from here finds it."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = RayCluster()
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    cluster.close()


def vbench(*words: str) -> subprocess.Popen[str]:
    """The command line, started."""
    return subprocess.Popen(
        [sys.executable, "-m", "vbench", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
    )


def answer(process: subprocess.Popen[str], *, code: int = 0) -> dict[str, Any]:
    """What a command printed at its end."""
    said, complaints = process.communicate()
    assert process.returncode == code, complaints
    printed: dict[str, Any] = json.loads(said)
    return printed
