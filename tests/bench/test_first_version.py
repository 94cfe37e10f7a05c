"""A bench of the first version opens, and says the same numbers to the last digit."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from vbench.bench import Bench
from vbench.cli import app

KEPT = Path(__file__).with_name("first_version")
ADDED = {"n_not_as_asked": 0}
"""What rows did not tell before, and of clips that say nothing of it."""
INFERRED = ("ci_low", "ci_high", "rank_low", "rank_high", "versus", "win_rate", "p_value", "verdict")


@pytest.fixture
def old_bench(tmp_path: Path) -> Path:
    """The database as that version left it; the files of its clips are not there."""
    folder = tmp_path / "bench"
    folder.mkdir()
    with sqlite3.connect(folder / "bench.db") as database:
        database.executescript(gzip.decompress((KEPT / "bench.sql.gz").read_bytes()).decode())
    database.close()
    return folder


def vbench(*words: str | Path) -> Result:
    run = CliRunner().invoke(app, [str(word) for word in words])
    assert run.exit_code == 0, run.output
    return run


def measured(board: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(tool, metric) → what the rows say of its clips; intervals, ranks and verdicts follow better procedures now."""
    return {
        (row["model"], row["metric"]): {key: value for key, value in row.items() if key not in INFERRED}
        for row in board["rows"]
    }


def test_the_board_says_the_same_numbers(old_bench: Path) -> None:
    kept = json.loads((KEPT / "board.json").read_text())
    assert len(kept["rows"]) > 50
    board = json.loads(vbench("board", "--json", "--bench", old_bench).stdout)
    assert board["metrics"] == kept["metrics"]
    assert measured(board) == {row: values | ADDED for row, values in measured(kept).items()}


def test_the_scores_are_the_same(old_bench: Path) -> None:
    assert vbench("scores", "--bench", old_bench).stdout == (KEPT / "scores.csv").read_text()


def test_the_jobs_stand_as_they_stood(old_bench: Path) -> None:
    status = json.loads(vbench("status", "--json", "--bench", old_bench).stdout)
    assert status.pop("schema") == 1  # nor this
    assert status.pop("clips")["synthetic-freeze"] == {"clips": 2, "scored": 2, "scores": 61}  # not told before
    assert status == json.loads((KEPT / "status.json").read_text())


def test_every_row_becomes_a_record(old_bench: Path) -> None:
    with Bench.open(old_bench, create=False) as bench:
        clips = bench.clips()
        assert len(clips) == 14
        assert len(bench.votes()) == 20
        assert [note.text for note in bench.notes()] == ["it jumps here"]
        assert [choice.stars for choice in bench.selects()] == [4]
        assert all(clip.probe.n_frames and isinstance(clip.provenance.warnings, tuple) for clip in clips)
        assert all(len(line.t_s) == len(line.value) > 0 for clip in clips for line in bench.timelines(clip.id))
