"""Asks one judge about clips: each request is journalled before it is sent, held against ceilings, and sent once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vbench.bench import Bench
from vbench.bench.ceilings import Ceiling, Spend, believed_usd, countable_usd
from vbench.bench.owner import LEASE_S, Owner
from vbench.errors import AuthError, BudgetError, JobError, NotStartedError
from vbench.judge.card import JudgeCard
from vbench.judge.look import SentPicture
from vbench.judge.phrases import ACCUSE, DOUBT_DEFECT, FIRST, SECOND, asked
from vbench.judge.reply import MAX_REPLY_CHARS, Accusation, Reply, json_object, read_accusations, read_answers
from vbench.judge.request import Backend, JudgeRequest, Purpose
from vbench.records import Answer, Clip, JudgeCall, Question, digest
from vbench.text import first_line, storable

WHY_UNKNOWN = (
    "the process that asked is gone, and whether the judge answered, and charged, nobody knows; look at its own "
    "console, then say `retry=outcome_unknown` to ask again"
)
MAX_ATTEMPTS = 20
STOPPING_CODES = ("model_retired", "no_balance")
"""Refusals that the next request would meet too."""
REPEATABLE = ("stopped", "elsewhere", "rate_limited", "concurrency", "provider_error", "auth", "no_balance", "io")
"""Codes of failed answers that cost nothing: they are asked again by themselves."""
SYNTHETIC_FAULTS: Mapping[str, str] = {"drift": "morph", "flicker": "flash", "cut": "wrong_cut"}
"""Planted fault of a synthetic tool → the kind of defect it is."""


def run_key(judge: str) -> str:
    """Key of the ceiling over all that is asked of a judge in a bench."""
    return digest("judge", judge)


def drawn_of(clip: Clip) -> dict[str, Any]:
    """What a synthetic clip was drawn from, for planted judges; empty for any other."""
    extra = clip.provenance.extra
    if not extra.get("drawn"):
        return {}
    drawn: dict[str, Any] = {"scene": extra["drawn"]}
    fault = extra.get("planted") or {}
    if kind := SYNTHETIC_FAULTS.get(fault.get("kind", "")):
        drawn["fault"] = {"kind": kind, "start_s": fault["start_s"], "end_s": fault["end_s"]}
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a judge is asked about: one file, what of it is shown at first, and what at a second look."""

    sha256: str
    duration_s: float
    first: Sequence[SentPicture]
    second: Sequence[SentPicture] = ()
    drawn: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one request came to: a reply, or why there is none."""

    reply: str = ""
    code: str = ""
    message: str = ""
    cost_usd: float | None = None
    latency_s: float | None = None


class Asker:
    """Asks one judge, for one process.

    Args:
        bench: Where requests are journalled.
        card: The judge.
        backend: What reaches it.
        max_cost: What all requests to this judge in this bench may cost together, in US dollars; None: no ceiling.
        allow_unpriced: Ask it under a ceiling although its card has no price.
        retry: Codes of failures that are asked again, at a price.

    Raises:
        BudgetError: a judge that charges, and no ceiling.
    """

    def __init__(
        self,
        bench: Bench,
        card: JudgeCard,
        backend: Backend,
        *,
        max_cost: float | None = None,
        allow_unpriced: bool = False,
        retry: Collection[str] = (),
    ) -> None:
        self.bench, self.card, self.retry = bench, card, frozenset(retry)
        self._backend, self._allow_unpriced = backend, allow_unpriced
        self._stop: Exception | None = None
        self._lock = threading.Lock()
        self._places = threading.Semaphore(card.concurrency)
        self._sent_here: set[str] = set()
        self.n_calls = 0
        self.spent_usd = 0.0
        if card.is_billable and max_cost is None:
            raise BudgetError(
                f"judge {card.id} charges for every request; say with `max_cost=` what it may cost at most"
            )
        if card.is_billable:
            ceiling = Ceiling(key=run_key(card.id), about=f"judge {card.id}", max_cost_usd=max_cost)
            bench.set_ceiling(ceiling)
        self._owner = Owner(bench.root)
        bench.abandon_calls(is_alive=self._is_alive, why=WHY_UNKNOWN)

    def _is_alive(self, owner: str, lease_until: float) -> bool:
        return owner == self._owner.owner or self._owner.is_alive(owner, lease_until)

    def close(self) -> None:
        """From now on this process asks no more."""
        self._owner.close()
        self._backend.close()

    @property
    def stopped(self) -> str:
        """Why it asks no more, as a sentence; empty: it goes on."""
        return first_line(self._stop, 400) if self._stop is not None else ""

    # --- one request ----------------------------------------------------------------------------------------------

    def call(
        self, request: JudgeRequest, subject: str, what: Mapping[str, Any], *, is_useless: Callable[[str], bool]
    ) -> Outcome:
        """The reply to one request, from the journal where it is there; it is sent at most once an attempt.

        Args:
            request: What to ask.
            subject: Digest of what is asked about.
            what: JSON values that tell this request from others about the same.
            is_useless: Whether a reply has nothing in it; such a one of an earlier run is asked for again where
                `retry` has ``bad_answer``.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            key = self._call_id(subject, numbered := {**what, "attempt": attempt})
            outcome = self._attempt(request, subject, numbered)
            is_bad = not outcome.code and "bad_answer" in self.retry and is_useless(outcome.reply)
            if key in self._sent_here or not (outcome.code in self.retry or is_bad):
                break
        return outcome

    def _call_id(self, subject: str, what: Mapping[str, Any]) -> str:
        return digest("call", self.card.id, self.card.version, subject, dict(what), length=32)

    def _attempt(self, request: JudgeRequest, subject: str, what: Mapping[str, Any]) -> Outcome:
        if self._stop is not None:
            return Outcome(code="stopped", message=self.stopped)
        estimate = self.card.estimate_usd(request.n_chars, request.n_pictures)
        call = JudgeCall(
            id=self._call_id(subject, what),
            judge=self.card.id,
            purpose=request.purpose,
            subject=subject,
            what=what,
            state="asking",
            is_billable=self.card.is_billable,
            estimate_usd=countable_usd(estimate),
        )
        with self._places:
            return self._begin(request, call)

    def _begin(self, request: JudgeRequest, call: JudgeCall) -> Outcome:
        lease_s = self.card.options.timeout_s + LEASE_S
        try:
            before = self.bench.begin_call(
                call, run=run_key(self.card.id), owner=self._owner.owner, lease_s=lease_s, admit=self._admit
            )
        except BudgetError as error:
            self._stop = error
            return Outcome(code="stopped", message=str(error))
        if before is not None:
            return _outcome_of(before)
        self._sent_here.add(call.id)
        return self._send(request, call)

    def _send(self, request: JudgeRequest, call: JudgeCall) -> Outcome:
        try:
            said = self._backend.ask(request)
        except (NotStartedError, AuthError) as error:
            if isinstance(error, AuthError):
                self._stop = error
            code = error.code if isinstance(error, NotStartedError) else "auth"
            ended = replace(call, state="failed", message=storable(str(error)), what={**call.what, "code": code})
        except JobError as error:
            unknown = error.code == "outcome_unknown"
            if error.code in STOPPING_CODES:
                self._stop = error
            ended = replace(
                call,
                state="outcome_unknown" if unknown and call.is_billable else "failed",
                message=storable(str(error)),
                what={**call.what, "code": error.code},
            )
        else:
            billed = None if said.cost_usd is None else believed_usd(said.cost_usd, call.estimate_usd)
            facts = {name: value for name, value in said.facts.items() if value not in ("", None)}
            ended = replace(
                call,
                state="answered",
                reply=storable(said.text[: MAX_REPLY_CHARS + 1]),
                cost_usd=billed,
                latency_s=said.latency_s,
                what={**call.what, "answered": facts},
            )
        self.bench.end_call(ended)
        with self._lock:
            self.n_calls += 1
            if ended.state != "failed":
                self.spent_usd += ended.cost_usd if ended.cost_usd is not None else call.estimate_usd or 0.0
        return _outcome_of(ended)

    def _admit(self, ceiling: Ceiling, spend: Spend, judge: str, estimate_usd: float | None) -> None:
        if ceiling.max_cost_usd is None:
            return
        if estimate_usd is None:
            if self._allow_unpriced:
                return
            raise BudgetError(
                f"judge {judge}: its card has no price, so a ceiling of ${ceiling.max_cost_usd:.2f} cannot be kept; "
                "allow it with `allow_unpriced=`, or leave it out"
            )
        if spend.usd + estimate_usd > ceiling.max_cost_usd + 1e-9:
            raise BudgetError(
                f"paused before the ceiling of ${ceiling.max_cost_usd:.2f} for {ceiling.about}: ${spend.usd:.4f} spent "
                f"or under way, the next request costs at most ${estimate_usd:.4f}; raise `max_cost=`, then repeat it"
            )

    # --- questions ------------------------------------------------------------------------------------------------

    def answer(self, subject: Subject, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question; what is said not to be seen is asked twice, if the card says so.

        A question that could not be asked (the ceiling, another process) is missing.
        """
        answers: list[Answer] = []
        for start in range(0, len(questions), self.card.questions_per_call):
            some = questions[start : start + self.card.questions_per_call]
            answers += self._answer_some(subject, some)
        return answers

    def _answer_some(self, subject: Subject, questions: Sequence[Question]) -> list[Answer]:
        outcome, replies = self.replies(subject, questions, "answer")
        if outcome.code in ("stopped", "elsewhere"):
            return []
        answers = [
            self._as_answer(subject, question, reply, outcome, len(questions), subject.first)
            for question, reply in zip(questions, replies, strict=True)
        ]
        doubted = [i for i, answer in enumerate(answers) if answer.verdict == "not_seen"]
        if not self.card.second_look or not doubted or not subject.second:
            return answers
        again = [questions[i] for i in doubted]
        outcome, replies = self.replies(subject, again, "second look")
        if outcome.code in ("stopped", "elsewhere"):
            return []  # none of them: the next run asks the same again, and has the first reply in the journal
        if outcome.code in REPEATABLE:
            why = f"second look: {outcome.message}"
            return [replace(answer, verdict="failed", code=outcome.code, reason=why[:300]) for answer in answers]
        for i, reply in zip(doubted, replies, strict=True):
            second = self._as_answer(subject, questions[i], reply, outcome, len(again), subject.second)
            answers[i] = _survivor(answers[i], second)
        return answers

    def replies(
        self, subject: Subject, questions: Sequence[Question], purpose: Purpose, *, mark: str = ""
    ) -> tuple[Outcome, list[Reply]]:
        """What the judge says to these questions in one request.

        Args:
            subject: What they are about.
            questions: At most as many as the card takes in one.
            purpose: A second look has other frames and other words.
            mark: Tells a request from another with the same questions, for trying a judge twice.
        """
        is_second = purpose == "second look"
        request = JudgeRequest(
            purpose="card" if mark else purpose,
            text=asked(questions, SECOND if is_second else FIRST),
            pictures=subject.second if is_second else subject.first,
            questions=questions,
            drawn=[subject.drawn] if subject.drawn else [],
        )
        what = {"purpose": purpose, "questions": [question.digest for question in questions], "mark": mark}

        def read(reply: str) -> list[Reply]:
            return read_answers(reply, len(questions), duration_s=subject.duration_s)

        def is_useless(reply: str) -> bool:
            return all(each.verdict == "failed" for each in read(reply))

        outcome = self.call(request, subject.sha256, what, is_useless=is_useless)
        if outcome.code:
            failed = Reply(verdict="failed", code=outcome.code, reason=outcome.message)
            return outcome, [failed] * len(questions)
        return outcome, read(outcome.reply)

    def _as_answer(
        self,
        subject: Subject,
        question: Question,
        reply: Reply,
        outcome: Outcome,
        n: int,
        frames: Sequence[SentPicture],
    ) -> Answer:
        return Answer(
            sha256=subject.sha256,
            question=question.digest,
            answerer=self.card.id,
            by="judge",
            version=self.card.version,
            verdict=reply.verdict,
            t_s=reply.t_s,
            box=reply.box,
            confidence=reply.confidence,
            reason=reply.reason,
            code=reply.code,
            frames=tuple(dict.fromkeys(round(picture.t_s, 3) for picture in frames)),
            cost_usd=None if outcome.cost_usd is None else outcome.cost_usd / n,
            latency_s=outcome.latency_s,
        )

    # --- faults ---------------------------------------------------------------------------------------------------

    def accuse(self, subject: Subject, *, mark: str = "") -> tuple[Outcome, list[tuple[Accusation, bool]]]:
        """The faults that a judge names, each with whether a second look at other frames upholds it."""
        drawn = [subject.drawn] if subject.drawn else []
        purpose: Purpose = "card" if mark else "accuse"
        request = JudgeRequest(purpose=purpose, text=ACCUSE, pictures=subject.first, drawn=drawn)
        what = {"purpose": "accuse", "mark": mark}
        outcome = self.call(request, subject.sha256, what, is_useless=_is_no_object)
        if outcome.code:
            return outcome, []
        try:
            named = read_accusations(outcome.reply, duration_s=subject.duration_s)
        except JobError as error:
            return replace(outcome, code=error.code, message=str(error)), []
        if not named or not self.card.second_look or not subject.second:
            return outcome, [(accusation, True) for accusation in named]
        kept: list[tuple[Accusation, bool]] = []
        for start in range(0, len(named), self.card.questions_per_call):
            some = named[start : start + self.card.questions_per_call]
            doubts = [
                Question(id=f"defect-{i}", kind="anatomy", text=_doubt(a), by=("judge",), facts={"defect": a.kind})
                for i, a in enumerate(some, start)
            ]
            again, replies = self.replies(subject, doubts, "second look", mark=mark)
            if again.code:
                return again, []
            kept += [(each, reply.verdict == "seen") for each, reply in zip(some, replies, strict=True)]
        return outcome, kept


def _doubt(accusation: Accusation) -> str:
    return DOUBT_DEFECT.format(
        start=accusation.start_s, end=accusation.end_s, kind=accusation.kind.replace("_", " "), reason=accusation.reason
    )


def _survivor(first: Answer, second: Answer) -> Answer:
    """What stands of "not seen" after a second look: it survives, or is taken back to unsure; a failure is one."""
    costs = [answer.cost_usd for answer in (first, second) if answer.cost_usd is not None]
    frames = tuple(sorted({*first.frames, *second.frames}))
    both = replace(first, cost_usd=sum(costs) if costs else None, frames=frames)
    if second.verdict == "not_seen":
        return both
    if second.verdict == "failed":
        return replace(both, verdict="failed", code=second.code, reason=f"second look: {second.reason}")
    reason = f"taken back at a second look ({second.reason or second.verdict})"[:300]
    return replace(both, verdict="unsure", was="not_seen", t_s=second.t_s, box=second.box, reason=reason)


def _outcome_of(call: JudgeCall) -> Outcome:
    if call.state == "answered":
        return Outcome(reply=call.reply, cost_usd=call.cost_usd, latency_s=call.latency_s)
    if call.state == "asking":
        return Outcome(code="elsewhere", message="another process is asking this just now")
    code = "outcome_unknown" if call.state == "outcome_unknown" else str(call.what.get("code") or "provider_error")
    return Outcome(code=code, message=call.message, cost_usd=call.cost_usd)


def _is_no_object(reply: str) -> bool:
    try:
        json_object(reply)
    except JobError:
        return True
    return False
