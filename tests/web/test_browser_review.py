"""A review link in a real Chromium: made on the page, opened by a guest, and what the guest says comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.browser import Open, require_chromium
from tests.web.served import serving
from vbench.bench import Bench
from vbench.web.guests import SUFFIX

pytestmark = [pytest.mark.browser]
require_chromium()


@pytest.fixture
def url(bench: Bench) -> Iterator[str]:
    with serving(bench) as address:
        yield address


def makes_a_link(opened: Open, url: str) -> tuple[str, str]:
    """The address and password that the page tells after all takes were chosen."""
    window = opened("/ui/", url=url)
    window.wait_for_selector(".card .rating")
    window.keyboard.press("Control+a")
    window.wait_for_selector(".tray:not([hidden])")
    window.get_by_role("button", name="Share for review").click()
    window.get_by_label("Blind").check()
    window.get_by_role("button", name="Make the link").click()
    told = window.locator(".review-made pre").inner_text()
    address, password = re.fullmatch(r"(\S+)\nPassword: (\S+)", told).groups()  # type: ignore[union-attr]
    return address, password


def goes_in(browser: Any, address: str, password: str, language: str) -> Any:
    """A guest's own browser, with the takes in front of them."""
    window = browser.new_context(viewport={"width": 1280, "height": 800}, locale=language).new_page()
    window.goto(address)
    window.fill("#name", "Maya")
    window.fill("#password", password)
    window.click("button")
    window.wait_for_selector(".guest-cards .card")
    return window


def test_a_guest_watches_draws_approves_and_the_makers_read_it(
    opened: Open, browser: Any, bench: Bench, url: str
) -> None:
    address, password = makes_a_link(opened, url)
    window = goes_in(browser, address, password, "en-US")
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url.removeprefix(url)))
    assert window.locator(".card").count() == 6
    assert not re.search(r"alpha|beta|gamma", window.locator("body").inner_text())
    window.get_by_role("button", name="Watch 3 side by side").first.click()
    window.wait_for_selector("[data-ready]")
    with window.expect_response("**/approvals/*"):
        window.get_by_role("button", name="Approve").first.click()
    window.keyboard.press("n")
    window.keyboard.type("the bow melts")
    with window.expect_response("**/api/notes"):
        window.keyboard.press("Enter")
    window.wait_for_selector(".note:has-text('the bow melts')")
    assert [path for path in asked if not path.startswith(("/review/", "/static/", "blob:", "data:"))] == []
    (note,), (approval,) = bench.notes(), bench.approvals()
    assert (note.author, approval.guest, approval.state) == (f"Maya{SUFFIX}", "Maya", "approved")
    assert note.clip == approval.clip
    owner = opened(f"/ui/compare?takes={note.clip}", url=url)
    owner.wait_for_selector(".approval[data-state='approved']:has-text('Maya')")
    owner.wait_for_selector(".note:has-text('Maya (guest)')")
    window.context.close()


def test_a_guest_reads_their_language_and_a_link_that_is_taken_back_says_so(
    opened: Open, browser: Any, bench: Bench, url: str
) -> None:
    address, password = makes_a_link(opened, url)
    window = goes_in(browser, address, password, "zh-CN")
    assert "并排观看" in window.locator("body").inner_text()
    assert bench.revoke_review(address.rpartition("/")[2])
    window.reload()
    assert "此审片链接已被撤回" in window.locator("body").inner_text()
    window.context.close()
