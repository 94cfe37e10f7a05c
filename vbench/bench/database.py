"""Opens the database of a bench: creates it, migrates an older one after a backup, refuses a newer one."""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, Select, create_engine, event, inspect, make_url, text, update
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from vbench.bench.migrations import FOLDER, HEAD, upgrade
from vbench.errors import BenchError
from vbench.text import first_line

BUSY_TIMEOUT_S = 60.0
ROWS_AT_ONCE = 2000
StoreError = SQLAlchemyError
"""What reading and writing raise where the database is busy, gone, full or broken."""
StoreAwayError = OperationalError
"""The database is away or busy for now, of the kinds of `StoreError`: the same may go well a moment later."""
NETWORK_FILESYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "9p", "afs"}


STRING_OR_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
WORDS = {"Infinity": "1e999", "-Infinity": "-1e999", "NaN": "null"}


def json_text(value: Any) -> str:
    """What a JSON column holds: JSON as its standard has it, which a server insists on and has no word for infinity.

    An infinite number, such as a bound of a metric, is one too large for any reader, so that it comes back infinite;
    what is not a number is not known: null.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        written = json.dumps(value)
    return STRING_OR_WORD.sub(lambda part: WORDS.get(part[0], part[0]), written)


class ReadOnlyError(BenchError):
    """Something would be written into a bench that can only be looked at."""


class Database:
    """A checked, up-to-date database; every session is short.

    Args:
        engine: Its connections.
        is_read_only: It lies where this process may not write, or the server takes no changes: it can be looked at.
    """

    def __init__(self, engine: Engine, *, is_read_only: bool = False) -> None:
        self.engine, self.is_read_only = engine, is_read_only

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database and never waits for a writer."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, committed at the end; writers of other processes take turns.

        SQLite takes the write lock at the start: a transaction that reads first and writes later could not
        wait for its turn and would fail with "database is locked".

        Raises:
            ReadOnlyError: the bench can only be looked at.
        """
        if self.is_read_only:
            shown = self.engine.url.render_as_string(hide_password=True)
            raise ReadOnlyError(
                f"{shown}: is read only here, so it can be looked at but not changed; make it writable, "
                "or copy the bench to where you may write"
            )
        engine = self.engine.execution_options(vbench_write=True)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def insert_new(self, session: Session, table: type[Any], rows: list[dict[str, Any]]) -> int:
        """Insert the rows whose primary or unique key is not there yet; how many were new.

        As many as there are by one small statement: one with all their values would be read anew each time.
        """
        if not rows:
            return 0
        statement = self._insert(table.__table__).on_conflict_do_nothing().inline()
        result = session.connection().execute(statement, rows, execution_options={"preserve_rowcount": True})
        return int(result.rowcount)

    def upsert(self, session: Session, table: type[Any], rows: Iterable[dict[str, Any]]) -> None:
        """Insert rows, or change those of the same primary key; whichever of two processes is first.

        In the order of their keys, so that two processes never wait for each other.
        """
        keys = [column.key for column in inspect(table).primary_key]
        for row in sorted(rows, key=lambda row: [row[key] for key in keys]):
            if not self.insert_new(session, table, [row]):
                mine = [getattr(table, key) == row[key] for key in keys]
                session.execute(update(table).where(*mine).values(**row))

    def inserted_keys(self, session: Session, table: type[Any], rows: list[dict[str, Any]]) -> list[Any]:
        """Insert the rows that are not there yet; the first column of the primary key of those that were new."""
        if not rows:
            return []
        statement = self._insert(table).on_conflict_do_nothing().returning(*inspect(table).primary_key)
        return [row[0] for row in session.execute(statement, rows)]

    def _insert(self, table: Any) -> Any:
        """An INSERT that may say what to do about conflicts, which each kind of database does in its own words."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        return insert(table)


def open_database(url: str, *, create: bool) -> Database:
    """The database at `url`, at the version this code reads and writes.

    Args:
        url: SQLAlchemy address; ``sqlite:///path`` or ``postgresql+psycopg://...``.
        create: Make it where there is none.

    Raises:
        BenchError: it is not a bench, is of a newer version, lies on a network share, cannot be reached, or there is no
            room to make it.
    """
    address, path = _parsed(url), sqlite_path(url)
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    if path is not None:
        _check_place(path, create)
    is_read_only = path is not None and path.exists() and not _is_writable(path)
    try:
        engine = create_engine(address, pool_pre_ping=path is None, json_serializer=json_text)
    except ModuleNotFoundError as error:
        raise BenchError(f"--db needs the package {error.name}: pip install 'vbench-studio[postgres]'") from None
    _install_events(engine, path if is_read_only else None)
    shown = address.render_as_string(hide_password=True)
    try:
        if is_read_only:
            _check_readable(engine, shown)
        elif path is not None:
            with FileLock(f"{path}.lock", timeout=BUSY_TIMEOUT_S):
                _prepare(engine, shown, path, create)
        elif is_read_only := _takes_no_changes(engine):
            _check_readable(engine, shown)
        else:
            _prepare(engine, shown, None, create)
    except OSError as error:
        raise BenchError(disk_trouble(error) or f"{path}: cannot be opened ({error.strerror or error})") from None
    except OperationalError as error:
        if (trouble := disk_trouble(error)) is not None:
            raise BenchError(f"{shown}: {trouble}") from None
        raise BenchError(f"{shown}: cannot be opened ({_first_line(error)}); is it there, and yours?") from None
    except DatabaseError as error:
        raise BenchError(f"{shown}: is not a bench ({_first_line(error)}); choose another --bench") from None
    return Database(engine, is_read_only=is_read_only)


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_RIGHT = (errno.EROFS, errno.EACCES, errno.EPERM)


def disk_trouble(error: Exception) -> str | None:
    """Why nothing could be written, as a sentence, where that is for want of room or of the right to; else None.

    Args:
        error: Of the system, or of a database.
    """
    if isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        if error.errno in NO_ROOM:
            return f"{file}the disk is full; free space and type the same line again"
        if error.errno in NO_RIGHT:
            return f"{file}may not be written here ({error.strerror}); choose another place, or ask for the right to"
        return None
    said = _first_line(error) if isinstance(error, OperationalError) else ""
    if any(words in said for words in ("disk is full", "No space left", "disk I/O error")):
        return f"the disk of the database is full or broken ({said}); free space and type the same line again"
    if "readonly database" in said or "read-only transaction" in said:
        return f"the database is read only here ({said}); make it writable, or copy the bench to where you may write"
    return None


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite database; None for a server, and for a database in memory.

    Raises:
        BenchError: `url` is no address.
    """
    address = _parsed(url)
    return Path(address.database) if address.drivername.startswith("sqlite") and address.database else None


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise BenchError(f"--db {url!r} is not a database address; write sqlite:///PATH or postgresql://...") from None


