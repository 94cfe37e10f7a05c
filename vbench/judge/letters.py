"""What a reader of letters answers: whether the asked words stand in the picture, letter by letter, and stay."""

from __future__ import annotations

from collections.abc import Sequence

from vbench.contracts import Reader, Settings, Word
from vbench.errors import WeightsError
from vbench.judge.answerer import LookedAt
from vbench.metrics.words import letters, likeness
from vbench.records import Answer, AnswererKind, Box, Question, Verdict, digest
from vbench.text import first_line

LETTERS_VERSION = 1
"""Raised when a rule below changes."""
SEEN, NOT_SEEN = 0.95, 0.6
"""Share of the asked letters that are right at the best moment: from here on seen, below not seen."""


class WritingAnswerer:
    """Answers by a reader of written words.

    Args:
        settings: Where its weights are.
    """

    name = "ppocr"
    by: AnswererKind = "reader"
    licence = "Apache-2.0"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader: Reader | None = None

    @property
    def reader(self) -> Reader:
        """The reader, loaded once.

        Raises:
            WeightsError: its weights are missing.
        """
        if self._reader is None:
            from vbench.features.ocr import PaddleReader

            self._reader = PaddleReader(self._settings)
        return self._reader

    @property
    def version(self) -> str:
        return digest("reader", self.reader.identity, LETTERS_VERSION)

    def missing(self) -> str:
        try:
            _ = self.reader
        except WeightsError as error:
            return first_line(error, 300)
        return ""

    def may_answer(self, question: Question) -> bool:
        """Whether it asks for words that have letters."""
        return question.kind == "text" and bool(letters(str(question.facts.get("words", ""))))

    def answers(self, clip: LookedAt, questions: Sequence[Question]) -> list[Answer]:
        """One reading of each frame for all questions."""
        pages = [self.reader.read(frame.pixels) for frame in clip.frames]
        return [self._answer(clip, question, pages) for question in questions]

    def _answer(self, clip: LookedAt, question: Question, pages: Sequence[Sequence[Word]]) -> Answer:
        wanted = str(question.facts["words"])
        like = [likeness(wanted, " ".join(word.text for word in page)) for page in pages]
        best = max(range(len(like)), key=lambda i: like[i])
        verdict: Verdict = "seen" if like[best] >= SEEN else "not_seen" if like[best] < NOT_SEEN else "unsure"
        shown = [share for share in like if share >= 0.5]
        steady = f"; of {len(shown)} looks that show it, {sum(s >= SEEN for s in shown)} are right" if shown else ""
        return Answer(
            sha256=clip.sha256,
            question=question.digest,
            answerer=self.name,
            by="reader",
            version=self.version,
            verdict=verdict,
            t_s=clip.frames[best].t_s,
            box=_around(wanted, pages[best]),
            confidence=like[best],
            reason=f"{word_errors(wanted, pages[best])}{steady}"[:300],
            frames=tuple(round(frame.t_s, 3) for frame in clip.frames),
        )


def word_errors(wanted: str, page: Sequence[Word]) -> str:
    """For each asked word, how many of its letters are wrong or missing where it is read best."""
    read = " ".join(word.text for word in page)
    parts = []
    for word in wanted.split():
        n = len(letters(word))
        if n:
            wrong = round((1 - likeness(word, read)) * n)
            parts.append(f"{word}: {'right' if not wrong else f'{wrong} of {n} letters wrong'}")
    return ", ".join(parts)


def _around(wanted: str, page: Sequence[Word]) -> Box | None:
    """The box around the lines that hold any of the asked words."""
    lines = [line.box for line in page if max(likeness(word, line.text) for word in wanted.split()) >= 0.6]
    if not lines:
        return None
    return (
        min(box[0] for box in lines),
        min(box[1] for box in lines),
        max(box[2] for box in lines),
        max(box[3] for box in lines),
    )
