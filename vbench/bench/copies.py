"""A copy of a bench's database for others: everything that was found, nothing that is private or of this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path, PurePath
from typing import Any

from sqlalchemy import insert, select

from vbench.bench.database import open_database
from vbench.bench.tables import Base, CeilingRow, ClaimRow, NoteRow, SecretRow, TaskRow
from vbench.bench.workspace import Workspace
from vbench.errors import BenchError

PRIVATE = {row.__tablename__ for row in (SecretRow, TaskRow, ClaimRow, CeilingRow, NoteRow)}
"""Tables that stay here: keys, work under way, budgets, remarks."""
ROWS_AT_ONCE = 2000
Change = Callable[[dict[str, Any]], dict[str, Any]]


def public_copy(bench: Workspace, file: Path, media: Mapping[str, str]) -> None:
    """Write all tables but the private ones into a new SQLite file.

    Args:
        bench: Of any database.
        file: Does not exist yet.
        media: Clip id → where its file will lie beside the copy; "" where it will not be there.
    """

    def clip(row: dict[str, Any]) -> dict[str, Any]:
        how = dict(row["provenance"])
        if how.get("origin") == "imported":
            how["source"] = PurePath(str(how.get("source", ""))).name  # whose folder it lay in is nobody's business
        return row | {"media": media[row["id"]] or f"absent/{row['id']}", "linked": False, "provenance": how}

    def job(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"handle": None, "owner": None, "lease_until": None}

    changes: dict[str, Change] = {"clips": clip, "jobs": job}
    copy = open_database(f"sqlite:///{file}", create=True)
    try:
        with bench.session() as reading, copy.write() as writing:
            for table in Base.metadata.sorted_tables:
                if table.name in PRIVATE:
                    continue
                change = changes.get(table.name, dict)
                result = reading.execute(select(table).execution_options(yield_per=ROWS_AT_ONCE))
                for rows in result.mappings().partitions(ROWS_AT_ONCE):
                    writing.execute(insert(table), [change(dict(row)) for row in rows])
    finally:
        copy.engine.dispose()
    with closing(sqlite3.connect(file)) as connection:  # one file, whatever journal it was written with
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("VACUUM")


def check_foreign(file: Path) -> None:
    """Refuse a database from elsewhere that is broken, or holds anything that runs by itself.

    Raises:
        BenchError: it is no SQLite database, is damaged, or has triggers or views.
    """
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            kinds = {row[0] for row in connection.execute("SELECT type FROM sqlite_master")}
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise BenchError(f"{file.name}: is not a bench's database ({error}); ask for the bundle again") from None
    if said != "ok":
        raise BenchError(f"{file.name}: the database is damaged ({said}); ask for the bundle again")
    if strange := sorted(kinds - {"table", "index"}):
        raise BenchError(f"{file.name}: holds {', '.join(strange)}, which no bench does; do not trust this bundle")
