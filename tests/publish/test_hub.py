"""A data set and a Space go to a hub that is busy, refuses, or takes them."""

from __future__ import annotations

from pathlib import Path

import fsspec
import huggingface_hub.constants as constants
import pyarrow.parquet as pq
import pytest
import yaml

from tests.fakes.commit_hub import running_hub
from tests.publish.boards import filled
from vbench.errors import AuthError, OptionError
from vbench.publish import hub
from vbench.publish.results import Edition, results
from vbench.publish.target import publish


def at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The hub's client talks to this address, and is not offline."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setenv("HF_TOKEN", "hf_test")


def test_a_data_set_has_tables_a_card_and_results_for_pull_requests(tmp_path: Path) -> None:
    bench = filled(tmp_path / "bench")
    document = results(bench, Edition(title="Board"))
    hub.data_set(bench, document, tmp_path / "out", "org/board")
    rows = pq.read_table(tmp_path / "out" / "data" / "scores.parquet").num_rows
    assert rows == 3 * 8 * 2
    assert pq.read_table(tmp_path / "out" / "data" / "votes.parquet").num_rows == 10
    card = (tmp_path / "out" / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert {config["config_name"] for config in front["configs"]} == {"scores", "clips", "boards", "votes"}
    assert all((tmp_path / "out" / config["data_files"]).exists() for config in front["configs"])
    entries = yaml.safe_load((tmp_path / "out" / "eval_results" / "x.yaml").read_text())
    assert {entry["dataset"]["task_id"] for entry in entries} == {"overall", "flicker"}
    assert entries[0]["dataset"]["id"] == "org/board"
    tasks = yaml.safe_load((tmp_path / "out" / "eval.yaml").read_text())["tasks"]
    assert {task["id"] for task in tasks} == {"overall", "flicker"}


def test_a_busy_hub_is_asked_again_and_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a.txt").write_text("hello")
    with running_hub(409, 429, 409) as fake:
        at(monkeypatch, fake.url)
        pushed = hub.push(tmp_path / "f", "org/name", "dataset", message="m", sleep=waited.append)
        assert fake.files == {"a.txt": b"hello"}
        assert (pushed.n_tries, fake.n_commits) == (3, 1)
    assert waited == [7.0, 7.0]


@pytest.mark.parametrize(("status", "error"), [(403, AuthError), (400, OptionError), (409, OptionError)])
def test_a_hub_that_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with running_hub(*[status] * hub.TRIES) as fake:
        at(monkeypatch, fake.url)
        with pytest.raises(error, match="org/name"):
            hub.push(tmp_path, "org/name", "space", message="m", sleep=lambda _: None)
        assert fake.n_commits == 0


def test_a_space_a_data_set_and_a_bucket_are_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = filled(tmp_path / "bench")
    with running_hub() as fake:
        at(monkeypatch, fake.url)
        publish(bench, "hf:space/org/board", Edition(title="B"), clips=False)
        assert fake.files["README.md"].startswith(b"---\ntitle: B\n")
        assert b"sdk: static" in fake.files["README.md"]
        assert {"index.html", "results.json"} <= fake.files.keys()
        fake.files.clear()
        publish(bench, "hf:dataset/org/board", Edition(title="B"))
        assert {"eval.yaml", "data/scores.parquet"} <= fake.files.keys()
        assert fake.repos == [("space", "org/board"), ("dataset", "org/board")]
    for _ in range(2):
        publish(bench, "memory://boards/mine", Edition(), clips=False)
    files = fsspec.filesystem("memory")
    assert files.exists("/boards/mine/index.html")
    assert b'"history":[{' in files.cat("/boards/mine/results.json")
    assert files.cat("/boards/mine/history.html").count(b"<tr><td>20") == 2


def test_targets_that_cannot_be_are_told(tmp_path: Path) -> None:
    bench = filled(tmp_path / "bench")
    for wrong in ("hf:model/org/x", "hf:dataset/x", "nowhere://x"):
        with pytest.raises(OptionError):
            publish(bench, wrong, Edition(), clips=False)
    with pytest.raises(OptionError, match="build="):
        publish(bench, "hf:space/org/x", Edition(), dry_run=True)
    done = publish(bench, "hf:space/org/x", Edition(), clips=False, dry_run=True, work=tmp_path / "w")
    assert done.url == ""
    assert (tmp_path / "w" / "README.md").exists()
