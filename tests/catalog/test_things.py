"""Words for things that detectors know."""

from __future__ import annotations

import pytest

from vbench.catalog.things import COCO, thing_of


@pytest.mark.parametrize(
    ("noun", "thing"),
    [
        ("person", "person"),
        ("an old man", "person"),
        ("people", "person"),
        ("red sports car", "car"),
        ("buses", "bus"),
        ("Puppy", "dog"),
        ("hot dog", "hot dog"),
        ("a coffee cup", "cup"),
        ("lantern", None),
        ("person-shaped cloud", None),
        ("", None),
    ],
)
def test_a_noun_names_a_class(noun: str, thing: str | None) -> None:
    assert thing_of(noun) == thing


def test_there_are_eighty_each_of_which_names_itself() -> None:
    assert len(COCO) == len(set(COCO)) == 80
    assert tuple(thing_of(name) for name in COCO) == COCO
