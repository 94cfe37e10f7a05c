"""The workspace: a database of prompts, tools, clips, scores and votes, and the media that the rows point at."""

from __future__ import annotations

import os
import secrets
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from vbench.database import Database, open_database
from vbench.errors import BenchError, OptionError
from vbench.media import Media
from vbench.records import (
    Clip,
    Event,
    Failure,
    FailureStage,
    MetricInfo,
    Note,
    Outcomes,
    Probe,
    Prompt,
    Provenance,
    Score,
    ScoreKey,
    Select,
    Task,
    Timeline,
    Vote,
    digest,
)
from vbench.tables import (
    ClipRow,
    EventRow,
    FailureRow,
    MetricRow,
    ModelRow,
    NoteRow,
    ParamsRow,
    PromptRow,
    ScoreRow,
    SecretRow,
    SelectRow,
    TaskRow,
    TimelineRow,
    VoteRow,
)

PASSING_CODES = ("crashed", "timeout", "out_of_memory", "io")
"""Failures of the moment, not of the clip: the next scoring run tries again."""
DoneKey = tuple[str, str, int, str]
"""(clip id, metric, version, params key)."""


def now() -> str:
    """The time as rows hold it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Bench:
    """Everything a run reads and writes. Methods hold no session open and return records.

    Open one with `Bench.open`.
    """

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
        root = Path(path or os.environ.get("VBENCH_HOME") or "bench").expanduser().resolve()
        address = db or os.environ.get("VBENCH_DB") or f"sqlite:///{root / 'bench.db'}"
        database = open_database(address, create=create)
        return cls(root, database, Media(media or os.environ.get("VBENCH_MEDIA") or root, root))

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

    # --- prompts, tools, clips ------------------------------------------------------------------------------------

    def add_prompts(self, prompts: Iterable[Prompt]) -> None:
        """Store prompts; the same id and text again updates what it expects."""
        with self.write() as session:
            for prompt in prompts:
                session.merge(_prompt_row(prompt))

    def prompts(self) -> list[Prompt]:
        """All prompts, in the order of suite and id."""
        with self.session() as session:
            rows = session.scalars(select(PromptRow).order_by(PromptRow.suite, PromptRow.id, PromptRow.key))
            return [_prompt(row) for row in rows]

    def prompt(self, key: str) -> Prompt:
        """The prompt with this key."""
        with self.session() as session:
            row = session.get(PromptRow, key)
        if row is None:
            raise BenchError(f"no prompt with key {key!r} in {self.root}; list them with vbench prompts")
        return _prompt(row)

    def add_model(self, model: str, card: Mapping[str, Any] | None = None) -> None:
        """Store a tool; a card, where given, replaces the one stored."""
        with self.write() as session:
            row = session.get(ModelRow, model)
            if row is None:
                session.add(ModelRow(id=model, card=dict(card or {})))
            elif card:
                row.card = dict(card)

    def models(self) -> dict[str, dict[str, Any]]:
        """Tool → its card as JSON values; {} where no card is known."""
        with self.session() as session:
            return {row.id: row.card for row in session.scalars(select(ModelRow).order_by(ModelRow.id))}

    def add_clip(self, clip: Clip) -> bool:
        """Store a clip whose file is already in place; False where this very clip is there.

        Raises:
            BenchError: another file holds the same tool, prompt and sample.
        """
        with self.write() as session:
            return self.add_clip_in(session, clip)

    def add_clip_in(self, session: Session, clip: Clip) -> bool:
        """`add_clip` inside the caller's write transaction, for a job that must finish with its clip."""
        if session.get(ClipRow, clip.id) is not None:
            return False
        place = select(ClipRow).where(
            ClipRow.model == clip.model, ClipRow.prompt_key == clip.prompt.key, ClipRow.sample == clip.sample
        )
        if (holder := session.scalar(place)) is not None:
            raise BenchError(
                f"{clip.model}, prompt {clip.prompt.id!r}, sample {clip.sample}: another file ({holder.sha256[:12]}) "
                f"holds this place, found {clip.sha256[:12]}; give the new one another sample number"
            )
        session.merge(_prompt_row(clip.prompt))
        if session.get(ModelRow, clip.model) is None:
            session.add(ModelRow(id=clip.model, card={}))
        session.flush()
        session.add(
            ClipRow(
                id=clip.id,
                model=clip.model,
                prompt_key=clip.prompt.key,
                sample=clip.sample,
                sha256=clip.sha256,
                media=clip.media,
                linked=clip.linked,
                probe=asdict(clip.probe),
                provenance=asdict(clip.provenance),
                added=now(),
            )
        )
        return True

    def clips(
        self,
        *,
        models: Sequence[str] | None = None,
        prompt_ids: Sequence[str] | None = None,
        prompt_keys: Sequence[str] | None = None,
    ) -> list[Clip]:
        """Clips by prompt, tool and sample, all or those of the tools and prompts named."""
        query = select(ClipRow, PromptRow).join(PromptRow, ClipRow.prompt_key == PromptRow.key)
        if models is not None:
            query = query.where(ClipRow.model.in_(models))
        if prompt_ids is not None:
            query = query.where(PromptRow.id.in_(prompt_ids))
        if prompt_keys is not None:
            query = query.where(PromptRow.key.in_(prompt_keys))
        with self.session() as session:
            rows = session.execute(query.order_by(PromptRow.id, PromptRow.key, ClipRow.model, ClipRow.sample)).all()
        return [_clip(row, prompt) for row, prompt in rows]

    def clip(self, id_prefix: str) -> Clip:
        """The clip whose id begins so.

        Raises:
            BenchError: none does, or several do.
        """
        query = select(ClipRow, PromptRow).join(PromptRow).where(ClipRow.id.startswith(id_prefix, autoescape=True))
        with self.session() as session:
            rows = session.execute(query.limit(2)).all()
        if len(rows) != 1 or not id_prefix:
            found = "no clip" if not rows else "more than one clip"
            raise BenchError(f"{found} in {self.root} has an id that begins with {id_prefix!r}; see vbench scores")
        return _clip(*rows[0])

    def clip_by_sha(self, sha256: str) -> Clip | None:
        """A clip with this file, or None; the same file may serve several prompts."""
        query = select(ClipRow, PromptRow).join(PromptRow).where(ClipRow.sha256 == sha256).limit(1)
        with self.session() as session:
            row = session.execute(query).first()
        return None if row is None else _clip(*row)

    def taken(self, model: str, prompt_key: str, sample: int) -> Clip | None:
        """The clip that holds this place, or None."""
        query = (
            select(ClipRow, PromptRow)
            .join(PromptRow)
            .where(ClipRow.model == model, ClipRow.prompt_key == prompt_key, ClipRow.sample == sample)
        )
        with self.session() as session:
            row = session.execute(query).first()
        return None if row is None else _clip(*row)

    def clip_path(self, clip: Clip) -> Path:
        """The original file of a clip on this machine.

        Raises:
            FileNotFoundError: it is gone.
        """
        if clip.linked:
            path = Path(clip.media)
            if not path.exists():
                raise FileNotFoundError(clip.media)
            return path
        return self.media.local(clip.media)

    # --- scores ---------------------------------------------------------------------------------------------------

    def add_metrics(self, infos: Iterable[MetricInfo]) -> None:
        """Store what the numbers mean, so that no later stage needs the code that made them."""
        with self.write() as session:
            for info in infos:
                session.merge(MetricRow(name=info.name, version=info.version, info=asdict(info)))

    def metrics(self) -> dict[str, MetricInfo]:
        """Metric → its newest version here."""
        with self.session() as session:
            rows = session.scalars(select(MetricRow).order_by(MetricRow.version)).all()
        return {row.name: MetricInfo(**row.info | {"bounds": tuple(row.info["bounds"])}) for row in rows}

    def add_outcomes(self, outcomes: Outcomes) -> None:
        """Store all that a pass found out about a clip, in one transaction.

        A key that has a score keeps it; a score under the key of a failure takes its place.
        """
        scores, failures = outcomes.scores, outcomes.failures
        keys = [score.key for score in scores] + [failure.key for failure in failures if failure.key is not None]
        params = {key.params_key: dict(key.params) for key in keys}
        with self.write() as session:
            self.database.insert_new(session, ParamsRow, [{"key": k, "values": v} for k, v in params.items()])
            new = [{**_key_columns(s.key), "value": float(s.value), "added": now()} for s in scores]
            self.database.insert_new(session, ScoreRow, new)
            for score in scores:
                session.execute(delete(FailureRow).where(*_key_filter(FailureRow, score.key)))
            scored = {(s.key.metric, s.key.version, s.key.params_key) for s in scores}
            for failure in failures:
                key = failure.key
                if key is None or (key.metric, key.version, key.params_key) not in scored:
                    session.merge(_failure_row(failure))
            lines = [
                {**_key_columns(t.key), "t_s": _floats(t.t_s), "value": _floats(t.value)} for t in outcomes.timelines
            ]
            self.database.insert_new(session, TimelineRow, lines)
            found_by = {event.metric for event in outcomes.events} | {score.key.metric for score in scores}
            session.execute(delete(EventRow).where(EventRow.clip == outcomes.clip, EventRow.metric.in_(found_by)))
            session.add_all([EventRow(**asdict(event)) for event in outcomes.events])

    def done_keys(self, clip_ids: Sequence[str] | None = None) -> set[DoneKey]:
        """Keys that need no further measuring: scores, and failures that would only happen again."""
        scored = select(ScoreRow.clip, ScoreRow.metric, ScoreRow.version, ScoreRow.params_key)
        failed = select(FailureRow.clip, FailureRow.metric, FailureRow.version, FailureRow.params_key).where(
            FailureRow.metric.is_not(None), FailureRow.code.not_in(PASSING_CODES)
        )
        with self.session() as session:
            # the columns of a measure's failure are never null together
            keys = {tuple(row) for query in (scored, failed) for row in session.execute(query)}
        if clip_ids is not None:
            wanted = set(clip_ids)
            keys = {key for key in keys if key[0] in wanted}
        return keys

    def shown_params(self) -> dict[str, tuple[int, str]]:
        """Metric → the (version, params key) whose scores are shown and ranked.

        Scores under different parameters are not comparable, so one set is chosen: the newest version, then the
        parameters that cover most clips, then the most recent. `variants` lists the others.
        """
        chosen: dict[str, tuple[int, str]] = {}
        for metric, version, params_key, _ in self._variant_counts():
            chosen.setdefault(metric, (version, params_key))
        return chosen

    def variants(self) -> list[tuple[str, int, dict[str, Any], int]]:
        """Every (metric, version, parameters, number of clips) there are scores for, the one shown first."""
        with self.session() as session:
            params = {row.key: row.values for row in session.scalars(select(ParamsRow))}
        return [(metric, version, params[key], n) for metric, version, key, n in self._variant_counts()]

    def _variant_counts(self) -> list[tuple[str, int, str, int]]:
        n_clips = func.count().label("n")
        latest = func.max(ScoreRow.added).label("latest")
        query = select(ScoreRow.metric, ScoreRow.version, ScoreRow.params_key, n_clips, latest).group_by(
            ScoreRow.metric, ScoreRow.version, ScoreRow.params_key
        )
        with self.session() as session:
            rows = session.execute(query).all()
        rows = sorted(rows, key=lambda row: (row[1], row[3], row[4], row[2]), reverse=True)
        return [(row[0], row[1], row[2], row[3]) for row in sorted(rows, key=lambda row: row[0])]

    def scores(
        self,
        *,
        clip: str | None = None,
        metrics: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
    ) -> list[Score]:
        """The shown scores (see `shown_params`), by clip and metric."""
        shown = self.shown_params()
        query = select(ScoreRow, ParamsRow).join(ParamsRow, ScoreRow.params_key == ParamsRow.key)
        if clip is not None:
            query = query.where(ScoreRow.clip == clip)
        if metrics is not None:
            query = query.where(ScoreRow.metric.in_(metrics))
        if models is not None:
            query = query.join(ClipRow, ScoreRow.clip == ClipRow.id).where(ClipRow.model.in_(models))
        with self.session() as session:
            rows = session.execute(query.order_by(ScoreRow.clip, ScoreRow.metric)).all()
        return [
            Score(key=_score_key(row, params.values), value=row.value)
            for row, params in rows
            if shown[row.metric] == (row.version, row.params_key)
        ]

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
            Timeline(key=_score_key(row, params.values), t_s=_unpacked(row.t_s), value=_unpacked(row.value))
            for row, params in rows
            if shown.get(row.metric) == (row.version, row.params_key)
        ]

    def events(self, clip: str | None = None) -> list[Event]:
        """Events of a clip, or of all, by time."""
        query = select(EventRow).order_by(EventRow.clip, EventRow.start_s, EventRow.kind)
        if clip is not None:
            query = query.where(EventRow.clip == clip)
        with self.session() as session:
            return [Event(**{name: getattr(row, name) for name in Event.__slots__}) for row in session.scalars(query)]

    # --- failures -------------------------------------------------------------------------------------------------

    def add_failure(self, failure: Failure) -> None:
        """Store a failure; the same stage and subject again replaces it."""
        with self.write() as session:
            if failure.key is not None:
                params = {"key": failure.key.params_key, "values": dict(failure.key.params)}
                self.database.insert_new(session, ParamsRow, [params])
            session.merge(_failure_row(failure))

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
        return [_failure(row, params) for row, params in rows]

    # --- people ---------------------------------------------------------------------------------------------------

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
            return _task(row)

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
            return [_task(row) for row in rows]

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


