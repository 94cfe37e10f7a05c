"""Pointer and fingers on the player in a real Chromium: the line of the wipe, the loupe, pan, pinch, the timeline."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.browser import NEXT_FRAME, Open, becomes, compare, drawn, require_chromium, wait_for_frames
from vbench.bench import Bench
from vbench.records import Clip

pytestmark = [pytest.mark.browser]
require_chromium()

Shown = tuple[str, list[Clip], Bench]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
VIEW = """() => ["--zoom", "--x", "--y", "--wipe"].map(
  (name) => parseFloat(document.querySelector(".stage").style.getPropertyValue(name)))"""
"""Zoom, pan in percent of the picture, and the line of the wipe in percent."""


def view(window: Any) -> Any:
    return pytest.approx(window.evaluate(VIEW), abs=1.5)


def box_of(window: Any, take: int) -> dict[str, float]:
    box: dict[str, float] = window.locator(f".tile[data-take='{take}'] .tile-frame").bounding_box()
    return box


class Fingers:
    """Touches of a window, by the browser's own protocol, since Playwright has one finger only."""

    def __init__(self, window: Any) -> None:
        self.window = window
        self.wire = window.context.new_cdp_session(window)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
        self.window.evaluate(NEXT_FRAME)

    def drag(self, *paths: tuple[tuple[float, float], tuple[float, float]], steps: int = 6) -> None:
        """Put fingers down one after the other, move all, lift all."""
        for n in range(1, len(paths) + 1):
            self.send("touchStart", *[start for start, _ in paths[:n]])
        for step in range(1, steps + 1):
            share = step / steps
            self.send("touchMove", *[(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in paths])
        self.send("touchEnd")


def test_two_fingers_zoom_all_takes_and_not_the_page(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2], **PHONE)
    fingers, box = Fingers(window), box_of(window, 1)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers.drag(((x - 20, y), (x - 60, y)), ((x + 20, y), (x + 60, y)))
    assert view(window) == [3, 0, 0, 50]
    assert window.evaluate("[visualViewport.scale, scrollY]") == [1, 0]
    fingers.drag(((x, y), (x + box["width"] * 0.25, y)))  # one finger pans what is zoomed
    assert view(window) == [3, 25, 0, 50]
    for _ in range(2):
        fingers.drag(((x, y), (x, y)), steps=1)
    becomes(window, lambda: view(window), [1, 0, 0, 50])
    fingers.drag(((x, y), (x, y - 120)))  # and scrolls the page where nothing is zoomed
    window.wait_for_function("scrollY > 40")


def test_the_line_of_the_wipe_follows_finger_and_mouse(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2], "&mode=wipe", **PHONE)
    box = box_of(window, 0)
    at = lambda share: (box["x"] + box["width"] * share, box["y"] + box["height"] / 2)  # noqa: E731
    Fingers(window).drag((at(0.5), at(0.75)))
    assert view(window) == [1, 0, 0, 75]
    window = compare(opened, shown[1][:2], "&mode=wipe")
    box = box_of(window, 0)
    window.mouse.move(*at(0.5))
    window.mouse.down()
    window.mouse.move(*at(0.2), steps=4)
    window.mouse.up()
    window.mouse.move(*at(0.9))  # after the button is up, it stays
    assert view(window) == [1, 0, 0, 20]
    line = window.locator(".divider").bounding_box()
    assert line["x"] + line["width"] / 2 == pytest.approx(at(0.2)[0], abs=2)


def test_the_loupe_shows_what_is_under_pointer_and_finger(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2])
    window.keyboard.press("z")
    box = box_of(window, 1)  # the second take: its own frame counts, not the first's
    window.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    assert view(window) == [4, 75, 0, 50]
    window.keyboard.press("z")
    assert view(window) == [1, 0, 0, 50]
    window = compare(opened, shown[1][:2], **PHONE)
    window.tap("button[aria-label^='Loupe']")
    box = box_of(window, 1)
    middle = box["y"] + box["height"] / 2
    Fingers(window).drag(((box["x"] + box["width"] * 0.5, middle), (box["x"] + box["width"] * 0.75, middle)))
    assert view(window) == [4, -75, 0, 50]


