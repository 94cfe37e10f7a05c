"""What a reader is: finds written words in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vbench.contracts.values import Bytes
from vbench.records import Box


@dataclass(frozen=True, slots=True)
class Word:
    """One line of writing found in one picture."""

    text: str
    """As read, one line, spaces kept."""
    score: float
    """How sure the reader is of the characters, 0 to 1."""
    box: Box
    """The upright box around it."""


class Reader(Protocol):
    """Reads what is written in pictures."""

    @property
    def identity(self) -> str:
        """Which reader and which weights, for the parameters of whatever is made from its answers."""
        ...

    def read(self, frame: Bytes) -> list[Word]:
        """The words in one picture, from top to bottom, then left to right.

        Args:
            frame: RGB uint8 (H, W, 3).

        Raises:
            WeightsError: its weights are missing or are not those of this reader.
        """
        ...
