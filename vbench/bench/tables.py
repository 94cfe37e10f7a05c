"""The tables of a bench; everything else about the database is in `vbench.bench`."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Typed models; JSON columns hold plain JSON values."""

    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012  SQLAlchemy reads it off the class


class ModelRow(Base):
    """A tool, with its card as it was when last seen."""

    __tablename__ = "models"
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    card: Mapped[dict[str, Any]]


class PromptRow(Base):
    """A prompt: its key covers id and text, so that an edited prompt is a new row."""

    __tablename__ = "prompts"
    key: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), index=True)
    text: Mapped[str] = mapped_column(Text)
    suite: Mapped[str] = mapped_column(String(200))
    negative: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[Any]]
    expects: Mapped[dict[str, Any]]
    image: Mapped[str] = mapped_column(Text)
    questions: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")


def _from(column: str, member: str) -> Any:
    """A default for a column that repeats a member of one of the row's JSON columns."""

    def taken(context: Any) -> Any:
        return context.get_current_parameters()[column].get(member)

    return taken


def _said(context: Any) -> str | None:
    row = context.get_current_parameters()
    said = [*row["probe"].get("warnings", ()), *row["provenance"].get("warnings", ())]
    return json.dumps(said, ensure_ascii=False) if said else None


class ClipRow(Base):
    """A video file made for one prompt by one tool.

    What a ranking reads of every clip stands in columns of its own: taking it out of JSON costs more than all the rest.
    """

    __tablename__ = "clips"
    __table_args__ = (UniqueConstraint("model", "prompt_key", "sample", name="uq_clips_place"),)
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    prompt_key: Mapped[str] = mapped_column(ForeignKey("prompts.key"), index=True)
    sample: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    media: Mapped[str] = mapped_column(Text)
    linked: Mapped[bool]
    probe: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]
    added: Mapped[str] = mapped_column(String(32))
    duration_s: Mapped[float | None] = mapped_column(Float(53), default=_from("probe", "duration_s"))
    latency_s: Mapped[float | None] = mapped_column(Float(53), default=_from("provenance", "latency_s"))
    cost_usd: Mapped[float | None] = mapped_column(Float(53), default=_from("provenance", "cost_usd"))
    said: Mapped[str | None] = mapped_column(Text, default=_said)
    """Warnings of the probe and of the provenance, a JSON list; NULL: none."""


class MetricRow(Base):
    """What the numbers of one version of a metric mean."""

    __tablename__ = "metrics"
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    info: Mapped[dict[str, Any]]


class ParamsRow(Base):
    """Parameters a score was measured under, stored once per digest."""

    __tablename__ = "params"
    key: Mapped[str] = mapped_column(String(16), primary_key=True)
    values: Mapped[dict[str, Any]]


class ScoreRow(Base):
    """One finite value."""

    __tablename__ = "scores"
    __table_args__ = (Index("ix_scores_metric", "metric", "version", "params_key"),)
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    params_key: Mapped[str] = mapped_column(ForeignKey("params.key"), primary_key=True)
    value: Mapped[float] = mapped_column(Float(53))
    added: Mapped[str] = mapped_column(String(32))


class ClaimRow(Base):
    """A clip that a process measures just now, so that others measure other ones."""

    __tablename__ = "claims"
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    owner: Mapped[str] = mapped_column(String(80), index=True)
    lease_until: Mapped[float] = mapped_column(Float(53))


class TimelineRow(Base):
    """A metric over the time of a clip: two runs of little-endian float32."""

    __tablename__ = "timelines"
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    params_key: Mapped[str] = mapped_column(ForeignKey("params.key"), primary_key=True)
    t_s: Mapped[bytes] = mapped_column(LargeBinary)
    value: Mapped[bytes] = mapped_column(LargeBinary)


