"""The shot sheet in a browser: asked for from the page, read cell by cell, and a person's word beside it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.judge.drawn import add_drawn
from tests.web.browser import PATIENCE_MS, Open, becomes, require_chromium
from tests.web.conftest import FLICKER
from tests.web.served import serving
from vbench.bench import Bench
from vbench.judge import judge
from vbench.judge.sheet import sheet
from vbench.records import Event, Outcomes

pytestmark = [pytest.mark.browser]
require_chromium()


@pytest.fixture
def drawn(tmp_path: Path) -> Any:
    with Bench.open(tmp_path / "bench") as bench:
        add_drawn(bench, tmp_path, "right", "circle")
        add_drawn(bench, tmp_path, "wrong", "circle", wrong=True)
        yield bench


def ended(bench: Bench, kind: str) -> str:
    """What became of the task of a kind, once it has ended."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        states = [task.state for task in bench.tasks() if task.kind == kind]
        if states and states[0] not in ("waiting", "running"):
            return states[0]
        time.sleep(0.1)
    return "under way"


def test_what_was_asked_is_checked_at_a_click(opened: Open, drawn: Bench) -> None:
    with serving(drawn) as url:
        window = opened("/ui/sheet", url=url)
        said = window.locator(".vb").inner_text()
        assert "vbench judge" not in said, "no command on a filmmaker's page"
        window.get_by_role("button", name="Check what was asked").click()
        window.wait_for_url("**/runs*")
        assert ended(drawn, "judge") == "done"
        window.goto(f"{url}/ui/sheet")
        window.locator(".sheet-table").first.wait_for()
    answered = {cell.by for cell in sheet(drawn).cells if cell.verdict in ("seen", "not_seen", "unsure")}
    assert "signals" in answered


def test_a_sheet_without_questions_says_why_and_offers_nothing_that_cannot_help(
    opened: Open, bench: Bench, tmp_path: Path
) -> None:
    with serving(bench) as url, Bench.open(tmp_path / "none") as none, serving(none) as bare:
        window = opened("/ui/sheet", url=url)
        said = window.locator(".vb .view").inner_text()
        assert "These prompts bring no list of what should be seen" in said
        assert window.get_by_role("button", name="Check what was asked").count() == 0
        assert "Bring or make takes first" in opened("/ui/sheet", url=bare).locator(".vb .view").inner_text()


def test_a_persons_word_stands_beside_a_cell_and_is_there_after_a_reload(opened: Open, drawn: Bench) -> None:
    judge(drawn, with_=["planted-good"])
    with serving(drawn) as url:
        window = opened("/ui/sheet", url=url, viewport={"width": 390, "height": 844})
        table = window.locator(".sheet-table").first
        table.wait_for()
        cell = window.locator("button.verdict.not_seen").first
        label = cell.get_attribute("aria-label")
        assert label.startswith("wrong: not seen, by planted-good")
        cell.click()
        window.get_by_role("dialog").get_by_role("button", name="✓ seen", exact=True).click()
        window.wait_for_selector("button.verdict.not_seen .own.seen")
        window.reload()
        window.wait_for_selector("button.verdict.not_seen .own.seen")
        widths = window.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1]
    (cell_kept,) = [cell for cell in sheet(drawn).cells if cell.overruled]
    assert (cell_kept.verdict, cell_kept.overruled) == ("not_seen", "seen")


def test_the_sheet_stands_beside_the_takes_and_frames_what_was_seen(opened: Open, drawn: Bench) -> None:
    judge(drawn, with_=["planted-good"])
    right = next(clip for clip in drawn.clips() if clip.model == "right")
    answers = [answer for answer in drawn.answers(sha256s=[right.sha256]) if answer.verdict == "seen"]
    box = (0.25, 0.25, 0.75, 0.5)
    drawn.add_answers([replace(answer, t_s=0.5, box=box) for answer in answers], replace=True)
    drawn.add_metrics([FLICKER])
    mark = Event(
        clip=right.id, kind="watermark", metric="flicker", start_s=0.75, end_s=0.9, frame=9, value=1.0, box=box
    )
    drawn.add_outcomes(Outcomes(clip=right.id, events=(mark,)))
    with serving(drawn) as url:
        takes = ",".join(clip.id for clip in sorted(drawn.clips(), key=lambda clip: clip.model))
        window = opened(f"/ui/compare?takes={takes}", url=url)
        window.wait_for_selector(".asked .verdict.seen", timeout=PATIENCE_MS)
        assert window.locator(".asked thead th").all_inner_texts()[1:] == ["1 right", "2 wrong"]
        assert window.locator(".box").count() == 0
        window.locator(".asked .verdict.seen").first.click()
        becomes(window, lambda: window.locator(".tile[data-take='0'] .box").count(), 1)
        assert window.inner_text(".tile[data-take='0'] .tile-counter").startswith("00:00:00:06")
        over, frame = (window.locator(f".tile[data-take='0'] .{name}").bounding_box() for name in ("box", "tile-frame"))
        assert over["width"] / frame["width"] == pytest.approx(0.5, abs=0.02)
        assert (over["x"] - frame["x"]) / frame["width"] == pytest.approx(0.25, abs=0.02)
        window.keyboard.press("ArrowRight")
        becomes(window, lambda: window.locator(".box").count(), 0)
        window.keyboard.press("]")
        becomes(window, lambda: window.locator(".box").all_inner_texts(), ["Watermark"])
