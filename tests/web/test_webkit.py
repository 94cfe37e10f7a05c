"""The player in a real WebKit, which stops a video whose rate is touched: exact frames, one clock, plays refused."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import pytest

from tests.web.browser import NEXT_FRAME, READ_FRAMES, SPREAD
from tests.web.webkit import WebKitWindow, require_webkit, webkit
from vbench.bench import Bench
from vbench.records import Clip

pytestmark = [pytest.mark.browser]
require_webkit()

SPACE, RIGHT, LEFT, END = " ", "\ue014", "\ue012", "\ue010"
"""Keys as WebDriver names them."""
TOUCHES = """() => {
  window.touches = [];
  for (const video of document.querySelectorAll(".tile video"))
    for (const kind of ["seeking", "ratechange", "pause"])
      video.addEventListener(kind, () => window.touches.push(kind));
}"""


@pytest.fixture(scope="module")
def window() -> Iterator[WebKitWindow]:
    with webkit() as opened:
        yield opened


def compare(window: WebKitWindow, url: str, clips: list[Clip], query: str = "") -> None:
    window.goto(f"{url}/ui/compare?takes={','.join(clip.id for clip in clips)}{query}")
    window.wait_for_function("""() => document.querySelector("[data-ready='1'] .stage[data-steering]")""")


def wait_for_frames(window: WebKitWindow, frames: list[int]) -> None:
    window.wait_for_function(f"(want) => JSON.stringify(({READ_FRAMES})()) === JSON.stringify(want)", frames)
    window.evaluate(NEXT_FRAME)
    assert window.evaluate(READ_FRAMES) == frames


def wait_until_all_passed(window: WebKitWindow, second: float) -> None:
    window.wait_for_function(
        "(s) => [...document.querySelectorAll('.tile video')].every((video) => !video.paused && video.currentTime > s)",
        second,
    )


def test_a_step_is_one_frame_both_ways(window: WebKitWindow, shown: tuple[str, list[Clip], Bench]) -> None:
    compare(window, shown[0], shown[1][:2])
    wait_for_frames(window, [0, 0])
    for key, frame in [(RIGHT, 1), (RIGHT, 2), (RIGHT, 3), (LEFT, 2), (LEFT, 1)]:
        window.press(key)
        wait_for_frames(window, [frame, frame])
    window.press(END)
    wait_for_frames(window, [71, 71])


def test_takes_stay_together_without_being_touched(window: WebKitWindow, shown: tuple[str, list[Clip], Bench]) -> None:
    takes = shown[1][:4]
    compare(window, shown[0], takes)
    window.press(SPACE)
    wait_until_all_passed(window, 0.2)
    window.evaluate(TOUCHES)
    spreads = window.evaluate(SPREAD, 1000)
    assert window.evaluate("() => window.touches") == []
    assert len(spreads) > 3
    assert statistics.median(spreads) < 1 / min(clip.probe.fps for clip in takes)
    window.press(SPACE)
    window.wait_for_function("() => [...document.querySelectorAll('.tile video')].every((video) => video.paused)")
    minutes, seconds = window.evaluate("() => document.querySelector('.timecode').innerText").split(" / ")[0].split(":")
    now = 60 * int(minutes) + float(seconds)
    ends = [clip.probe.n_frames - 1 for clip in takes]
    rates = [clip.probe.fps for clip in takes]
    wait_for_frames(window, [min(int(now * fps + 1e-3), end) for fps, end in zip(rates, ends, strict=True)])


def test_the_probe_leaves_webkit_alone(window: WebKitWindow, shown: tuple[str, list[Clip], Bench]) -> None:
    """The cause is there: after a change of rate WebKit plays on with a `readyState` that says it cannot."""
    compare(window, shown[0], shown[1][:2])
    assert window.evaluate("() => document.querySelector('.stage').dataset.steering") == "free"
    window.press(SPACE)
    wait_until_all_passed(window, 0.3)
    window.evaluate("() => { document.querySelector('.tile video').playbackRate = 1.02; }")
    window.wait_for_function("() => document.querySelector('.tile video').readyState === 2")
    wait_until_all_passed(window, 1.5)  # and the clock goes on with it


def test_takes_begin_together_again_when_the_loop_wraps(
    window: WebKitWindow, shown: tuple[str, list[Clip], Bench]
) -> None:
    compare(window, shown[0], shown[1][:2], "&t=2.6")
    window.press(SPACE)
    window.wait_for_function(
        "() => [...document.querySelectorAll('.tile video')]"
        ".every((video) => !video.paused && 0.2 < video.currentTime && video.currentTime < 2)"
    )
    assert statistics.median(window.evaluate(SPREAD, 500)) < 1 / 16


def test_a_play_that_the_browser_refuses_is_told(shown: tuple[str, list[Clip], Bench]) -> None:
    with webkit(plays_untouched=False) as window:
        compare(window, shown[0], shown[1][:2])
        window.evaluate("() => document.querySelector('.play').click()")  # a script's click is nobody's finger
        window.wait_for_function("() => document.querySelector('.toast.error')?.textContent.includes('does not let')")
        assert window.evaluate("() => [...document.querySelectorAll('.tile video')].every((video) => video.paused)")
        window.press(SPACE)
        wait_until_all_passed(window, 0.1)