# --- rows and records ---------------------------------------------------------------------------------------------


def _prompt_row(prompt: Prompt) -> PromptRow:
    return PromptRow(
        key=prompt.key,
        id=prompt.id,
        text=prompt.text,
        suite=prompt.suite,
        negative=prompt.negative,
        tags=list(prompt.tags),
        expects=dict(prompt.expects),
        image=prompt.image,
    )


def _prompt(row: PromptRow) -> Prompt:
    return Prompt(
        id=row.id,
        text=row.text,
        suite=row.suite,
        negative=row.negative,
        tags=tuple(row.tags),
        expects=row.expects,
        image=row.image,
    )


def _clip(row: ClipRow, prompt: PromptRow) -> Clip:
    return Clip(
        id=row.id,
        model=row.model,
        prompt=_prompt(prompt),
        sample=row.sample,
        sha256=row.sha256,
        media=row.media,
        linked=row.linked,
        probe=_from_json(Probe, row.probe),
        provenance=_from_json(Provenance, row.provenance),
    )


def _from_json(record: type[Any], values: Mapping[str, Any]) -> Any:
    """A record from its stored JSON: lists are tuples again, and fields of a later version are left out."""
    known = {name: values[name] for name in record.__slots__ if name in values}
    return record(**{name: tuple(value) if isinstance(value, list) else value for name, value in known.items()})


