"""Static files, errors as sentences, start, and what the page process loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from tests.web.conftest import PROMPTS, Visit, make_clip
from vbench.bench import Bench
from vbench.web import media, static_files


def test_static_files_are_kept_for_ever_only_under_the_hash_of_their_content(seen: TestClient) -> None:
    name = next(path.name for path in static_files.STATIC.iterdir() if path.suffix == ".js")
    current = seen.get(static_files.static_url(name))
    assert current.headers["cache-control"] == media.IMMUTABLE
    assert current.headers["content-type"].startswith("text/javascript")
    stale = seen.get(f"/static/{name}?v=000000000000")
    assert (stale.status_code, stale.headers["cache-control"]) == (200, "no-cache")
    for path in ("../server.py", "..%2Fserver.py", "nothing.js", ""):
        assert seen.get(f"/static/{path}").status_code == 404


def test_the_database_being_gone_is_a_sentence(page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("unable to open database file /secret/place"))

    monkeypatch.setattr(bench, "prompts", gone)
    answer = page.get("/api/v1/prompts")
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert page.get("/healthz").status_code == 200


def test_a_page_loads_neither_torch_nor_cv2(made_bench: Path) -> None:
    code = (
        "import sys\nfrom fastapi.testclient import TestClient\nfrom vbench.web.server import build\n"
        f"page = TestClient(build({str(made_bench)!r}), base_url='http://localhost')\n"
        "for path in ('/ui/', '/api/v1/clips', '/api/v1/board', '/api/v1/models', '/api/v1/arena/pair'):\n"
        "    assert page.get(path).status_code == 200, (path, page.get(path).text)\n"
        "import json\nprint(json.dumps(sorted({'torch', 'cv2', 'diffusers', 'transformers'} & set(sys.modules))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_two_pages_of_one_bench(visit: Visit, bench: Bench) -> None:
    """A clip that one process adds is seen by the other at once."""
    one, two = visit(), visit()
    make_clip(bench, "alpha", PROMPTS[0], 1, seed=99)
    assert one.get("/api/v1/clips").json()["total"] == two.get("/api/v1/clips").json()["total"] == 7
