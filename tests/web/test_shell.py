"""The Gradio shell, the table of words, and the unit tests of the page's own scripts."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from gradio.queueing import Queue

from tests.web.conftest import Visit
from vbench.web.pages import PAGES
from vbench.web.shell import TEMPLATE
from vbench.web.words import translations

TESTS = Path(__file__).parent / "js"
NODE = shutil.which("node")


def test_every_page_has_an_address_of_its_own(page: TestClient) -> None:
    for entry in PAGES:
        answer = page.get(f"/ui/{entry.path}")
        assert answer.status_code == 200
        assert "gradio_config" in answer.text


def test_the_shell_is_static_and_takes_nothing_from_visitors(page: TestClient) -> None:
    config = page.app.routes  # the mounted Gradio application is one of them
    gradio = next(route.app for route in config if getattr(route, "path", "") == "/ui")
    blocks = gradio.get_blocks()
    assert blocks.fns == {}  # no listener, so no endpoint behind the queue
    assert "{" not in TEMPLATE


def test_a_page_nobody_looks_at_rests(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look(_queue: Queue) -> int:
        looks.append(1)
        return 0

    monkeypatch.setattr(Queue, "__len__", look)
    page = visit()
    page.get("/ui/")  # the queue is started by the first visit
    looks.clear()
    time.sleep(1.0)
    assert 1 <= len(looks) <= 6  # Gradio's own pace is a thousand


def test_each_word_is_there_in_each_language() -> None:
    table = translations()
    assert set(table) == {"en", "zh-CN"}
    declared = {key for key in table["zh-CN"] if key.startswith("about.")}  # in English the metrics say it themselves
    assert set(table["en"]) == set(table["zh-CN"]) - declared
    holes = lambda text: sorted(part.split("}")[0] for part in text.split("{")[1:])  # noqa: E731
    for key, text in table["en"].items():
        assert holes(text) == holes(table["zh-CN"][key]), key
