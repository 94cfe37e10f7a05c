"""From takes to a selection in a real Chromium: culled by key, undone after a reload, ranges marked, drawn on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import Open, compare, require_chromium
from tests.web.served import serving
from vbench.bench import Bench

pytestmark = [pytest.mark.browser]
require_chromium()


@pytest.fixture
def url(bench: Bench) -> Iterator[str]:
    with serving(bench) as address:
        yield address


def states(bench: Bench) -> list[tuple[str, str]]:
    return [(choice.state, choice.reason) for choice in bench.selects() if choice.state]


def test_takes_are_culled_by_key_and_undone_after_a_reload(opened: Open, bench: Bench, url: str) -> None:
    window = opened("/ui/", url=url)
    window.wait_for_selector(".card .rating")
    window.keyboard.press("ArrowRight")
    for keys in (["p"], ["q", "3"], ["Shift+q"]):
        with window.expect_response("**/api/v1/selects/*"):
            for key in keys:
                window.keyboard.press(key)
    assert sorted(states(bench)) == [("reject", ""), ("reject", "melts"), ("selected", "")], (
        "each key goes on by itself"
    )
    assert window.locator(".card.rejected").count() == 2
    window.reload()
    window.wait_for_selector(".card.rejected")
    with window.expect_response("**/api/v1/selects/*"):
        window.keyboard.press("Control+z")
    window.wait_for_function("document.querySelectorAll('.card.rejected').length === 1")
    assert sorted(states(bench)) == [("reject", "melts"), ("selected", "")]
    with window.expect_response("**/api/v1/selects/*"):
        window.keyboard.press("Control+Shift+z")
    window.wait_for_function("document.querySelectorAll('.card.rejected').length === 2")
    window.select_option("select[aria-label='State']", "reject")
    window.wait_for_function("document.querySelectorAll('.card').length === 2")


def test_all_that_is_shown_is_decided_at_a_stroke(opened: Open, bench: Bench, url: str) -> None:
    window = opened("/ui/", url=url)
    window.wait_for_selector(".card .rating")
    window.keyboard.press("Control+a")
    window.wait_for_selector(".tray:not([hidden])")
    with window.expect_response("**/api/v1/selects"):
        window.keyboard.press("y")
    assert states(bench) == [("maybe", "")] * 6


def test_ranges_are_marked_and_a_note_is_drawn_on_the_take_in_focus(opened: Open, bench: Bench, url: str) -> None:
    clips = bench.clips(prompt_ids=["boat"])[:2]
    window = compare(opened, clips, url=url)
    window.click(".tile[data-take='1'] .tile-name")
    window.keyboard.press("i")
    for _ in range(3):
        window.keyboard.press("ArrowRight")
    with window.expect_response("**/api/v1/selects/*"):
        window.keyboard.press("o")
    (choice,) = bench.selects()
    assert (choice.clip, choice.state, choice.ranges) == (clips[1].id, "selected", ((0.0, 0.5),))
    window.wait_for_selector(".used-range")
    window.keyboard.press("n")
    box = window.locator(".drawing.open").bounding_box()
    window.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    window.mouse.down()
    window.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.5, steps=4)
    window.mouse.up()
    window.fill(".note-form textarea", "the hand melts")
    with window.expect_response("**/api/v1/notes"):
        window.press(".note-form textarea", "Enter")
    (note,) = bench.notes()
    assert (note.clip, note.text) == (clips[1].id, "the hand melts")
    (shape,) = note.drawing
    assert shape["points"][0] == pytest.approx([0.25, 0.25], abs=0.02)
    assert shape["points"][-1] == pytest.approx([0.75, 0.5], abs=0.02)
    window.wait_for_selector(".tile[data-take='1'] .drawn")


def test_a_folder_comes_into_one_table(opened: Open, bench: Bench, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "Kling 9.9"
    folder.mkdir()
    source = bench.clip_path(bench.clips()[0])
    for name in ("a red car.mp4", "copy of it.mp4", ".hidden.mp4", "notes.txt"):
        (folder / name).write_bytes(source.read_bytes())
    window: Any = opened("/ui/generate", url=url)
    window.wait_for_selector(".drop")
    window.set_input_files("input[webkitdirectory]", folder)
    window.wait_for_function("document.querySelectorAll('.upload.ready').length === 2", timeout=60_000)
    tools = [box.input_value() for box in window.locator(".upload .fields input[name=model]").all()]
    assert tools == ["kling-9.9", "kling-9.9"]
    assert "already here" in window.inner_text(".upload-same >> nth=0")
    window.check(".uploads-head input")
    window.locator(".upload .fields input[name=model]").first.fill("kling-10")
    tools = [box.input_value() for box in window.locator(".upload .fields input[name=model]").all()]
    assert tools == ["kling-10", "kling-10"], "what is typed into a chosen row goes to all chosen rows"
