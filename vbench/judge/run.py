"""Stage 3: answer what prompts ask of the clips of a bench; what is answered is skipped, and what was paid is kept."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

from vbench.bench import Bench
from vbench.errors import ClipError, OptionError
from vbench.judge.answerer import LookedAt
from vbench.judge.ask import REPEATABLE, Asker, Subject, drawn_of
from vbench.judge.backend import backend_of
from vbench.judge.card import FramesPolicy, JudgeCard
from vbench.judge.look import SMALL_KINDS, Shown, moments, other_moments, pictures, read_moments
from vbench.judge.phrases import FIRST, SYSTEM, asked
from vbench.judge.questions import questions_of
from vbench.judge.request import Backend
from vbench.judge.roster import JudgeChoices, JudgeSpec, Roster, roster_of
from vbench.judge.signals import METRICS_READ, SIGNALS, Readings, signal_answers
from vbench.judge.tally import ASKED_METRICS, asked_infos, clip_outcomes, distrusted, leading, newest
from vbench.judge.vbench2 import METRIC_NAMES, vbench2_infos, vbench2_outcomes
from vbench.records import QUESTION_KINDS, Answer, Clip, Event, Failure, Question, Timeline
from vbench.registry import did_you_mean
from vbench.text import first_line

DECODES_AT_ONCE = 4
"""Clips whose frames are in memory together."""
Progress = Callable[[int, int, str], None]
"""Called with clips done, clips in all, and a sentence (empty, or something to know)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeReport:
    """What a run did."""

    n_clips: int
    n_questions: int
    """Over all clips, of the kinds asked for."""
    answered: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Answerer → verdict → how many new answers."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Kind of question → how many cells nobody has answered with certainty: none, unsure or failed."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Answerer → why it did not answer."""
    stopped: Mapping[str, str] = field(default_factory=dict)
    """Judge → why it was not asked on."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Code → how many answers failed."""
    n_requests: int = 0
    """To judges; of a dry run, that would be sent."""
    cost_usd: float = 0.0
    """Spent now; of a dry run, at most."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is open of one clip."""

    clip: Clip
    questions: Sequence[Question]
    done: Mapping[str, Collection[str]]
    """Question digest → answerers that need not be asked."""
    sure: Mapping[str, str]
    """Question digest → the kind of answerer that has said seen or not seen."""


DEFAULT = JudgeSpec()
Make = Callable[[JudgeCard, str], Backend]


def judge(
    bench: Bench,
    spec: JudgeSpec = DEFAULT,
    *,
    progress: Progress | None = None,
    make: Make = backend_of,
    **choices: Unpack[JudgeChoices],
) -> JudgeReport:
    """Answer what is not answered yet, signals first, then detectors and readers, then judges.

    Args:
        bench: The workspace.
        spec: Whom to ask what.
        progress: Told after every clip.
        make: What reaches a judge; for tests.
        choices: Fields of the spec, by name: ``judge(bench, with_=["qwen2.5-vl-7b"])``.

    Raises:
        OptionError: an unknown answerer or kind.
        WeightsError: an answerer that was named lacks its weights.
        BudgetError: a judge that charges, and no ceiling.
    """
    started = time.monotonic()
    spec = replace(spec, **choices)
    for kind in spec.kinds or ():
        if kind not in QUESTION_KINDS:
            raise OptionError(f"no kind of question {kind!r}; {did_you_mean(kind, list(QUESTION_KINDS))}")
    roster = roster_of(spec)
    _refresh(bench, spec.suites)
    chosen = None if spec.clip_ids is None else set(spec.clip_ids)
    clips = [clip for clip in bench.clips() if chosen is None or clip.id in chosen]
    asked_of = {clip.prompt.key: questions_of(clip.prompt) for clip in clips}
    bench.add_questions(question for questions in asked_of.values() for question in questions)
    of_kinds = {
        key: [q for q in questions if spec.kinds is None or q.kind in spec.kinds] for key, questions in asked_of.items()
    }
    counts: Counter[tuple[str, str]] = Counter()
    codes: Counter[str] = Counter()

    def note(answers: Iterable[Answer]) -> None:
        for answer in answers:
            counts[answer.answerer, answer.verdict] += 1
            if answer.verdict == "failed":
                codes[answer.code] += 1

    if SIGNALS not in spec.without and "signal" not in spec.without:
        note(_ask_signals(bench, clips, of_kinds))
    work = [item for item in _open_work(bench, clips, of_kinds, roster, spec) if item.questions]
    if spec.dry_run:
        return _estimate(work, roster, clips, of_kinds, time.monotonic() - started)
    run = _Run(bench, spec, roster, make)
    with run:
        run.work_through(work, note, progress or (lambda *_: None))
    tally(bench)
    return JudgeReport(
        n_clips=len(clips),
        n_questions=sum(len(of_kinds[clip.prompt.key]) for clip in clips),
        answered=_nested(counts),
        left=_left(bench, clips, of_kinds),
        left_out=roster.left_out,
        stopped={asker.card.id: asker.stopped for asker in run.askers if asker.stopped},
        failures=dict(codes),
        n_requests=sum(asker.n_calls for asker in run.askers),
        cost_usd=sum(asker.spent_usd for asker in run.askers),
        seconds=time.monotonic() - started,
    )


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (answerer, verdict), n in sorted(counts.items()):
        nested.setdefault(answerer, {})[verdict] = n
    return nested


