"""What a judge has answered, as data from outside: one JSON object of a strict form, or a failure that says why."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vbench.errors import JobError
from vbench.judge.phrases import DEFECT_KINDS
from vbench.records import Box, Verdict
from vbench.text import storable

MAX_REPLY_CHARS = 100_000
MAX_REASON_CHARS = 300
MAX_DEFECTS = 50


_VERDICTS: dict[str, Verdict] = {"seen": "seen", "not_seen": "not_seen", "unsure": "unsure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The verdict on one question."""

    verdict: Verdict
    t_s: float | None = None
    box: Box | None = None
    confidence: float | None = None
    reason: str = ""
    code: str = ""


def json_object(text: str) -> dict[str, Any]:
    """The one JSON object of a reply, with or without a fence around it.

    Raises:
        JobError: there is none (code ``bad_answer``).
    """
    if len(text) > MAX_REPLY_CHARS:
        raise _bad(f"the answer has {len(text):,} characters; at most {MAX_REPLY_CHARS:,} are read")
    body = text.strip()
    if body.startswith("```"):
        body = body.split("\n", 1)[-1].rsplit("```", 1)[0].strip()
    try:
        value = json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise _bad(f"the answer is not one JSON object; it begins with {storable(body[:80])!r}") from None
    if not isinstance(value, dict):
        raise _bad(f"the answer is a JSON {type(value).__name__}; an object was asked for")
    return value


def read_answers(text: str, n: int, *, duration_s: float) -> list[Reply]:
    """The verdicts on questions q1 to qn, each of them, or a failure in its place.

    Args:
        text: What the judge said.
        n: How many questions there were.
        duration_s: Of the clip; a time outside it is no time.
    """
    try:
        listed = json_object(text).get("answers")
        if not isinstance(listed, list):
            raise _bad('the answer has no list "answers"')
    except JobError as error:
        return [Reply(verdict="failed", code=error.code, reason=str(error))] * n
    by_id: dict[str, list[Any]] = {}
    for item in listed[:1000]:
        if isinstance(item, dict):
            by_id.setdefault(str(item.get("id")), []).append(item)
    return [_reply(by_id.get(f"q{i + 1}", []), duration_s) for i in range(n)]


def _reply(items: Sequence[dict[str, Any]], duration_s: float) -> Reply:
    if len(items) != 1:
        why = "the judge left this question out" if not items else "the judge answered this question twice"
        return Reply(verdict="failed", code="bad_answer", reason=why)
    item = items[0]
    verdict = _VERDICTS.get(str(item.get("verdict")))
    if verdict is None:
        why = f"the verdict is {storable(repr(item.get('verdict'))[:60])}"
        return Reply(verdict="failed", code="bad_answer", reason=why)
    return Reply(
        verdict=verdict,
        t_s=_number(item.get("t_s"), 0.0, duration_s + 0.05),
        box=_box(item.get("box")),
        confidence=_number(item.get("confidence"), 0.0, 1.0),
        reason=_reason(item.get("reason")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accusation:
    """A fault that a judge names, with its place and time."""

    kind: str
    start_s: float
    end_s: float
    box: Box | None
    severity: float
    reason: str


def read_accusations(text: str, *, duration_s: float) -> list[Accusation]:
    """The faults of a reply; one without a time within the clip is none: it cannot be looked at.

    Raises:
        JobError: no list of them (code ``bad_answer``).
    """
    listed = json_object(text).get("defects")
    if not isinstance(listed, list):
        raise _bad('the answer has no list "defects"')
    named = []
    for item in listed[:MAX_DEFECTS]:
        if not isinstance(item, dict):
            continue
        start = _number(item.get("start_s"), 0.0, duration_s + 0.05)
        if start is None:
            continue
        end = _number(item.get("end_s"), start, duration_s + 0.05)
        kind = item.get("kind")
        severity = _number(item.get("severity"), 0.0, 1.0)
        named.append(
            Accusation(
                kind=kind if kind in DEFECT_KINDS else "other",
                start_s=start,
                end_s=start if end is None else end,
                box=_box(item.get("box")),
                severity=0.5 if severity is None else severity,
                reason=_reason(item.get("reason")),
            )
        )
    return named


def read_choice(text: str) -> tuple[int, str]:
    """Which of two videos is better, 1 or 2, or 0 for neither, and why.

    Raises:
        JobError: it says none of these (code ``bad_answer``).
    """
    value = json_object(text)
    better = value.get("better")
    choice = _CHOICES.get(better) if isinstance(better, str | int) and not isinstance(better, bool) else None
    if choice is None:
        raise _bad(f'"better" is {storable(repr(better)[:60])}; 1, 2 or "tie" was asked for')
    return choice, _reason(value.get("reason"))


_CHOICES: dict[str | int, int] = {1: 1, 2: 2, "1": 1, "2": 2, "tie": 0}


def _bad(why: str) -> JobError:
    return JobError(why, code="bad_answer")


def _number(value: Any, low: float, high: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if low <= value <= high else None


def _box(value: Any) -> Box | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    sides = [_number(side, 0.0, 1.0) for side in value]
    if any(side is None for side in sides):
        return None
    left, top, right, bottom = (float(side) for side in sides if side is not None)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _reason(value: Any) -> str:
    return storable(" ".join(str(value).split()))[:MAX_REASON_CHARS] if isinstance(value, str) else ""
