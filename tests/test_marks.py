"""What a probe says is counted by name, for probes that were stored before the names were there too."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.records import PROBE
from vbench.marks import MARKS, count_marks, is_damaged, marks_of

SENTENCES = {
    "cut_off": ["stops after frame 24 of 72", "stops after 1.00 s of 2.00 s", "reading stopped early: broken data"],
    "undecodable": ["1 packet could not be decoded", "38 packets could not be decoded"],
    "damaged_frames": ["1 frame is damaged", "12 frames are damaged"],
    "repaired_times": ["12 backward timestamps repaired", "1 absent timestamp repaired"],
    "hdr": ["high dynamic range (PQ); shown without tone mapping"],
    "mirrored": ["stored mirrored; shown as its display matrix says"],
    "transparent": ["transparent pixels are shown over black"],
}


def probe_with(*warnings: Any) -> Any:
    return dataclasses.replace(PROBE, warnings=warnings)


@pytest.mark.parametrize(("name", "sentences"), SENTENCES.items())
def test_stored_sentences_bear_their_marks(name: Any, sentences: Any) -> None:
    for sentence in sentences:
        assert [mark.name for mark in marks_of(probe_with(sentence))] == [name]


def test_damage_is_told_first_and_each_clip_counts_once() -> None:
    probes = [
        probe_with("stored mirrored; x", "stops after frame 2 of 3", "reading stopped early: x"),
        probe_with("stops after frame 2 of 3"),
        probe_with(),
    ]
    assert {mark.name: n for mark, n in count_marks(probes).items()} == {"cut_off": 2, "mirrored": 1}
    assert [is_damaged(probe) for probe in probes] == [True, True, False]
    assert not is_damaged(probe_with("stored mirrored; x", "something that a later version says"))


def test_names_are_different_and_damage_stands_first() -> None:
    assert len({mark.name for mark in MARKS}) == len(MARKS)
    assert [mark.is_damage for mark in MARKS] == sorted((mark.is_damage for mark in MARKS), reverse=True)
