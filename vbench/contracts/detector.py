"""What a detector is: things named and boxed in pictures. One contract for fixed classes and for open vocabularies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vbench.contracts.values import Bytes
from vbench.records import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing found in one picture."""

    label: str
    """The word that was asked for, or the class of a detector with fixed classes."""
    score: float
    """How sure the detector is, 0 to 1; not comparable between detectors."""
    box: Box


class Detector(Protocol):
    """Finds things in pictures."""

    @property
    def identity(self) -> str:
        """Which detector and which weights, for the parameters of whatever is made from its answers."""
        ...

    def detect(self, frames: Bytes, labels: Sequence[str]) -> list[list[Detection]]:
        """What is found in each picture, the surest first.

        Args:
            frames: RGB uint8 (T, H, W, 3).
            labels: What to look for, in words. A detector with fixed classes looks for those of them that it knows
                (`knows`); an open vocabulary for all of them.

        Returns:
            One list for each picture, empty where nothing was found.

        Raises:
            WeightsError: its weights are missing or are not those of this detector.
        """
        ...

    def knows(self, label: str) -> bool:
        """Whether it can look for this; asking for what it does not know finds nothing, which is no evidence."""
        ...


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