def _refresh(bench: Bench, suites: Sequence[str]) -> None:
    """Take the questions of these suites as they stand, for prompts that the bench has."""
    from vbench.catalog import find_suite

    there = {prompt.key for prompt in bench.prompts()} if suites else set()
    for suite in suites:
        bench.add_prompts(prompt for prompt in find_suite(suite).prompts if prompt.key in there)


# --- what is open -------------------------------------------------------------------------------------------------


def _ask_signals(bench: Bench, clips: Sequence[Clip], asked_of: Mapping[str, Sequence[Question]]) -> list[Answer]:
    """What the stored measures say; made anew each time, since it costs nothing and scores may have come since."""
    values: dict[str, dict[str, float]] = {}
    for score in bench.score_records(metrics=list(METRICS_READ)):
        values.setdefault(score.key.clip, {})[score.key.metric] = score.value
    failures: dict[str, dict[str, str]] = {}
    for failure in bench.failed_measures(list(METRICS_READ)):
        failures.setdefault(failure.clip, {})[failure.metric] = failure.code
    events: dict[str, list[Event]] = {}
    for event in bench.events():
        events.setdefault(event.clip, []).append(event)
    answers: list[Answer] = []
    for clip in clips:
        measured = Readings(
            values=values.get(clip.id, {}), failures=failures.get(clip.id, {}), events=events.get(clip.id, [])
        )
        answers += signal_answers(clip, asked_of[clip.prompt.key], measured)
    bench.add_answers(answers, replace=True)
    return answers


def _open_work(
    bench: Bench, clips: Sequence[Clip], asked_of: Mapping[str, Sequence[Question]], roster: Roster, spec: JudgeSpec
) -> list[_Work]:
    """What each clip has open for somebody of the roster, one entry for each file."""
    versions = {a.name: a.version for a in roster.answerers} | {card.id: card.version for card in roster.judges}
    answers = bench.answers(sha256s=[clip.sha256 for clip in clips])
    cells = newest(answers)
    current = {
        (answer.sha256, answer.question, answer.answerer)
        for answer in answers
        if versions.get(answer.answerer) == answer.version and not _is_open(answer, spec.retry)
    }
    work: dict[tuple[str, str], _Work] = {}
    for clip in clips:
        done: dict[str, set[str]] = {}
        sure: dict[str, str] = {}
        for question in asked_of[clip.prompt.key]:
            place = (clip.sha256, digest := question.digest)
            done[digest] = {name for name in versions if (*place, name) in current}
            others = [answer for answer in cells.get(place, {}).values() if answer.by != "judge"]
            lead = leading(others)
            if lead is not None and lead.verdict in ("seen", "not_seen"):
                sure[digest] = lead.by
        questions = [q for q in asked_of[clip.prompt.key] if _somebody_open(q, roster, done, sure)]
        work.setdefault((clip.sha256, clip.prompt.key), _Work(clip=clip, questions=questions, done=done, sure=sure))
    return list(work.values())


def _is_open(answer: Answer, retry: Collection[str]) -> bool:
    return answer.verdict == "failed" and (answer.code in REPEATABLE or answer.code in retry)


def _somebody_open(
    question: Question, roster: Roster, done: Mapping[str, Collection[str]], sure: Mapping[str, str]
) -> bool:
    there = done[digest := question.digest]
    if any(a.by in question.by and a.name not in there and a.may_answer(question) for a in roster.answerers):
        return True
    if sure.get(digest) or "judge" not in question.by:
        return False
    return any(card.id not in there for card in roster.judges)


