"""What was asked about clips and answered: questions, answers, requests to judges, defects, pairs, report cards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update

from vbench.bench.ceilings import WHOLE_BENCH, Ceiling, Spend, ceiling_record, countable_usd, spend_in
from vbench.bench.tables import (
    AnswerRow,
    CeilingRow,
    DefectRow,
    InspectionRow,
    JudgeCallRow,
    JudgePairRow,
    OverruleRow,
    QuestionRow,
    ReportCardRow,
)
from vbench.bench.workspace import Workspace, now
from vbench.records import Answer, Defect, JudgeCall, Overrule, PairVerdict, Question
from vbench.schema import from_json, to_json

CHUNK = 500
ASKING = 7364
"""Number of the lock under which processes that share a PostgreSQL database hold requests against ceilings."""
AdmitCall = Callable[[Ceiling, Spend, str, float | None], None]
"""Raises where a request to this judge, which costs about so many US dollars, would pass a ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """That an answerer has looked a clip over for defects."""

    clip: str
    answerer: str
    version: str
    code: str
    """Why it could not; empty: it did."""
    message: str


class AnswerStore(Workspace):
    """Questions and answers of a workspace, and what asking has cost."""

    # --- questions and answers ------------------------------------------------------------------------------------

    def add_questions(self, questions: Iterable[Question]) -> None:
        """Store questions under their digests; one that is there stays as it is."""
        rows = {question.digest: to_json(question) | {"by": list(question.by)} for question in questions}
        with self.write() as session:
            new = [{"digest": key, **row} for key, row in rows.items()]
            self.database.insert_new(session, QuestionRow, new)

    def questions(self) -> dict[str, Question]:
        """Digest → every question that was ever asked here, edited ones too."""
        with self.session() as session:
            rows = session.scalars(select(QuestionRow)).all()
        return {
            row.digest: from_json(Question, {name: getattr(row, name) for name in Question.__slots__}) for row in rows
        }

    def add_answers(self, answers: Sequence[Answer], *, replace: bool = False) -> None:
        """Store answers; one under the same key stays, or gives way where it failed or `replace` is on."""
        rows = {answer.key: _answer_row(answer) for answer in answers}
        with self.write() as session:
            for keys in _chunks(list(rows)):
                stale = delete(AnswerRow).where(AnswerRow.key.in_(keys))
                session.execute(stale if replace else stale.where(AnswerRow.verdict == "failed"))
            self.database.insert_new(session, AnswerRow, list(rows.values()))

    def answers(self, *, sha256s: Sequence[str] | None = None, answerer: str | None = None) -> list[Answer]:
        """Answers, oldest first; about these files only, or of one answerer."""
        columns = [getattr(AnswerRow, name) for name in Answer.__slots__]
        query = select(*columns).order_by(AnswerRow.added, AnswerRow.key)  # plain columns: half the time of records
        if answerer is not None:
            query = query.where(AnswerRow.answerer == answerer)
        with self.session() as session:
            connection = session.connection()
            if sha256s is None:
                return [_answer_record(row) for row in connection.execute(query)]
            return [
                _answer_record(row)
                for some in _chunks(list(dict.fromkeys(sha256s)))
                for row in connection.execute(query.where(AnswerRow.sha256.in_(some)))
            ]

    def answers_mark(self) -> tuple[Any, ...]:
        """Changes whenever answers, overrules or report cards do; for whoever keeps what was made of them."""
        with self.session() as session:
            return (
                *session.execute(select(func.count(), func.max(AnswerRow.added)).select_from(AnswerRow)).one(),
                *session.execute(select(func.count(), func.max(OverruleRow.created)).select_from(OverruleRow)).one(),
                session.scalar(select(func.max(ReportCardRow.made))),
            )

    def set_overrule(self, overrule: Overrule) -> None:
        """Store a person's verdict on a cell; their last one stands."""
        with self.write() as session:
            session.merge(OverruleRow(**to_json(overrule) | {"created": overrule.created or now()}))

    def clear_overrule(self, clip: str, question: str, *, author: str) -> bool:
        """Take a person's verdict back; False where there is none of theirs."""
        own = (OverruleRow.clip == clip, OverruleRow.question == question, OverruleRow.author == author)
        with self.write() as session:
            return session.scalar(delete(OverruleRow).where(*own).returning(OverruleRow.clip)) is not None

    def overrules(self) -> list[Overrule]:
        """All of them, oldest first."""
        with self.session() as session:
            rows = session.scalars(select(OverruleRow).order_by(OverruleRow.created, OverruleRow.clip)).all()
        return [from_json(Overrule, {name: getattr(row, name) for name in Overrule.__slots__}) for row in rows]

    # --- requests to judges ---------------------------------------------------------------------------------------

    def begin_call(
        self, call: JudgeCall, *, run: str, owner: str, lease_s: float, admit: AdmitCall
    ) -> JudgeCall | None:
        """Write down that a request is about to be sent, if it may be; None: send it, now and once.

        Args:
            call: In the state ``asking``.
            run: Key of the ceiling that it counts against, besides the whole bench's.
            owner: The process that will send it.
            lease_s: For how long it is taken to live without a sign of life.
            admit: Called for each ceiling, inside the transaction.

        Returns:
            The request under the same id that was begun before; one that surely came to nothing is begun anew.
        """
        row = {name: getattr(call, name) for name in JudgeCall.__slots__}
        row |= {"what": dict(call.what), "run": run, "owner": owner, "lease_until": time.time() + lease_s}
        row |= {"started": now()}
        with self.write() as session:
            if not self.database.is_sqlite:  # ceilings are summed before the row is there
                session.execute(text(f"SELECT pg_advisory_xact_lock({ASKING})"))
            before = session.get(JudgeCallRow, call.id)
            if before is not None and before.state != "failed":
                return _call_record(before)
            query = select(CeilingRow).where(CeilingRow.key.in_((run, WHOLE_BENCH))).order_by(CeilingRow.key)
            for ceiling in session.scalars(query):
                estimate = countable_usd(call.estimate_usd) if call.is_billable else 0.0
                admit(ceiling_record(ceiling), spend_in(session, ceiling.key), call.judge, estimate)
            session.merge(JudgeCallRow(**row))
        return None

    def end_call(self, call: JudgeCall) -> None:
        """Write down what became of a request: its state, cost, reply and message."""
        names = ("state", "cost_usd", "reply", "latency_s", "message", "what")
        values = {name: getattr(call, name) for name in names} | {"what": dict(call.what), "finished": now()}
        with self.write() as session:
            session.execute(update(JudgeCallRow).where(JudgeCallRow.id == call.id).values(**values))

    def abandon_calls(self, *, is_alive: Callable[[str, float], bool], why: str) -> int:
        """Give up requests of processes that are gone: whether they were answered, and billed, nobody knows.

        One that costs nothing counts as failed, so that it is sent again.
        """
        held = select(JudgeCallRow.owner, func.max(JudgeCallRow.lease_until)).where(JudgeCallRow.state == "asking")
        with self.write() as session:
            owners = session.execute(held.group_by(JudgeCallRow.owner)).all()
            gone = [owner for owner, lease_until in owners if not is_alive(owner, lease_until)]
            left = update(JudgeCallRow).where(JudgeCallRow.state == "asking", JudgeCallRow.owner.in_(gone))
            lost = left.where(JudgeCallRow.is_billable).values(state="outcome_unknown", message=why, finished=now())
            n_lost = len(session.scalars(lost.returning(JudgeCallRow.id)).all())
            session.execute(left.values(state="failed", message=why, finished=now()))
        return n_lost

    def judge_calls(self, judge: str | None = None) -> list[JudgeCall]:
        """Requests to judges, oldest first."""
        query = select(JudgeCallRow).order_by(JudgeCallRow.started, JudgeCallRow.id)
        with self.session() as session:
            rows = session.scalars(query if judge is None else query.where(JudgeCallRow.judge == judge)).all()
        return [_call_record(row) for row in rows]

    # --- defects --------------------------------------------------------------------------------------------------

    def set_defects(self, inspection: Inspection, defects: Sequence[Defect]) -> None:
        """Store what an answerer accuses a clip of, in place of what it said before."""
        mine = (DefectRow.clip == inspection.clip, DefectRow.answerer == inspection.answerer)
        with self.write() as session:
            session.execute(delete(DefectRow).where(*mine))
            session.add_all([DefectRow(**to_json(defect) | {"box": _listed(defect.box)}) for defect in defects])
            session.merge(InspectionRow(**to_json(inspection), added=now()))

    def defects(self, clip: str | None = None) -> list[Defect]:
        """Accusations of a clip or of all, by time; retracted ones too."""
        query = select(DefectRow).order_by(DefectRow.clip, DefectRow.start_s, DefectRow.kind)
        with self.session() as session:
            rows = session.scalars(query if clip is None else query.where(DefectRow.clip == clip)).all()
        return [from_json(Defect, {name: getattr(row, name) for name in Defect.__slots__}) for row in rows]

    def inspections(self) -> list[Inspection]:
        """Who has looked which clip over for defects."""
        with self.session() as session:
            rows = session.scalars(select(InspectionRow).order_by(InspectionRow.clip, InspectionRow.answerer)).all()
        return [Inspection(**{name: getattr(row, name) for name in Inspection.__slots__}) for row in rows]

    # --- pairs and report cards -----------------------------------------------------------------------------------

    def add_judge_pair(self, pair: PairVerdict) -> None:
        """Store a verdict on a pair; one that failed gives way."""
        row = to_json(pair) | {"created": pair.created or now()}
        with self.write() as session:
            self.database.upsert(session, JudgePairRow, [row])

    def judge_pairs(self, judge: str | None = None) -> list[PairVerdict]:
        """Verdicts on pairs."""
        query = select(JudgePairRow).order_by(JudgePairRow.judge, JudgePairRow.created, JudgePairRow.a, JudgePairRow.b)
        with self.session() as session:
            rows = session.scalars(query if judge is None else query.where(JudgePairRow.judge == judge)).all()
        return [from_json(PairVerdict, {name: getattr(row, name) for name in PairVerdict.__slots__}) for row in rows]

    def set_report_card(self, judge: str, *, version: str, card: Mapping[str, Any]) -> None:
        """Store how a judge did when it was last tried."""
        with self.write() as session:
            session.merge(ReportCardRow(judge=judge, version=version, card=dict(card), made=now()))

    def report_cards(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Judge → the version that was tried, and its card."""
        with self.session() as session:
            return {row.judge: (row.version, row.card) for row in session.scalars(select(ReportCardRow))}


def _answer_row(answer: Answer) -> dict[str, Any]:
    lists = {"box": _listed(answer.box), "frames": list(answer.frames)}
    return {"key": answer.key, **to_json(answer), **lists, "added": answer.added or _precisely_now()}


def _precisely_now() -> str:
    """ISO 8601, UTC, to the microsecond: which of two answers is newer decides what is shown."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _answer_record(row: Any) -> Answer:
    values = dict(zip(Answer.__slots__, row, strict=True))
    values["frames"] = tuple(values["frames"])
    if values["box"] is not None:
        values["box"] = tuple(values["box"])
    return Answer(**values)


def _call_record(row: JudgeCallRow) -> JudgeCall:
    return from_json(JudgeCall, {name: getattr(row, name) for name in JudgeCall.__slots__})


def _listed(box: tuple[float, ...] | None) -> list[float] | None:
    return None if box is None else list(box)


def _chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
