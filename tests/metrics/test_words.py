"""Words at known places: read well or badly, asked or not, and marks that stay."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from vbench.contracts import Writing
from vbench.errors import MetricError
from vbench.metrics.words import letters, likeness, text_match, unasked_text, watermark
from vbench.records import Prompt

MIDDLE, CORNER = (0.4, 0.45, 0.6, 0.55), (0.8, 0.9, 0.98, 0.96)


def prompt(**expects: Any) -> Prompt:
    return Prompt(id="p", text="a prompt", expects=expects)


def pages(*lines: list[tuple[str, tuple[float, float, float, float]]], score: float = 0.95) -> Writing:
    """What is read in each picture, half a second apart."""
    every = [(picture, *line) for picture, read in enumerate(lines) for line in read]
    return Writing(
        t_s=np.arange(len(lines)) / 2,
        frame=np.arange(len(lines)) * 12,
        of=np.array([line[0] for line in every], np.int64),
        text=tuple(line[1] for line in every),
        score=np.full(len(every), score),
        box=np.array([line[2] for line in every]).reshape(-1, 4),
    )


def fewest_edits(wanted: str, given: str) -> int:
    """Of the wanted letters to any stretch of those given, by trying all; shares no code with the measure."""

    @cache
    def edits(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(edits(a[1:], b) + 1, edits(a, b[1:]) + 1, edits(a[1:], b[1:]) + (a[0] != b[0]))

    stretches = {given[i:j] for i in range(len(given) + 1) for j in range(i, len(given) + 1)}
    return min(edits(wanted, stretch) for stretch in stretches)


@pytest.mark.parametrize("given", ["xxopenzz", "opn", "ooppeenn", "", "neop", "o pen", "0pen all night"])
def test_likeness_is_the_fewest_edits(given: str) -> None:
    assert likeness("Open", given) == pytest.approx(1 - fewest_edits("open", letters(given)) / 4)


def test_case_spaces_and_width_do_not_count() -> None:
    assert likeness("OPEN ALL NIGHT", "open allnight!") == 1.0
    assert likeness("ＡＢＣ", "abc") == 1.0
    assert likeness("营业中", "招牌 营业中") == 1.0
    assert likeness("", "abc") == 0.0


def test_the_match_is_taken_while_words_are_shown() -> None:
    clip = pages([], [("OPEN", MIDDLE)], [("OPEM", MIDDLE)], [])
    measured = text_match(clip, prompt(text="open"))
    assert measured.value == pytest.approx((1 + 0.75) / 2)
    assert measured.timeline is not None
    assert measured.timeline.value.tolist() == [0.0, 1.0, 0.75, 0.0]


def test_wrong_words_and_none_are_no_match() -> None:
    assert text_match(pages([], []), prompt(text="open")).value == 0.0
    assert text_match(pages([("xyzw", MIDDLE)]), prompt(text="open")).value < 0.3
    swapped = text_match(pages([("open", MIDDLE)]), prompt(text="closed")).value
    assert swapped < text_match(pages([("open", MIDDLE)]), prompt(text="open")).value
    with pytest.raises(MetricError) as caught:
        text_match(pages([]), prompt())
    assert caught.value.code == "not_applicable"


def test_words_over_two_lines_are_read_on() -> None:
    clip = pages([("OPEN ALL", (0.1, 0.1, 0.5, 0.2)), ("NIGHT", (0.1, 0.3, 0.4, 0.4))])
    assert text_match(clip, prompt(text="open all night")).value == 1.0


def test_unasked_words_are_told_and_asked_ones_are_not() -> None:
    clip = pages([("OPEN", MIDDLE), ("Hello there", MIDDLE)], [("OPEN", MIDDLE)], [("ab", MIDDLE)])
    assert unasked_text(clip, prompt(text="open")).value == pytest.approx(1 / 3)
    assert unasked_text(clip, prompt()).value == pytest.approx(2 / 3)
    assert unasked_text(pages([("Hello", MIDDLE)], score=0.7), prompt()).value == 0.0
    spoken = prompt(dialogue="hello there, friend")
    assert unasked_text(pages([("Hello there", MIDDLE)]), spoken).value == 0.0


def test_a_watermark_stays_near_the_edge_and_has_a_box() -> None:
    clip = pages(*[[("Stock Films", CORNER), ("HOTEL", (0.1 * i, 0.4, 0.1 * i + 0.1, 0.5))] for i in range(5)])
    measured = watermark(clip, prompt())
    assert measured.value == 1.0
    (moment,) = measured.events
    assert (moment.kind, moment.start_s, moment.end_s, moment.frame) == ("watermark", 0.0, 2.5, 0)
    assert moment.box == pytest.approx(CORNER)


def test_a_known_name_is_a_watermark_anywhere_and_a_sign_in_the_middle_is_none() -> None:
    assert watermark(pages(*[[("shutterstock", MIDDLE)]] * 4), prompt()).value == 1.0
    assert watermark(pages(*[[("made by Kling", MIDDLE)]] * 4), prompt()).value == 1.0
    for word in ("HOTEL", "Pikachu", "videotape"):
        assert watermark(pages(*[[(word, MIDDLE)]] * 4), prompt()).value == 0.0
    assert watermark(pages(*[[("HOTEL", CORNER)]] * 4), prompt(text="hotel")).value == 0.0


def test_words_that_are_gone_soon_are_none() -> None:
    clip = pages([("shutterstock", CORNER)], [("shutterstock", CORNER)], [], [], [])
    assert watermark(clip, prompt()).value == 0.0
    assert watermark(pages([("shutterstock", CORNER)]), prompt()).value == 0.0
    assert watermark(pages([], []), prompt()).value == 0.0
