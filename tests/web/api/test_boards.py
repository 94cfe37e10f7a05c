"""Boards over HTTP: rows, filters, and the clips behind a number."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import PROMPTS, make_clip, score_clip
from vbench.bench import Bench


def test_board_rows(seen: TestClient) -> None:
    table = seen.get("/api/v1/board").json()
    means = {row["model"]: row["mean"] for row in table["rows"] if row["metric"] == "flicker"}
    assert means == {"alpha": 1.5, "beta": 3.5, "gamma": 5.5}
    assert table["models"]["alpha"]["country"] == "DE"
    assert table["tags"] == ["animal", "camera:pan", "water"]


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("model=alpha", {"alpha"}),
        ("tag=animal", {"alpha", "beta", "gamma"}),
        ("country=DE", {"alpha", "beta", "gamma"}),
        ("country=CN", set()),
        ("access=open", set()),
        ("access=hosted", {"alpha", "beta", "gamma"}),
        ("status=retired", set()),
    ],
)
def test_board_filters(seen: TestClient, query: str, models: set[str]) -> None:
    assert {row["model"] for row in seen.get(f"/api/v1/board?{query}").json()["rows"]} == models


def test_damaged_clips_can_be_left_out(page: TestClient, bench: Bench) -> None:
    clip = make_clip(bench, "torn", PROMPTS[0], 0, seed=7, warnings=("stops after 1.2 of 3.0 s",))
    score_clip(bench, clip, 1.0)
    board = page.get("/api/v1/board").json()
    assert "torn" in {row["model"] for row in board["rows"]}
    assert "1 cut off: the end is missing" in " ".join(board["notes"])
    whole = page.get("/api/v1/board?whole=only").json()
    assert {row["model"] for row in whole["rows"]} == {row["model"] for row in board["rows"]} - {"torn"}
    assert "1 damaged clip(s)" in " ".join(whole["notes"])


def test_a_filter_that_is_unknown_is_a_sentence(seen: TestClient) -> None:
    for query in ("metric=flickr", "tag=watre", "model=alpa"):
        answer = seen.get(f"/api/v1/board?{query}")
        assert answer.status_code == 400
        assert "did you mean" in answer.json()["error"]
    assert seen.get("/api/v1/board?access=secret").status_code == 422


def test_the_board_is_made_once_until_the_bench_changes(
    page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vbench.rank import board

    made: list[int] = []
    real = board.leaderboard
    monkeypatch.setattr(board, "leaderboard", lambda *a, **k: made.append(1) or real(*a, **k))
    for _ in range(3):
        page.get("/api/v1/board")
    assert len(made) == 1
    score_clip(bench, make_clip(bench, "alpha", PROMPTS[0], 1, seed=50), 101.0)
    means = {row["model"]: row["mean"] for row in page.get("/api/v1/board").json()["rows"]}
    assert len(made) == 2
    assert means["alpha"] == pytest.approx(((1 + 101) / 2 + 2) / 2)


def test_the_clips_behind_a_number_worst_first(seen: TestClient) -> None:
    rows = seen.get("/api/v1/board/drill?metric=flicker&model=beta").json()
    assert [row["value"] for row in rows] == [4.0, 3.0]
    assert seen.get("/api/v1/board/drill?metric=none&model=beta").status_code == 400