# --- the run ------------------------------------------------------------------------------------------------------


class _Run:
    """Answerers that are loaded and judges that can be reached, for the length of a run."""

    def __init__(self, bench: Bench, spec: JudgeSpec, roster: Roster, make: Make) -> None:
        self._bench, self._spec, self._roster, self._make = bench, spec, roster, make
        self._decoding = threading.Semaphore(DECODES_AT_ONCE)
        self._one_at_a_time = threading.Lock()
        self._stack = ExitStack()
        self.askers: list[Asker] = []

    def __enter__(self) -> _Run:
        with ExitStack() as stack:
            for card in self._roster.judges:
                options = {"max_cost": self._spec.max_cost, "allow_unpriced": self._spec.allow_unpriced}
                asker = Asker(self._bench, card, self._make(card, self._spec.device), retry=self._spec.retry, **options)  # type: ignore[arg-type]
                stack.callback(asker.close)
                self.askers.append(asker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def work_through(self, work: Sequence[_Work], note: Callable[[Iterable[Answer]], None], progress: Progress) -> None:
        """Answer what is open, several clips at once; answers are stored clip by clip."""
        at_once = max([DECODES_AT_ONCE, *(card.concurrency for card in self._roster.judges)])
        pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="judge")
        try:
            running = [pool.submit(self._clip, item) for item in work]
            for n, future in enumerate(as_completed(running), 1):
                note(future.result())
                progress(n, len(work), "")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _clip(self, item: _Work) -> list[Answer]:
        """All answers to what is open of one clip."""
        clip, sure = item.clip, dict(item.sure)
        if self.askers and all(asker.stopped for asker in self.askers) and not self._roster.answerers:
            return []
        try:
            path = self._bench.clip_path(clip)
            with self._decoding:
                answers, open_to_judges, subject = self._look(item, path, sure)
        except (ClipError, OSError) as error:
            code = error.code if isinstance(error, ClipError) else "io"
            failure = Failure(stage="judge", subject=clip.id, code=code, message=first_line(error, 400))
            self._bench.add_failure(failure)
            return []
        self._bench.clear_failure("judge", clip.id)
        self._bench.add_answers(answers)
        for asker in self.askers:
            wanted = [q for q in open_to_judges if asker.card.id not in item.done[q.digest]]
            if wanted and subject is not None:
                said = asker.answer(subject(asker.card, wanted), wanted)
                self._bench.add_answers(said)
                answers = [*answers, *said]
        return answers

    def _look(
        self, item: _Work, path: Any, sure: dict[str, str]
    ) -> tuple[list[Answer], list[Question], Callable[[JudgeCard, Sequence[Question]], Subject] | None]:
        """Decode once; what detectors and readers say; what is left for judges, and what they are to be shown."""
        clip = item.clip
        events, timelines = self._bench.events(clip.id), self._bench.timelines(clip.id)
        policies = [card.frames for card in self._roster.judges] or [FramesPolicy()]
        duration_s = clip.probe.duration_s
        firsts = [moments(duration_s, policy, events=events, timelines=timelines) for policy in policies]
        seconds = [other_moments(duration_s, p) for p in policies] if self._roster.judges else []
        frames = read_moments(path, dict.fromkeys(m for some in (*firsts, *seconds) for m in some))
        looked = LookedAt(
            sha256=clip.sha256,
            path=path,
            has_audio=clip.probe.has_audio,
            frames=[frame for frame in frames if frame.why != "second"],
        )
        answers: list[Answer] = []
        for answerer in self._roster.answerers:
            wanted = [
                q
                for q in item.questions
                if answerer.by in q.by and answerer.name not in item.done[q.digest] and answerer.may_answer(q)
            ]
            if wanted:
                with self._one_at_a_time:
                    answers += answerer.answers(looked, wanted)
        for answer in answers:
            if answer.verdict in ("seen", "not_seen"):
                sure[answer.question] = answer.by
        left = [q for q in item.questions if "judge" in q.by and q.digest not in sure]
        if not left or not self.askers:
            return answers, left, None
        shown = {card.id: _shown(frames, card, duration_s, events, timelines, left) for card in self._roster.judges}

        def subject(card: JudgeCard, questions: Sequence[Question]) -> Subject:
            first, second = shown[card.id]
            return Subject(
                sha256=clip.sha256, duration_s=duration_s, first=first, second=second, drawn=drawn_of(clip) or None
            )

        return answers, left, subject


