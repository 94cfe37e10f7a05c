"""The database of a bench as a page uses it: a visitor soon hears that it is busy or gone, and others read on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session

from vbench.bench.database import Database, open_database
from vbench.errors import VBenchError
from vbench.text import first_line

BUSY_S = 4.0
"""How long a visitor waits for other writers, or for a server to answer; a batch run waits longer."""
BUSY_WORDS = ("locked", "busy", "lock timeout")
"""By which databases say that another writer was not done in time."""


class DatabaseBusyError(VBenchError):
    """Another writer was not done in time, or every connection is in use."""


class DatabaseGoneError(VBenchError):
    """The file is not where it was."""


class DatabaseSilentError(VBenchError):
    """It does not answer, or answers with an error of its own."""


class UnstorableError(VBenchError):
    """A value is none that the database can hold."""


class PageDatabase(Database):
    """A bench's database with short waits, whose troubles are the errors above and no library's.

    On SQLite the writers of this process take turns before they take a connection: many that wait inside the database
    would hold every connection, and readers would wait with them.
    """

    def __init__(self, engine: Engine, *, is_read_only: bool = False) -> None:
        super().__init__(engine, is_read_only=is_read_only)
        self._turn = threading.Lock()
        if self.is_sqlite:
            _watch_file(engine, is_read_only=is_read_only)
        else:
            _answer_soon(engine)
        engine.dispose()  # connections made so far know nothing of this

    @classmethod
    def beside(cls, database: Database) -> PageDatabase:
        """The same database by connections of its own; `database` keeps its own waits.

        Raises:
            BenchError: it cannot be opened a second time; see `open_database`.
        """
        address = database.engine.url.render_as_string(hide_password=False)
        opened = open_database(address, create=False)
        return cls(opened.engine, is_read_only=opened.is_read_only)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """As `Database.read`.

        Raises:
            DatabaseBusyError: no connection was free in time.
            DatabaseGoneError: its file is not where it was.
            DatabaseSilentError: it does not answer.
            UnstorableError: a value is none that it can hold.
        """
        with _translated(), super().read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """As `Database.write`.

        Raises:
            DatabaseBusyError: another writer was not done in time.
            DatabaseGoneError, DatabaseSilentError, UnstorableError: as `read`.
            ReadOnlyError: the bench can only be looked at.
        """
        if not self.is_sqlite:  # a server lets writers in side by side
            with _translated(), super().write() as session:
                yield session
            return
        if not self._turn.acquire(timeout=BUSY_S):
            raise DatabaseBusyError("another writer of this page was not done in time; try again in a moment")
        try:
            with _translated(), super().write() as session:
                yield session
        finally:
            self._turn.release()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's errors into those above; what is none of the database's passes."""
    try:
        yield
    except NoConnectionError as error:
        raise DatabaseBusyError(first_line(error)) from error
    except DataError as error:
        raise UnstorableError(first_line(error.orig or error)) from error
    except DBAPIError as error:
        reason = first_line(error.orig or error)
        is_busy = any(word in str(error.orig) for word in BUSY_WORDS)
        raise (DatabaseBusyError if is_busy else DatabaseSilentError)(reason) from error


def _watch_file(engine: Engine, *, is_read_only: bool) -> None:
    """Use no file but the one that lies there: votes into a deleted or replaced one would be lost without a word.

    A connection that only looks takes the file for one that never changes, so it ends with a change by somebody else.
    """
    path = Path(engine.url.database or "")
    journal = path.with_name(f"{path.name}-wal")

    def identity() -> tuple[Any, ...]:
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise DatabaseGoneError(f"{path.name} is not where it was; put it back") from None
        same_file = (stat.st_dev, stat.st_ino)
        return (*same_file, stat.st_mtime_ns, stat.st_size, journal.exists()) if is_read_only else same_file

    @event.listens_for(engine, "do_connect", insert=True)
    def _before(_dialect: Any, _record: Any, _args: Any, _named: Any) -> None:
        identity()  # SQLite would make an empty file

    @event.listens_for(engine, "connect")
    def _connected(_connection: Any, record: Any) -> None:
        record.info["file"] = identity()

    @event.listens_for(engine, "checkout")
    def _used(connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != identity():
            raise DisconnectionError("the file is another")  # the pool opens the one that lies there now
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")


def _answer_soon(engine: Engine) -> None:
    """Give up on a server that is away, and on rows that others hold."""

    @event.listens_for(engine, "do_connect")
    def _before(_dialect: Any, _record: Any, _args: Any, named: dict[str, Any]) -> None:
        named.setdefault("connect_timeout", round(BUSY_S))
        named["options"] = f"{named.get('options', '')} -c lock_timeout={int(BUSY_S * 1000)}".strip()
