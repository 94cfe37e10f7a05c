"""Two takes of one prompt before a judge, in both orders: a verdict that changes with the order is a tie."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from vbench.bench import Bench
from vbench.errors import ClipError, JobError, OptionError
from vbench.judge.ask import Asker, Subject, drawn_of
from vbench.judge.backend import backend_of
from vbench.judge.card import JudgeCard
from vbench.judge.look import moments, pictures, read_moments
from vbench.judge.questions import questions_of
from vbench.judge.reply import read_choice
from vbench.judge.request import Backend, JudgeRequest, Purpose
from vbench.judge.wording import PAIR
from vbench.records import Clip, Failure, PairVerdict, Question, digest

DECISIVE = ("a", "b")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairReport:
    """What a run did."""

    judge: str
    n_pairs: int
    n_new: int
    n_flipped: int
    """Of all pairs that were judged."""
    n_failed: int
    cost_usd: float
    stopped: str


def ask_pair(
    asker: Asker,
    text: str,
    a: Subject,
    b: Subject,
    *,
    questions: Sequence[Question] = (),
    mark: str = "",
) -> tuple[PairVerdict, tuple[int, ...]] | None:
    """One pair in both orders; None: it could not be asked (a ceiling, another process).

    Args:
        asker: The judge.
        text: What both were made for.
        a: The first.
        b: The second.
        questions: What the prompt asks, for planted judges.
        mark: Tells a trial of the judge from a question about a bench.

    Returns:
        The verdict, and which of the two was preferred in each order as it was shown: 1, 2, or 0 for neither.
    """
    choices: list[int] = []
    reasons: list[str] = []
    costs: list[float] = []
    failed = ""
    for first, second in ((a, b), (b, a)):
        purpose: Purpose = "card" if mark else "pair"
        request = JudgeRequest(
            purpose=purpose,
            text=PAIR.format(prompt=text),
            pictures=first.first,
            others=second.first,
            questions=questions,
            drawn=[subject.drawn or {} for subject in (first, second)] if first.drawn or second.drawn else [],
        )
        what = {"purpose": "pair", "mark": mark, "text": digest(text)}
        subject = digest(first.sha256, second.sha256, length=64)
        outcome = asker.call(request, subject, what, is_useless=_is_no_choice)
        if outcome.code in ("stopped", "elsewhere"):
            return None
        if outcome.cost_usd is not None:
            costs.append(outcome.cost_usd)
        try:
            if outcome.code:
                raise JobError(outcome.message, code=outcome.code)
            choice, reason = read_choice(outcome.reply)
        except JobError as error:
            failed = failed or f"{error.code}: {error}"
            continue
        choices.append(choice)
        reasons.append(reason)
    won = [choice if order == 0 or choice == 0 else 3 - choice for order, choice in enumerate(choices)]
    flipped = not failed and won[0] != won[1]
    verdict = PairVerdict(
        judge=asker.card.id,
        version=asker.card.version,
        prompt_key="",
        a=a.sha256,
        b=b.sha256,
        outcome="failed" if failed else "tie" if flipped or won[0] == 0 else "a" if won[0] == 1 else "b",
        flipped=flipped,
        n_asked=2,
        reason=(failed or " / ".join(reasons))[:300],
        cost_usd=sum(costs) if costs else None,
    )
    return verdict, tuple(choices)


def _is_no_choice(reply: str) -> bool:
    try:
        read_choice(reply)
    except JobError:
        return True
    return False


def judge_pairs(
    bench: Bench,
    card: JudgeCard,
    *,
    max_cost: float | None = None,
    per_prompt: int | None = None,
    make: Callable[[JudgeCard, str], Backend] = backend_of,
    device: str = "cpu",
    allow_unpriced: bool = False,
) -> PairReport:
    """Judge every pair of tools prompt by prompt, those not judged yet.

    Args:
        bench: The workspace.
        card: The judge.
        max_cost: What it may cost in this bench in all, in US dollars.
        per_prompt: At most so many pairs of each prompt; None: all.
        make: What reaches the judge; for tests.
        device: Of local weights.
        allow_unpriced: Ask it under a ceiling although its card has no price.

    Raises:
        OptionError: no prompt has takes of two tools.
        BudgetError: a judge that charges, and no ceiling.
    """
    by_prompt: dict[str, list[Clip]] = {}
    for clip in bench.clips():
        if clip.sample == 0:
            by_prompt.setdefault(clip.prompt.key, []).append(clip)
    pairs = {
        key: list(itertools.combinations(sorted(takes, key=lambda clip: clip.id), 2))[:per_prompt]
        for key, takes in by_prompt.items()
        if len(takes) > 1
    }
    if not pairs:
        raise OptionError("no prompt of this bench has takes of two tools; there is nothing to compare")
    known = [p for p in bench.judge_pairs(card.id) if p.version == card.version and p.outcome != "failed"]
    done = {(pair.a, pair.b) for pair in known}
    asker = Asker(bench, card, make(card, device), max_cost=max_cost, allow_unpriced=allow_unpriced)
    n_new = 0
    try:
        for some in pairs.values():
            wanted = [pair for pair in some if (pair[0].id, pair[1].id) not in done]
            if not wanted or asker.stopped:
                continue
            subjects = _subjects(bench, card, {clip.id: clip for pair in wanted for clip in pair})
            ready = [pair for pair in wanted if pair[0].id in subjects and pair[1].id in subjects]
            with ThreadPoolExecutor(max_workers=card.concurrency) as pool:
                for verdict in pool.map(partial(_judged, asker, subjects), *zip(*ready, strict=True)) if ready else ():
                    if verdict is not None:
                        bench.add_judge_pair(verdict)
                        n_new += 1
    finally:
        asker.close()
    stored = [pair for pair in bench.judge_pairs(card.id) if pair.version == card.version]
    return PairReport(
        judge=card.id,
        n_pairs=len(stored),
        n_new=n_new,
        n_flipped=sum(pair.flipped for pair in stored),
        n_failed=sum(pair.outcome == "failed" for pair in stored),
        cost_usd=asker.spent_usd,
        stopped=asker.stopped,
    )


def _judged(asker: Asker, subjects: Mapping[str, Subject], a: Clip, b: Clip) -> PairVerdict | None:
    questions = [question for question in questions_of(a.prompt) if "judge" in question.by]
    said = ask_pair(asker, a.prompt.text, subjects[a.id], subjects[b.id], questions=questions)
    return None if said is None else replace(said[0], a=a.id, b=b.id, prompt_key=a.prompt.key)


def _subjects(bench: Bench, card: JudgeCard, clips: Mapping[str, Clip]) -> dict[str, Subject]:
    """What is shown of each take; one that cannot be read is left out, and told among the bench's failures."""
    subjects = {}
    for clip in clips.values():
        duration_s = clip.probe.duration_s
        try:
            wanted = moments(duration_s, card.frames, events=bench.events(clip.id), timelines=bench.timelines(clip.id))
            shown = read_moments(bench.clip_path(clip), wanted)
        except (ClipError, OSError) as error:
            bench.add_failure(Failure(stage="judge", subject=clip.id, code="unreadable", message=str(error)[:400]))
            continue
        subjects[clip.id] = Subject(
            sha256=clip.sha256,
            duration_s=duration_s,
            first=pictures(shown, card.frames),
            drawn=drawn_of(clip) or None,
        )
    return subjects


def agreement_with_votes(bench: Bench, judge: str) -> dict[str, float | int | None]:
    """How often the judge and people prefer the same of two takes: ``{n, share}``, over pairs that both decided."""
    judged = {(pair.a, pair.b): pair.outcome for pair in bench.judge_pairs(judge)}
    same = n = 0
    for vote in bench.votes():
        if vote.excluded or vote.outcome not in DECISIVE:
            continue
        pair = judged.get((vote.a, vote.b))
        turned = judged.get((vote.b, vote.a))
        outcome = pair if pair is not None else {"a": "b", "b": "a"}.get(turned or "", turned)
        if outcome in DECISIVE:
            n += 1
            same += outcome == vote.outcome
    return {"n": n, "share": same / n if n else None}
