"""What people said: votes and notes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, delete, func, select, update

from vbench.bench.tables import NoteRow, VoteRow
from vbench.bench.workspace import Workspace, now
from vbench.records import Note, Vote
from vbench.schema import from_json, to_json


class VoteStore(Workspace):
    """Verdicts and remarks."""

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

    def add_note(self, note: Note) -> bool:
        """Store a remark; the same id again replaces it, and False tells that it is another author's, and stays."""
        row = to_json(note) | {"created": note.created or now()}
        own = (NoteRow.id == note.id) & (NoteRow.author == note.author) & (NoteRow.clip == note.clip)
        own &= NoteRow.review == note.review
        with self.write() as session:
            if self.database.insert_new(session, NoteRow, [row]):
                return True
            changed = update(NoteRow).where(own).values(**row).returning(NoteRow.id)
            return session.scalar(changed) is not None

    def delete_note(self, note: str, *, author: str) -> bool:
        """Remove a remark; False where this author has none of this id."""
        own = (NoteRow.id == note) & (NoteRow.author == author)
        with self.write() as session:
            return session.scalar(delete(NoteRow).where(own).returning(NoteRow.id)) is not None

    def resolve_note(self, note: str, *, is_resolved: bool) -> bool:
        """Say whether what a remark asks for is done; False where there is none of this id."""
        changed = update(NoteRow).where(NoteRow.id == note).values(is_resolved=is_resolved).returning(NoteRow.id)
        with self.write() as session:
            return session.scalar(changed) is not None

    def note(self, note: str) -> Note | None:
        """The remark with this id, or None."""
        return next(iter(self._records(NoteRow, Note, NoteRow.id, wanted=NoteRow.id == note)), None)

    def notes(self, clip: str | None = None, *, review: str | None = None) -> list[Note]:
        """Remarks by clip and time: all, those of a clip, or those that the guests of a review read."""
        parts = [] if clip is None else [NoteRow.clip == clip]
        parts += [] if review is None else [NoteRow.review == review]
        wanted = and_(*parts) if parts else None
        return self._records(NoteRow, Note, NoteRow.clip, NoteRow.start_s, NoteRow.id, wanted=wanted)

    def _records(self, row_type: type[Any], record_type: type[Any], *order: Any, wanted: Any = None) -> list[Any]:
        names = record_type.__slots__
        query = select(row_type).order_by(*order)
        with self.session() as session:
            rows = session.scalars(query if wanted is None else query.where(wanted))
            return [from_json(record_type, {name: getattr(row, name) for name in names}) for row in rows]
