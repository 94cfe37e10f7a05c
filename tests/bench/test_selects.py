"""Choices about takes: whole, bounded by the take, and the last word counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.records import a_clip
from vbench.bench import Bench
from vbench.bench.lists import ClipFilter
from vbench.errors import BenchError
from vbench.records import Event, Note, Outcomes, Prompt, Select

PROMPT = Prompt(id="cat", text="a cat walks", tags=("animal",))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path) as opened:
        for sample in range(4):
            opened.add_clip(a_clip("tool", PROMPT, sample))
        yield opened


def test_a_choice_comes_back_as_it_went_in(bench: Bench) -> None:
    clip = a_clip("tool", PROMPT)
    choice = Select(clip=clip.id, author="ana", stars=4, state="selected", ranges=((0.1, 0.5), (0.75, 1.0)))
    bench.set_select(choice)
    assert bench.selects() == [choice]
    assert bench.selects(author="ben") == []


def test_many_are_stored_all_or_none(bench: Bench) -> None:
    good, late = (Select(clip=a_clip("tool", PROMPT, n).id, ranges=((0.0, end),)) for n, end in ((0, 1.0), (1, 1.2)))
    with pytest.raises(BenchError, match=r"ends at 1\.200 s, the take ends at 1\.000 s"):
        bench.set_selects([good, late])
    with pytest.raises(BenchError, match="no take 'f'"):
        bench.set_selects([good, Select(clip="f")])
    assert bench.selects() == []


def test_the_last_word_counts_whoever_has_it(bench: Bench) -> None:
    clip = a_clip("tool", PROMPT).id
    bench.set_select(Select(clip=clip, author="zoe", state="approved"))
    bench.set_select(Select(clip=clip, author="ana", state="reject", reason="hands"))
    assert bench.last_selects()[clip].author == "ana"
    bench.set_select(Select(clip=clip, author="zoe", state="approved"))
    assert bench.last_selects()[clip].author == "zoe"


def test_what_was_kept_of_a_board_is_made_anew_after_a_choice(bench: Bench) -> None:
    clip = a_clip("tool", PROMPT).id
    marks = {bench.state_mark()}
    for stars in (1, 2, 1):
        bench.set_select(Select(clip=clip, stars=stars))
        marks.add(bench.state_mark())
    assert len(marks) == 4


@pytest.mark.parametrize(
    ("wanted", "samples"),
    [
        (ClipFilter(), [0, 1, 2, 3]),
        (ClipFilter(states=("open",)), [2, 3]),
        (ClipFilter(states=("reject", "selected")), [0, 1]),
        (ClipFilter(reason="hands"), [1]),
        (ClipFilter(min_stars=3), [0]),
        (ClipFilter(has_notes=True), [2]),
        (ClipFilter(defect="freeze"), [3]),
        (ClipFilter(tag="animal"), [0, 1, 2, 3]),
        (ClipFilter(tag="car"), []),
        (ClipFilter(sort="state"), [0, 2, 3, 1]),
        (ClipFilter(sort="stars"), [0, 1, 2, 3]),
    ],
)
def test_a_list_holds_what_its_filter_leaves(bench: Bench, wanted: ClipFilter, samples: list[int]) -> None:
    clips = [a_clip("tool", PROMPT, n).id for n in range(4)]
    bench.set_select(Select(clip=clips[0], stars=4, state="selected"))
    bench.set_select(Select(clip=clips[1], state="reject", reason="hands"))
    bench.set_select(Select(clip=clips[2], author="other", state="approved"))
    bench.add_note(Note(id="n", clip=clips[2], start_s=0.0, end_s=0.0, text="look"))
    frozen = Event(clip=clips[3], kind="freeze", metric="f", start_s=0.0, end_s=1.0, frame=0, value=1.0)
    bench.add_outcomes(Outcomes(clip=clips[3], events=(frozen,)))
    total, rows = bench.list_clips(wanted, author="")
    assert [row.sample for row in rows] == samples
    assert total == len(samples)
    assert sum(row.n_notes for row in rows) == (2 in samples)
