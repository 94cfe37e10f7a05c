"""How a judge is reached: a request of words and pictures goes in, a text and its cost come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from vbench.judge.look import SentPicture
from vbench.judge.phrases import SYSTEM
from vbench.records import Question

Purpose = Literal["answer", "second look", "accuse", "pair", "card", "questions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest:
    """One thing to ask."""

    purpose: Purpose
    text: str
    pictures: Sequence[SentPicture] = ()
    others: Sequence[SentPicture] = ()
    """Of a second video, where two are compared."""
    questions: Sequence[Question] = ()
    """Those that `text` puts into words."""
    drawn: Sequence[Mapping[str, Any]] = ()
    """What synthetic clips were drawn from, one for each video: for planted judges, and sent nowhere."""

    @property
    def n_chars(self) -> int:
        return len(SYSTEM) + len(self.text)

    @property
    def n_pictures(self) -> int:
        return len(self.pictures) + len(self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came back."""

    text: str
    cost_usd: float | None
    """As billed by the token counts of the answer; None: nobody knows."""
    latency_s: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Who answered, tokens in and out."""


class Backend(Protocol):
    """Asks one judge; may be called from several threads at once."""

    def ask(self, request: JudgeRequest) -> Said:
        """Ask once.

        Raises:
            AuthError: no key, or it was refused.
            NotStartedError: nothing began.
            JobError: refused, or nobody knows (``outcome_unknown``).
        """
        ...

    def close(self) -> None:
        """Let go of connections and memory."""
        ...


def content_of(request: JudgeRequest) -> list[dict[str, Any]]:
    """The parts of a user message: each picture under its second, then the question.

    A picture is ``{"type": "image", "jpeg": bytes}``; each backend puts it as its own interface wants it.
    """
    parts: list[dict[str, Any]] = []
    for name, pictures in (("Video 1, ", request.pictures), ("Video 2, ", request.others)):
        for picture in pictures:
            which = name if request.others else ""
            part = f", {picture.note}" if picture.note else ""
            parts.append({"type": "text", "text": f"{which}frame at {picture.t_s:.2f} s{part}:"})
            parts.append({"type": "image", "jpeg": picture.jpeg})
    return [*parts, {"type": "text", "text": request.text}]