def _shown(
    frames: Sequence[Shown],
    card: JudgeCard,
    duration_s: float,
    events: Sequence[Event],
    timelines: Sequence[Timeline],
    questions: Sequence[Question],
) -> tuple[Any, Any]:
    """What a judge is shown at first and at a second look, ready to be sent."""
    small = [q for q in questions if q.kind in SMALL_KINDS]
    at = {(frame.t_s, frame.why): frame for frame in frames}
    first = [at[m.t_s, m.why] for m in moments(duration_s, card.frames, events=events, timelines=timelines)]
    second = [at[m.t_s, m.why] for m in other_moments(duration_s, card.frames)]
    return pictures(first, card.frames, small), pictures(second, card.frames, small)


# --- what a run says ----------------------------------------------------------------------------------------------


def _estimate(
    work: Sequence[_Work], roster: Roster, clips: Sequence[Clip], asked_of: Mapping[str, Sequence[Question]], s: float
) -> JudgeReport:
    """How many requests there would be, and what they cost at most, second looks included."""
    n_requests, cost, unpriced = 0, 0.0, {}
    for card in roster.judges:
        n_pictures = card.frames.even + card.frames.extra + (4 if card.frames.crops else 0)
        for item in work:
            left = [
                q
                for q in item.questions
                if "judge" in q.by and q.digest not in item.sure and card.id not in item.done[q.digest]
            ]
            for start in range(0, len(left), card.questions_per_call):
                some = left[start : start + card.questions_per_call]
                n = 1 + card.second_look
                usd = card.estimate_usd(len(SYSTEM) + len(asked(some, FIRST)), n_pictures)
                n_requests += n
                cost += n * (usd or 0.0)
                if usd is None:
                    unpriced[card.id] = "its card has no price"
    return JudgeReport(
        n_clips=len(clips),
        n_questions=sum(len(asked_of[clip.prompt.key]) for clip in clips),
        left_out={**roster.left_out, **unpriced},
        n_requests=n_requests,
        cost_usd=cost,
        seconds=s,
    )


def _left(bench: Bench, clips: Sequence[Clip], asked_of: Mapping[str, Sequence[Question]]) -> dict[str, int]:
    cells = newest(bench.answers(sha256s=[clip.sha256 for clip in clips]))
    left: Counter[str] = Counter()
    for clip in clips:
        for question in asked_of[clip.prompt.key]:
            lead = leading(cells.get((clip.sha256, question.digest), {}).values())
            if lead is None or lead.verdict not in ("seen", "not_seen"):
                left[question.kind] += 1
    return dict(sorted(left.items()))


def tally(bench: Bench) -> None:
    """Make the shares of asked things seen anew from all answers there are.

    A question counts where anybody trusted has answered it, of any clip; a clip that lacks an answer to one of those
    of its prompt has no share yet, since its share would be one of other questions than its neighbours'.
    """
    shunned = distrusted(bench)
    answers = [answer for answer in bench.answers() if answer.answerer not in shunned]
    counted = {answer.question for answer in answers}
    cells = newest(answers)
    params = {"answerers": sorted({answer.answerer for answer in answers})}
    outcomes = []
    by_prompt: dict[str, list[Question]] = {}
    for clip in bench.clips():
        if clip.prompt.key not in by_prompt:
            by_prompt[clip.prompt.key] = [q for q in questions_of(clip.prompt) if q.digest in counted]
        questions = by_prompt[clip.prompt.key]
        leads = {q.digest: leading(cells.get((clip.sha256, q.digest), {}).values()) for q in questions}
        if questions and all(lead is not None for lead in leads.values()):
            verdicts = {key: lead.verdict for key, lead in leads.items() if lead is not None}
            outcomes.append(clip_outcomes(clip, questions, verdicts, params))
            outcomes.append(vbench2_outcomes(clip, questions, verdicts, params))
    dimensions = {q.facts["vbench2"] for questions in by_prompt.values() for q in questions if "vbench2" in q.facts}
    if answers:
        bench.add_metrics([*asked_infos(), *vbench2_infos(sorted(dimensions))])
    bench.replace_outcomes([*ASKED_METRICS, *METRIC_NAMES], outcomes)
