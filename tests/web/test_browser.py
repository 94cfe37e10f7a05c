"""The pages as people use them, in a real Chromium: exact frames, one clock, links, votes, boards, keys, bad input."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import (
    READ_FRAMES,
    SPREAD,
    Open,
    compare,
    drawn,
    played,
    require_chromium,
    settled,
    wait_for_frames,
)
from tests.web.conftest import many_clips
from tests.web.numbered import KINDS, RATES, SCENE, SCRIPT, Kind, add_clip
from tests.web.served import serving
from vbench.bench import Bench
from vbench.records import Clip

pytestmark = [pytest.mark.browser]
require_chromium()

STEPS = 8


def at_s(window: Any) -> float:
    minutes, seconds = window.inner_text(".timecode").split(" / ")[0].split(":")
    return 60 * int(minutes) + float(seconds)


# --- the player ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(RATES)), ids=[f"{fps:g}fps" for fps in RATES])
def test_a_step_is_one_frame_both_ways(opened: Open, shown: tuple[str, list[Clip], Bench], number: int) -> None:
    window = compare(opened, [shown[1][8 + number]])
    wait_for_frames(window, [0])
    for frame in [*range(1, STEPS + 1), *range(STEPS - 1, -1, -1)]:
        window.keyboard.press("ArrowRight" if frame > window.evaluate(READ_FRAMES)[0] else "ArrowLeft")
        wait_for_frames(window, [frame])
    window.keyboard.press("End")
    wait_for_frames(window, [23])
    window.keyboard.press("ArrowRight")
    wait_for_frames(window, [23])


def test_takes_of_different_rates_stay_on_one_clock(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:4])
    window.keyboard.press("Space")
    played(window, 0.5)
    window.wait_for_selector(".stage[data-steering='nudged']")
    spreads = window.evaluate(SPREAD, 1000)
    assert len(spreads) > 10
    assert statistics.median(spreads) < 0.02
    window.keyboard.press("Space")
    window.wait_for_function("[...document.querySelectorAll('video')].every((video) => video.paused)")
    drawn(window)
    now, fps = at_s(window), [clip.probe.fps for clip in shown[1][:4]]
    last = [clip.probe.n_frames - 1 for clip in shown[1][:4]]
    wait_for_frames(window, [min(int(now * rate + 1e-3), end) for rate, end in zip(fps, last, strict=True)])


def test_shorter_takes_hold_stop_or_loop(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    takes = [shown[1][0], shown[1][2]]  # 72 frames at 24 fps: 3 s; 40 at 16: 2.5 s
    window = compare(opened, takes, "&t=2.8")
    wait_for_frames(window, [67, 39])
    window.select_option("select[aria-label='Different lengths']", "loop")
    wait_for_frames(window, [67, int((67.5 / 24 - 2.5) * 16)])
    window.select_option("select[aria-label='Different lengths']", "shortest")
    wait_for_frames(window, [59, 39])
    window.select_option("select[aria-label='What is aligned']", "frame")
    window.keyboard.press("Home")
    window.keyboard.press("ArrowRight")
    wait_for_frames(window, [1, 1])


def test_an_offset_shifts_one_take_by_whole_frames(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:2], "&t=1")
    wait_for_frames(window, [24, 24])
    window.click(".tile[data-take='1'] .tile-name")
    window.keyboard.press("Alt+ArrowRight")
    window.keyboard.press("Alt+ArrowRight")
    wait_for_frames(window, [24, 26])


def test_a_link_opens_the_same_moment_elsewhere(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:2])
    for key in ("w", "Shift+ArrowRight", "i", "ArrowRight", "ArrowRight", "+"):
        window.keyboard.press(key)
        drawn(window)
    window.wait_for_function("location.search.includes('mode=wipe') && location.search.includes('zoom=')")
    frames, link = window.evaluate(READ_FRAMES), window.evaluate("location.href")
    assert frames[0] == 26
    other = opened(link.removeprefix(shown[0]))
    other.wait_for_selector("[data-ready='1']")
    wait_for_frames(other, frames)
    assert other.get_attribute(".stage", "data-mode") == "wipe"
    assert other.locator(".loop-range").is_visible()


def test_difference_is_black_where_two_takes_are_alike(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    def brightest(window: Any) -> int:
        from io import BytesIO

        import numpy as np
        from PIL import Image

        picture = Image.open(BytesIO(window.locator(".tile[data-role='a'] .tile-frame").screenshot()))
        pixels = np.asarray(picture.convert("L"))
        return int(pixels[pixels.shape[0] // 6 :, 40:-40].max())  # below the number

    same, other = (shown[1][1], shown[1][3]), (shown[1][0], shown[1][1])  # beta and delta share a hue
    window = compare(opened, list(same), "&mode=difference&gain=2&t=1")
    wait_for_frames(window, [24, 30])
    assert brightest(window) < 60
    window = compare(opened, list(other), "&mode=difference&gain=2&t=1")
    wait_for_frames(window, [24, 24])
    assert brightest(window) > 120


def test_an_axis_stands_beside_its_curves(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:2])
    settled(window)
    assert window.evaluate("""() => {
      const box = (name) => document.querySelector(name).getBoundingClientRect();
      return box(".lane-axis").left >= 0 && box(".lane-axis").right <= box(".plot-lane .curves").left;
    }""")


def test_bars_stay_where_a_long_page_is_scrolled(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = opened("/ui/", viewport={"width": 1280, "height": 300})
    settled(window)
    window.evaluate("() => scrollTo(0, 400)")
    window.wait_for_function("scrollY > 100")
    tops = "() => ['.vb .bar', '.vb .prompts'].map((name) => document.querySelector(name).getBoundingClientRect().top)"
    assert window.evaluate(tops) == [0, 52]


def test_every_mode_shows_what_it_says(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:3])
    seen = lambda: [window.locator(f".tile[data-take='{i}']").is_visible() for i in range(3)]  # noqa: E731
    for key, mode, visible in (("w", "wipe", [1, 1, 0]), ("v", "overlay", [1, 1, 0]), ("g", "grid", [1, 1, 1])):
        window.keyboard.press(key)
        assert window.get_attribute(".stage", "data-mode") == mode
        assert seen() == [bool(v) for v in visible]
    window.keyboard.press("2")
    assert seen() == [False, True, False]
    window.keyboard.press("2")
    window.keyboard.press("b")
    window.wait_for_function("document.querySelector('.stage').classList.contains('blink-b')")
    window.keyboard.press("w")
    window.keyboard.press("3")  # the third against the first
    assert seen() == [True, False, True]
    clip_path = "(role) => getComputedStyle(document.querySelector(`.tile[data-role=${role}] .tile-frame`)).clipPath"
    assert window.evaluate(clip_path, "b") == "inset(0px 0px 0px 50%)"


def test_one_take_is_heard(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:2])
    muted = "[...document.querySelectorAll('.tile video')].map((video) => video.muted)"
    assert window.evaluate(muted) == [True, True]
    window.keyboard.press("m")
    assert window.evaluate(muted) == [False, True]
    window.keyboard.press("m")
    assert window.evaluate(muted) == [True, True]


def test_worst_moments_curves_and_scores(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:2], "&metrics=temporal_consistency")
    window.wait_for_selector(".curve")
    assert window.locator(".curve").count() == 2
    window.keyboard.press("e")
    wait_for_frames(window, [24, 24])  # the dip planted at 1.0 s
    window.keyboard.press("e")
    wait_for_frames(window, [28, 28])  # at 1.2 s
    window.locator(".track").click(position={"x": window.locator(".track").bounding_box()["width"] / 2, "y": 30})
    wait_for_frames(window, [36, 36])  # half of 3 s
    window.get_by_role("button", name="Steadiness over time").click()
    table = window.inner_text(".facts")
    assert "Holds together (learned)" in table
    assert "cosine" in table
    assert "Apache-2.0" in table
    assert window.locator(".whisker").count() == 6


def test_notes_and_stars_are_kept(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:1], "&t=0.5")
    window.keyboard.press("n")
    window.keyboard.type("<b>hand melts</b> here")
    window.keyboard.press("Enter")
    window.wait_for_selector(".note")
    with window.expect_response("**/api/v1/selects/*"):
        window.click(".tile-head .rating button[aria-label='4 stars']")
    assert [note.text for note in shown[2].notes(shown[1][0].id)] == ["<b>hand melts</b> here"]
    assert [(choice.clip, choice.stars) for choice in shown[2].selects()] == [(shown[1][0].id, 4)]
    again = compare(opened, shown[1][:1])
    again.wait_for_selector(".note")
    assert "<b>hand melts</b>" in again.inner_text(".note")
    again.click(".note-time")
    wait_for_frames(again, [12])


def test_a_take_that_is_gone_says_so_and_the_others_play(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    path = shown[2].clip_path(shown[1][5])
    hidden = path.rename(path.with_suffix(".gone"))
    try:
        window = compare(opened, shown[1][4:6])
        assert "gone from disk" in window.inner_text(".tile[data-take='1']")
        window.wait_for_selector(".curve")
        assert window.locator(".lane-number").all_inner_texts() == ["1"]  # no curve and no mark of what cannot be seen
        assert set(window.locator(".mark span").all_inner_texts()) == {"1"}
        window.keyboard.press("ArrowRight")
        window.wait_for_function(f"({READ_FRAMES})()[0] === 1")
    finally:
        hidden.rename(path)


# --- the other pages ----------------------------------------------------------------------------------------------


def test_the_wall_leads_to_the_player(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = opened("/ui/")
    window.wait_for_selector(".card .choose")
    assert window.locator("video").count() == 0
    window.fill("input[type=search]", "slope")
    window.click(".prompt-list button:has-text('scene')")
    window.wait_for_function("document.querySelectorAll('.card').length === 4")
    window.locator(".card-frame").first.hover()
    window.wait_for_selector(".strip:not([hidden])", timeout=30_000)
    for n in (0, 2):
        window.locator(".choose").nth(n).click()
    window.click(".tray .primary")
    window.wait_for_selector("[data-ready='1']", timeout=60_000)
    assert window.locator(".tile-name").all_inner_texts() == ["alpha", "delta"]
    window.go_back()
    window.wait_for_selector(".card")


def test_markup_in_a_prompt_stays_text(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    for path in ("/ui/", "/ui/generate", f"/ui/compare?takes={shown[1][4].id}", "/ui/runs", "/ui/boards"):
        window = opened(path)
        settled(window)
        assert window.evaluate("window.pwned") is None
        if "compare" in path:
            assert window.inner_text(".prompt-line") == SCRIPT.text


def test_ten_thousand_takes(opened: Open, bench: Bench) -> None:
    many_clips(bench, 10_000)
    with serving(bench) as url:
        window = opened("/ui/", url=url)
        window.wait_for_selector(".card")
        assert "10,006" in window.inner_text(".count")
        assert window.locator(".card").count() < 60
        window.evaluate("scrollTo(0, document.body.scrollHeight)")
        window.wait_for_selector(".card:has-text('p999')")
        assert window.locator(".card").count() < 60


def test_takes_appear_on_the_wall_as_they_arrive(opened: Open, bench: Bench) -> None:
    with serving(bench) as url:
        window = opened("/ui/", url=url)
        window.wait_for_selector(".card")
        assert window.locator(".card").count() == 6
        add_clip(bench, Kind(model="newcomer", n_frames=12, size=(256, 144)), SCENE)
        window.wait_for_selector(".card:has-text('newcomer')", timeout=15_000)
        assert window.locator(".card").count() == 7


def test_votes_are_blind_until_cast_and_count_once(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = opened("/ui/arena")
    window.wait_for_selector("[data-ready='1']", timeout=60_000)
    before = window.content() + window.title() + window.url
    names = [kind.model for kind in KINDS] + [f"rate-{fps:g}" for fps in RATES]
    assert not [name for name in names if re.search(rf"\b{name}\b", before)]
    played(window, 0.25)  # the shortest take that can be drawn is 0.4 s and plays in a loop
    n_votes = len(shown[2].votes())
    with window.expect_request("**/arena/vote") as sent:
        window.keyboard.press("ArrowLeft")
    window.wait_for_selector(".reveal")
    assert len(shown[2].votes()) == n_votes + 1
    vote = shown[2].votes()[-1]
    assert vote.watched["left_s"] > 0.2
    assert {window.inner_text(f".shown >> nth={n} >> b") for n in (0, 1)} <= set(names)
    again = window.evaluate(
        "(body) => fetch('/api/v1/arena/vote', {method: 'POST', headers: {'content-type': 'application/json'}, body})"
        ".then((answer) => answer.status)",
        sent.value.post_data,
    )
    assert again >= 400
    assert len(shown[2].votes()) == n_votes + 1
    window.keyboard.press("Enter")
    window.wait_for_selector(".votes")


def test_the_board_says_how_sure_it_is(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = opened("/ui/boards?metric=temporal_consistency")
    window.wait_for_selector(".board tbody tr")
    assert window.locator(".board tbody tr").first.locator("b").inner_text() in ("alpha", "rate-8")
    assert window.locator(".board-main > .facts-scroll .interval-dot").count() == len(KINDS) + len(RATES)
    window.select_option("select[aria-label='Country']", "DE")
    window.wait_for_function("location.search.includes('country=DE')")
    window.wait_for_function("document.querySelectorAll('.board tbody tr').length < 11")
    window.click(".board .tool >> nth=0")
    window.click(".drill a >> nth=0")
    window.wait_for_selector(".tile")
    assert "compare" in window.url


def test_generating_shows_its_price_and_what_stands_in_the_way(opened: Open) -> None:
    window = opened("/ui/generate")
    window.wait_for_selector(".tools .price:has-text('free')")
    assert window.locator(".tools .off .reason").count() > 0
    assert window.locator(".total .primary").is_disabled()
    window.fill(".panel textarea", "A red ball rolls to the left")
    window.check(".tools li:has-text('Synthetic, clean') input")
    window.wait_for_selector(".total .primary:not([disabled])")


def test_a_public_page_looks_and_votes_and_no_more(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    with serving(shown[2], public=True) as url:
        window = opened("/ui/generate", url=url)
        assert window.locator(".closed").count() == 2
        window = compare(opened, shown[1][:1], url=url)
        assert window.locator(".note-form, .rating").count() == 0


def test_a_server_that_went_away_is_a_sentence(opened: Open, bench: Bench) -> None:
    with serving(bench) as url:
        window = opened("/ui/", url=url)
        window.wait_for_selector(".card")
    window.click(".bar nav a:has-text('Boards')")
    window.wait_for_selector(".problem")
    assert "does not answer" in window.inner_text(".problem")


def test_a_table_of_the_takes_is_downloaded(opened: Open, shown: tuple[str, list[Clip], Bench], tmp_path: Path) -> None:
    window = compare(opened, shown[1][:2])
    window.click("button[aria-label='Export these takes']")
    with window.expect_download() as download:
        window.click(".export-kinds button:has-text('CSV')")
    download.value.save_as(tmp_path / "takes.csv")
    text = (tmp_path / "takes.csv").read_text()
    assert "alpha" in text
    assert "beta" in text


def test_a_dropped_clip_is_guessed_and_corrected_by_hand(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = opened("/ui/generate")
    path = shown[2].clip_path(shown[1][0])
    broken = {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": b"this is text"}
    window.set_input_files(
        "#vb-files", {"name": "scene_omega_0.mp4", "mimeType": "video/mp4", "buffer": path.read_bytes()}
    )
    window.wait_for_selector(".upload .fields", timeout=60_000)
    window.set_input_files("#vb-files", broken)
    window.wait_for_selector(".upload.failed .failure", timeout=60_000)
    fields = window.locator(".upload .fields").first
    fields.locator("input").nth(0).fill("omega")
    fields.locator("input").nth(1).fill("brand-new")
    assert fields.locator("textarea").is_visible()  # a new prompt needs its text
    fields.locator("input").nth(1).fill("scene")
    assert not fields.locator("textarea").is_visible()
    assert window.locator("button:has-text('Import 1 and measure')").is_enabled()
