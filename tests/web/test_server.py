"""Errors as sentences, start, and what the page process loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.web.conftest import PROMPTS, Visit, make_clip
from vbench.bench import Bench


def test_the_database_being_gone_is_a_sentence(page: TestClient) -> None:
    @event.listens_for(page.app.state.page.bench.database.engine, "before_cursor_execute")
    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("unable to open database file /secret/place"))

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


def test_the_bench_that_is_given_stays_as_it_is(visit: Visit, bench: Bench) -> None:
    """A page answers its visitors soon; the program that opened the bench waits for writers as long as before."""
    database = bench.database
    page = visit().app.state.page  # type: ignore[attr-defined]
    assert bench.database is database
    assert page.bench.database is not database
    assert page.bench.database.engine is not database.engine
    with bench.session() as session:
        assert session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
    with page.bench.session() as session:
        assert session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() == 4_000


def test_two_pages_of_one_bench(visit: Visit, bench: Bench) -> None:
    """A clip that one process adds is seen by the other at once."""
    one, two = visit(), visit()
    make_clip(bench, "alpha", PROMPTS[0], 1, seed=99)
    assert one.get("/api/v1/clips").json()["total"] == two.get("/api/v1/clips").json()["total"] == 7
