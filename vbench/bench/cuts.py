"""Cuts: ranges of takes in order, under names; each change counts, so that two people never overwrite each other."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from vbench.bench.selects import ROUNDED_S
from vbench.bench.tables import ClipRow, CutRow
from vbench.bench.workspace import Workspace, now
from vbench.errors import BenchError
from vbench.records import Cut, Shot
from vbench.schema import from_json, to_json

MOST_SHOTS = 500


class CutChangedError(BenchError):
    """Somebody else has stored the cut since it was read."""


class CutStore(Workspace):
    """Cuts by name."""

    def cuts(self) -> list[Cut]:
        """All cuts, by name."""
        with self.session() as session:
            return [_cut(row) for row in session.scalars(select(CutRow).order_by(CutRow.name))]

    def cut(self, name: str) -> Cut:
        """One cut.

        Raises:
            BenchError: there is none of this name.
        """
        with self.session() as session:
            row = session.get(CutRow, name)
            if row is None:
                names = ", ".join(session.scalars(select(CutRow.name).order_by(CutRow.name))) or "none"
                raise BenchError(f"no cut {name!r} in {self.root}; there are: {names}")
            return _cut(row)

    def set_cut(self, cut: Cut) -> Cut:
        """Store a cut in the place of the revision it was made from, 0 where it is new; what is stored.

        Raises:
            BenchError: it has no name or too many shots, or a shot is of no take of this bench or beyond its end.
            CutChangedError: somebody else has stored the cut since.
        """
        if not 0 < len(cut.name.strip()) <= 100:
            raise BenchError(f"a cut has a name of 1 to 100 letters, found {cut.name[:120]!r}; give it one")
        if len(cut.shots) > MOST_SHOTS:
            raise BenchError(f"cut {cut.name!r} has {len(cut.shots)} shots; at most {MOST_SHOTS} are kept, split it")
        lengths = select(ClipRow.id, ClipRow.probe["duration_s"].as_float())
        with self.write() as session:
            wanted = lengths.where(ClipRow.id.in_({shot.clip for shot in cut.shots}))
            durations: dict[str, float] = {row[0]: row[1] for row in session.execute(wanted)}
            for number, shot in enumerate(cut.shots, 1):
                if shot.clip not in durations:
                    raise BenchError(f"shot {number} is of take {shot.clip!r}, which {self.root} has not; leave it out")
                if shot.out_s > (end_s := durations[shot.clip]) + ROUNDED_S:
                    raise BenchError(
                        f"shot {number} ends at {shot.out_s:.3f} s, its take ends at {end_s:.3f} s; end it there"
                    )
            values = {"shots": [to_json(shot) for shot in cut.shots], "revision": cut.revision + 1, "updated": now()}
            if cut.revision == 0:
                is_kept = self.database.insert_new(session, CutRow, [{"name": cut.name, **values}])
            else:
                own = (CutRow.name == cut.name, CutRow.revision == cut.revision)
                is_kept = session.execute(update(CutRow).where(*own).values(**values)).rowcount  # type: ignore[attr-defined]
            if not is_kept:
                raise CutChangedError(
                    f"cut {cut.name!r} was changed or taken away meanwhile; open it again, and make the change there"
                )
        return self.cut(cut.name)

    def delete_cut(self, name: str) -> bool:
        """Take a cut away; its takes stay. False: there was none."""
        with self.write() as session:
            return bool(session.execute(delete(CutRow).where(CutRow.name == name)).rowcount)  # type: ignore[attr-defined]


def _cut(row: CutRow) -> Cut:
    shots = tuple(from_json(Shot, shot) for shot in row.shots)
    return Cut(name=row.name, shots=shots, revision=row.revision, updated=row.updated)
