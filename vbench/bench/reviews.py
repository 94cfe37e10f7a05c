"""Reviews: links by which guests see chosen takes, and what the guests say of them."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from vbench.bench.tables import ApprovalRow, ClipRow, NoteRow, ReviewRow
from vbench.bench.workspace import Workspace, now
from vbench.errors import BenchError
from vbench.records import Approval, Review
from vbench.schema import from_json, to_json

MOST_CLIPS = 200


class ReviewStore(Workspace):
    """Links for guests."""

    def add_review(self, review: Review) -> None:
        """Store a link.

        Raises:
            BenchError: it has no takes or too many, or one that this bench has not.
        """
        wanted = set(review.clips)
        if not 0 < len(wanted) <= MOST_CLIPS:
            raise BenchError(f"a review has 1 to {MOST_CLIPS} takes, found {len(wanted)}; choose as many")
        with self.write() as session:
            there = set(session.scalars(select(ClipRow.id).where(ClipRow.id.in_(wanted))))
            if gone := sorted(wanted - there):
                raise BenchError(f"no take {', '.join(gone[:3])} in {self.root}; see vbench scores")
            self.database.insert_new(session, ReviewRow, [to_json(review)])

    def reviews(self) -> list[Review]:
        """All links, newest first."""
        with self.session() as session:
            rows = session.scalars(select(ReviewRow).order_by(ReviewRow.created.desc(), ReviewRow.token))
            return [_review(row) for row in rows]

    def review(self, token: str) -> Review | None:
        """The link of this address, or None."""
        with self.session() as session:
            row = session.get(ReviewRow, token)
            return _review(row) if row else None

    def revoke_review(self, token: str) -> bool:
        """Take a link back; what its guests said stays. False: there is none, or it was taken back before."""
        own = (ReviewRow.token == token, ReviewRow.revoked == "")
        with self.write() as session:
            changed = update(ReviewRow).where(*own).values(revoked=now()).returning(ReviewRow.token)
            return session.scalar(changed) is not None

    def set_approval(self, review: str, clip: str, guest: str, state: str) -> None:
        """Store what a guest says of a take; an empty state takes it back."""
        own = {"review": review, "clip": clip, "guest": guest}
        with self.write() as session:
            if state:
                self.database.upsert(session, ApprovalRow, [own | {"state": state, "updated": now()}])
            else:
                session.execute(delete(ApprovalRow).filter_by(**own))

    def approvals(self, *, review: str | None = None) -> list[Approval]:
        """What guests said of takes, of one link or all, by take and guest."""
        query = select(ApprovalRow).order_by(ApprovalRow.clip, ApprovalRow.guest, ApprovalRow.review)
        with self.session() as session:
            rows = session.scalars(query if review is None else query.where(ApprovalRow.review == review))
            return [from_json(Approval, {name: getattr(row, name) for name in Approval.__slots__}) for row in rows]

    def n_notes_by_review(self) -> dict[str, int]:
        """Token → how many notes stand under it."""
        counted = select(NoteRow.review, func.count()).where(NoteRow.review != "").group_by(NoteRow.review)
        with self.session() as session:
            return {row[0]: row[1] for row in session.execute(counted)}


def _review(row: ReviewRow) -> Review:
    return from_json(Review, {name: getattr(row, name) for name in Review.__slots__})
