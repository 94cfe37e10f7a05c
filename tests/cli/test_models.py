"""`vbench models`: what can run here, what is missing, and a check that spends nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.fakes.hosted import Fake
from vbench.adapters import machine
from vbench.cli.models import models
from vbench.errors import OptionError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no GPU, no weights."""
    for name in ("KLING_API_KEY", "KLING_BASE_URL", "VBENCH_TERRITORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "gpu_memory_gib", lambda: 0.0)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def run(*words: str) -> Any:
    app = typer.Typer()
    app.command()(models)
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


def rows(*words: str) -> dict[str, Any]:
    return {row["id"]: row for row in json.loads(run(*words, "--json").stdout)["tools"]}


def test_the_list_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows()
    assert not found["kling-v3"]["ready"]
    assert [lack["message"] for lack in found["kling-v3"]["missing"]] == ["set KLING_API_KEY"]
    assert found["synthetic-clean"]["ready"]
    assert not found["sora-2"]["ready"]
    monkeypatch.setenv("KLING_API_KEY", "some-key")
    assert rows("kling-v3")["kling-v3"]["ready"]
    assert "some-key" not in run().stdout
    text = run("--ready").stdout
    assert "synthetic-clean" in text
    assert "sora-2" not in text


def test_check_sends_nothing_that_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("kling") as fake:
        monkeypatch.setenv("KLING_BASE_URL", fake.base_url)
        done = run("check", "kling-v3")
        assert done.exit_code == 3
        assert fake.asked == []
        monkeypatch.setenv("KLING_API_KEY", fake.key)
        done = run("check", "kling-v3")
        assert done.exit_code == 0
        assert "$0.56 for one clip" in done.stdout
        assert "the key was not refused" in done.stdout
        assert fake.key not in done.stdout
        monkeypatch.setenv("KLING_API_KEY", "wrong-key-0000000000")
        done = run("check", "kling-v3")
        assert done.exit_code == 3
        assert "the key was refused" in done.stdout
        assert fake.creates == 0


def test_check_wants_a_tool() -> None:
    assert isinstance(run("check").exception, OptionError)
    assert "did you mean kling-v3" in str(run("klingv3").exception)


def test_one_tool_is_described() -> None:
    text = run("hunyuanvideo", "--territory", "KR").stdout
    assert "not valid in KR" in text
    assert "sources" in text


def test_rights_are_told_with_their_source_or_as_not_stated() -> None:
    found = {row["id"]: row["rights"] for row in json.loads(run("--rights", "--json").stdout)["tools"]}
    names = {"commercial_use", "output_owner", "indemnity", "training_data", "provenance_marks", "territory"}
    assert all(set(rights) == names for rights in found.values())
    for rights in found.values():
        for right in rights.values():
            assert (right["answer"] == "not stated") == (not right["source"])
            assert bool(right["source"]) == bool(right["checked_on"])
    assert found["wan-2.1-1.3b"]["commercial_use"]["answer"] == "yes"
    assert found["modelscope-1.7b"]["commercial_use"]["answer"] == "no"
    assert found["hunyuanvideo"]["territory"]["answer"] == "conditions"
    assert "SynthID" in found["veo-3.1-lite"]["provenance_marks"]["says"]
    text = run("kling-v3", "veo-3.1-lite", "--rights").stdout
    assert text.count("commercial use") == 2
    assert "commercial use   not stated" in text
    assert "provenance marks yes: SynthID" in text
    assert "2026-11-26" in text
