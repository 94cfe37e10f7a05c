"""People and things: is a face the same face, are there as many persons and things as were asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vbench.catalog.things import thing_of
from vbench.contracts import Faces, Family, Floats, Measure, Metric, Rates, Series, Sightings, overlap
from vbench.errors import MetricError
from vbench.records import Prompt

FAMILY = Family(
    name="people",
    about="faces, persons and things, by small detectors: YuNet, SFace, and SSDLite or a YOLOX file",
)
SMALLEST_PX = 40.0
"""Height of a face below which a descriptor is noise."""
MIN_SIGHTINGS = 3
"""Different pictures in which a face has to be seen to be compared with itself."""
SAME_PLACE = 0.3
"""Faces whose boxes overlap by as much belong to one track."""
MOST_FACES = 600
"""More are thinned evenly: a track compares all pairs."""
SURE_THING, SURE_PERSON = 0.4, 0.3
"""Least scores of a thing and of a person; persons are counted best at .3."""
SHOWN = 0.1
"""A thing counts as seen where this share of the pictures shows it."""
CROWD = 5


def tracks(of: Sequence[int], boxes: Sequence[Sequence[float]]) -> list[list[int]]:
    """Faces that ought to be the same person, whatever the order of the pictures.

    Pairs whose boxes overlap are joined, the closest first, unless two faces of one picture would end in one track.
    Then tracks that share no picture are joined, the longest first: where one face is seen at a time, it ought to be
    one person, wherever it turns up. A camera that goes from one person to another is therefore told too.

    Args:
        of: The picture of each face.
        boxes: Left, top, right, bottom of each.

    Returns:
        Tracks as lists of places in `of`, the longest first.
    """
    group = list(range(len(of)))
    members = {place: [place] for place in group}
    pairs = []
    for a in range(len(of)):
        for b in range(a + 1, len(of)):
            if of[a] != of[b]:
                (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes[a], boxes[b]
                share = overlap((ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1))
                if share >= SAME_PLACE:
                    pairs.append((-share, a, b))
    for _, a, b in sorted(pairs):
        one, other = group[a], group[b]
        if one != other and not {of[x] for x in members[one]} & {of[x] for x in members[other]}:
            for place in members[other]:
                group[place] = one
            members[one] += members.pop(other)
    joined: list[list[int]] = []
    for track in sorted(members.values(), key=lambda track: (-len(track), min(track))):
        pictures = {of[place] for place in track}
        home = next((other for other in joined if not pictures & {of[place] for place in other}), None)
        if home is None:
            joined.append(track)
        else:
            home += track
    return sorted((sorted(track) for track in joined), key=lambda track: (-len(track), track))


def medoid_distances(rows: NDArray[np.floating[Any]]) -> Floats:
    """Distance of each unit row to the one that is nearest to all others, shape (N,)."""
    apart = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * rows.astype(np.float64) @ rows.astype(np.float64).T))
    return np.asarray(apart[int(apart.sum(axis=1).argmin())])


def face_identity(faces: Faces) -> Measure:
    """Mean distance of a face to the medoid of its track, over all tracks of at least three different pictures.

    Faces under 40 px or seen from the side have no descriptor that holds and are left out. The order of pictures does
    not matter.

    Args:
        faces: With descriptors.

    Returns:
        In [0, 2], lower is the same person; about .6 to .8 and above is another. Timeline: the mean over the faces of
        each picture.

    Raises:
        MetricError: `not_applicable` without a face; `undefined` where none is large enough, or seen in three different
            pictures (a still clip proves nothing).
    """
    if not len(faces.of):
        raise MetricError("no face is seen", code="not_applicable")
    has_row = np.isfinite(faces.rows).all(axis=1) if faces.rows.shape[1] else np.zeros(len(faces.of), bool)
    usable = np.flatnonzero((faces.height_px >= SMALLEST_PX) & has_row)
    shown = faces.frame[faces.of]
    # a picture that stays on is looked at once
    first = {frame: picture for picture, frame in reversed([*enumerate(faces.frame.tolist())])}
    once = np.array([face for face in usable if first[int(shown[face])] == faces.of[face]], np.intp)
    if (n_pictures := len(np.unique(shown[once]))) < MIN_SIGHTINGS:
        raise MetricError(
            f"faces of {SMALLEST_PX:.0f} px and more are seen from the front in {n_pictures} different "
            f"pictures, {MIN_SIGHTINGS} are needed",
            code="undefined",
        )
    if len(once) > MOST_FACES:
        once = once[np.linspace(0, len(once) - 1, MOST_FACES).astype(int)]
    of, distance = [], []
    for track in tracks(faces.of[once].tolist(), faces.box[once].tolist()):
        if len(track) >= MIN_SIGHTINGS:
            of.append(faces.of[once[track]])
            distance.append(medoid_distances(faces.rows[once[track]]))
    if not of:
        raise MetricError(f"no face stays in {MIN_SIGHTINGS} different pictures", code="undefined")
    pictures, values = np.concatenate(of), np.concatenate(distance)
    seen = np.unique(pictures)
    timeline = Series(faces.t_s[seen], np.array([values[pictures == picture].mean() for picture in seen]))
    return Measure(float(values.mean()), timeline)


def face_count(faces: Faces) -> Measure:
    """Median over the pictures of how many faces are seen; the timeline has each."""
    counts = np.bincount(faces.of, minlength=len(faces.t_s)).astype(np.float64)
    return Measure(float(np.median(counts)), Series(faces.t_s, counts))


def face_excess(faces: Faces, prompt: Prompt) -> Measure:
    """Share of pictures with more faces than the prompt asks for persons; a back has no face, so fewer is no fault.

    Raises:
        MetricError: the prompt does not say how many (`not_applicable`), or asks for a crowd.
    """
    people = prompt.expects.get("people")
    if people is None or people == "crowd":
        raise MetricError("the prompt does not say how many persons it asks for (`people`)", code="not_applicable")
    more = (np.bincount(faces.of, minlength=len(faces.t_s)) > int(people)).astype(np.float64)
    return Measure(float(more.mean()), Series(faces.t_s, more))


def hands_suspected(skin: Rates) -> Measure:
    """Share of pictures with a face in which a patch of its skin's colour and of a hand's size is seen apart from it.

    A suspicion: bare arms, sand and wood of the same colour pass for it. The timeline counts patches.
    """
    return Measure(float((skin.value > 0).mean()), Series(skin.t_s, skin.value))


def people_match(seen: Sightings, prompt: Prompt) -> Measure:
    """Share of pictures with as many persons as the prompt asks for; a crowd is five and more.

    Raises:
        MetricError: the prompt does not say how many (`not_applicable`).
    """
    people = prompt.expects.get("people")
    if people is None:
        raise MetricError("the prompt does not say how many persons it asks for (`people`)", code="not_applicable")
    persons = seen.counts("person", SURE_PERSON)
    right = (persons >= CROWD if people == "crowd" else persons == int(people)).astype(np.float64)
    return Measure(float(right.mean()), Series(seen.t_s, right))


def objects_seen(seen: Sightings, prompt: Prompt) -> Measure:
    """Share of the things asked for that are seen, in as many copies as asked, in at least a tenth of the pictures.

    Things that the detector does not know are not asked about.

    Args:
        seen: By a detector.
        prompt: Its `expects.objects`.

    Returns:
        In [0, 1], higher is better. Timeline: the share of them in each picture.

    Raises:
        MetricError: the prompt asks for no thing that the detector knows (`not_applicable`).
    """
    asked = _asked_things(prompt.expects.get("objects") or (), seen.names)
    if not asked:
        names = ", ".join(str(each.get("name")) for each in prompt.expects.get("objects") or ())
        why = f"this detector knows none of {names}" if names else "the prompt names no things (`objects`)"
        raise MetricError(f"{why}; an open vocabulary would", code="not_applicable")
    shown = np.stack([seen.counts(name, SURE_THING) >= least for name, least in asked])
    least_pictures = max(1, math.ceil(SHOWN * len(seen.t_s)))
    value = float((shown.sum(axis=1) >= least_pictures).mean())
    return Measure(value, Series(seen.t_s, shown.mean(axis=0)))


def _asked_things(objects: Sequence[Mapping[str, Any]], known: Sequence[str]) -> list[tuple[str, int]]:
    """(name of the detector, least copies) of each thing that it knows."""
    asked = []
    for each in objects:
        name = str(each["name"])
        thing = name if name in known else thing_of(name)
        if thing is not None and thing in known:
            asked.append((thing, int(each.get("count") or 1)))
    return asked


FACE_IDENTITY = Metric(
    name="face_identity",
    version=1,
    inputs=("face_rows",),
    compute=face_identity,
    unit="distance",
    higher_is_better=False,
    bounds=(0.0, 2.0),
    group="temporal",
    about="How far a face strays from itself over the clip, by a network that tells faces apart; 0 is the same face.",
    family=FAMILY,
)
FACE_COUNT = Metric(
    name="face_count",
    version=1,
    inputs=("faces",),
    compute=face_count,
    unit="faces",
    higher_is_better=None,
    bounds=(0.0, math.inf),
    group="picture",
    about="How many faces are seen in the middle one of the pictures.",
    family=FAMILY,
)
FACE_EXCESS = Metric(
    name="face_excess",
    version=1,
    inputs=("faces", "prompt"),
    compute=face_excess,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="text",
    about="Share of pictures with more faces than the prompt asks for persons.",
    family=FAMILY,
)
HANDS_SUSPECTED = Metric(
    name="hands_suspected",
    version=1,
    inputs=("skin",),
    compute=hands_suspected,
    unit="ratio",
    higher_is_better=None,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of pictures with a face where a hand is suspected, by the colour of its skin; look before you judge.",
    family=FAMILY,
)
PEOPLE_MATCH = Metric(
    name="people_match",
    version=1,
    inputs=("objects", "prompt"),
    compute=people_match,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="text",
    about="Share of pictures with as many persons as the prompt asks for.",
    family=FAMILY,
)
OBJECTS_SEEN = Metric(
    name="objects_seen",
    version=1,
    inputs=("objects", "prompt"),
    compute=objects_seen,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="text",
    about="Share of the things the prompt asks for that are seen, in as many copies.",
    family=FAMILY,
)
