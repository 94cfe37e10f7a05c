"""What the page sets in motion, in a real Chromium and with the real worker: generating, importing, export, retry."""

from __future__ import annotations

import csv
import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.web.browser import PATIENCE_MS, require_chromium, window_at_work
from tests.web.conftest import moving_square
from vbench import video
from vbench.bench import Bench
from vbench.tasks import worker

pytestmark = [pytest.mark.browser]
require_chromium()

FLAKY = """
import pathlib, sys
out, clip, switch = map(pathlib.Path, sys.argv[1:])
if not switch.exists():
    sys.exit("the card is out of memory")
out.write_bytes(clip.read_bytes())
"""
CARD = """
name: Flaky
vendor: {{name: none}}
adapter: command
local: true
licence: {{weights: none}}
capabilities: {{t2v: true, seed: true}}
limits: {{resolutions: [64x48], seconds: [1]}}
defaults: {{seconds: 1, resolution: 64x48, fps: 8}}
options: {{argv: {argv}}}
"""


@pytest.fixture
def window(browser: Any, bench: Bench) -> Iterator[Any]:
    with window_at_work(browser, bench, ".card") as opened:
        yield opened


def visit(window: Any, name: str) -> None:
    window.click(f".bar nav a:has-text('{name}')")
    window.wait_for_selector(".page h1")


