"""What a listener answers: whether the asked line is spoken, word by word, by Whisper through transformers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vbench.contracts import Floats, Settings
from vbench.errors import WeightsError
from vbench.features.weights import HubModel, load_transformers
from vbench.judge.answerer import LookedAt
from vbench.records import Answer, AnswererKind, Question, Verdict, digest
from vbench.text import first_line

SPEECH_VERSION = 1
"""Raised when a rule below changes."""
RATE = 16_000
SEEN, NOT_SEEN = 0.2, 0.6
"""Word error rate: up to here spoken, from here on not."""
WHISPER = HubModel(
    setting="whisper.model",
    repo="openai/whisper-small",
    revision=None,
    size_mb=970,
    licence="Apache-2.0",
    holds="Whisper weights and processor",
)
MAX_SECONDS = 30.0
"""Whisper hears half a minute at once; clips are shorter."""


class SpeechAnswerer:
    """Answers by Whisper (Radford et al. 2022, arXiv:2212.04356).

    Args:
        settings: Where its weights are.
    """

    name = "whisper"
    by: AnswererKind = "reader"
    licence = WHISPER.licence

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model: Any = None
        self._processor: Any = None

    @property
    def version(self) -> str:
        return digest("speech", WHISPER.identity(self._settings), SPEECH_VERSION)

    def missing(self) -> str:
        try:
            WHISPER.require(self._settings)
        except WeightsError as error:
            return first_line(error, 300)
        return ""

    def may_answer(self, question: Question) -> bool:
        """Whether it asks for a spoken line."""
        return question.kind == "speech" and bool(words_of(str(question.facts.get("words", ""))))

    def answers(self, clip: LookedAt, questions: Sequence[Question]) -> list[Answer]:
        """One hearing for all questions; a clip without sound says nothing."""
        heard = self.transcript(clip) if clip.has_audio else ""
        return [self._answer(clip, question, heard) for question in questions]

    def _answer(self, clip: LookedAt, question: Question, heard: str) -> Answer:
        wanted = str(question.facts["words"])
        rate = word_error_rate(wanted, heard)
        verdict: Verdict = "seen" if rate <= SEEN else "not_seen" if rate >= NOT_SEEN else "unsure"
        told = f'heard "{heard[:160]}"' if heard else "nothing is heard" if clip.has_audio else "there is no sound"
        return Answer(
            sha256=clip.sha256,
            question=question.digest,
            answerer=self.name,
            by="reader",
            version=self.version,
            verdict=verdict,
            confidence=max(0.0, 1.0 - rate),
            reason=f"word error rate {rate:.2f}: {told}",
        )

    def transcript(self, clip: LookedAt) -> str:
        """What is said in a clip."""
        import torch

        self._load()
        mono = heard_at(clip.path, RATE)
        pieces = []
        for start in range(0, len(mono), int(RATE * MAX_SECONDS)):
            piece = mono[start : start + int(RATE * MAX_SECONDS)]
            inputs = self._processor(piece, sampling_rate=RATE, return_tensors="pt").input_features
            with torch.inference_mode():
                tokens = self._model.generate(inputs.to(self._settings.device), max_new_tokens=120)
            pieces.append(self._processor.batch_decode(tokens, skip_special_tokens=True)[0].strip())
        return " ".join(pieces).strip()

    def _load(self) -> None:
        if self._model is not None:
            return
        import transformers

        folder = WHISPER.require(self._settings)
        self._model = load_transformers("WhisperForConditionalGeneration", folder, self._settings)
        try:
            self._processor = transformers.WhisperProcessor.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            raise WeightsError(f"{folder}: has no processor that can be read ({first_line(error)})") from None


def heard_at(path: Path, rate: int) -> Floats:
    """The sound of a clip as one channel at a rate in Hz, shape (n,); empty where it has none."""
    from scipy.signal import resample_poly

    from vbench.video import read_audio

    sound = read_audio(path)
    if sound is None:
        return np.zeros(0)
    samples, own_rate = sound
    common = math.gcd(rate, own_rate)
    return np.asarray(resample_poly(samples.mean(axis=1), rate // common, own_rate // common), np.float64)


def words_of(text: str) -> list[str]:
    """The words of a line, without case and signs; a script without spaces gives its letters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:'[^\W_]+)?", plain)


def word_error_rate(wanted: str, heard: str) -> float:
    """Insertions, deletions and changes that turn the asked words into a stretch of what was heard, over their number.

    Words spoken before and after the line do not count: 0 where it is said whole, 1 where nothing of it is.
    """
    asked, given = words_of(wanted), words_of(heard)
    if not asked:
        return 0.0
    row = [0] * (len(given) + 1)
    for i, word in enumerate(asked, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(given, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return min(row) / len(asked)
