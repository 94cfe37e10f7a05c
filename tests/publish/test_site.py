"""The site: whole, small, without a script, its links not broken, and nobody's words run in it."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from tests.publish.boards import TEXT, filled
from vbench.bench import Bench
from vbench.bench.clips import clip_from_file
from vbench.errors import OptionError
from vbench.publish.results import Edition
from vbench.publish.site import build, plot
from vbench.records import Prompt, Provenance
from vbench.video import probe, write_clip


class Links(HTMLParser):
    """Everything that a page points at."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value for name, value in attrs if name in ("href", "src") and value]


def test_pages_link_to_what_is_there_and_hold_no_script(tmp_path: Path) -> None:
    built = build(filled(tmp_path / "bench"), tmp_path / "site", Edition(title="<i>T</i>"), clips=False)
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) == 1 + 1 + 2 + 2 + 8  # first, history, metrics, tags, prompts
    for page in pages:
        links = Links()
        text = page.read_text()
        links.feed(text)
        assert "script" not in links.tags
        assert "<i>T" not in text
        assert "<b>fox" not in text
        for target in links.targets:
            assert (page.parent / unquote(target)).exists(), f"{page}: {target}"
    assert built.first_page_bytes < 300_000
    prompt = next((tmp_path / "site" / "prompts").iterdir()).read_text()
    assert escape(TEXT) in prompt
    first = (tmp_path / "site" / "index.html").read_text()
    for word in ("retired", "prompt rewritten", "provisional", "6 of 10 votes count", "Quality and cost"):
        assert word in first


def test_an_edition_follows_another_and_a_strange_folder_is_left_alone(tmp_path: Path) -> None:
    site = tmp_path / "site"
    build(filled(tmp_path / "one"), site, Edition(), clips=False)
    build(filled(tmp_path / "two", tools=("x",)), site, Edition(reasons={"y": "asked for"}), clips=False)
    history = (site / "history.html").read_text()
    assert "asked for" in history
    assert "no reason was given" in history
    assert len(re.findall(r"<tr><td>20", history)) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OptionError, match="is not empty"):
        build(filled(tmp_path / "three"), tmp_path / "mine", Edition(), clips=False)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_clips_that_browsers_play_are_copied_and_others_get_a_proxy(tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(4)]
    write_clip(frames, tmp_path / "a.mp4", fps=4)
    gif = tmp_path / "b.gif"
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(gif, save_all=True, append_images=pictures[1:], duration=250)
    with Bench.open(tmp_path / "bench") as bench:
        for number, path in enumerate((tmp_path / "a.mp4", gif)):
            prompt = Prompt(id=f"p{number}", text=f"prompt {number}")
            facts = probe(path)
            bench.add_clip(
                clip_from_file(path, model="x", prompt=prompt, sample=0, probe=facts, provenance=Provenance())
            )
        built = build(bench, tmp_path / "site", Edition())
        gone = bench.clips()[1]
        gif.unlink()
        (tmp_path / "site" / "media" / f"{gone.sha256[:32]}.mp4").unlink()
        again = build(bench, tmp_path / "site", Edition())
    assert built.n_clips == 2
    media = sorted((tmp_path / "site" / "media").iterdir())
    assert [path.suffix for path in media] == [".mp4"]
    assert media[0].read_bytes() == (tmp_path / "a.mp4").read_bytes()
    assert len(again.notes) == 1
    assert "cannot be shown" in again.notes[0]


def test_a_plot_needs_two_prices_and_joins_the_front() -> None:
    rows = [
        {"tool": "a", "quality": 1.0, "usd": 1.0, "front": True},
        {"tool": "b", "quality": 3.0, "usd": 3.0, "front": True},
        {"tool": "c", "quality": None, "usd": 3.0, "front": False},
    ]
    picture = plot(rows, "usd", "front")
    assert picture is not None
    assert picture["line"] == "46.0,254.0 594.0,46.0"
    assert plot(rows[:1], "usd", "front") is None
