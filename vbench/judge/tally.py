"""Answers counted: which of several speaks for a cell, and the share of asked things seen, per clip and kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vbench.errors import MetricError
from vbench.records import (
    ANSWERER_KINDS,
    Answer,
    Failure,
    MetricInfo,
    Outcomes,
    Question,
    QuestionKind,
    Score,
    ScoreKey,
    Verdict,
)

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.records import Clip

ASKED_GROUPS: Mapping[str, tuple[QuestionKind, ...]] = {
    "asked_seen": (
        "presence",
        "count",
        "colour",
        "space",
        "action",
        "order",
        "text",
        "speech",
        "shot",
        "style",
        "camera",
        "physics",
        "anatomy",
        "identity",
        "motion",
        "cuts",
    ),
    "asked_seen_objects": ("presence",),
    "asked_seen_count": ("count",),
    "asked_seen_colour": ("colour",),
    "asked_seen_space": ("space",),
    "asked_seen_action": ("action", "order"),
    "asked_seen_physics": ("physics", "anatomy", "identity"),
    "asked_seen_text": ("text",),
    "asked_seen_speech": ("speech",),
    "asked_seen_camera": ("camera", "shot", "motion", "cuts"),
    "asked_seen_style": ("style",),
}
"""Metric → the kinds of questions that it counts. `delivery` is what `spec_adherence` measures."""
ABOUT = {
    "asked_seen": "Share of all things the prompt asks for that were seen.",
    "asked_seen_objects": "Share of the objects asked for that were seen.",
    "asked_seen_count": "Share of the numbers asked for that were seen.",
    "asked_seen_colour": "Share of the colours asked for that were seen.",
    "asked_seen_space": "Share of the places and relations asked for that were seen.",
    "asked_seen_action": "Share of the actions, and their order, that were seen as asked.",
    "asked_seen_physics": "Share of what bodies, things and persons should do or stay that was seen.",
    "asked_seen_text": "Share of the readable words asked for that were read.",
    "asked_seen_speech": "Share of the spoken lines asked for that were heard.",
    "asked_seen_camera": "Share of shot size, camera, amount of motion and cuts that were seen as asked.",
    "asked_seen_style": "Share of the looks asked for that were seen.",
    "asked_unsure": "Share of the things asked for of which nobody could say whether they were seen.",
}
ASKED_METRICS: tuple[str, ...] = (*ASKED_GROUPS, "asked_unsure")
ASKED_VERSION = 1
"""Raised when a change of the count can move a number."""


def asked_infos() -> list[MetricInfo]:
    """What the shares mean, for the board."""
    return [
        MetricInfo(
            name=name,
            version=ASKED_VERSION,
            unit="ratio",
            higher_is_better=name != "asked_unsure",
            bounds=(0.0, 1.0),
            group="text",
            about=ABOUT[name],
        )
        for name in ASKED_METRICS
    ]


def newest(answers: Iterable[Answer]) -> dict[tuple[str, str], dict[str, Answer]]:
    """(sha256, question) → answerer → its newest answer; `answers` come oldest first."""
    cells: dict[tuple[str, str], dict[str, Answer]] = {}
    for answer in answers:
        cells.setdefault((answer.sha256, answer.question), {})[answer.answerer] = answer
    return cells


def leading(answers: Collection[Answer], distrusted: Collection[str] = ()) -> Answer | None:
    """The answer that speaks for a cell; None: nobody has answered.

    Signals before detectors and readers before judges, whoever is sure; where judges contradict each other, nobody is.
    A judge that failed its report card speaks for none.
    """
    trusted = [answer for answer in answers if answer.answerer not in distrusted]
    if len(trusted) == 1:
        return trusted[0]
    for kind in ANSWERER_KINDS:
        of_kind = [answer for answer in trusted if answer.by == kind]
        sure = [answer for answer in of_kind if answer.verdict in ("seen", "not_seen")]
        if len({answer.verdict for answer in sure}) == 1:
            return sure[0]
        if sure:
            return _contradicted(sure)
    unsure = [answer for answer in trusted if answer.verdict == "unsure"]
    return next(iter([*unsure, *trusted]), None)


def _contradicted(answers: Sequence[Answer]) -> Answer:
    who = ", ".join(f"{answer.answerer}: {answer.verdict.replace('_', ' ')}" for answer in answers)
    return replace(answers[0], verdict="unsure", reason=f"they contradict each other ({who})", confidence=None)


def share(verdicts: Sequence[Verdict]) -> float:
    """Seen over all; unsure counts as asked and not as seen.

    Raises:
        MetricError: nothing of the kind is asked (`not_applicable`), or an answer failed (`no_answer`).
    """
    if not verdicts:
        raise MetricError("the prompt asks for nothing of this kind", code="not_applicable")
    if n := sum(verdict == "failed" for verdict in verdicts):
        raise MetricError(f"{n} of {len(verdicts)} answers failed; vbench sheet says why", code="no_answer")
    return sum(verdict == "seen" for verdict in verdicts) / len(verdicts)


def clip_outcomes(
    clip: Clip, questions: Sequence[Question], verdicts: Mapping[str, Verdict], params: Mapping[str, object]
) -> Outcomes:
    """The shares of one clip, or why there is none.

    Args:
        clip: The clip.
        questions: Those that somebody in this bench answers.
        verdicts: Question digest → verdict, for each of them.
        params: Who answers in this bench.
    """
    scores, failures = [], []
    said = [(question.kind, verdicts[question.digest]) for question in questions]  # a digest takes a while
    for name in ASKED_METRICS:
        kinds = ASKED_GROUPS.get(name, ASKED_GROUPS["asked_seen"])
        counted = [verdict for kind, verdict in said if kind in kinds]
        key = ScoreKey(clip=clip.id, metric=name, version=ASKED_VERSION, params=params)
        try:
            value = share(counted)
            if name == "asked_unsure":
                value = sum(verdict == "unsure" for verdict in counted) / len(counted)
        except MetricError as error:
            failures.append(Failure(stage="score", subject=clip.id, code=error.code, message=str(error), key=key))
        else:
            scores.append(Score(key=key, value=value))
    return Outcomes(clip=clip.id, scores=tuple(scores), failures=tuple(failures))


def distrusted(bench: Bench) -> set[str]:
    """Judges that failed their report card."""
    return {judge for judge, (_, card) in bench.report_cards().items() if card.get("verdict") == "failed"}
