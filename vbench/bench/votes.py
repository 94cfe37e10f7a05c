"""What people said and asked for: votes, notes, choices, tasks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import select, update

from vbench.bench.rows import task_record
from vbench.bench.tables import NoteRow, SecretRow, SelectRow, TaskRow, VoteRow
from vbench.bench.workspace import Workspace, now
from vbench.errors import OptionError
from vbench.records import Note, Select, Task, Vote


class PeopleStore(Workspace):
    """Verdicts, remarks, choices, and the work that the page asks for."""

    def add_vote(self, vote: Vote) -> bool:
        """Store a verdict; False where its id was used before."""
        with self.write() as session:
            row = asdict(vote) | {"created": vote.created or now()}
            return self.database.insert_new(session, VoteRow, [row]) == 1

    def votes(self) -> list[Vote]:
        """All verdicts, oldest first, those left out of ratings too."""
        return self._records(VoteRow, Vote, VoteRow.created, VoteRow.id)

    def add_note(self, note: Note) -> None:
        """Store a remark; the same id again replaces it."""
        with self.write() as session:
            session.merge(NoteRow(**asdict(note) | {"created": note.created or now()}))

    def delete_note(self, note: str) -> bool:
        """Remove a remark; False where there is none of this id."""
        with self.write() as session:
            row = session.get(NoteRow, note)
            if row is not None:
                session.delete(row)
            return row is not None

    def notes(self, clip: str | None = None) -> list[Note]:
        """Remarks by clip and time."""
        notes: list[Note] = self._records(NoteRow, Note, NoteRow.clip, NoteRow.start_s, NoteRow.id)
        return [note for note in notes if clip is None or note.clip == clip]

    def set_select(self, choice: Select) -> None:
        """Store a person's choice about a clip."""
        with self.write() as session:
            session.merge(SelectRow(**asdict(choice)))

    def selects(self) -> list[Select]:
        """All choices."""
        return self._records(SelectRow, Select, SelectRow.clip, SelectRow.author)

    def _records(self, row_type: type[Any], record_type: type[Any], *order: Any) -> list[Any]:
        names = record_type.__slots__
        with self.session() as session:
            rows = session.scalars(select(row_type).order_by(*order))
            return [record_type(**{name: getattr(row, name) for name in names}) for row in rows]

    # --- work that the page asks for ------------------------------------------------------------------------------

    def add_task(self, kind: str, args: Mapping[str, Any]) -> str:
        """Queue work for a worker process; its id."""
        task = secrets.token_hex(8)
        with self.write() as session:
            session.add(TaskRow(id=task, kind=kind, args=dict(args), state="waiting", created=now()))
        return task

    def claim_task(self, worker: str, *, stale_after_s: float = 60.0) -> Task | None:
        """The oldest waiting task, or one whose worker has shown no sign of life; now this worker's."""
        stale = time.time() - stale_after_s
        with self.write() as session:
            query = (
                select(TaskRow)
                .where((TaskRow.state == "waiting") | ((TaskRow.state == "running") & (TaskRow.heartbeat < stale)))
                .order_by(TaskRow.created, TaskRow.id)
                .limit(1)
            )
            row = session.scalar(query if self.database.is_sqlite else query.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.state, row.owner, row.heartbeat = "running", worker, time.time()
            return task_record(row)

    def update_task(
        self,
        task: str,
        *,
        state: Literal["running", "done", "failed", "cancelled"] | None = None,
        progress: float | None = None,
        message: str | None = None,
    ) -> None:
        """A sign of life from the worker, or a person's wish to cancel."""
        values: dict[str, Any] = {"heartbeat": time.time()}
        values |= {k: v for k, v in {"state": state, "progress": progress, "message": message}.items() if v is not None}
        with self.write() as session:
            session.execute(update(TaskRow).where(TaskRow.id == task).values(**values))

    def tasks(self) -> list[Task]:
        """All tasks, newest first."""
        with self.session() as session:
            rows = session.scalars(select(TaskRow).order_by(TaskRow.created.desc(), TaskRow.id))
            return [task_record(row) for row in rows]

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
