"""Which process measures which clip just now: several of them divide the clips of one bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import delete, func, select, update

from vbench.bench.tables import ClaimRow
from vbench.bench.workspace import Workspace

CHUNK = 500


class ClaimStore(Workspace):
    """Claims of clips, with leases; a claim that nobody holds any more is free."""

    def claim_clips(
        self, wanted: Sequence[str], n: int, *, owner: str, lease_s: float, is_alive: Callable[[str, float], bool]
    ) -> list[str]:
        """Take clips for one process alone; those taken.

        Args:
            wanted: Clip ids, the first ones first.
            n: How many at most.
            owner: Whose they will be.
            lease_s: For how long from now, unless the owner gives a sign of life.
            is_alive: (owner, end of its lease) → whether that process still lives; what others left is taken over.
        """
        with self.write() as session:
            others = session.execute(
                select(ClaimRow.owner, func.max(ClaimRow.lease_until))
                .where(ClaimRow.owner != owner)
                .group_by(ClaimRow.owner)
            ).all()
            gone = [other for other, lease_until in others if not is_alive(other, lease_until)]
            session.execute(delete(ClaimRow).where(ClaimRow.owner.in_(gone)))
            held = set(session.scalars(select(ClaimRow.clip)))
            free = [clip for clip in wanted if clip not in held][:n]
            until = time.time() + lease_s
            taken: set[str] = set()
            for start in range(0, len(free), CHUNK):  # on a server another process may be first at some of them
                rows = [{"clip": clip, "owner": owner, "lease_until": until} for clip in free[start : start + CHUNK]]
                taken |= set(self.database.inserted_keys(session, ClaimRow, rows))
        return [clip for clip in free if clip in taken]

    def n_claimants(self, owner: str) -> int:
        """How many processes but this one hold clips, or have left some behind."""
        query = select(func.count(func.distinct(ClaimRow.owner))).where(ClaimRow.owner != owner)
        with self.session() as session:
            return session.scalar(query) or 0

    def extend_claims(self, owner: str, lease_s: float) -> None:
        """Let all claims of a process run so long from now."""
        with self.write() as session:
            until = time.time() + lease_s
            session.execute(update(ClaimRow).where(ClaimRow.owner == owner).values(lease_until=until))

    def release_claims(self, owner: str, clips: Sequence[str] | None = None) -> None:
        """Give back clips of a process, or all that it holds."""
        mine = delete(ClaimRow).where(ClaimRow.owner == owner)
        with self.write() as session:
            session.execute(mine if clips is None else mine.where(ClaimRow.clip.in_(clips)))
