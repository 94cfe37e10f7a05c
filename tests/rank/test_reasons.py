"""Why a tool stands where it stands: takes in which something breaks, counted against those looked over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.records import a_clip, an_info
from vbench.bench import Bench
from vbench.rank.reasons import Reason, reasons
from vbench.records import Event, Outcomes, Prompt, Score, ScoreKey

ONE = Prompt(id="one", text="a cat")
TWO = Prompt(id="two", text="a cut from a cat to a dog", expects={"cuts": 1})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path) as opened:
        opened.add_metrics([an_info("freeze_ratio"), an_info("cut_count")])
        yield opened


def add(bench: Bench, tool: str, prompt: Prompt, *events: tuple[str, float], sample: int = 0) -> None:
    """A clip that was looked over for cuts and freezes, with moments: kind and length in seconds."""
    clip = a_clip(tool, prompt, sample)
    bench.add_clip(clip)
    found_by = {"freeze": "freeze_ratio", "cut": "cut_count"}
    keys = {name: ScoreKey(clip=clip.id, metric=name, version=1) for name in found_by.values()}
    moments = tuple(
        Event(clip=clip.id, kind=kind, metric=found_by[kind], start_s=at, end_s=at + s, frame=at, value=s)  # type: ignore[arg-type]
        for at, (kind, s) in enumerate(events)
    )
    scores = tuple(Score(key=key, value=0.0) for key in keys.values())
    bench.add_outcomes(Outcomes(clip=clip.id, scores=scores, events=moments))


def test_takes_are_counted_once_and_slight_moments_are_no_reason(bench: Bench) -> None:
    for sample in range(3):
        add(bench, "a", ONE, ("freeze", 1.2), ("freeze", 2.0), sample=sample)
    add(bench, "a", ONE, ("freeze", 0.4), sample=3)
    add(bench, "a", ONE, ("cut", 0.04), sample=4)
    add(bench, "b", ONE)
    assert reasons(bench) == {
        "a": (Reason(kind="freeze", n=3, of=5), Reason(kind="cut", n=1, of=5)),
        "b": (),
    }


def test_a_cut_that_was_asked_for_is_no_reason(bench: Bench) -> None:
    add(bench, "a", TWO, ("cut", 0.04))
    add(bench, "b", TWO, ("cut", 0.04), ("cut", 0.04))
    assert reasons(bench) == {"a": (), "b": (Reason(kind="cut", n=1, of=1),)}


def test_a_tool_nobody_looked_over_has_no_word(bench: Bench) -> None:
    bench.add_clip(a_clip("new", ONE))
    assert reasons(bench) == {}
