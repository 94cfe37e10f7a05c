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

from vbench.bench.database import Database, open_database
from vbench.bench.media import Media
from vbench.bench.tables import SecretRow
from vbench.errors import OptionError
from vbench.files import home_expanded


def now() -> str:
    """The time as rows hold it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _root_of(path: str | Path | None) -> Path:
    return home_expanded(path or os.environ.get("VBENCH_HOME") or "bench")


class Workspace:
    """A folder with a database and media; what is stored in it is in the classes that build on this one."""

    def __init__(self, root: Path, database: Database, media: Media) -> None:
        self.root, self.database, self.media = root, database, media

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
        root = _root_of(path).resolve()
        address = db or os.environ.get("VBENCH_DB") or f"sqlite:///{root / 'bench.db'}"
        database = open_database(address, create=create)
        return cls(root, database, Media(media or os.environ.get("VBENCH_MEDIA") or root, root))

    @staticmethod
    def exists(path: str | Path | None = None) -> bool:
        """Whether `open` would find a bench there, as far as can be told without opening it.

        Args:
            path: Folder; as for `open`. A database in ``$VBENCH_DB`` counts as there.
        """
        return bool(os.environ.get("VBENCH_DB")) or (_root_of(path) / "bench.db").exists()

    def close(self) -> None:
        """Let go of the database."""
        self.database.engine.dispose()

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
        """32 random bytes that belong to this bench, made once."""
        with self.session() as session:
            row = session.get(SecretRow, name)
        if row is None:
            with self.write() as session:
                self.database.insert_new(session, SecretRow, [{"name": name, "value": secrets.token_bytes(32)}])
            with self.session() as session:
                row = session.get(SecretRow, name)
            if row is None:
                raise OptionError(f"the secret {name!r} could not be stored")
        return bytes(row.value)
