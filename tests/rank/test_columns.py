"""A column that is added in one place is seen in every format."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.rank import columns
from vbench.rank.board import BoardQuery, leaderboard
from vbench.rank.columns import BoardRow, Column
from vbench.records import GROUPS, Prompt
from vbench.report import render
from vbench.web.schemas.responses import row_model
from vbench.web.server import build
from vbench.web.words import translations

WIDTH = Column(
    key="ci_width",
    value=lambda row: None if row.ci_low is None else row.ci_high - row.ci_low,
    type=float | None,
    title="width of the interval",
    format="number",
    places={"table": 90, "md": 90, "html": 90, "page": 90},
)
PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}", tags=("camera:pan" if i % 2 else "camera:zoom",)) for i in range(3)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path) as opened:
        opened.add_metrics([an_info("good")])
        for n, prompt in enumerate(PROMPTS):
            for tool in ("alpha", "beta"):
                give(opened, a_clip(tool, prompt), good=1.0 + n)
        yield opened


def test_a_new_column_is_seen_in_every_format(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "COLUMNS", (*columns.COLUMNS, WIDTH))
    board = leaderboard(bench)
    width = board.rows[0].ci_high - board.rows[0].ci_low
    assert width > 1
    rows = json.loads(render(board, "json", bench=bench))["rows"]
    assert [row["ci_width"] for row in rows] == [width, width]
    assert list(pd.read_csv(io.StringIO(render(board, "csv", bench=bench)))["ci_width"]) == pytest.approx([width] * 2)
    assert list(pd.read_parquet(io.BytesIO(render(board, "parquet", bench=bench)))["ci_width"]) == [width, width]
    assert list(board.frame()["ci_width"]) == [width, width]
    for format in ("table", "md", "html"):
        monkeypatch.setenv("COLUMNS", "180")
        text = render(board, format, bench=bench)
        assert WIDTH.title in text, format
        assert f"{width:.2f}" in text, format
    assert row_model().model_fields["ci_width"].annotation == float | None
    with TestClient(build(bench), base_url="http://127.0.0.1:7860") as page:
        assert page.get("/api/v1/board").json()["rows"] == rows
        shown = page.get("/api/v1/board/columns").json()
    expected = {"key": "ci_width", "title": WIDTH.title, "word": "", "format": "number", "is_sortable": True}
    assert shown[-1] == expected, "what the page's script draws its table from"


def test_every_fact_of_a_row_is_stored_in_its_order() -> None:
    assert [column.key for column in columns.stored()] == [fact.name for fact in fields(BoardRow)]


def test_no_two_columns_stand_in_one_place() -> None:
    for view in ("table", "md", "html", "page"):
        places = [column.places[view] for column in columns.shown(view)]
        assert len(set(places)) == len(places) > 5


def test_the_pages_words_name_every_column_and_group_in_order() -> None:
    for words in translations().values():
        assert all(column.word in words for column in columns.shown("page"))
        assert [key for key in words if key.startswith("group.")] == [f"group.{group}" for group in (*GROUPS, "other")]


def test_the_pages_schema_says_what_a_board_is(bench: Bench) -> None:
    with TestClient(build(bench), base_url="http://127.0.0.1:7860") as page:
        schemas = page.get("/api/v1/openapi.json").json()["components"]["schemas"]
        board = page.get("/api/v1/board").json()
    assert (
        [*schemas["BoardRowFacts"]["properties"]] == [column.key for column in columns.stored()] == [*board["rows"][0]]
    )
    assert set(schemas["BoardFacts"]["properties"]) == set(board)


# --- what is asked for --------------------------------------------------------------------------------------------


def test_a_query_asks_for_what_its_fields_by_name_do(bench: Bench) -> None:
    query = BoardQuery(metrics=("good",), by="camera", models=("beta",), tags=("camera:pan",))
    by_name = leaderboard(bench, metrics=["good"], by="camera", models=["beta"], tags=["camera:pan"])
    assert leaderboard(bench, query) == by_name
    assert {row.model for row in by_name.rows} == {"beta"}
    assert leaderboard(bench, BoardQuery()) == leaderboard(bench)
    with pytest.raises(TypeError, match="one or the other"):
        leaderboard(bench, query, by="camera")


def test_a_page_answers_the_same_query(bench: Bench) -> None:
    with TestClient(build(bench), base_url="http://127.0.0.1:7860") as page:
        params = {"metric": "good", "by": "camera", "model": ["beta"], "tag": "camera:pan"}
        rows = page.get("/api/v1/board", params=params).json()["rows"]
        wrong = page.get("/api/v1/board", params={"seconds": "-1"})
    query = BoardQuery(metrics=("good",), by="camera", models=("beta",), tags=("camera:pan",))
    assert rows == leaderboard(bench, query).to_json()["rows"]
    assert (wrong.status_code, wrong.json()["error"]) == (422, "seconds: Input should be greater than 0")
