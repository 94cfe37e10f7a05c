"""The list of pages, and what follows from it: what a page asks for is on its way early, once and not twice."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from tests.web.browser import Open
from vbench.web.files import STATIC
from vbench.web.pages import EVERY_PAGE, PAGES, links


def named(value: str) -> list[str]:
    return re.findall(r"<([^>]+)>", value)


def test_pages_name_files_and_addresses_that_there_are(page: TestClient) -> None:
    scripts = {name for entry in PAGES for name in (entry.script, *entry.early_scripts)}
    assert all((STATIC / name).is_file() for name in (*EVERY_PAGE, *scripts))
    for entry in PAGES:
        value = page.get(f"/ui/{entry.path}").headers["link"]
        assert value == links(entry.path, b"")
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
