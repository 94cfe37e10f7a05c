"""A board in every format; the page is one file, loads nothing, and shows untrusted text as text."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.rank.board import leaderboard
from vbench.records import Event, Outcomes, Prompt
from vbench.report import render
from vbench.report.scores import score_text
from vbench.report.text import number, table
from vbench.video import write_clip

NASTY = Prompt(id="nasty", text="<script>alert(1)</script> | a *cat*", tags=("style:ink",))
PLAIN = Prompt(id="plain", text="a dog", tags=("style:oil",))


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with Bench.open(tmp_path / "bench") as opened:
        opened.add_metrics([an_info("good"), an_info("bad", higher_is_better=False, group="motion")])
        for n, tool in enumerate(("alpha", "beta")):
            for prompt in (NASTY, PLAIN):
                clip = a_clip(tool, prompt)
                path = tmp_path / "x.mp4"
                write_clip((np.full((48, 64, 3), 40 * i + n, np.uint8) for i in range(6)), path, fps=12)
                opened.media.put(path, clip.media)
                give(opened, clip, good=10.0 + n, bad=1.0 + n)
                cut = Event(clip=clip.id, kind="cut", metric="cut_count", start_s=0.25, end_s=0.25, frame=3, value=99.0)
                opened.add_outcomes(Outcomes(clip=clip.id, events=(cut,)))
        yield opened


def test_the_page_stands_alone(bench: Bench) -> None:
    html = render(leaderboard(bench), "html", bench=bench)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", html)
    assert html.count("data:image/webp;base64,") == 4 + 2 * 4, "a poster per take, two pictures per moment"
    assert "at 0.25 s, frame 3" in html


def test_a_missing_file_is_said_and_the_rest_goes_on(bench: Bench) -> None:
    gone = bench.clips(models=["alpha"])[0]
    bench.media.delete(gone.media)
    html = render(leaderboard(bench), "html", bench=bench)
    assert html.count("the file is gone or cannot be decoded") == 1


def test_tables_hold_the_same_numbers(bench: Bench) -> None:
    board = leaderboard(bench)
    rows = json.loads(render(board, "json", bench=bench))["rows"]
    csv = pd.read_csv(io.StringIO(render(board, "csv", bench=bench)))
    parquet = pd.read_parquet(io.BytesIO(render(board, "parquet", bench=bench)))
    assert [r["mean"] for r in rows] == list(csv["mean"]) == list(parquet["mean"]) == [11.0, 10.0, 1.0, 2.0]


def test_markdown_cannot_be_broken_by_a_tag(bench: Bench) -> None:
    odd = replace(PLAIN, id="odd", tags=("a|b\n# c",))
    give(bench, a_clip("alpha", odd), good=1.0)
    text = render(leaderboard(bench, by="a|b\n# c", metrics=["good"]), "md", bench=bench)
    assert "a\\|b \\# c" in text
    assert "\n# c" not in text


def test_the_terminal_table_says_what_its_marks_mean(bench: Bench) -> None:
    shown = table(leaderboard(bench), width=120)
    assert "alpha" in shown
    assert "● 11 [2, 86]" in shown  # two equal values say little
    assert "not distinguishable" in shown
    assert "Fewer than six prompts" in shown


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0"), (0.01234, "0.0123"), (123.456, "123"), (12.34, "12.3"), (-0.5, "-0.500")]
)
def test_numbers_for_people(value: float | int | None, text: str) -> None:
    assert number(value) == text


def test_the_command_writes_a_file_whole(bench: Bench, tmp_path: Path) -> None:
    from vbench.cli import app

    run = CliRunner().invoke(
        app, ["board", "--bench", str(bench.root), "--format", "html", "--out", str(tmp_path / "r.html")]
    )
    assert run.exit_code == 0, run.output
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert not list(tmp_path.glob(".*.part"))


def test_no_csv_holds_a_formula(bench: Bench) -> None:
    give(bench, a_clip("=cmd()", replace(PLAIN, id="@sum")), good=1.0)
    assert "\n'=cmd()," in render(leaderboard(bench), "csv", bench=bench)
    text = "".join(score_text(bench, "csv"))
    assert "'=cmd(),'@sum" in text
    assert "\n=" not in text
