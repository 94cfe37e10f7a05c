"""Where a bench lies, and whether there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from vbench.bench import Bench
from vbench.bench.workspace import bench_root
from vbench.errors import BenchError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("VBENCH_HOME", "VBENCH_DB", "VBENCH_MEDIA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


def test_a_bench_is_where_it_was_opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench_root() == home / "bench"
    assert not Bench.exists()
    assert list(home.iterdir()) == [], "asking makes nothing"
    Bench.open().close()
    assert Bench.exists()
    assert Bench.exists(home / "bench")
    assert not Bench.exists(home / "other")
    monkeypatch.setenv("VBENCH_HOME", "other")
    assert not Bench.exists()
    assert Bench.exists("bench"), "a folder that is named comes first"


def test_the_home_folder_may_be_written_as_a_tilde(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Bench.open("~/deep/bench").close()
    assert (home / "deep" / "bench" / "bench.db").is_file()
    assert Bench.exists("~/deep/bench")
    assert Bench.exists(Path("~/deep/bench"))
    monkeypatch.setenv("VBENCH_HOME", "~/deep/bench")
    assert Bench.exists()


def test_a_database_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"sqlite:///{home}/elsewhere.db"
    monkeypatch.setenv("VBENCH_DB", address)
    assert not Bench.exists()
    Bench.open().close()
    assert Bench.exists()
    monkeypatch.setenv("VBENCH_DB", "postgresql://nobody@localhost:1/none")
    assert Bench.exists(), "a server that is named is taken to be there: opening it tells"
    assert Bench.exists(db=address)
    with pytest.raises(BenchError, match="not a database address"):
        Bench.exists(db="nonsense")