def _check_place(path: Path, create: bool) -> None:
    if not path.exists() and not create:
        raise BenchError(
            f"{path.parent}: no bench there; make one with vbench import, generate or demo, or say --bench"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"{path.parent}: cannot be made ({error.strerror}); choose another --bench") from None
    if (kind := filesystem_of(path.parent)) in NETWORK_FILESYSTEMS:
        raise BenchError(
            f"{path.parent} is on a network share ({kind}), where SQLite loses data; "
            "keep the bench on a local disk, or use --db postgresql://... with --media here"
        )


def filesystem_of(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system a folder lies on; empty where the system does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    folder = folder.resolve()
    best, kind = -1, ""
    for line in lines:
        _, point, kind_there, *_ = line.split(" ")
        place = Path(point.replace("\\040", " "))
        if (folder == place or place in folder.parents) and len(place.parts) > best:
            best, kind = len(place.parts), kind_there
    return kind


def _is_writable(path: Path) -> bool:
    """Whether a SQLite file can be changed: it, and its folder, in which the journal stands."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _looked_at(path: Path) -> sqlite3.Connection:
    """A connection to a SQLite file that this process may not write to, nor to its folder.

    One that others write to just now has a journal beside it, which is read too. Without one nobody writes, so that the
    file can be read as it is; SQLite would else want to make a journal.
    """
    address = path.resolve().as_uri() + "?mode=ro"
    journal = path.with_name(f"{path.name}-wal")
    if not (journal.exists() and journal.stat().st_size):
        address += "&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _takes_no_changes(engine: Engine) -> bool:
    """Whether a server only shows what it holds: one that follows another, or a role that may not change anything."""
    with engine.connect() as connection:
        return str(connection.execute(text("SHOW transaction_read_only")).scalar()) == "on"


def _check_readable(engine: Engine, shown: str) -> None:
    """Refuse a read-only database whose tables are not those of this version."""
    with engine.connect() as connection:
        version = _version(connection)
    if version is None:
        raise BenchError(f"{shown}: no bench there; make one with vbench import, generate or demo")
    if version != HEAD:
        raise BenchError(
            f"{shown}: is of another version ({version}, this vbench reads {HEAD}) and is read only here; "
            "copy the bench to where you may write, and open the copy"
        )


def _install_events(engine: Engine, read_only: Path | None) -> None:
    if engine.dialect.name != "sqlite":
        return
    if read_only is not None:

        @event.listens_for(engine, "do_connect")
        def _look(*_: Any) -> sqlite3.Connection:
            return _looked_at(read_only)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        if read_only is None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a paid job must survive a power cut
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("vbench_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def _prepare(engine: Engine, shown: str, path: Path | None, create: bool) -> None:
    with engine.connect() as connection:
        version = _version(connection)
        is_empty = not inspect(connection).get_table_names()
    if version == HEAD:
        return
    if version is None and not is_empty:
        raise BenchError(f"{shown}: a database, but not a bench; choose another --bench or --db")
    if version is None and not create:
        raise BenchError(f"{shown}: no bench there; make one with vbench import, generate or demo")
    if version is not None and version not in _known_versions():
        raise BenchError(
            f"{shown}: written by a newer vbench (version {version}, this one knows up to {HEAD}); "
            "pip install --upgrade vbench-studio"
        )
    if version is not None:
        _back_up(engine, shown, path, version)
    with engine.execution_options(vbench_write=True).begin() as connection:
        if path is None:  # two machines may open a new bench at once
            connection.execute(text("SELECT pg_advisory_xact_lock(7362)"))
        if _version(connection) != HEAD:
            upgrade(connection)


def _version(connection: Connection) -> str | None:
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if version is None else str(version)


def _known_versions() -> set[str]:
    return {file.name.split("_")[0] for file in (FOLDER / "versions").glob("[0-9]*.py")}


def _back_up(engine: Engine, shown: str, path: Path | None, version: str) -> None:
    """Copy an older SQLite bench before it is migrated; a server's owner does that."""
    if path is None:
        import os

        if os.environ.get("VBENCH_MIGRATE") != "1":
            raise BenchError(
                f"{shown}: an older bench (version {version}, this vbench writes {HEAD}); back the database up, "
                "then run once with VBENCH_MIGRATE=1"
            )
        return
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    copy = path.with_name(f"{path.name}.{version}.{stamp}.backup")
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    try:
        source.backup(target)
    except sqlite3.Error as error:
        raise BenchError(f"{copy}: the backup before migrating failed ({error}); free space and try again") from None
    finally:
        source.close()
        target.close()


def raw_rows(session: Session, query: Select[*tuple[Any, ...]]) -> Iterator[Sequence[Any]]:
    """Rows of a query over plain columns as the driver gives them, some thousands at once: a third of the time."""
    connection = session.connection()
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    order = compiled.positiontup  # of drivers whose parameters have no names
    values = compiled.params if order is None else [compiled.params[name] for name in order]
    is_server = connection.dialect.name != "sqlite"
    cursor: Any = connection.connection.cursor(*(("rows",) if is_server else ()))  # named: the rows stay there
    try:
        cursor.execute(str(compiled), values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield rows
    finally:
        cursor.close()


def _first_line(error: Exception) -> str:
    return first_line(getattr(error, "orig", error))
