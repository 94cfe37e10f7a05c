"""Scores, failures, timelines and events of a workspace."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from vbench.bench.database import raw_rows
from vbench.bench.rows import (
    failure_record,
    failure_row,
    key_columns,
    packed,
    row_values,
    score_key,
    unpacked,
)
from vbench.bench.tables import ClaimRow, ClipRow, EventRow, FailureRow, MetricRow, ParamsRow, ScoreRow, TimelineRow
from vbench.bench.workspace import Workspace, now
from vbench.records import Event, Failure, FailureStage, MetricInfo, Outcomes, Score, ScoreKey, Timeline
from vbench.schema import from_json, to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PASSING_CODES = ("crashed", "timeout", "out_of_memory", "io")
"""Failures of the moment, not of the clip: the next scoring run tries again."""
DoneKey = tuple[str, str, int, str]
"""(clip id, metric, version, params key)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreColumns:
    """The shown scores of many clips as arrays, in no order; a row of a bench costs 14 bytes here."""

    clips: Sequence[str]
    """Clip ids; `clip` numbers them."""
    metrics: Sequence[str]
    clip: NDArray[np.int32]
    metric: NDArray[np.int16]
    value: NDArray[np.float64]
    version: Mapping[str, int]
    """Metric → the version that its scores are of."""
    mixed: frozenset[str]
    """Metrics with scores of one version under other parameters too, which are not shown."""

    def by_metric(self) -> Iterator[tuple[str, NDArray[np.int32], NDArray[np.float64]]]:
        """Each metric that has scores, with the numbers of its clips and their values."""
        import numpy as np

        order = np.argsort(self.metric, kind="stable")
        ends = np.cumsum(np.bincount(self.metric, minlength=len(self.metrics)))
        for metric, rows in zip(self.metrics, np.split(order, ends[:-1]) if len(ends) else [], strict=True):
            yield metric, self.clip[rows], self.value[rows]

    def values_by_clip(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Each metric that has scores, with clip id → value."""
        for metric, clips, values in self.by_metric():
            yield metric, {self.clips[clip]: value for clip, value in zip(clips, values.tolist(), strict=True)}


class FailedMeasure(NamedTuple):
    """One metric of one clip that has no value, and why."""

    clip: str
    metric: str
    version: int
    code: str
    message: str


class ScoreStore(Workspace):
    """What was measured, and what could not be."""

    def add_metrics(self, infos: Iterable[MetricInfo]) -> None:
        """Store what the numbers mean, so that no later stage needs the code that made them."""
        with self.write() as session:
            rows = [{"name": info.name, "version": info.version, "info": to_json(info)} for info in infos]
            self.database.upsert(session, MetricRow, rows)

    def metrics(self) -> dict[str, MetricInfo]:
        """Metric → its newest version here."""
        with self.session() as session:
            rows = session.scalars(select(MetricRow).order_by(MetricRow.version)).all()
        return {row.name: from_json(MetricInfo, row.info) for row in rows}

    def add_outcomes(self, outcomes: Outcomes, *, owner: str = "") -> None:
        """Store all that a pass found out about a clip, in one transaction.

        A key that has a score keeps it; a score under the key of a failure takes its place.

        Args:
            outcomes: What was found out.
            owner: Whose claim of the clip ends with it.
        """
        scores, failures = outcomes.scores, outcomes.failures
        stamp = now()
        new = [{**key_columns(s.key), "value": float(s.value), "added": stamp} for s in scores]
        scored = {(row["metric"], row["version"], row["params_key"]) for row in new}
        params = {row["params_key"]: dict(score.key.params) for row, score in zip(new, scores, strict=True)}
        params |= {f.key.params_key: dict(f.key.params) for f in failures if f.key is not None}
        with self.write() as session:
            self.database.insert_new(session, ParamsRow, [{"key": k, "values": v} for k, v in params.items()])
            self.database.insert_new(session, ScoreRow, new)
            # most clips had no failure and no event: asking for those costs less than a list of all keys
            columns = FailureRow.id, FailureRow.metric, FailureRow.version, FailureRow.params_key
            before = session.execute(select(*columns).where(FailureRow.clip == outcomes.clip)).all()
            if settled := [id for id, *key in before if tuple(key) in scored]:
                session.execute(delete(FailureRow).where(FailureRow.id.in_(settled)))
            rows = [
                row_values(failure_row(failure))
                for failure in failures
                if (key := failure.key) is None or (key.metric, key.version, key.params_key) not in scored
            ]
            if rows:
                session.execute(delete(FailureRow).where(FailureRow.id.in_([row["id"] for row in rows])))
                self.database.insert_new(session, FailureRow, rows)
            lines = [{**key_columns(t.key), "t_s": packed(t.t_s), "value": packed(t.value)} for t in outcomes.timelines]
            self.database.insert_new(session, TimelineRow, lines)
            found_by = {event.metric for event in outcomes.events} | {score.key.metric for score in scores}
            known = set(session.scalars(select(EventRow.metric).where(EventRow.clip == outcomes.clip).distinct()))
            if old := known & found_by:
                session.execute(delete(EventRow).where(EventRow.clip == outcomes.clip, EventRow.metric.in_(old)))
            session.add_all([EventRow(**to_json(event)) for event in outcomes.events])
            if owner:
                session.execute(delete(ClaimRow).where(ClaimRow.clip == outcomes.clip, ClaimRow.owner == owner))

    def replace_outcomes(self, metrics: Sequence[str], outcomes: Sequence[Outcomes]) -> None:
        """Put these scores and failures in place of all that are stored of these metrics, in one transaction.

        For tallies that are made anew of what else is stored, such as shares of answers; a measurement is never
        replaced.
        """
        keys = [s.key for o in outcomes for s in o.scores] + [f.key for o in outcomes for f in o.failures if f.key]
        params = {key.params_key: dict(key.params) for key in keys}
        with self.write() as session:
            session.execute(delete(ScoreRow).where(ScoreRow.metric.in_(metrics)))
            session.execute(delete(FailureRow).where(FailureRow.metric.in_(metrics)))
            self.database.insert_new(session, ParamsRow, [{"key": k, "values": v} for k, v in params.items()])
            scores = [score for o in outcomes for score in o.scores]
            rows = [{**key_columns(s.key), "value": float(s.value), "added": now()} for s in scores]
            self.database.insert_new(session, ScoreRow, rows)
            failed = [row_values(failure_row(failure)) for o in outcomes for failure in o.failures]
            self.database.insert_new(session, FailureRow, failed)

    def done_keys(self, clip_ids: Sequence[str] | None = None) -> set[DoneKey]:
        """Keys that need no further measuring: scores, and failures that would only happen again."""
        scored = select(ScoreRow.clip, ScoreRow.metric, ScoreRow.version, ScoreRow.params_key)
        failed = select(FailureRow.clip, FailureRow.metric, FailureRow.version, FailureRow.params_key).where(
            FailureRow.metric.is_not(None), FailureRow.code.not_in(PASSING_CODES)
        )
        if clip_ids is not None:
            scored = scored.where(ScoreRow.clip.in_(clip_ids))
            failed = failed.where(FailureRow.clip.in_(clip_ids))
        with self.session() as session:
            # the columns of a measure's failure are never null together
            return {tuple(row) for query in (scored, failed) for row in session.execute(query)}

    def shown_params(self, metrics: Sequence[str] | None = None) -> dict[str, tuple[int, str]]:
        """Metric → the (version, params key) whose scores are shown and ranked; of all metrics or of these.

        Scores under different parameters are not comparable, so one set is chosen: the newest version, then the
        parameters that cover most clips, then the most recent. `variants` lists the others.
        """
        return _first_of_each(self._variant_counts(metrics))

    def variants(self, metrics: Sequence[str] | None = None) -> list[tuple[str, int, dict[str, Any], int]]:
        """Every (metric, version, parameters, number of clips) there are scores for, the one shown first."""
        with self.session() as session:
            params = {row.key: row.values for row in session.scalars(select(ParamsRow))}
        return [(metric, version, params[key], n) for metric, version, key, n in self._variant_counts(metrics)]

    def _variant_counts(self, metrics: Sequence[str] | None = None) -> list[tuple[str, int, str, int]]:
        key = (ScoreRow.metric, ScoreRow.version, ScoreRow.params_key)
        of = () if metrics is None else (ScoreRow.metric.in_(metrics),)
        with self.session() as session:
            rows = session.execute(select(*key, func.count()).where(*of).group_by(*key)).all()
            counted = Counter((metric, version, n) for metric, version, _, n in rows)
            tied = {metric for (metric, _, _), n_variants in counted.items() if n_variants > 1}
            # the counts come out of an index; times are looked up, row by row, only where they decide
            newest = select(*key, func.max(ScoreRow.added)).where(ScoreRow.metric.in_(tied)).group_by(*key)
            latest = {tuple(row[:3]): row[3] for row in session.execute(newest)} if tied else {}
        rows = sorted(rows, key=lambda row: (row[1], row[3], latest.get(tuple(row[:3]), ""), row[2]), reverse=True)
        return [(row[0], row[1], row[2], row[3]) for row in sorted(rows, key=lambda row: row[0])]

    def clip_counts(self) -> dict[str, tuple[int, int, int]]:
        """Tool → its clips, those of them with any score, and its scores."""
        scored = select(ScoreRow.clip, func.count().label("n")).group_by(ScoreRow.clip).subquery()
        query = (
            select(ClipRow.model, func.count(), func.count(scored.c.n), func.coalesce(func.sum(scored.c.n), 0))
            .outerjoin(scored, ClipRow.id == scored.c.clip)
            .group_by(ClipRow.model)
            .order_by(ClipRow.model)
        )
        with self.session() as session:
            return {row[0]: (row[1], row[2], int(row[3])) for row in session.execute(query)}

    def score_records(
        self,
        *,
        clip: str | None = None,
        clips: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
    ) -> list[Score]:
        """The shown scores (see `shown_params`) by clip and metric; of one clip, these, or all."""
        shown = self.shown_params(metrics)
        columns = (ScoreRow.clip, ScoreRow.metric, ScoreRow.version, ScoreRow.params_key, ScoreRow.value)
        query = select(*columns)
        if clip is not None:
            query = query.where(ScoreRow.clip == clip)
        if clips is not None:
            query = query.where(ScoreRow.clip.in_(clips))
        if metrics is not None:
            query = query.where(ScoreRow.metric.in_(metrics))
        if models is not None:
            query = query.join(ClipRow, ScoreRow.clip == ClipRow.id).where(ClipRow.model.in_(models))
        with self.session() as session:
            rows = session.execute(query.order_by(ScoreRow.clip, ScoreRow.metric)).all()
            params = {row.key: row.values for row in session.scalars(select(ParamsRow))}
        return [
            Score(key=ScoreKey(clip=of, metric=metric, version=version, params=params[key]), value=value)
            for of, metric, version, key, value in rows
            if shown[metric] == (version, key)
        ]

    def score_columns(self, metrics: Sequence[str] | None = None) -> ScoreColumns:
        """The shown scores (see `shown_params`) of all clips as arrays; of all metrics or of these."""
        import numpy as np

        variants = self._variant_counts(metrics)
        shown = _first_of_each(variants)
        mixed = {metric: shown[metric] for metric, n in Counter(row[0] for row in variants).items() if n > 1}
        query = select(ScoreRow.clip, ScoreRow.metric, ScoreRow.value)
        if metrics is not None:
            query = query.where(ScoreRow.metric.in_(metrics))
        if mixed:  # all rows of the other metrics are shown
            query = query.where(or_(ScoreRow.metric.not_in(mixed), _is_one_of(mixed)))
        clip_places, metric_places = _numbered(), _numbered()
        clip, metric, value = array("i"), array("h"), array("d")
        with self.session() as session:
            for rows in raw_rows(session, query):
                ids, names, values = zip(*rows, strict=True)
                clip.extend(map(clip_places.__getitem__, ids))
                metric.extend(map(metric_places.__getitem__, names))
                value.extend(values)
        return ScoreColumns(
            clips=tuple(clip_places),
            metrics=tuple(metric_places),
            clip=np.frombuffer(clip, dtype=np.int32),
            metric=np.frombuffer(metric, dtype=np.int16),
            value=np.frombuffer(value, dtype=np.float64),
            version={name: version for name, (version, _) in shown.items()},
            mixed=frozenset(name for (name, _), n in Counter(row[:2] for row in variants).items() if n > 1),
        )

    def failed_measures(self, metrics: Sequence[str] | None = None) -> Iterator[FailedMeasure]:
        """What was to be measured of a clip and failed, oldest first; of all metrics or of these."""
        query = select(
            FailureRow.clip, FailureRow.metric, FailureRow.version, FailureRow.code, FailureRow.message
        ).where(FailureRow.stage == "score", FailureRow.clip.is_not(None), FailureRow.metric.is_not(None))
        query = query.where(FailureRow.version.is_not(None))
        if metrics is not None:
            query = query.where(FailureRow.metric.in_(metrics))
        with self.session() as session:
            for rows in raw_rows(session, query.order_by(FailureRow.added, FailureRow.id)):
                yield from map(FailedMeasure._make, rows)

    def score_failures(self, *, clip: str | None = None) -> list[Failure]:
        """Measures that failed and have no score."""
        return [
            failure
            for failure in self.failures("score")
            if clip is None or (failure.key is not None and failure.key.clip == clip) or failure.subject == clip
        ]

    def timelines(self, clip: str) -> list[Timeline]:
        """The shown timelines of a clip."""
        shown = self.shown_params()
        query = select(TimelineRow, ParamsRow).join(ParamsRow).where(TimelineRow.clip == clip)
        with self.session() as session:
            rows = session.execute(query.order_by(TimelineRow.metric)).all()
        return [
            Timeline(key=score_key(row, params.values), t_s=unpacked(row.t_s), value=unpacked(row.value))
            for row, params in rows
            if shown.get(row.metric) == (row.version, row.params_key)
        ]

    def events(self, clip: str | None = None) -> list[Event]:
        """Events of a clip, or of all, by time."""
        query = select(EventRow).order_by(EventRow.clip, EventRow.start_s, EventRow.kind)
        if clip is not None:
            query = query.where(EventRow.clip == clip)
        with self.session() as session:
            return [_event(row) for row in session.scalars(query)]

    # --- failures -------------------------------------------------------------------------------------------------

    def add_failure(self, failure: Failure) -> None:
        """Store a failure; the same stage and subject again replaces it."""
        with self.write() as session:
            if failure.key is not None:
                params = {"key": failure.key.params_key, "values": dict(failure.key.params)}
                self.database.insert_new(session, ParamsRow, [params])
            values = row_values(failure_row(failure))
            if not self.database.insert_new(session, FailureRow, [values]):  # another process may be first
                session.execute(update(FailureRow).where(FailureRow.id == values["id"]).values(**values))

    def clear_failure(self, stage: FailureStage, subject: str) -> None:
        """Forget the failure of a subject that has since succeeded."""
        with self.write() as session:
            session.execute(delete(FailureRow).where(FailureRow.stage == stage, FailureRow.subject == subject))

    def failures(self, stage: FailureStage | None = None) -> list[Failure]:
        """What could not be made or measured, oldest first."""
        query = select(FailureRow, ParamsRow).outerjoin(ParamsRow).order_by(FailureRow.added, FailureRow.id)
        if stage is not None:
            query = query.where(FailureRow.stage == stage)
        with self.session() as session:
            rows = session.execute(query).all()
        return [failure_record(row, params) for row, params in rows]


def _event(row: EventRow) -> Event:
    facts = {name: getattr(row, name) for name in Event.__slots__}
    return Event(**facts | {"box": None if row.box is None else tuple(row.box)})


def _first_of_each(variants: Sequence[tuple[str, int, str, int]]) -> dict[str, tuple[int, str]]:
    chosen: dict[str, tuple[int, str]] = {}
    for metric, version, params_key, _ in variants:
        chosen.setdefault(metric, (version, params_key))
    return chosen


def _is_one_of(shown: Mapping[str, tuple[int, str]]) -> ColumnElement[bool]:
    """Whether a score is of the version and parameters that are shown of its metric."""
    return or_(
        *(
            and_(ScoreRow.metric == metric, ScoreRow.version == version, ScoreRow.params_key == params_key)
            for metric, (version, params_key) in shown.items()
        )
    )


def _numbered() -> defaultdict[str, int]:
    """Name → its number, in the order in which names are first asked for."""
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__
    return places
