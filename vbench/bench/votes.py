"""What people said: votes, notes and choices."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from vbench.bench.tables import NoteRow, SelectRow, VoteRow
from vbench.bench.workspace import Workspace, now
from vbench.records import Note, Select, Vote
from vbench.schema import to_json


class VoteStore(Workspace):
    """Verdicts, remarks and choices."""

    def add_vote(self, vote: Vote) -> bool:
        """Store a verdict; False where its id was used before."""
        with self.write() as session:
            row = to_json(vote) | {"created": vote.created or now()}
            return self.database.insert_new(session, VoteRow, [row]) == 1

    def n_votes(self) -> int:
        """How many verdicts there are."""
        with self.session() as session:
            return session.scalar(select(func.count()).select_from(VoteRow)) or 0

    def votes(self) -> list[Vote]:
        """All verdicts, oldest first, those left out of ratings too."""
        return self._records(VoteRow, Vote, VoteRow.created, VoteRow.id)

    def add_note(self, note: Note) -> None:
        """Store a remark; the same id again replaces it."""
        with self.write() as session:
            session.merge(NoteRow(**to_json(note) | {"created": note.created or now()}))

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
            session.merge(SelectRow(**to_json(choice)))

    def selects(self) -> list[Select]:
        """All choices."""
        return self._records(SelectRow, Select, SelectRow.clip, SelectRow.author)

    def _records(self, row_type: type[Any], record_type: type[Any], *order: Any) -> list[Any]:
        names = record_type.__slots__
        with self.session() as session:
            rows = session.scalars(select(row_type).order_by(*order))
            return [record_type(**{name: getattr(row, name) for name in names}) for row in rows]
