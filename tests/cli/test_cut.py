"""`vbench cut`: filled, shown, looked over, and handed over by `vbench selects --cut`."""

from __future__ import annotations

import json
from typing import Any

import opentimelineio as otio
import pytest
from typer.testing import CliRunner

from tests.web.conftest import bench, made_bench
from vbench.bench import Bench
from vbench.cli import app
from vbench.errors import OptionError
from vbench.records import Cut, Shot

__all__ = ["bench", "made_bench"]


def typed(bench: Bench, *words: str) -> str:
    run = CliRunner().invoke(app, [*words, "--bench", str(bench.root)])
    if run.exception is not None:
        raise run.exception
    return run.stdout


def printed(bench: Bench, *words: str) -> Any:
    document = json.loads(typed(bench, *words, "--json"))
    assert document["schema"] == 1
    return document


def test_from_a_suite_to_a_timeline(bench: Bench) -> None:
    assert "no cut yet" in typed(bench, "cut", "list")
    rows = printed(bench, "cut", "fill", "rough", "--suite", "t")["rows"]
    assert [(row["shot"], row["at_s"], row["prompt_id"]) for row in rows] == [(1, 0.0, "boat"), (2, 1.5, "cat")]
    assert printed(bench, "cut", "list")["rows"] == [{"name": "rough", "n_shots": 2, "seconds": 3.0}]
    assert printed(bench, "cut", "show", "rough")["rows"] == rows
    assert "2 shots, 3.00 s" in typed(bench, "cut", "show", "rough")
    with pytest.raises(OptionError, match="has 2 shots; fill it anew"):
        typed(bench, "cut", "fill", "rough", "--suite", "t")
    assert "rough: 2 shots" in typed(bench, "cut", "fill", "rough", "--suite", "t", "--replace")
    read = otio.adapters.read_from_string(typed(bench, "selects", "--cut", "rough", "--format", "otio"), "otio_json")
    assert len(list(read.find_clips())) == 2
    for words in (("--format", "csv"), ("--format", "otio", "--state", "maybe")):
        with pytest.raises(OptionError, match="is written as a timeline"):
            typed(bench, "selects", "--cut", "rough", *words)


def test_what_jumps_and_what_is_gone_is_said(bench: Bench) -> None:
    first, other = bench.clips(prompt_ids=["boat"])[:2]
    shots = (Shot(clip=first.id, in_s=0, out_s=1), Shot(clip=other.id, in_s=0, out_s=1))
    bench.set_cut(Cut(name="a", shots=shots))
    assert "1 joins, 0 with a jump; 0 shots cannot" in typed(bench, "cut", "check", "a")
    bench.clip_path(other).unlink()
    told = printed(bench, "cut", "check", "a")
    assert [row["shot"] for row in told["problems"]] == [2]
    assert told["joins"][0]["problem"].startswith("shot 2: its file is gone")
    assert "shot 1 to 2: shot 2: its file is gone" in typed(bench, "cut", "check", "a")
