"""Review links: kept whole, taken back at once, and what guests say stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import a_clip
from vbench.bench import Bench
from vbench.errors import BenchError
from vbench.records import Note, Prompt, Review

PROMPT = Prompt(id="cat", text="a cat walks")
CLIP = a_clip("tool", PROMPT).id
REVIEW = Review(
    token="t" * 24,
    title="Cut 3",
    clips=(CLIP,),
    password="scrypt$x",
    created="2026-01-01T00:00:00Z",
    expires="2026-01-15T00:00:00Z",
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path) as opened:
        opened.add_clip(a_clip("tool", PROMPT))
        yield opened


def test_a_link_comes_back_as_it_was_and_is_taken_back_once(bench: Bench) -> None:
    bench.add_review(REVIEW)
    assert bench.reviews() == [REVIEW]
    assert bench.review(REVIEW.token) == REVIEW
    assert bench.review("guessed") is None
    assert bench.revoke_review(REVIEW.token)
    assert not bench.revoke_review(REVIEW.token)
    assert not bench.revoke_review("guessed")
    kept = bench.review(REVIEW.token)
    assert kept is not None
    assert kept.state("2026-01-02T00:00:00Z") == "revoked"


def test_a_link_ends_at_its_second() -> None:
    assert REVIEW.state("2026-01-14T23:59:59Z") == "open"
    assert REVIEW.state("2026-01-15T00:00:00Z") == "expired"


def test_a_link_is_of_takes_that_are_there(bench: Bench) -> None:
    with pytest.raises(BenchError, match=r"1 to 200 takes, found 0"):
        bench.add_review(replace(REVIEW, clips=()))
    with pytest.raises(BenchError, match=r"no take 0000000000000000"):
        bench.add_review(replace(REVIEW, clips=(CLIP, "0" * 16)))
    assert bench.reviews() == []


def test_a_guest_has_one_word_on_a_take(bench: Bench) -> None:
    bench.add_review(REVIEW)
    bench.set_approval(REVIEW.token, CLIP, "Maya", "changes")
    bench.set_approval(REVIEW.token, CLIP, "Maya", "approved")
    bench.set_approval(REVIEW.token, CLIP, "Li", "changes")
    assert [(one.guest, one.state) for one in bench.approvals()] == [("Li", "changes"), ("Maya", "approved")]
    bench.set_approval(REVIEW.token, CLIP, "Li", "")
    assert [one.guest for one in bench.approvals(review=REVIEW.token)] == ["Maya"]
    assert bench.approvals(review="another") == []


def test_notes_of_a_link_are_told_apart(bench: Bench) -> None:
    own = Note(id="aa", clip=CLIP, start_s=0.0, end_s=0.0, text="ours")
    theirs = replace(own, id="bb", text="theirs", author="Maya (guest)", review=REVIEW.token)
    for note in (own, theirs):
        assert bench.add_note(note)
    assert [note.id for note in bench.notes(review=REVIEW.token)] == ["bb"]
    assert [note.id for note in bench.notes(CLIP)] == ["aa", "bb"]
    assert bench.n_notes_by_review() == {REVIEW.token: 1}
    assert not bench.add_note(replace(theirs, review="", text="out of the link")), "a note stays with its link"
