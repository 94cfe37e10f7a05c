"""A real Chromium over a running page, and what its pixels say."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.web.numbered import BLOCK, N_BITS
from tests.web.served import serving
from vbench.bench import Bench
from vbench.records import Clip
from vbench.tasks import worker

Open = Callable[..., Any]
"""Opens an address of the page in a new window; options as of a Playwright context, and `url` of another page."""

PATIENCE_MS = 60_000
"""A worker starts, and then a command in it; on a busy machine that takes its time."""
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
"""The system's Chromium; without one, the one that `playwright install chromium` fetched."""

READ_FRAMES = f"""() => [...document.querySelectorAll(".tile video")].map((video) => {{
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [{N_BITS * BLOCK}, {BLOCK}];
  const paper = canvas.getContext("2d");
  paper.drawImage(video, 0, 0);
  const at = (bit) => paper.getImageData(bit * {BLOCK} + {BLOCK // 2}, {BLOCK // 2}, 1, 1).data[1];
  return Array.from({{ length: {N_BITS} }}, (_, bit) => at(bit) > 128).reduce((number, bit) => number * 2 + bit, 0);
}})"""
"""The frame number painted into each take, as the browser shows it."""

SPREAD = """(ms) => new Promise((resolve) => {
  const videos = [...document.querySelectorAll(".tile video")];
  const [spreads, begin] = [[], performance.now()];
  const tick = () => {
    const moving = videos.filter((video) => !video.paused && !video.seeking).map((video) => video.currentTime);
    if (moving.length === videos.length) spreads.push(Math.max(...moving) - Math.min(...moving));
    if (performance.now() - begin < ms) requestAnimationFrame(tick); else resolve(spreads);
  };
  tick();
})"""
"""Seconds between the first and the last of the takes, at every frame of the screen while all are moving."""


QUIET = """(polls) => new Promise((resolve) => {
  let [before, same] = ["", 0];
  const look = () => {
    const now = document.querySelector(".vb").innerHTML;
    same = now === before ? same + 1 : 0;
    before = now;
    if (same < polls) setTimeout(look, 50); else document.fonts.ready.then(resolve);
  };
  look();
})"""
"""Until what is drawn has not changed for so many looks, and its letters are there."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that plays without being touched first."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("VBENCH_CHROMIUM") or CHROMIUM,
            args=["--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


def is_there() -> bool:
    """Whether a Chromium can be started."""
    if os.environ.get("VBENCH_CHROMIUM") or CHROMIUM:
        return True
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return os.path.exists(playwright.chromium.executable_path)


@contextmanager
def window_at_work(browser: Any, bench: Bench, wanted: str) -> Iterator[Any]:
    """A window on the page over a bench once `wanted` is there; workers that the page started end with it."""
    errors: list[str] = []
    before = list(worker._started)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        with serving(bench) as url:
            page.goto(f"{url}/ui/")
            page.wait_for_selector(wanted)
            yield page
            context.close()
    finally:
        for process in (one for one in worker._started if one not in before):
            process.terminate()
            process.wait(30)
    assert errors == []


def settled(window: Any) -> None:
    """Wait until the page has drawn what it asked for, however long that takes."""
    window.wait_for_selector(".vb .view > *", state="attached")
    window.evaluate(QUIET, 8)


def compare(opened: Open, clips: list[Clip], query: str = "", **options: Any) -> Any:
    window = opened(f"/ui/compare?takes={','.join(clip.id for clip in clips)}{query}", **options)
    window.wait_for_selector("[data-ready='1']", timeout=60_000)
    return window


def wait_for_frames(window: Any, frames: list[int]) -> None:
    """Until every take shows its frame, and for two screen frames more."""
    window.wait_for_function(f"(want) => JSON.stringify(({READ_FRAMES})()) === JSON.stringify(want)", arg=frames)
    window.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert window.evaluate(READ_FRAMES) == frames


def require_chromium() -> None:
    """Skip the module that calls it where there is no Chromium; fail it where one is asked for.

    Raises:
        Failed: `VBENCH_REQUIRE_BROWSER=1`, and none is installed.
    """

    if is_there():
        return
    if os.environ.get("VBENCH_REQUIRE_BROWSER") == "1":
        pytest.fail("VBENCH_REQUIRE_BROWSER=1, but there is no Chromium; install one", pytrace=False)
    pytest.skip("no Chromium installed", allow_module_level=True)


NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
STILL = "[...document.querySelectorAll('video')].every((video) => !video.seeking)"


def drawn(window: Any) -> None:
    """Wait until what was asked for is drawn: two frames on, and no video on its way to another moment."""
    window.evaluate(NEXT_FRAME)
    window.wait_for_function(STILL)


def played(window: Any, seconds: float) -> None:
    """Wait until every video has come so far."""
    window.wait_for_function(
        "(s) => [...document.querySelectorAll('video')].every((video) => video.currentTime > s)",
        arg=seconds,
        timeout=PATIENCE_MS,
    )


def becomes(window: Any, read: Callable[[], Any], expected: Any, *, frames: int = 400) -> None:
    """Wait, frame by frame, until something reads as expected."""
    for _ in range(frames):
        if read() == expected:
            return
        window.evaluate(NEXT_FRAME)
    assert read() == expected
