"""A filmmaker and a tool that costs money, in a real Chromium: prices, the ceiling, refusals, cancelling, trying again.

The tool is a hosted protocol on this machine that counts what it is asked to charge for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hosted import Fake
from tests.web.browser import require_chromium, window_at_work
from tests.web.paid import paid_tool
from vbench.bench import Bench

pytestmark = [pytest.mark.browser]
require_chromium()


@pytest.fixture
def paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with paid_tool(tmp_path, monkeypatch) as fake:
        yield fake


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "fresh") as opened:
        yield opened


@pytest.fixture
def window(browser: Any, fresh: Bench, paid: Fake) -> Iterator[Any]:
    with window_at_work(browser, fresh, ".empty") as opened:
        yield opened


def ask(window: Any, prompt: str, *, ceiling: str) -> None:
    """Fill the form for one take of the paid tool; the click is left to the test."""
    window.click(".bar nav a:has-text('Bring & generate')")
    window.wait_for_selector(".tools li:has-text('Paid') .price:has-text('$0.5')")
    window.fill(".panel textarea", prompt)
    window.locator(".tools li:has-text('Paid') input").check()
    window.fill("label:has-text('Ceiling') input", ceiling)


def go(window: Any) -> None:
    window.click(".total .primary:not([disabled])")
    window.wait_for_selector(".page.runs .task")


def test_a_paid_take_from_the_price_to_the_wall(window: Any, fresh: Bench, paid: Fake) -> None:
    other = window.context.new_page()
    other.goto(window.url)
    other.wait_for_selector(".empty")
    ask(window, "A lighthouse in a storm", ceiling="")
    assert "set a ceiling" in window.inner_text(".total")
    window.fill("label:has-text('Ceiling') input", "0.4")
    assert "more than your ceiling" in window.inner_text(".total")
    assert window.locator(".total .primary").is_disabled()
    window.fill("label:has-text('Ceiling') input", "0.5")
    assert window.inner_text(".total .primary") == "Generate for about $0.50"
    assert paid.creates == 0
    go(window)
    window.wait_for_selector(".task.done:has-text('1 take made')")
    other.bring_to_front()
    other.wait_for_selector(".card:has-text('paid')")  # on the wall, which nobody loaded anew
    window.bring_to_front()
    window.click(".task.done a:has-text('On the wall')")
    window.wait_for_selector(".wall-title:has-text('A lighthouse in a storm')")
    assert (paid.creates, len(fresh.clips())) == (1, 1)


def test_a_refusal_is_explained_and_tried_again_with_one_click(window: Any, fresh: Bench, paid: Fake) -> None:
    paid.faults["create"].append("moderated")
    ask(window, "Something it refuses", ceiling="1")
    go(window)
    window.wait_for_selector("td.why:has-text('moderation refused the prompt')")
    window.wait_for_selector(".task.failed:has-text('refused_input')")
    assert paid.creates == 1
    paid.faults["create"].append("drop")  # taken and made, perhaps: nobody knows
    again = window.locator("td button:has-text('Try again: $0.5')")
    again.click()
    window.wait_for_selector("td .state.outcome_unknown")
    assert paid.creates == 2
    window.once("dialog", lambda asked: asked.dismiss())
    again.click()  # it may be paid twice: no
    time.sleep(1)
    assert (paid.creates, len(fresh.tasks())) == (2, 2)
    window.once("dialog", lambda asked: asked.accept())
    again.click()
    window.wait_for_selector(".task.done:has-text('1 take made')")
    assert (paid.creates, len(fresh.clips())) == (3, 1)


def test_a_take_under_way_shows_how_far_it_is_and_is_cancelled(window: Any, fresh: Bench, paid: Fake) -> None:
    paid.work_s = 600
    ask(window, "A very slow pan", ceiling="1")
    go(window)
    window.wait_for_selector("td .state:is(.submitted, .running)")
    first = window.inner_text("[data-since]")
    window.wait_for_function("(first) => document.querySelector('[data-since]').textContent !== first", arg=first)
    window.click(".task button:has-text('Cancel')")
    window.wait_for_selector(".task.cancelled:has-text('what was finished is kept')")
    window.wait_for_selector("td .state.cancelled")
    assert (paid.creates, fresh.clips()) == (1, [])


def test_the_form_fits_a_phone(window: Any) -> None:
    window.set_viewport_size({"width": 390, "height": 844})
    ask(window, "A lighthouse in a storm", ceiling="1")
    window.click("button:has-text('Pick a prompt')")
    window.wait_for_selector(".choice")
    assert window.evaluate("document.documentElement.scrollWidth") == 390
    box = window.locator(".dialog").bounding_box()
    assert (box["x"] >= 0, box["x"] + box["width"] <= 390) == (True, True)
