"""What people decided about takes: stars, states, reasons and the seconds to use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Select as Query
from sqlalchemy import select

from vbench.bench.tables import ClipRow, SelectRow
from vbench.bench.workspace import Workspace
from vbench.errors import BenchError
from vbench.records import Select
from vbench.schema import from_json, to_json

ROUNDED_S = 0.001
"""Moments are rounded to the millisecond: a range may be said to end a little after the take."""


def exact_now() -> str:
    """The time as rows hold it where several changes come in one second: ISO 8601, UTC, to the microsecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class SelectStore(Workspace):
    """Choices about takes."""

    def set_select(self, choice: Select) -> None:
        """Store a person's choice about a take.

        Raises:
            BenchError: there is no such take, or a range lies beyond its end.
        """
        self.set_selects([choice])

    def set_selects(self, choices: Sequence[Select]) -> None:
        """Store choices about many takes, all or none.

        Raises:
            BenchError: as `set_select`.
        """
        updated = exact_now()
        ids = {choice.clip for choice in choices}
        lengths = select(ClipRow.id, ClipRow.probe["duration_s"].as_float()).where(ClipRow.id.in_(ids))
        with self.write() as session:
            durations: dict[str, float] = {row[0]: row[1] for row in session.execute(lengths)}
            for choice in choices:
                if choice.clip not in durations:
                    raise BenchError(f"no take {choice.clip!r} in {self.root}; see vbench scores")
                end_s, duration_s = max((end for _, end in choice.ranges), default=0.0), durations[choice.clip]
                if end_s > duration_s + ROUNDED_S:
                    raise BenchError(
                        f"a range of take {choice.clip} ends at {end_s:.3f} s, the take ends at {duration_s:.3f} s; "
                        "mark its end within the take"
                    )
            rows = [to_json(choice) | {"updated": updated} for choice in choices]
            self.database.upsert(session, SelectRow, rows)

    def selects(self, *, author: str | None = None) -> list[Select]:
        """All choices, or those of one person."""
        query = select(SelectRow).order_by(SelectRow.clip, SelectRow.author)
        return self._selects(query if author is None else query.where(SelectRow.author == author))

    def last_selects(self) -> dict[str, Select]:
        """Clip id → the last word on it, whoever's it is."""
        query = select(SelectRow).order_by(SelectRow.updated, SelectRow.author)
        return {choice.clip: choice for choice in self._selects(query)}

    def _selects(self, query: Query[SelectRow]) -> list[Select]:
        names = Select.__slots__
        with self.session() as session:
            rows = session.scalars(query)
            return [from_json(Select, {name: getattr(row, name) for name in names}) for row in rows]