class EventRow(Base):
    """A moment worth seeing."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    metric: Mapped[str] = mapped_column(String(120))
    start_s: Mapped[float] = mapped_column(Float(53))
    end_s: Mapped[float] = mapped_column(Float(53))
    frame: Mapped[int]
    value: Mapped[float] = mapped_column(Float(53))
    box: Mapped[list[Any] | None]


class FailureRow(Base):
    """What could not be made or measured."""

    __tablename__ = "failures"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    stage: Mapped[str] = mapped_column(String(16), index=True)
    subject: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text)
    clip: Mapped[str | None] = mapped_column(ForeignKey("clips.id"), index=True)
    metric: Mapped[str | None] = mapped_column(String(120))
    version: Mapped[int | None]
    params_key: Mapped[str | None] = mapped_column(ForeignKey("params.key"))
    added: Mapped[str] = mapped_column(String(32))


class JobRow(Base):
    """One attempt to generate one clip, journalled before anything is spent."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), unique=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    prompt_key: Mapped[str] = mapped_column(ForeignKey("prompts.key"))
    sample: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), index=True)
    reason: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text, default="")
    plan: Mapped[dict[str, Any]]
    handle: Mapped[dict[str, Any] | None]
    is_billable: Mapped[bool]
    estimate_usd: Mapped[float | None] = mapped_column(Float(53))
    cost_usd: Mapped[float | None] = mapped_column(Float(53))
    """What it did cost, where that is known; the estimate counts until then."""
    clip: Mapped[str | None] = mapped_column(ForeignKey("clips.id"))
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[float | None] = mapped_column(Float(53))
    run: Mapped[str] = mapped_column(String(16), index=True)
    """Digest of the tools, prompts and samples it was planned with; ceilings are per run."""
    attempt: Mapped[int] = mapped_column(default=1)
    """1, or more where a person asked to try again: each try is a row of its own."""
    planned_at: Mapped[str] = mapped_column(String(32))
    submitting_at: Mapped[str | None] = mapped_column(String(32))
    submitted_at: Mapped[str | None] = mapped_column(String(32))
    finished_at: Mapped[str | None] = mapped_column(String(32))


class CeilingRow(Base):
    """What may be spent: by one run, however often it is stopped and repeated, or (key ``bench``) by all of them."""

    __tablename__ = "ceilings"
    key: Mapped[str] = mapped_column(String(16), primary_key=True)
    about: Mapped[str] = mapped_column(Text)
    max_cost_usd: Mapped[float | None] = mapped_column(Float(53))
    max_jobs: Mapped[int | None]
    updated: Mapped[str] = mapped_column(String(32))


class ExpansionRow(Base):
    """A prompt as a language model rewrote it for one arm; made once and kept."""

    __tablename__ = "expansions"
    key: Mapped[str] = mapped_column(String(16), primary_key=True)
    arm: Mapped[str] = mapped_column(String(80))
    prompt_key: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    info: Mapped[dict[str, Any]]
    created: Mapped[str] = mapped_column(String(32))


class QuestionRow(Base):
    """A question that was asked, under its digest; an edited one is another row, and this one stays."""

    __tablename__ = "questions"
    digest: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]]
    by: Mapped[list[Any]]


class AnswerRow(Base):
    """What one answerer says to one question about one file."""

    __tablename__ = "answers"
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    question: Mapped[str] = mapped_column(String(16), index=True)
    answerer: Mapped[str] = mapped_column(String(120), index=True)
    by: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    t_s: Mapped[float | None] = mapped_column(Float(53))
    box: Mapped[list[Any] | None]
    confidence: Mapped[float | None] = mapped_column(Float(53))
    reason: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(String(40))
    frames: Mapped[list[Any]]
    was: Mapped[str | None] = mapped_column(String(16))
    cost_usd: Mapped[float | None] = mapped_column(Float(53))
    latency_s: Mapped[float | None] = mapped_column(Float(53))
    added: Mapped[str] = mapped_column(String(32))


class OverruleRow(Base):
    """A person's verdict beside an answer."""

    __tablename__ = "overrules"
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(16), primary_key=True)
    author: Mapped[str] = mapped_column(String(200), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text)
    created: Mapped[str] = mapped_column(String(32))


class JudgeCallRow(Base):
    """One request to a judge, journalled before it is sent; its id is that of what it asks, so that it is sent once."""

    __tablename__ = "judge_calls"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    judge: Mapped[str] = mapped_column(String(120), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    what: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20), index=True)
    is_billable: Mapped[bool]
    estimate_usd: Mapped[float | None] = mapped_column(Float(53))
    cost_usd: Mapped[float | None] = mapped_column(Float(53))
    reply: Mapped[str] = mapped_column(Text)
    latency_s: Mapped[float | None] = mapped_column(Float(53))
    message: Mapped[str] = mapped_column(Text)
    run: Mapped[str] = mapped_column(String(16), index=True)
    """Key of the ceiling that it counts against."""
    owner: Mapped[str] = mapped_column(String(80))
    lease_until: Mapped[float] = mapped_column(Float(53))
    started: Mapped[str] = mapped_column(String(32))
    finished: Mapped[str] = mapped_column(String(32))


