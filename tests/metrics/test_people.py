"""Faces and things at known places, drawn as numbers: who is the same, who is too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vbench.contracts import Faces, Rates, Sightings
from vbench.errors import MetricError
from vbench.metrics import people
from vbench.metrics.people import (
    face_count,
    face_excess,
    face_identity,
    hands_suspected,
    medoid_distances,
    objects_seen,
    people_match,
    tracks,
)
from vbench.records import Prompt

DRAW = np.random.default_rng(0)


def person(n: int, spread: float, seed: int) -> Any:
    """Unit rows of one person's face, shape (n, 64)."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(0, 1, 64) + spread * draw.normal(0, 1, (n, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def faces_of(rows: Any, *, left: Any = 0.3, height_px: Any = 120.0, frames: Any = None) -> Faces:
    """One face in each picture."""
    n = len(rows)
    x = np.broadcast_to(np.asarray(left, float), n)
    box = np.column_stack([x, np.full(n, 0.2), x + 0.2, np.full(n, 0.6)])
    return Faces(
        t_s=np.arange(n) / 4,
        frame=np.arange(n) * 6 if frames is None else np.asarray(frames),
        of=np.arange(n),
        score=np.full(n, 0.95),
        box=box,
        height_px=np.broadcast_to(np.asarray(height_px, float), n).copy(),
        rows=rows,
    )


def test_the_distance_is_to_the_row_nearest_to_all() -> None:
    rows = person(7, 0.4, 1)
    apart = [[float(np.linalg.norm(a - b)) for b in rows] for a in rows]
    expected = min(apart, key=sum)
    assert medoid_distances(rows) == pytest.approx(expected, abs=1e-3)
    assert face_identity(faces_of(rows)).value == pytest.approx(np.mean(expected), abs=1e-3)


def test_a_splice_of_two_people_is_farther_from_itself() -> None:
    one, other = person(8, 0.2, 1), person(8, 0.2, 2)
    alone = face_identity(faces_of(one)).value
    spliced = face_identity(faces_of(np.concatenate([one[:4], other[:4]]))).value
    elsewhere = face_identity(faces_of(np.concatenate([one[:4], other[:4]]), left=[0.1] * 4 + [0.7] * 4)).value
    assert spliced > 2 * alone
    assert elsewhere == pytest.approx(spliced)


def test_shuffled_is_the_same() -> None:
    rows = person(12, 0.3, 3)
    left = np.linspace(0.1, 0.7, 12)  # it walks through the picture: only neighbours overlap
    plain = face_identity(faces_of(rows, left=left))
    order = np.random.default_rng(4).permutation(12)
    assert face_identity(faces_of(rows[order], left=left[order])).value == pytest.approx(plain.value)
    assert plain.timeline is not None
    assert len(plain.timeline.t_s) == 12


def test_a_picture_that_stays_counts_once() -> None:
    rows = person(6, 0.3, 5)
    plain = face_identity(faces_of(rows)).value
    doubled = faces_of(np.repeat(rows, 2, axis=0), frames=np.repeat(np.arange(6), 2))
    assert face_identity(doubled).value == pytest.approx(plain)


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        (faces_of(np.repeat(person(1, 0, 1), 8, axis=0), frames=[3] * 8), "undefined"),  # a frozen clip
        (faces_of(person(8, 0.2, 1), height_px=39.0), "undefined"),
        (faces_of(np.full((8, 64), np.nan, np.float32)), "undefined"),  # in profile throughout
        (faces_of(person(2, 0.2, 1)), "undefined"),
        (faces_of(np.zeros((0, 64), np.float32)), "not_applicable"),
    ],
    ids=["frozen", "small", "profile", "two", "none"],
)
def test_what_proves_nothing_has_no_value(faces: Faces, code: str) -> None:
    with pytest.raises(MetricError) as caught:
        face_identity(faces)
    assert caught.value.code == code


def test_two_persons_beside_each_other_are_two_tracks() -> None:
    of = [0, 0, 1, 1, 2, 2]
    left, right = (0.1, 0.1, 0.4, 0.5), (0.2, 0.1, 0.5, 0.5)  # they overlap by half
    assert tracks(of, [left, right] * 3) == [[0, 2, 4], [1, 3, 5]]


