"""What a page asks for is on its way before Gradio's scripts are, once and not twice."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from tests.web.browser import Open
from vbench.web.pages import PAGES
from vbench.web.preload_headers import DATA, EVERY_PAGE, SCRIPTS, links
from vbench.web.static_files import STATIC


def named(value: str) -> list[str]:
    return re.findall(r"<([^>]+)>", value)


def test_pages_name_files_and_addresses_that_there_are(page: TestClient) -> None:
    assert {*SCRIPTS, *DATA} <= set(PAGES)
    assert all((STATIC / name).is_file() for names in (EVERY_PAGE, *SCRIPTS.values()) for name in names)
    for path in PAGES:
        value = page.get(f"/ui/{path}").headers["link"]
        assert value == links(path, b"")
        assert all(page.get(address).status_code == 200 for address in named(value))
    assert "link" not in page.get("/api/v1/bench").headers


def test_a_board_with_a_filter_is_not_asked_for_without_it() -> None:
    assert "/api/v1/board" in named(links("boards", b"metric=flicker"))
    assert "/api/v1/board" not in named(links("boards", b"metric=flicker&country=CN"))


@pytest.mark.browser
@pytest.mark.parametrize("path", ["", "boards"])
def test_nothing_is_fetched_twice(opened: Open, path: str) -> None:
    window = opened(f"/ui/{path}")
    window.wait_for_selector(".board tbody tr, .empty" if path else ".card .poster")
    asked = window.evaluate("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)")
    for address in named(links(path, b"")):
        assert asked.count(address) == 1, address
