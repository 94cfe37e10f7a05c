"""A database that is busy, gone, replaced or stopped while the page runs: a sentence soon, and all else goes on."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import TimeoutError as NoConnectionError

from tests.web.conftest import PROMPTS, make_clip
from vbench.bench import Bench, page_database
from vbench.web.security.sentences import without_paths
from vbench.web.server import build

ADDRESS = "http://127.0.0.1:7860"


def note(page: TestClient, clip: str) -> int:
    return page.post("/api/v1/notes", json={"clip": clip, "start_s": 0, "text": "x"}).status_code


def visitor(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=ADDRESS, headers={"origin": ADDRESS})


def test_the_database_being_busy_is_a_sentence(page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_database, "BUSY_S", 0.1)
    clip = bench.clips()[0].id
    with bench.write() as holder:
        holder.connection()
        answer = page.post("/api/v1/notes", json={"clip": clip, "start_s": 0, "text": "x"})
        assert page.get("/api/v1/clips").status_code == 200  # readers do not wait
    assert answer.status_code == 503
    assert "another process is writing" in answer.json()["error"]
    assert answer.headers["retry-after"] == "3"
    assert page.get("/api/v1/notes").json() == []


def test_many_who_write_do_not_keep_readers_waiting(
    page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the lock; more writers come than there are connections, and readers are served on."""
    n_writers = 30
    monkeypatch.setattr(page_database, "BUSY_S", 120.0)
    clip, begun = bench.clips()[0].id, threading.Semaphore(0)

    def write(_: int) -> int:
        begun.release()
        return note(page, clip)

    other = sqlite3.connect(bench.root / "bench.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(n_writers) as writers:
        writing = [writers.submit(write, n) for n in range(n_writers)]
        for _ in writing:
            begun.acquire()
        assert page.get("/api/v1/clips").status_code == 200
        assert not any(future.done() for future in writing)  # all wait at once, and the reader waited for none of them
        other.execute("ROLLBACK")
        assert {future.result() for future in writing} == {201}, "and all are let in once it is done"
    other.close()


def test_a_vote_is_not_counted_that_the_database_did_not_take(
    page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_database, "BUSY_S", 0.1)
    token = page.get("/api/v1/arena/pair").json()["token"]
    vote = {"token": token, "outcome": "left"}
    with bench.write() as holder:
        holder.connection()
        assert page.post("/api/v1/arena/vote", json=vote).status_code == 503
    assert page.post("/api/v1/arena/vote", json=vote).status_code == 200
    assert len(bench.votes()) == 1


def test_a_file_that_is_moved_away_takes_no_votes(page: TestClient, bench: Bench) -> None:
    """SQLite would write on into the deleted file, and say that all is well."""
    clip, file = bench.clips()[0].id, bench.root / "bench.db"
    assert note(page, clip) == 201
    file.rename(file.with_suffix(".away"))
    answer = page.get("/api/v1/prompts")
    assert answer.status_code == 503
    assert "Put the file back" in answer.json()["error"]
    assert note(page, clip) == 503
    assert page.get("/healthz").status_code == page.get("/ui/").status_code == 200
    assert not file.exists()  # no empty one was made
    file.with_suffix(".away").rename(file)
    assert note(page, clip) == 201
    assert len(bench.notes(clip)) == 2


def test_a_file_that_was_replaced_is_the_one_that_is_read(page: TestClient, bench: Bench, tmp_path: Path) -> None:
    file = bench.root / "bench.db"
    with sqlite3.connect(file) as source, sqlite3.connect(tmp_path / "backup.db") as target:
        source.backup(target)
    make_clip(bench, "later", PROMPTS[0], 0, seed=90)
    assert page.get("/api/v1/clips").json()["total"] == 7
    shutil.move(tmp_path / "backup.db", file)
    for part in ("-wal", "-shm"):
        Path(f"{file}{part}").unlink(missing_ok=True)
    assert page.get("/api/v1/clips").json()["total"] == 6


def test_no_free_connection_is_a_sentence(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise NoConnectionError("QueuePool limit reached")

    monkeypatch.setattr(page.app.state.page.bench.database.engine.pool, "connect", full)
    answer = page.get("/api/v1/prompts")
    assert answer.status_code == 503
    assert "QueuePool" not in answer.text


def test_on_a_server_a_row_that_another_holds_is_waited_for_shortly(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_database, "BUSY_S", 1.0)
    (tmp_path / "pg").mkdir()
    with Bench.open(tmp_path / "pg", db=postgres_url) as bench, visitor(build(bench)) as page:
        clip = make_clip(bench, "alpha", PROMPTS[0], 0, seed=1).id
        body = {"id": "ab", "clip": clip, "start_s": 0, "text": "x"}
        assert page.post("/api/v1/notes", json=body).status_code == 201
        with Bench.open(tmp_path / "pg", db=postgres_url) as other, other.write() as session:
            session.connection().exec_driver_sql("SELECT * FROM notes FOR UPDATE")
            answer = page.post("/api/v1/notes", json=body | {"text": "y"})
        assert answer.status_code == 503
        assert "another process is writing" in answer.json()["error"]
        assert page.post("/api/v1/notes", json=body | {"text": "y"}).status_code == 201
        assert page.get("/api/v1/clips?prompt=%00").status_code == 422  # PostgreSQL holds no such character


def test_fifty_voters_at_once_on_a_server(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    with Bench.open(tmp_path / "pg", db=postgres_url) as bench:
        for seed, model in enumerate(("alpha", "beta", "gamma")):
            for sample in range(2):
                make_clip(bench, model, PROMPTS[sample], 0, seed=10 * seed + sample)
        app = build(bench)
        start = threading.Barrier(50)

        def vote(_: int) -> list[int]:
            voter = visitor(app)
            start.wait()
            codes = []
            for _ in range(3):
                pair = voter.get("/api/v1/arena/pair")
                body = {"token": pair.json()["token"], "outcome": "left"}
                codes += [pair.status_code, voter.post("/api/v1/arena/vote", json=body).status_code]
            return codes

        with closing(app.state.page.bench), ThreadPoolExecutor(50) as voters:
            assert {code for codes in voters.map(vote, range(50)) for code in codes} == {200}
        assert len(bench.votes()) == 150


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/me/a.mp4: no frame", "…/a.mp4: no frame"),
        ("cannot read /srv/my clips/of may/a.mp4 (gone)", "cannot read …/a.mp4 (gone)"),
        ("~/clips/a.mp4 is gone", "…/a.mp4 is gone"),
        ("see /data/bench/page/logs/x.log", "see …/x.log"),
        ("/data/bench: is full", "…: is full"),
        ("watch /media/ab/proxy.mp4", "watch /media/ab/proxy.mp4"),
        ("https://tool.example/v1/videos: 500", "https://tool.example/v1/videos: 500"),
        ("30 frames/s and 24/25 of it", "30 frames/s and 24/25 of it"),
    ],
)
def test_a_path_is_a_name_to_who_sits_elsewhere(text: str, shown: str) -> None:
    assert without_paths(text, [Path("/data/bench")]) == shown
