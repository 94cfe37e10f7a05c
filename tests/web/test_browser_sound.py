"""What takes sound like, in a real Chromium: their waveforms, one heard at a time, and none louder than another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import PATIENCE_MS, Open, becomes, require_chromium
from tests.web.numbered import Kind, add_clip
from tests.web.served import serving
from vbench.bench import Bench
from vbench.records import Prompt

pytestmark = [pytest.mark.browser]
require_chromium()

VOLUMES = "() => [...document.querySelectorAll('.tile video')].map(v => v.muted ? 0 : Math.round(v.volume * 100))"


@pytest.fixture
def takes(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A page over a loud take, one 6 dB softer, and one without sound; and the query that shows them."""
    prompt = Prompt(id="one", text="a bell rings", suite="t")
    kinds = [("loud", 440.0, 0.4), ("soft", 440.0, 0.2), ("mute", 0.0, 0.0)]
    with Bench.open(tmp_path / "bench") as bench:
        for n, (model, hz, level) in enumerate(kinds):
            kind = Kind(model=model, hue=0.3 * n, n_frames=24, size=(64, 48), audio_hz=hz, audio_level=level)
            add_clip(bench, kind, prompt)
        ids = ",".join(clip.id for clip in sorted(bench.clips(), key=lambda clip: clip.model))
        with serving(bench) as address:
            yield address, f"/ui/compare?takes={ids}"


def test_waveforms_are_drawn_and_louder_takes_turned_down(opened: Open, takes: tuple[str, str]) -> None:
    url, query = takes
    window: Any = opened(query, url=url)
    window.wait_for_selector(".sound-row >> nth=1", timeout=PATIENCE_MS)
    heads = window.locator(".sound-head")
    assert [text.split(" ♪ ")[0] for text in heads.all_inner_texts()] == ["1", "3"], "loud and soft, not mute"
    loud, soft = (float(text.split(" ♪ ")[1].removesuffix(" LUFS")) for text in heads.all_inner_texts())
    assert loud - soft == pytest.approx(6.0, abs=0.3)
    assert window.locator(".sound-wave path").first.get_attribute("d").startswith("M0.0,")
    window.keyboard.press("Shift+Digit1")
    becomes(window, lambda: window.evaluate(VOLUMES), [50, 0, 0])
    window.click("button:has-text('Equally loud')")
    becomes(window, lambda: window.evaluate(VOLUMES), [100, 0, 0])
    heads.nth(1).click()
    becomes(window, lambda: window.evaluate(VOLUMES), [0, 0, 100])
    assert heads.nth(1).get_attribute("aria-pressed") == "true"