class DefectRow(Base):
    """Something wrong with a clip, with its place and time."""

    __tablename__ = "defects"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    start_s: Mapped[float] = mapped_column(Float(53))
    end_s: Mapped[float] = mapped_column(Float(53))
    severity: Mapped[float] = mapped_column(Float(53))
    answerer: Mapped[str] = mapped_column(String(120))
    by: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(64))
    survived: Mapped[bool]
    box: Mapped[list[Any] | None]
    note: Mapped[str] = mapped_column(Text)


class InspectionRow(Base):
    """That an answerer has looked a clip over for defects, also where it found none."""

    __tablename__ = "inspections"
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    answerer: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text)
    added: Mapped[str] = mapped_column(String(32))


class ReportCardRow(Base):
    """How far a judge may be trusted, as last tried."""

    __tablename__ = "report_cards"
    judge: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    card: Mapped[dict[str, Any]]
    made: Mapped[str] = mapped_column(String(32))


class JudgePairRow(Base):
    """What a judge says of two takes of one prompt."""

    __tablename__ = "judge_pairs"
    judge: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    a: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    b: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    prompt_key: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    flipped: Mapped[bool]
    n_asked: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    cost_usd: Mapped[float | None] = mapped_column(Float(53))
    created: Mapped[str] = mapped_column(String(32))


class VoteRow(Base):
    """One verdict on a pair; its id is single use."""

    __tablename__ = "votes"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    a: Mapped[str] = mapped_column(ForeignKey("clips.id"), index=True)
    b: Mapped[str] = mapped_column(ForeignKey("clips.id"), index=True)
    outcome: Mapped[str] = mapped_column(String(16))
    voter: Mapped[str] = mapped_column(String(64), index=True)
    left: Mapped[str] = mapped_column(String(1))
    watched: Mapped[dict[str, Any]]
    propensity: Mapped[float] = mapped_column(Float(53))
    created: Mapped[str] = mapped_column(String(32))
    excluded: Mapped[str] = mapped_column(Text)


class NoteRow(Base):
    """A remark at a moment of a clip."""

    __tablename__ = "notes"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), index=True)
    start_s: Mapped[float] = mapped_column(Float(53))
    end_s: Mapped[float] = mapped_column(Float(53))
    text: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(200))
    created: Mapped[str] = mapped_column(String(32))
    reply_to: Mapped[str] = mapped_column(String(32), server_default="")
    drawing: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    is_resolved: Mapped[bool] = mapped_column(server_default=false())
    review: Mapped[str] = mapped_column(String(64), server_default="")


class SelectRow(Base):
    """What a person decided about a take."""

    __tablename__ = "selects"
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    author: Mapped[str] = mapped_column(String(200), primary_key=True)
    stars: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), server_default="")
    reason: Mapped[str] = mapped_column(String(16), server_default="")
    ranges: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    updated: Mapped[str] = mapped_column(String(32), server_default="")
    """To the microsecond, so that of two words on a take the last one is known."""


class CutRow(Base):
    """Ranges of takes in order, under a name."""

    __tablename__ = "cuts"
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    shots: Mapped[list[Any]]
    revision: Mapped[int]
    updated: Mapped[str] = mapped_column(String(32))


class ReviewRow(Base):
    """A link for guests."""

    __tablename__ = "reviews"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    clips: Mapped[list[Any]]
    password: Mapped[str] = mapped_column(String(300))
    is_blind: Mapped[bool]
    created: Mapped[str] = mapped_column(String(32))
    expires: Mapped[str] = mapped_column(String(32))
    revoked: Mapped[str] = mapped_column(String(32))


class ApprovalRow(Base):
    """What a guest says of a take."""

    __tablename__ = "approvals"
    review: Mapped[str] = mapped_column(ForeignKey("reviews.token"), primary_key=True)
    clip: Mapped[str] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    guest: Mapped[str] = mapped_column(String(200), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    updated: Mapped[str] = mapped_column(String(32))


class TaskRow(Base):
    """Work that the page asks for and a worker process does."""

    __tablename__ = "tasks"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    args: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), index=True)
    progress: Mapped[float] = mapped_column(Float(53), default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str | None] = mapped_column(String(80))
    heartbeat: Mapped[float | None] = mapped_column(Float(53))
    created: Mapped[str] = mapped_column(String(32))


class SecretRow(Base):
    """Random keys that never leave the bench, such as the one that signs votes."""

    __tablename__ = "secrets"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
