"""Questions as a suite writes them under a prompt, beside what follows from `expects`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from vbench.records import AnswererKind, Question, QuestionKind
from vbench.schema import Strict

ANSWERED_BY: dict[QuestionKind, tuple[AnswererKind, ...]] = {
    "presence": ("detector", "judge"),
    "count": ("detector", "judge"),
    "colour": ("detector", "judge"),
    "space": ("detector", "judge"),
    "action": ("judge",),
    "order": ("judge",),
    "text": ("reader", "judge"),
    "speech": ("reader",),
    "shot": ("judge",),
    "style": ("judge",),
    "camera": ("signal", "judge"),
    "physics": ("judge",),
    "anatomy": ("judge",),
    "identity": ("judge",),
    "motion": ("signal",),
    "cuts": ("signal",),
    "delivery": ("signal",),
}
"""Kind → who answers, the first one first: what a measure knows is asked of no model."""
MAX_QUESTIONS = 200
"""Of one prompt."""


class QuestionLine(Strict):
    """One question as a suite writes it."""

    kind: QuestionKind
    text: Annotated[str, Field(min_length=3, max_length=500)]
    """So worded that yes means: shown as asked."""
    id: str = Field(default="", pattern=r"^(|[a-z0-9][a-z0-9_.:-]{0,79})$")
    """Empty: the kind and a number. That of a question that follows from `expects` takes its place."""
    by: tuple[AnswererKind, ...] = ()
    """Empty: those who answer questions of this kind."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """For detectors and readers: `object`, `colour`, `count`, `relation`, `other`, ..."""


def question_records(lines: Sequence[QuestionLine]) -> tuple[Question, ...]:
    """The records of written questions.

    Raises:
        ValueError: two of them bear one id.
    """
    numbers: Counter[str] = Counter()
    records: dict[str, Question] = {}
    for line in lines:
        numbers[line.kind] += 1
        name = line.id or f"{line.kind}-{numbers[line.kind]}"
        if name in records:
            raise ValueError(f"question id {name!r} is used twice; rename one")
        by = line.by or ANSWERED_BY[line.kind]
        records[name] = Question(id=name, kind=line.kind, text=line.text, by=by, facts=line.facts)
    return tuple(records.values())
