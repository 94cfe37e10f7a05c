"""The page's own scripts: their unit tests, and their types against the server's schema."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from fastapi.testclient import TestClient

from vbench.web.files import STATIC

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
