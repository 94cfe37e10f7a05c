"""The Gradio shell, the table of words, and the unit tests of the page's own scripts."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from pathlib import Path
from types import ModuleType

import pytest
from fastapi.testclient import TestClient
from gradio.queueing import Queue

from tests.web.conftest import Visit
from vbench.web import i18n
from vbench.web.pages import PAGES, TEMPLATE
from vbench.web.static_files import STATIC

TESTS = Path(__file__).parent / "js"


def needed(what: str) -> None:
    """Skip for want of something; fail where the page's tests are asked for."""
    if os.environ.get("VBENCH_REQUIRE_BROWSER") == "1":
        pytest.fail(f"VBENCH_REQUIRE_BROWSER=1, but there is no {what}; run make check, which gets it", pytrace=False)
    pytest.skip(f"no {what}")


@pytest.fixture(scope="module")
def api_types() -> ModuleType:
    """The script that makes `vbench/web/types/api.d.ts`."""
    path = Path(__file__).parents[2] / "tools" / "api_types.py"
    if not path.exists():
        pytest.skip("the folder tools is not part of a source distribution")
    spec = importlib.util.spec_from_file_location("api_types", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_has_an_address_of_its_own(page: TestClient) -> None:
    for path in PAGES:
        answer = page.get(f"/ui/{path}")
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
    table = i18n.translations()
    assert set(table) == {"en", "zh-CN"}
    assert set(table["en"]) == set(table["zh-CN"])
    holes = lambda text: sorted(part.split("}")[0] for part in text.split("{")[1:])  # noqa: E731
    for key, text in table["en"].items():
        assert holes(text) == holes(table["zh-CN"][key]), key


def test_scripts_pass_their_own_tests(api_types: ModuleType) -> None:
    node = api_types.node()
    if node is None:
        needed("node 20 or newer")
    ran = subprocess.run(
        [node, "--test", *map(str, sorted(TESTS.glob("*.test.mjs")))], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert "# pass" in ran.stdout
    assert len(list(STATIC.glob("*.js"))) > 20


def test_types_of_the_api_are_those_of_the_server(api_types: ModuleType) -> None:
    if api_types.node() is None or not api_types.MAKER.exists():
        needed("openapi-typescript")
    assert api_types.TYPES.read_text(encoding="utf-8") == api_types.types(), "run: make types"


def test_types_are_not_served(page: TestClient) -> None:
    assert page.get("/static/../types/api.d.ts").status_code == 404
    assert not list(STATIC.rglob("*.ts"))