def test_hundreds_of_faces_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MOST_FACES", 60)
    assert face_identity(faces_of(person(90, 0.2, 6))).value == pytest.approx(
        face_identity(faces_of(person(90, 0.2, 6)[::2])).value, abs=0.02
    )


def test_faces_are_counted_and_too_many_told() -> None:
    faces = Faces(
        t_s=np.arange(4) / 4,
        frame=np.arange(4),
        of=np.array([0, 1, 1, 2, 2]),
        score=np.ones(5),
        box=np.zeros((5, 4)),
        height_px=np.full(5, 80.0),
        rows=np.zeros((5, 0), np.float32),
    )
    counted = face_count(faces)
    assert counted.value == 1.5
    assert counted.timeline is not None
    assert counted.timeline.value.tolist() == [1, 2, 2, 0]
    assert face_excess(faces, prompt(people=1)).value == 0.5
    assert face_excess(faces, prompt(people=2)).value == 0
    for expects in ({}, {"people": "crowd"}):
        with pytest.raises(MetricError, match="does not say how many"):
            face_excess(faces, prompt(**expects))


def prompt(**expects: Any) -> Prompt:
    return Prompt(id="p", text="a prompt", expects=expects)


def seen(*pictures: list[tuple[str, float]]) -> Sightings:
    names = ("person", "car", "dog")
    things = [(picture, *thing) for picture, things in enumerate(pictures) for thing in things]
    return Sightings(
        t_s=np.arange(len(pictures)) / 2,
        frame=np.arange(len(pictures)),
        names=names,
        of=np.array([thing[0] for thing in things], np.int64),
        label=np.array([names.index(thing[1]) for thing in things], np.int64),
        score=np.array([thing[2] for thing in things]),
        box=np.zeros((len(things), 4)),
    )


def test_things_asked_for_are_seen_in_as_many_copies() -> None:
    clip = seen([("car", 0.9), ("car", 0.5), ("dog", 0.3)], [("car", 0.9)])
    two_cars = {"name": "red car", "count": 2}
    assert objects_seen(clip, prompt(objects=[two_cars])).value == 1.0
    assert objects_seen(clip, prompt(objects=[{"name": "car", "count": 3}])).value == 0.0
    both = objects_seen(clip, prompt(objects=[two_cars, {"name": "puppy"}]))
    assert both.value == 0.5  # the dog is not sure
    assert both.timeline is not None
    assert both.timeline.value.tolist() == [0.5, 0.0]


def test_a_swapped_prompt_is_seen_less() -> None:
    clip = seen([("car", 0.9)], [("car", 0.8)])
    assert (
        objects_seen(clip, prompt(objects=[{"name": "dog"}])).value
        < objects_seen(clip, prompt(objects=[{"name": "car"}])).value
    )


@pytest.mark.parametrize("objects", [[], [{"name": "lantern"}]])
def test_what_the_detector_does_not_know_is_not_asked(objects: Any) -> None:
    with pytest.raises(MetricError, match="open vocabulary") as caught:
        objects_seen(seen([("car", 0.9)]), prompt(objects=objects))
    assert caught.value.code == "not_applicable"


def test_persons_are_as_many_as_asked() -> None:
    crowd = [("person", 0.6)] * 5
    clip = seen([("person", 0.35)], [("person", 0.9), ("person", 0.31), ("person", 0.2)], [], crowd)
    assert people_match(clip, prompt(people=1)).value == 0.25
    assert people_match(clip, prompt(people=0)).value == 0.25
    assert people_match(clip, prompt(people="crowd")).value == 0.25
    with pytest.raises(MetricError, match="does not say"):
        people_match(clip, prompt())


def test_hands_are_a_share_of_the_pictures() -> None:
    skin = Rates(np.arange(4.0), np.arange(4), np.array([0.0, 2.0, 1.0, 0.0]))
    assert hands_suspected(skin).value == 0.5
