"""Which moments are told, and how bad they are."""

from __future__ import annotations

from typing import Any

import pytest

from vbench.moments import severity, severity_of_accusation, telling
from vbench.records import Event


def an_event(**values: Any) -> Event:
    usual: dict[str, Any] = {
        "clip": "c",
        "kind": "worst",
        "metric": "appearance_worst",
        "start_s": 1.0,
        "end_s": 1.25,
        "frame": 9,
    }
    return Event(**(usual | {"value": 0.5} | values))


@pytest.mark.parametrize(("value", "how_bad"), [(0.996, 0), (0.97, 0), (0.96, 1), (0.85, 2), (0.3, 3)])
def test_what_is_alike_enough_is_no_moment(value: float, how_bad: int) -> None:
    assert severity(an_event(value=value)) == how_bad
    assert len(telling([an_event(value=value)])) == (how_bad > 0)


@pytest.mark.parametrize(
    ("kind", "seconds", "how_bad"),
    [("freeze", 0.4, 1), ("freeze", 0.6, 2), ("freeze", 2, 3), ("black", 0.05, 1), ("black", 0.2, 2), ("black", 1, 3)],
)
def test_the_longer_it_stands_or_is_black_the_worse(kind: str, seconds: float, how_bad: int) -> None:
    assert severity(an_event(kind=kind, start_s=0.0, end_s=seconds, value=1.0)) == how_bad


def test_a_cut_is_told_once_and_not_again_as_the_worst_moment() -> None:
    cut = an_event(kind="cut", metric="cut_count", start_s=1.1, end_s=1.14, value=50)
    assert telling([an_event(), cut]) == [(cut, 2)]
    later = an_event(start_s=3.0, end_s=3.25)
    assert telling([later, cut]) == [(later, 3), (cut, 2)]


def test_a_judge_has_its_own_scale() -> None:
    assert [severity_of_accusation(value) for value in (0.1, 0.5, 0.9)] == [1, 2, 3]