def test_double_click_zooms_there_and_back(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2])
    box = box_of(window, 1)
    point = (box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    window.mouse.dblclick(*point)
    assert view(window) == [3, 50, 0, 50]
    window.mouse.move(*point)
    window.mouse.down()
    window.mouse.move(point[0] + box["width"] * 0.1, point[1], steps=3)
    window.mouse.up()
    assert view(window) == [3, 60, 0, 50]
    window.mouse.dblclick(*point)
    assert view(window) == [1, 0, 0, 50]


def test_the_timeline_tells_values_under_the_pointer_and_whose_they_are(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:2], "&metrics=temporal_consistency")
    window.wait_for_selector(".curve")
    assert window.locator(".lane-number").all_inner_texts() == ["1", "2"]
    dashes = window.locator(".curve").evaluate_all("all => all.map((one) => one.getAttribute('stroke-dasharray'))")
    assert len(set(dashes)) == 2
    track = window.locator(".track").bounding_box()
    values = lambda: [float(text) for text in window.locator(".lane-value").all_inner_texts()]  # noqa: E731
    window.mouse.move(track["x"] + track["width"] / 3, track["y"] + 40)  # 1.0 s of 3 s: the first take's dip
    assert window.inner_text(".hover-time") == "0:01.000"
    first, second = values()
    assert first < 0.76 < 0.85 < second
    window.mouse.move(5, 5)
    assert min(values()) > 0.9  # back at the playhead
    assert window.locator(".hover-line").is_hidden()


def test_a_link_restores_everything_in_a_fresh_browser(opened: Open, shown: Shown) -> None:
    window = compare(opened, shown[1][:3], "&metrics=flicker,temporal_consistency")
    window.select_option("select[aria-label='Speed']", "0.5")
    window.select_option("select[aria-label='What is aligned']", "frame")
    window.select_option("select[aria-label='Different lengths']", "loop")
    window.select_option("select[aria-label='Scale of the curves']", "own")
    window.click(".transport .chip")  # no looping
    window.click(".tile[data-take='1'] .tile-name")
    for key in ("Alt+ArrowRight", "Shift+ArrowRight", "i", "ArrowRight", "ArrowRight", "ArrowRight", "o", "m", "3"):
        window.keyboard.press(key)
        drawn(window)
    window.wait_for_function("location.search.includes('only=2') && location.search.includes('out=')")
    link = window.evaluate("location.href")
    other = opened(link.removeprefix(shown[0]))
    other.wait_for_selector("[data-ready='1']")
    other.wait_for_selector(".curve")
    state = """() => [document.querySelector(".timecode").textContent,
      ...[...document.querySelectorAll(".below select:not(.note-form *), .transport select")].map((one) => one.value),
      ...[...document.querySelectorAll(".offsets input")].map((one) => one.value),
      document.querySelector(".transport .chip").getAttribute("aria-pressed"),
      ...["--from", "--to"].map((name) =>
        Number(document.querySelector(".loop-range").style.getPropertyValue(name)).toFixed(3)),
      [...document.querySelectorAll("video")].map((one) => one.muted).join(),
      [...document.querySelectorAll(".lane-head b")].map((one) => one.textContent).join(),
      [...document.querySelectorAll(".tile")].map((one) => one.classList.contains("away")).join()]"""
    becomes(other, lambda: other.evaluate(state), window.evaluate(state))
    becomes(other, lambda: other.evaluate("location.search"), window.evaluate("location.search"))
    frames = window.evaluate("[...document.querySelectorAll('video')].map((video) => video.currentTime)")
    assert other.evaluate("[...document.querySelectorAll('video')].map((video) => video.currentTime)") == pytest.approx(
        frames, abs=0.002
    )


def test_side_by_side_takes_are_equally_high_and_fill_the_stage(opened: Open, shown: Shown) -> None:
    for size in ((1440, 900), (1280, 720), (390, 844)):
        window = compare(opened, shown[1][:4], viewport={"width": size[0], "height": size[1]})
        wait_for_frames(window, [0, 0, 0, 0])
        boxes = [box_of(window, take) for take in range(4)]
        assert len({round(box["height"]) for box in boxes}) == 1
        stage = window.locator(".stage").bounding_box()
        covered = sum(box["width"] * box["height"] for box in boxes) / (stage["width"] * stage["height"])
        assert covered > 0.55, size
        assert all(box["width"] / box["height"] == pytest.approx(416 / 240, rel=0.02) for box in boxes)
