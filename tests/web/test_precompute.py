"""What is made before a visitor asks: the board, and pictures of clips that browsers do not play."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from tests.web.conftest import PROMPTS, Visit, make_clip, score_clip
from vbench.bench import Bench
from vbench.bench.tables import ClipRow
from vbench.rank import board
from vbench.records import Clip
from vbench.tasks import copies
from vbench.web import precompute
from vbench.web.boards import boards
from vbench.web.precompute import Precompute
from vbench.web.state import Page


def page_of(visit: Visit) -> Page:
    page: Page = visit().app.state.page  # type: ignore[attr-defined]
    return page


def make_unplayable(bench: Bench, clip: Clip) -> None:
    """As a codec that browsers do not know; the file itself still decodes."""
    with bench.write() as session:
        row = session.get(ClipRow, clip.id)
        assert row is not None
        row.probe = asdict(replace(clip.probe, codec="prores"))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what a thread does."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come in 10 s")


def test_pictures_of_what_no_browser_plays_are_there_before_anybody_asks(visit: Visit, bench: Bench) -> None:
    odd, gone, *others = bench.clips()
    for clip in (odd, gone):
        make_unplayable(bench, clip)
    bench.clip_path(gone).unlink()
    Precompute(page_of(visit)).work()
    for name in ("poster.webp", "proxy.mp4", "blind-silent-48.mp4"):
        assert bench.media.derived(odd.sha256, name).exists()
        assert not bench.media.derived(gone.sha256, name).exists()
    for clip in others:
        there = [bench.media.derived(clip.sha256, name).exists() for name in ("poster.webp", "proxy.mp4")]
        assert there == [True, False], "browsers play the original"
        assert bench.media.derived(clip.sha256, "blind-silent-48.mp4").exists()


def test_a_task_that_makes_them_is_let_do_it(visit: Visit, bench: Bench) -> None:
    missing = copies.missing_copies(bench)  # a page over the bench that this one was copied from may have made some
    assert missing
    task = bench.add_task("copies", {})
    page = page_of(visit)
    Precompute(page).work()
    assert copies.missing_copies(bench) == missing
    bench.update_task(task, state="done")
    Precompute(page).work()
    assert copies.missing_copies(bench) == []


def test_a_large_bench_gets_its_proxies_on_demand(visit: Visit, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = bench.clips()[0]
    make_unplayable(bench, odd)
    monkeypatch.setattr(copies, "MOST_CLIPS", 5)
    Precompute(page_of(visit)).work()
    assert not bench.media.derived(odd.sha256, "proxy.mp4").exists()
    assert not bench.media.derived(odd.sha256, "blind-silent-48.mp4").exists()
    assert bench.media.derived(odd.sha256, "poster.webp").exists()


def test_the_board_is_made_at_the_start_and_when_a_task_has_ended(
    visit: Visit, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[board.Board] = []
    make = board.leaderboard

    def counted(*args: Any, **options: Any) -> board.Board:
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(board, "leaderboard", counted)
    monkeypatch.setattr(precompute, "LOOK_EVERY_S", 0.02)
    page = page_of(visit)
    with Precompute(page):
        until(lambda: len(made) == 1)
        score_clip(bench, make_clip(bench, "alpha", PROMPTS[0], 1, seed=50), 101.0)
        time.sleep(0.2)
        assert len(made) == 1  # scores alone, such as those of a run under way, make no board
        bench.update_task(bench.add_task("score", {}), state="done")
        until(lambda: len(made) == 2)
    boards(page)
    assert len(made) == 2  # the visitor's is there


def test_a_bench_that_does_not_answer_does_not_stop_the_page(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[int] = []

    def broken(_page: Page) -> None:
        tried.append(1)
        raise SQLAlchemyError("gone")

    monkeypatch.setattr(precompute, "boards", broken)
    monkeypatch.setattr(precompute, "LOOK_EVERY_S", 0.02)
    page = page_of(visit)
    with Precompute(page):
        until(lambda: "made ahead" in caplog.text)
        page.bench.update_task(page.bench.add_task("score", {}), state="done")
        until(lambda: len(tried) == 2)  # it goes on
