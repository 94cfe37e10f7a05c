"""What answers questions from frames without being asked in words: detectors, readers of letters, listeners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vbench.judge.look import Shown
from vbench.records import Answer, AnswererKind, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """A clip as answerers see it."""

    sha256: str
    path: Path
    """Of the file, for those that listen."""
    has_audio: bool
    frames: Sequence[Shown]
    """By time, as large as in the file."""


class Answerer(Protocol):
    """Answers questions of certain kinds about one clip; not called from two threads at once."""

    name: str
    by: AnswererKind
    licence: str
    """Of its weights, for whoever reads the answers."""

    @property
    def version(self) -> str:
        """Digest of all that can move an answer: weights, thresholds, rules."""
        ...

    def missing(self) -> str:
        """What it lacks to run here, as a sentence; empty: nothing."""
        ...

    def may_answer(self, question: Question) -> bool:
        """Whether it knows what this question is about."""
        ...

    def answers(self, clip: LookedAt, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each of these questions, in their order.

        Raises:
            WeightsError: its weights are missing or are not those of this answerer.
        """
        ...