def test_two_tools_are_ticked_and_their_takes_come_to_the_wall(
    window: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, seen = worker.ensure_worker, threading.Event()
    monkeypatch.setattr(worker, "ensure_worker", lambda bench: start(bench) if seen.is_set() else None)
    visit(window, "Generate")
    window.wait_for_selector(".tools .price:has-text('free')")
    window.click("button:has-text('Pick a prompt')")
    assert window.locator(".choices h3").first.inner_text() == "This bench"
    window.fill(".picker input", "boat RED")
    window.click(".choice:has-text('A red boat drifts')")
    assert window.input_value(".panel textarea") == "A red boat drifts"
    assert window.inner_text(".pick-line .unit") == "This bench: boat"
    window.fill("input[aria-label='Find a tool']", "synthetic")
    for tool in ("Synthetic, clean", "Synthetic, flicker"):
        line = window.locator(f".tools li:has-text('{tool}')")
        assert line.locator(".price").inner_text().splitlines() == ["free, here", "rights"]
        line.locator("input").check()
    window.fill("label:has-text('Seconds') input", "2")
    go = window.locator(".total .primary:not([disabled])")
    go.wait_for()
    assert go.inner_text() == "Generate"
    assert "Takes: 2, free" in window.inner_text(".total")
    go.click()
    window.wait_for_selector(".task:has-text('Generate') progress")
    assert "The tools were asked" in window.inner_text(".jobs")
    seen.set()  # not before: the work may be faster than the page
    window.wait_for_selector(".task.done:has-text('2 takes made')")
    assert {clip.model for clip in bench.clips(models=["synthetic-clean", "synthetic-flicker"])} == {
        "synthetic-clean",
        "synthetic-flicker",
    }
    window.wait_for_selector("td a:has-text('Watch') >> nth=1")
    assert window.locator(".task.done a:has-text('Compare 2 takes')").count() == 1
    window.click(".task.done a:has-text('On the wall')")
    window.wait_for_selector(".wall-title:has-text('A red boat drifts')")
    for tool in ("synthetic-clean", "synthetic-flicker"):
        window.wait_for_selector(f".card:has-text('{tool}')")


def test_a_chosen_file_is_corrected_confirmed_and_on_the_wall(window: Any, bench: Bench, tmp_path: Path) -> None:
    video.write_clip(moving_square(77), tmp_path / "alpha_boat.mp4", fps=8, crf=23, preset="ultrafast")
    visit(window, "Generate")
    with window.expect_file_chooser() as chooser:
        window.click(".drop")
    chooser.value.set_files(tmp_path / "alpha_boat.mp4")
    fields = window.locator(".upload .fields")
    fields.wait_for()
    tool, prompt, _ = fields.locator("input").all()
    assert (tool.input_value(), prompt.input_value()) == ("alpha", "boat")
    assert fields.locator("small").all_inner_texts()[:2] == ["from the file's name", "from the file's name"]
    confirm = window.locator("button:has-text('Import 1 and measure')")
    tool.fill("")
    confirm.click()  # the browser points at the empty field
    assert tool.evaluate("(field) => field === document.activeElement && !field.validity.valid")
    tool.fill("omega")
    assert fields.locator("small").first.inner_text() == ""  # a person's word needs no source
    prompt.fill("harbour")
    fields.locator("textarea").fill("A harbour at dawn")
    confirm.click()
    window.wait_for_selector(".task.done:has-text('1 of 1 imported')")
    (clip,) = bench.clips(models=["omega"])
    assert (clip.prompt.id, clip.prompt.text) == ("harbour", "A harbour at dawn")
    window.click(".bar nav a >> nth=0")
    window.wait_for_selector(".card:has-text('omega')")
    window.wait_for_selector(".prompt-list button:has-text('A harbour at dawn')")


def test_a_dropped_file_is_taken(window: Any, bench: Bench) -> None:
    data = bench.clip_path(bench.clips()[0]).read_bytes()
    visit(window, "Generate")
    window.wait_for_selector(".drop")
    carried = window.evaluate_handle(
        "(bytes) => { const carried = new DataTransfer();"
        " carried.items.add(new File([new Uint8Array(bytes)], 'beta_cat_3.mp4', { type: 'video/mp4' }));"
        " return carried; }",
        list(data),
    )
    window.dispatch_event(".drop", "dragover", {"dataTransfer": carried})
    window.dispatch_event(".drop", "drop", {"dataTransfer": carried})
    window.wait_for_selector(".upload .fields")
    assert [one.input_value() for one in window.locator(".upload .fields input").all()] == ["beta", "cat", "3"]


def test_a_dropped_picture_is_where_the_take_begins(window: Any, bench: Bench) -> None:
    made = np.kron(np.arange(12).reshape(3, 4) * 20, np.ones((60, 60))).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(np.dstack([made, 255 - made, made // 2])).save(content, "PNG")
    visit(window, "Generate")

    def drop(place: str, name: str, data: bytes) -> None:
        carried = window.evaluate_handle(
            "([bytes, name]) => { const carried = new DataTransfer();"
            " carried.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));"
            " return carried; }",
            [list(data), name],
        )
        for event in ("dragover", "drop"):
            window.dispatch_event(f"label[for='vb-picture-{place}']", event, {"dataTransfer": carried})

    drop("image", "notes.png", b"no picture at all")
    window.wait_for_selector(".pictures [role=status]:has-text('picture')")
    assert window.locator(".pictures figure").count() == 0
    drop("image", "start.png", content.getvalue())
    window.locator(".pictures button[aria-label='Remove the picture']").click()
    window.wait_for_selector(".pictures:not(:has(figure))")
    drop("image", "start.png", content.getvalue())
    window.wait_for_selector(".pictures figcaption:has-text('240 × 180')")
    window.fill(".panel textarea", "the picture moves")
    window.fill("input[aria-label='Find a tool']", "synthetic")
    window.locator(".tools li:has-text('Synthetic, from a picture') input").check()
    window.fill("label:has-text('Seconds') input", "1")
    window.locator(".total .primary:not([disabled])").click()
    window.wait_for_selector(".task.done:has-text('1 take made')")
    (clip,) = bench.clips(models=["synthetic-image"])
    first = next(video.read_frames(bench.clip_path(clip))).rgb((240, 180)).astype(int)
    asked = np.asarray(Image.open(content).resize((640, 360)).resize((240, 180)), int)
    assert np.abs(first[60:120, 30:210] - asked[60:120, 30:210]).mean() < 30
    assert clip.prompt.image


def test_two_chosen_takes_are_exported_to_files_that_open(window: Any, bench: Bench, tmp_path: Path) -> None:
    for n in (0, 1):
        window.locator(".choose").nth(n).click()
    window.click(".tray .primary")
    window.wait_for_selector("[data-ready='1']")
    window.click("button[aria-label='Export these takes']")
    with window.expect_download(timeout=PATIENCE_MS) as download:
        window.click(".export-kinds button:has-text('ZIP')")
    download.value.save_as(tmp_path / "takes.zip")
    with zipfile.ZipFile(tmp_path / "takes.zip") as folder:
        assert folder.testzip() is None
        clips = [name for name in folder.namelist() if name.endswith(".mp4")]
        folder.extractall(tmp_path / "takes")
    assert len(clips) == 2
    assert [video.probe(tmp_path / "takes" / name).n_frames for name in clips] == [12, 12]
    window.wait_for_selector("[role=status]:has-text('your browser has it')")
    with window.expect_download(timeout=PATIENCE_MS) as download:
        window.click(".export-kinds button:has-text('CSV')")
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert len({row["sha256"] for row in rows}) == 2


@pytest.fixture
def flaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of one's own, as a tool of the catalogue, that fails until the file returned is there."""
    switch, clip, tool = (tmp_path / name for name in ("switch", "clip.mp4", "tool.py"))
    tool.write_text(FLAKY)
    video.write_clip(moving_square(5), clip, fps=8, crf=23, preset="ultrafast")
    (tmp_path / "models").mkdir()
    argv = [sys.executable, str(tool), "{out}", str(clip), str(switch)]
    (tmp_path / "models" / "flaky.yaml").write_text(CARD.format(argv=argv))
    monkeypatch.chdir(tmp_path)
    return switch


def test_a_failed_job_is_tried_again_with_one_click(flaky: Path, window: Any, bench: Bench) -> None:
    visit(window, "Generate")
    window.fill(".panel textarea", "A red ball rolls to the left")
    window.locator(".tools li:has-text('Flaky') input").check()
    window.click(".total .primary:not([disabled])")
    window.wait_for_selector(".task.failed:has-text('flaky: failed: ended with exit code 1')")
    again = window.locator("td button:has-text('Try again')")
    again.wait_for()
    assert again.inner_text() == "Try again: free, here"
    flaky.touch()
    again.click()
    window.wait_for_selector(".task.done:has-text('1 take made')")
    window.wait_for_selector("tr:has-text('flaky') a:has-text('Watch')")
    assert window.locator("tr:has-text('flaky') .state").all_inner_texts()[:2] == ["succeeded", "failed"]
    assert window.locator("td button:has-text('Try again')").count() == 0
    (clip,) = bench.clips(models=["flaky"])
    assert clip.prompt.text == "A red ball rolls to the left"
    assert window.locator("tr:has-text('Loudness')").count() == 0, "a clip without sound is no failure"
