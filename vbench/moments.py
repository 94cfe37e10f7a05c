"""How bad a moment of a clip is, and which moments are worth telling: none where nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from vbench.records import Event

Severity = Literal[0, 1, 2, 3]
"""Nothing is wrong, slight, clear, bad."""
UNLIKE = (0.97, 0.9, 0.7)
"""Likeness of neighbouring frames below which a worst moment is slight, clear, bad."""
STEPS: dict[str, tuple[float, float]] = {"freeze": (0.5, 1.0), "black": (0.1, 0.5)}
"""Kind → seconds from which it is clear, and bad."""
ACCUSED = (0.34, 0.67)
"""Of the 0 to 1 of a judge, likewise."""
SAME_S = 0.1
"""A worst moment so near to a cut or to black is that cut, and told once."""


def _step(amount: float, clear: float, bad: float) -> Severity:
    return 3 if amount >= bad else 2 if amount >= clear else 1


def severity(event: Event) -> Severity:
    """How bad a moment is, by itself."""
    if event.kind == "worst":
        slight, clear, bad = UNLIKE
        return 0 if event.value >= slight else 1 if event.value >= clear else 2 if event.value >= bad else 3
    if event.kind in STEPS:
        return _step(event.end_s - event.start_s, *STEPS[event.kind])
    return 2 if event.kind == "cut" else 1


def severity_of_accusation(value: float) -> Severity:
    """How bad a fault is that a judge points at, by the judge's own 0 to 1."""
    return _step(value, *ACCUSED)


def telling(events: Iterable[Event]) -> list[tuple[Event, Severity]]:
    """The moments of one clip that are worth a mark, with how bad they are; each change once."""
    known = list(events)
    breaks = [event for event in known if event.kind in ("cut", "black")]

    def is_told(event: Event) -> bool:
        return event.kind == "worst" and any(
            event.start_s <= other.end_s + SAME_S and other.start_s <= event.end_s + SAME_S for other in breaks
        )

    return [(event, how_bad) for event in known if (how_bad := severity(event)) and not is_told(event)]