def _key_columns(key: ScoreKey) -> dict[str, Any]:
    return {"clip": key.clip, "metric": key.metric, "version": key.version, "params_key": key.params_key}


def _key_filter(table: type[Any], key: ScoreKey) -> list[Any]:
    return [getattr(table, name) == value for name, value in _key_columns(key).items()]


def _score_key(row: Any, params: Mapping[str, Any]) -> ScoreKey:
    return ScoreKey(clip=row.clip, metric=row.metric, version=row.version, params=params)


def _failure_row(failure: Failure) -> FailureRow:
    key = failure.key
    columns = _key_columns(key) if key is not None else {"clip": None, "metric": None, "version": None}
    identity = digest(failure.stage, failure.subject, *(columns.values() if key is not None else ()))
    return FailureRow(
        id=identity,
        stage=failure.stage,
        subject=failure.subject,
        code=failure.code,
        message=failure.message,
        added=now(),
        **columns,
    )


def _failure(row: FailureRow, params: ParamsRow | None) -> Failure:
    key = None
    if row.clip is not None and row.metric is not None and row.version is not None:
        key = _score_key(row, params.values if params is not None else {})
    stage: Any = row.stage
    return Failure(stage=stage, subject=row.subject, code=row.code, message=row.message, key=key)


def _task(row: TaskRow) -> Task:
    state: Any = row.state
    return Task(
        id=row.id,
        kind=row.kind,
        args=row.args,
        state=state,
        progress=row.progress or 0.0,
        message=row.message or "",
        created=row.created,
    )


def _floats(values: Sequence[float]) -> bytes:
    return array("f", values).tobytes()


@lru_cache(maxsize=256)
def _unpacked(data: bytes) -> tuple[float, ...]:
    values = array("f")
    values.frombytes(data)
    return tuple(values)
