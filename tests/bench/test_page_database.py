"""The database of a bench as a page uses it: short waits, errors of its own, and connections of its own.

What visitors read of that is in `tests/web/security/test_sentences.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from vbench.bench import Bench, page_database
from vbench.bench.page_database import (
    DatabaseBusyError,
    DatabaseGoneError,
    DatabaseSilentError,
    PageDatabase,
    UnstorableError,
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


@pytest.fixture
def beside(bench: Bench) -> Iterator[PageDatabase]:
    database = PageDatabase.beside(bench.database)
    yield database
    database.engine.dispose()


def test_both_see_one_database_and_each_waits_its_own_time(bench: Bench, beside: PageDatabase) -> None:
    bench.add_task("score", {})
    waits = []
    for database in (bench.database, beside):
        with database.read() as session:
            assert session.connection().exec_driver_sql("SELECT count(*) FROM tasks").scalar() == 1
            waits.append(session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar())
    assert waits == [60_000, 4_000]


def test_a_writer_of_another_process_is_waited_for_shortly(
    bench: Bench, beside: PageDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_database, "BUSY_S", 0.1)
    other = sqlite3.connect(bench.root / "bench.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusyError, match="locked"), beside.write() as session:
        session.connection()
    with beside.read() as session:
        session.connection()
    other.execute("ROLLBACK")
    other.close()
    with beside.write() as session:
        session.connection()


def test_a_file_that_is_gone_is_not_made_anew(bench: Bench, beside: PageDatabase) -> None:
    file = bench.root / "bench.db"
    file.rename(file.with_suffix(".away"))
    with pytest.raises(DatabaseGoneError, match=r"bench\.db is not where it was"), beside.read() as session:
        session.connection()
    assert not file.exists()


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (NoConnectionError("QueuePool limit reached"), DatabaseBusyError),
        (DataError("SELECT", {}, Exception("")), UnstorableError),
        (IntegrityError("SELECT", {}, Exception("")), DatabaseSilentError),
        (ValueError("not the database's"), ValueError),
    ],
)
def test_troubles_are_errors_of_the_bench(beside: PageDatabase, trouble: Any, expected: type[Exception]) -> None:
    for session in (beside.read, beside.write):
        with pytest.raises(expected) as caught, session():
            raise trouble
        assert str(caught.value)  # even where the database said nothing
