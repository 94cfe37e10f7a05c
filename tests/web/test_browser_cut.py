"""The cut in a real Chromium: filled, watched across a join, trimmed, reordered, swapped, undone after a reload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.browser import PATIENCE_MS, Open, becomes, require_chromium
from tests.web.served import serving
from vbench.bench import Bench
from vbench.records import Cut, Select, Shot

pytestmark = [pytest.mark.browser]
require_chromium()

ON_TOP = "document.querySelector('.cut-stage .on-top video')"


@pytest.fixture
def url(bench: Bench) -> Iterator[str]:
    with serving(bench) as address:
        yield address


def cut_page(opened: Open, url: str, query: str = "") -> Any:
    window = opened(f"/ui/cut{query}", url=url)
    window.wait_for_selector(".view-cut[data-ready='1']", timeout=PATIENCE_MS)
    return window


def shots(bench: Bench) -> list[tuple[str, float, float]]:
    return [(shot.clip, shot.in_s, shot.out_s) for cut in bench.cuts() for shot in cut.shots]


def test_takes_from_the_wall_become_shots_with_their_used_seconds(opened: Open, bench: Bench, url: str) -> None:
    clips = bench.clips(prompt_ids=["boat"])
    bench.set_select(Select(clip=clips[0].id, state="selected", ranges=((0.25, 0.5), (1.0, 1.5))))
    bench.set_select(Select(clip=clips[1].id, state="reject"))
    window = opened("/ui/", url=url)
    window.wait_for_selector(".card .rating")
    window.keyboard.press("Control+a")
    window.wait_for_selector(".tray:not([hidden])")
    with window.expect_response("**/api/v1/cuts"):
        window.click(".tray button:has-text('To the cut')")
        window.wait_for_selector(".view-cut[data-ready='1']", timeout=PATIENCE_MS)
    becomes(window, lambda: len(shots(bench)), 6)
    assert (clips[0].id, 0.25, 0.5) in shots(bench)
    assert (clips[0].id, 1.0, 1.5) in shots(bench)
    assert clips[1].id not in [clip for clip, *_ in shots(bench)]


def test_a_cut_is_trimmed_reordered_swapped_and_undone_after_a_reload(opened: Open, bench: Bench, url: str) -> None:
    first, second, third = (clip.id for clip in bench.clips(prompt_ids=["boat"]))
    bench.set_cut(Cut(name="a", shots=(Shot(clip=first, in_s=0.5, out_s=1.5), Shot(clip=second, in_s=0.0, out_s=0.5))))
    window = cut_page(opened, url)
    window.wait_for_selector(".cut-jump, .cut-item:nth-child(2)")
    window.click(".cut-trim >> nth=0 >> text=+1")
    becomes(window, lambda: shots(bench)[0], (first, 0.625, 1.5))
    window.keyboard.press("Alt+ArrowRight")
    becomes(window, lambda: [clip for clip, *_ in shots(bench)], [second, first])
    window.click(".cut-shot summary")
    window.click(f".cut-alternates button:has-text('{bench.clip(third).model}')")
    becomes(window, lambda: shots(bench)[1], (third, 0.625, 1.5))
    window.reload()
    window.wait_for_selector(".view-cut[data-ready='1']", timeout=PATIENCE_MS)
    for there in ([second, first], [first, second]):
        window.keyboard.press("Control+z")
        becomes(window, lambda: [clip for clip, *_ in shots(bench)], there)
    window.keyboard.press("Control+Shift+z")
    becomes(window, lambda: [clip for clip, *_ in shots(bench)], [second, first])
    window.keyboard.press("Delete")
    becomes(window, lambda: len(shots(bench)), 1)


def test_a_cut_plays_across_its_join_and_stops_at_its_end(opened: Open, bench: Bench, url: str) -> None:
    first, second = (clip.id for clip in bench.clips(prompt_ids=["boat"])[:2])
    bench.set_cut(
        Cut(name="a", shots=(Shot(clip=first, in_s=0.5, out_s=1.0), Shot(clip=second, in_s=0.25, out_s=0.75)))
    )
    window = cut_page(opened, url)
    assert window.inner_text(".view-cut .transport .timecode") == "00:00:00:00 / 00:00:01:00"
    assert window.evaluate(f"{ON_TOP}.currentTime") == pytest.approx(0.5 + 0.0625, abs=0.01)
    window.keyboard.press("Space")
    window.wait_for_function("document.querySelectorAll('.cut-item')[1].classList.contains('chosen')")
    window.wait_for_function("[...document.querySelectorAll('video')].every((video) => video.paused)")
    becomes(window, lambda: window.inner_text(".view-cut .transport .timecode"), "00:00:01:00 / 00:00:01:00")
    assert window.evaluate(f"{ON_TOP}.currentTime") < 0.75, "the last frame shown lies within the shot"
    window.keyboard.press("ArrowUp")
    window.wait_for_function("document.querySelectorAll('.cut-item')[0].classList.contains('chosen')")


def test_a_jump_is_marked_and_a_file_that_is_gone_is_told(opened: Open, bench: Bench, url: str) -> None:
    first, second = bench.clips(prompt_ids=["boat"])[:2]
    whole = [Shot(clip=clip.id, in_s=0.0, out_s=1.5) for clip in (first, second)]
    bench.clip_path(second).unlink()
    bench.set_cut(Cut(name="a", shots=tuple(whole)))
    window = cut_page(opened, url, "?lang=zh-CN")
    window.wait_for_selector(".cut-item.has-problem")
    window.wait_for_selector(".cut-jump")
    assert "its file is gone" in window.get_attribute(".cut-jump", "title")


def test_who_comes_second_sees_the_other_cut(opened: Open, bench: Bench, url: str) -> None:
    first, second = (clip.id for clip in bench.clips(prompt_ids=["boat"])[:2])
    kept = bench.set_cut(Cut(name="a", shots=(Shot(clip=first, in_s=0.0, out_s=1.0),)))
    window = cut_page(opened, url)
    bench.set_cut(Cut(name="a", shots=(Shot(clip=second, in_s=0.0, out_s=1.0),) * 2, revision=kept.revision))
    with window.expect_response("**/api/v1/cuts"):
        window.keyboard.press("Delete")
    window.wait_for_function("document.querySelectorAll('.cut-item').length === 2")
    assert "changed or taken away meanwhile" in window.inner_text(".toast.error")
    assert [clip for clip, *_ in shots(bench)] == [second, second]
