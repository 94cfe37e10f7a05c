"""The database of a bench as a page uses it: a visitor soon hears that it is busy or gone, and others read on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session

from vbench.bench.database import Database
from vbench.errors import VBenchError

BUSY_S = 4.0
"""How long a visitor waits for other writers, or for a server to answer; a batch run waits longer."""


class DatabaseBusyError(VBenchError):
    """Another writer was not done in time."""


class DatabaseGoneError(VBenchError):
    """The file is not where it was."""


class PageDatabase(Database):
    """A bench's database with short waits.

    On SQLite the writers of this process take turns before they take a connection: many that wait inside the database
    would hold every connection, and readers would wait with them.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._turn = threading.Lock()
        if self.is_sqlite:
            _watch_file(engine)
        else:
            _answer_soon(engine)
        engine.dispose()  # connections made so far know nothing of this

    @contextmanager
    def write(self) -> Iterator[Session]:
        """As `Database.write`.

        Raises:
            DatabaseBusyError: another writer of this page was not done in time.
        """
        if not self.is_sqlite:  # a server lets writers in side by side
            with super().write() as session:
                yield session
            return
        if not self._turn.acquire(timeout=BUSY_S):
            raise DatabaseBusyError("another process is writing to the bench; try again in a moment")
        try:
            with super().write() as session:
                yield session
        finally:
            self._turn.release()


def _watch_file(engine: Engine) -> None:
    """Use no file but the one that lies there: votes into a deleted or replaced one would be lost without a word."""
    path = Path(engine.url.database or "")

    def identity() -> tuple[int, int]:
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise DatabaseGoneError(f"{path.name} is not where it was; put it back") from None
        return stat.st_dev, stat.st_ino

    @event.listens_for(engine, "do_connect")
    def _before(_dialect: Any, _record: Any, _args: Any, _named: Any) -> None:
        identity()  # SQLite would make an empty file

    @event.listens_for(engine, "connect")
    def _connected(_connection: Any, record: Any) -> None:
        record.info["file"] = identity()

    @event.listens_for(engine, "checkout")
    def _used(connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != identity():
            raise DisconnectionError("the file was replaced")  # the pool opens the one that lies there now
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")


def _answer_soon(engine: Engine) -> None:
    """Give up on a server that is away, and on rows that others hold."""

    @event.listens_for(engine, "do_connect")
    def _before(_dialect: Any, _record: Any, _args: Any, named: dict[str, Any]) -> None:
        named.setdefault("connect_timeout", round(BUSY_S))
        named["options"] = f"{named.get('options', '')} -c lock_timeout={int(BUSY_S * 1000)}".strip()
