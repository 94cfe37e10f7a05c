"""Whether everyone can use the pages: contrast and names (axe), the keyboard alone, less motion, Chinese, any width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import Open, compare, require_chromium, settled
from tests.web.served import serving
from vbench.bench import Bench
from vbench.records import Clip

pytestmark = [pytest.mark.browser]
require_chromium()

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
Shown = tuple[str, list[Clip], Bench]

SEEN_TEXT = """() => {
  const said = [];
  const walk = document.createTreeWalker(document.querySelector(".vb"), NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node.parentElement.closest("[hidden], script, style, kbd, code, pre, option[value='en']")) continue;
    said.push(node.data);
  }
  for (const element of document.querySelectorAll(".vb [aria-label], .vb [title], .vb [placeholder]")) {
    for (const name of ["aria-label", "title", "placeholder"]) said.push(element.getAttribute(name) ?? "");
  }
  return said;
}"""
"""Every text and every name for a screen reader."""

FOCUS = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  return [element.outerHTML.slice(0, 120), style.outlineStyle, parseFloat(style.outlineWidth),
    element.getClientRects().length > 0 || element.matches("input[type=file]")];
}"""
"""What has the focus, and whether that can be seen."""


def pages(shown: Shown) -> tuple[str, ...]:
    takes = ",".join(clip.id for clip in shown[1][:4])
    return ("", f"compare?takes={takes}", "arena", "boards", "generate", "runs")


def serious(window: Any) -> list[Any]:
    """What axe finds serious or worse in what the window shows."""
    from axe_playwright_python.base import AXE_FILE_PATH

    window.add_script_tag(path=str(AXE_FILE_PATH))
    found = window.evaluate(
        "(values) => axe.run('.vb', {runOnly: {type: 'tag', values}}).then((found) => found.violations.map("
        "(one) => [one.impact, one.id, one.nodes.slice(0, 4).map((node) => node.html.slice(0, 160))]))",
        AXE_TAGS,
    )
    return [one for one in found if one[0] in ("serious", "critical")]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("room", ["dark", "light"])
def test_axe_finds_nothing_serious(opened: Open, shown: Shown, room: str, size: dict[str, int]) -> None:
    stored = {"origin": shown[0], "localStorage": [{"name": "vbench.room", "value": room}]}
    options: dict[str, Any] = {
        "bypass_csp": True,
        "reduced_motion": "reduce",
        "viewport": size,
        "has_touch": size == PHONE,
        "storage_state": {"cookies": [], "origins": [stored]},
    }
    for path in pages(shown):
        window = opened(f"/ui/{path}", **options)
        assert window.get_attribute(".vb", "data-room") == room
        if path.startswith("compare"):
            window.wait_for_selector(".curve")
        settled(window)
        assert serious(window) == [], path
        if path == "boards":
            window.click(".tool >> nth=0")
            window.wait_for_selector("dialog .drill")
            assert serious(window) == [], "the clips behind a number"
        if path.startswith("compare"):
            window.keyboard.press("?")
            assert serious(window) == [], "the keyboard map"
        if path == "arena":
            window.wait_for_selector("[data-ready='1']")
            window.click("button[data-outcome='skip']")
            window.wait_for_selector(".reveal")
            assert serious(window) == [], "the names after a vote"


def test_every_page_can_be_walked_by_tab_and_shows_where_it_is(opened: Open, shown: Shown) -> None:
    for path in pages(shown):
        window = opened(f"/ui/{path}", reduced_motion="reduce")
        settled(window)
        seen: list[str] = []
        for _ in range(400):
            window.keyboard.press("Tab")
            if window.evaluate("document.activeElement === document.body"):
                break  # out at the end: no trap
            html, outline, width, is_there = window.evaluate(FOCUS)
            assert (outline != "none" and width >= 1) or "vb-files" in html, (
                f"{path}: the focus on {html} cannot be seen"
            )
            assert is_there, f"{path}: the focus is on {html}, which is not on the page"
            seen.append(html)
        else:
            pytest.fail(f"{path}: after 400 steps the focus is still on the page, last on {seen[-3:]}")
        assert len(seen) > 8, path


def test_the_player_is_within_reach_of_the_keyboard(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2])
    window.keyboard.press("?")
    assert window.locator("dialog kbd").count() > 30
    window.keyboard.press("Escape")
    window.wait_for_selector("dialog", state="detached")
    window.keyboard.press("w")
    window.focus(".divider")
    window.keyboard.press("ArrowRight")
    assert window.get_attribute(".divider", "aria-valuenow") == "52"
    window.focus(".playhead")
    window.keyboard.press("End")
    window.wait_for_function("document.querySelector('.playhead').getAttribute('aria-valuenow') === '2.98'")
    assert "Holds together (learned) 1: " in window.get_attribute(".playhead", "aria-valuetext")


def test_nothing_moves_by_itself_where_less_motion_is_wished(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2], "&mode=blink", reduced_motion="reduce")
    window.wait_for_timeout(1200)  # what must not come tells nothing of when it would
    assert window.locator(".blink-b").count() == 0
    window.keyboard.press("b")
    assert window.locator(".blink-b").count() == 1
    window = opened("/ui/arena", reduced_motion="reduce")
    window.wait_for_selector("[data-ready='1']")
    window.wait_for_timeout(500)  # the same
    assert window.evaluate("[...document.querySelectorAll('video')].every((video) => video.paused)")


def test_the_page_speaks_chinese_where_the_browser_does(opened: Open) -> None:
    window = opened("/ui/", locale="zh-CN")
    assert window.inner_text(".bar nav a >> nth=0") == "素材"
    assert window.evaluate("document.documentElement.lang") == "zh-CN"


def test_no_english_is_left_on_a_chinese_page(opened: Open, shown: Shown) -> None:
    """Every sentence of the English table is looked for, whole and with what it fills in left out."""
    import json
    import re

    from vbench import web

    table = json.loads((Path(web.__file__).parent / "words.json").read_text())
    english = {en for en, zh in table.values() if en != zh and "{" not in en and re.search("[a-z]{3}", en)}
    filled = {
        longest
        for en, _ in table.values()
        if "{" in en and len(longest := max(re.split(r"\{\w+\}", en), key=len).strip()) > 6 and " " in longest
    }
    for path in pages(shown):
        window = opened(f"/ui/{path}", locale="zh-CN")
        settled(window)
        said = window.evaluate(SEEN_TEXT)
        assert len(said) > 10
        left = [text for text in said if text.strip() in english or any(part in text for part in filled)]
        assert left == [], path


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window(opened: Open, shown: Shown, width: int) -> None:
    for path in pages(shown):
        window = opened(f"/ui/{path}", viewport={"width": width, "height": 844})
        settled(window)
        assert window.evaluate("document.documentElement.scrollWidth") <= width, path


def test_an_empty_bench_teaches(opened: Open, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "empty") as bench, serving(bench) as url:
        for path in ("", "compare", "arena", "boards"):
            assert opened(f"/ui/{path}", url=url).locator(".empty h1").count() == 1
