"""Opens a workspace: its folder, database and media."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy.orm import Session

from vbench.bench.database import Database, open_database, sqlite_path
from vbench.bench.media import Media
from vbench.bench.tables import SecretRow
from vbench.errors import OptionError
from vbench.files import home_expanded

PICTURES = "pictures"
"""Folder within a bench of the first frames, last frames and references of its prompts."""


def now() -> str:
    """The time as rows hold it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bench_root(path: str | Path | None = None) -> Path:
    """The folder of a bench: `path`, else ``$VBENCH_HOME``, else ``./bench``; absolute, `~` being the home folder."""
    return home_expanded(path or os.environ.get("VBENCH_HOME") or "bench").resolve()


def _address(root: Path, db: str | None) -> str:
    return db or os.environ.get("VBENCH_DB") or f"sqlite:///{root / 'bench.db'}"


class Workspace:
    """A folder with a database and media; what is stored in it is in the classes that build on this one."""

    def __init__(self, root: Path, database: Database, media: Media) -> None:
        self.root, self.database, self.media = root, database, media
        self._passing_secrets: dict[str, bytes] = {}
        """Of a bench that can only be looked at and has none; they end with this process."""

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        db: str | None = None,
        media: str | None = None,
        create: bool = True,
    ) -> Self:
        """Open a bench, or make one.

        Args:
            path: Folder; default ``$VBENCH_HOME`` or ``./bench``.
            db: Database address instead of ``bench.db`` in that folder; default ``$VBENCH_DB``.
            media: Folder or bucket instead of that folder; default ``$VBENCH_MEDIA``.
            create: Make a bench where there is none.

        Raises:
            BenchError: there is none and `create` is off, or it cannot be opened; see `open_database`.
        """
        root = bench_root(path)
        database = open_database(_address(root, db), create=create)
        return cls(root, database, Media(media or os.environ.get("VBENCH_MEDIA") or root, root))

    @classmethod
    def exists(cls, path: str | Path | None = None, *, db: str | None = None) -> bool:
        """Whether there is a bench that `open` with the same arguments would find; of a server, that one is named.

        Raises:
            BenchError: the database's address is none.
        """
        file = sqlite_path(_address(bench_root(path), db))
        return file is None or file.exists()

    @property
    def is_read_only(self) -> bool:
        """Whether it can only be looked at; whatever would change it raises `ReadOnlyError`."""
        return self.database.is_read_only

    def close(self) -> None:
        """Let go of the database, and of pictures that had no place in a bench that can only be looked at."""
        self.database.engine.dispose()
        self.media.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self) -> Any:
        """Context manager of a session for reading."""
        return self.database.read()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Context manager of one short write transaction."""
        with self.database.write() as session:
            yield session

    def secret(self, name: str) -> bytes:
        """32 random bytes that belong to this bench, made once; where none can be stored, of this process."""
        with self.session() as session:
            row = session.get(SecretRow, name)
        if row is None and self.is_read_only:
            return self._passing_secrets.setdefault(name, secrets.token_bytes(32))
        if row is None:
            with self.write() as session:
                self.database.insert_new(session, SecretRow, [{"name": name, "value": secrets.token_bytes(32)}])
            with self.session() as session:
                row = session.get(SecretRow, name)
            if row is None:
                raise OptionError(f"the secret {name!r} could not be stored")
        return bytes(row.value)

    def renew_secret(self, name: str) -> bytes:
        """Other random bytes in place of those that `secret` gave; what was signed with them is void."""
        value = secrets.token_bytes(32)
        with self.write() as session:
            session.merge(SecretRow(name=name, value=value))
        return value
