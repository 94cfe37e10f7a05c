"""The vocabulary of the synthetic world, and scenes in it: from a suite's mapping, from a sentence, and back to one."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vbench.errors import CatalogError
from vbench.records import digest
from vbench.registry import did_you_mean

SHAPES: tuple[str, ...] = ("circle", "square", "triangle", "star", "ring", "cross")
COLOURS: tuple[str, ...] = (
    "red",
    "green",
    "blue",
    "yellow",
    "purple",
    "orange",
    "white",
    "black",
    "cyan",
    "pink",
)
SIZES: tuple[str, ...] = ("small", "medium", "large")
PATTERNS: tuple[str, ...] = ("plain", "stripes", "checker", "dots")
MOTIONS: dict[str, tuple[str, ...]] = {
    "left_to_right": ("moves from left to right", "glides from left to right"),
    "right_to_left": ("moves from right to left", "glides from right to left"),
    "top_to_bottom": ("moves from top to bottom", "falls from top to bottom"),
    "bottom_to_top": ("moves from bottom to top", "rises from bottom to top"),
    "diagonal": ("moves diagonally", "glides diagonally"),
    "bounce": ("bounces", "bounces up and down"),
    "rotate": ("rotates", "spins"),
    "grow": ("grows", "grows larger"),
    "shrink": ("shrinks", "shrinks away"),
    "circle_around": ("circles around", "moves in a circle"),
    "still": ("stays still", "rests"),
}
"""Motion → how a caption says it; every phrase is read back as the same motion."""
CAMERAS: dict[str, tuple[str, ...]] = {
    "static": ("the camera is static",),
    "pan_left": ("the camera pans left",),
    "pan_right": ("the camera pans right",),
    "tilt_up": ("the camera tilts up",),
    "tilt_down": ("the camera tilts down",),
    "zoom_in": ("the camera zooms in",),
    "zoom_out": ("the camera zooms out",),
}
_MOTION_WORDS: tuple[tuple[str, str], ...] = (
    (r"left to right|to the right\b|rightwards?", "left_to_right"),
    (r"right to left|to the left\b|leftwards?", "right_to_left"),
    (r"top to bottom|downwards?|\bfalls?\b|\bfalling\b|\bdrops?\b", "top_to_bottom"),
    (r"bottom to top|upwards?|\brises?\b|\brising\b", "bottom_to_top"),
    (r"diagonal(?:ly)?", "diagonal"),
    (r"\bbounc(?:es?|ing)\b", "bounce"),
    (r"\brotat(?:es?|ing)\b|\bspins?\b|\bspinning\b", "rotate"),
    (r"\bgrow(?:s|ing)?\b", "grow"),
    (r"\bshrink(?:s|ing)?\b", "shrink"),
    (r"\bcircl(?:es|ing) around\b|\bin a circle\b|\borbit(?:s|ing)?\b", "circle_around"),
    (r"\bstays?\b|\brests?\b|\bstill\b", "still"),
)
_PATTERN_WORDS = {
    "stripes": "stripes",
    "striped": "stripes",
    "checker": "checker",
    "checkers": "checker",
    "checks": "checker",
    "checkered": "checker",
    "checkerboard": "checker",
    "dots": "dots",
    "dotted": "dots",
    "plain": "plain",
}
_COLOUR = "|".join(COLOURS)
_OBJECT = re.compile(rf"(?:\b(small|medium|large)\s+)?(?:\b({_COLOUR})\s+)?(?<!\bin a )\b({'|'.join(SHAPES)})\b")
_GROUND = re.compile(
    rf"\bbackground of (?P<c1>{_COLOUR})\s+(?P<p1>stripes|checkers|checks|dots)\b"
    rf"|\b(?P<c2>{_COLOUR})(?:\s+(?P<p2>plain|striped|checkered|dotted))?\s+background\b"
    rf"|\b(?P<p4>plain|striped|checkered|dotted)\s+(?P<c4>{_COLOUR})\s+background\b"
    rf"|\b(?P<c3>{_COLOUR})\s+(?P<p3>checkerboard)\b"
)
_CAMERA = re.compile(r"camera\s+(pan|tilt|zoom)s?\s+(left|right|up|down|in|out)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One object of a scene."""

    shape: str
    colour: str
    size: str = "medium"
    motion: str = "still"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a synthetic clip shows; `as_mapping` is the form it has under ``expects.scene`` of a suite."""

    colour: str
    """Of the background."""
    pattern: str = "plain"
    objects: tuple[Thing, ...]
    camera: str = "static"
    seconds: float = 3.0

    def as_mapping(self) -> dict[str, Any]:
        """The scene in JSON values; `scene_from_mapping` is its inverse."""
        return {
            "background": {"colour": self.colour, "pattern": self.pattern},
            "objects": [
                {"shape": o.shape, "colour": o.colour, "size": o.size, "motion": o.motion} for o in self.objects
            ],
            "camera": self.camera,
            "seconds": self.seconds,
        }


def scene_from_mapping(data: Mapping[str, Any], *, where: str) -> Scene:
    """The scene that a suite spells out.

    Args:
        data: ``{background: {colour, pattern}, objects: [{shape, colour, size, motion}], camera, seconds}``.
        where: Prompt id, for the message.

    Raises:
        CatalogError: a word outside the vocabulary, a missing or unknown key, no object, a length that is not positive.
    """
    _keys(data, {"background", "objects", "camera", "seconds"}, required={"background", "objects"}, where=where)
    ground, things = data["background"], data["objects"]
    if not isinstance(ground, Mapping) or not isinstance(things, Sequence) or isinstance(things, str) or not things:
        raise CatalogError(f"{where}: scene needs a background mapping and a list of at least one object; add them")
    _keys(ground, {"colour", "pattern"}, required={"colour"}, where=f"{where}: scene.background")
    objects = []
    for i, thing in enumerate(things):
        place = f"{where}: scene.objects[{i}]"
        if not isinstance(thing, Mapping):
            raise CatalogError(f"{place} is {thing!r}; write a mapping with shape, colour, size and motion")
        _keys(thing, {"shape", "colour", "size", "motion"}, required={"shape", "colour"}, where=place)
        objects.append(
            Thing(
                shape=_word(thing["shape"], SHAPES, f"{place}.shape"),
                colour=_word(thing["colour"], COLOURS, f"{place}.colour"),
                size=_word(thing.get("size", "medium"), SIZES, f"{place}.size"),
                motion=_word(thing.get("motion", "still"), tuple(MOTIONS), f"{place}.motion"),
            )
        )
    seconds = data.get("seconds", 3.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 60:
        raise CatalogError(f"{where}: scene.seconds is {seconds!r}; write a number above 0 and at most 60")
    return Scene(
        colour=_word(ground["colour"], COLOURS, f"{where}: scene.background.colour"),
        pattern=_word(ground.get("pattern", "plain"), PATTERNS, f"{where}: scene.background.pattern"),
        objects=tuple(objects),
        camera=_word(data.get("camera", "static"), tuple(CAMERAS), f"{where}: scene.camera"),
        seconds=float(seconds),
    )


def _keys(data: Mapping[str, Any], known: set[str], *, required: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise CatalogError(f"{where}: unknown key {key!r} in a scene; {did_you_mean(str(key), sorted(known))}")
    if missing := sorted(required - data.keys()):
        raise CatalogError(f"{where}: {', '.join(missing)} missing in a scene; add it")


def _word(value: object, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise CatalogError(
            f"{where}: {value!r} is outside the synthetic world; {did_you_mean(str(value), list(known))}"
        )
    return str(value)


def parse_scene(text: str) -> tuple[Scene, tuple[str, ...]]:
    """Read a sentence as a scene.

    What the sentence leaves open is chosen by a hash of it, so that equal prompts give equal scenes: a size is medium,
    a motion still, a camera static; an object, its colour and the background are drawn.

    Args:
        text: A prompt, e.g. "a large red circle moves from left to right over a blue background".

    Returns:
        The scene, and one sentence for each thing of it that was drawn rather than read.
    """
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    draw = random.Random(digest("scene", words))
    guesses: list[str] = []
    ground = _GROUND.search(words)
    camera = _CAMERA.search(words)
    rest = _CAMERA.sub(" ; ", _GROUND.sub(" ; ", words))
    mentions = list(_OBJECT.finditer(rest))
    things: list[Thing] = []
    for i, match in enumerate(mentions):
        end = mentions[i + 1].start() if i + 1 < len(mentions) else len(rest)
        size, colour, shape = match.groups()
        if colour is None:
            colour = draw.choice(COLOURS)
            guesses.append(f"the prompt names no colour for the {shape}; {colour} was drawn")
        motion = _motion(rest[match.end() : end])
        things.append(Thing(shape=shape, colour=colour, size=size or "medium", motion=motion))
    things = _each_once(things)
    if not things:
        things = [
            Thing(
                shape=draw.choice(SHAPES),
                colour=draw.choice(COLOURS),
                size=draw.choice(SIZES),
                motion=draw.choice([m for m in MOTIONS if m != "still"]),
            )
        ]
        guesses.append(
            f"the prompt names no shape of the synthetic world; a {things[0].colour} {things[0].shape} was drawn"
        )
    if ground:
        parts = ground.groupdict()
        colour = parts["c1"] or parts["c2"] or parts["c3"] or parts["c4"]
        pattern = _PATTERN_WORDS[parts["p1"] or parts["p2"] or parts["p3"] or parts["p4"] or "plain"]
    else:
        taken = {o.colour for o in things}
        colour, pattern = draw.choice([c for c in COLOURS if c not in taken]), "plain"
        guesses.append(f"the prompt names no background of the synthetic world; a plain {colour} one was drawn")
    scene = Scene(
        colour=colour,
        pattern=pattern,
        objects=tuple(things),
        camera=f"{camera[1]}_{camera[2]}" if camera and f"{camera[1]}_{camera[2]}" in CAMERAS else "static",
    )
    return scene, tuple(guesses)


def _motion(words: str) -> str:
    """The first motion that is named in `words`; still where none is."""
    hits = [(m.start(), motion) for pattern, motion in _MOTION_WORDS if (m := re.search(pattern, words))]
    return min(hits)[1] if hits else "still"


def _each_once(things: list[Thing]) -> list[Thing]:
    """A second mention of the same object (as the centre of an orbit, say) is not a second object."""
    by_look: dict[tuple[str, str], Thing] = {}
    for thing in things:
        by_look.setdefault((thing.shape, thing.colour), thing)
    return list(by_look.values())


def scene_for(text: str, expects: Mapping[str, Any], *, where: str) -> tuple[Scene, tuple[str, ...]]:
    """The scene of a prompt: what its suite spells out under ``scene``, else what its text says.

    Raises:
        CatalogError: the suite's scene is not of this world.
    """
    spelt = expects.get("scene")
    if spelt is None:
        return parse_scene(text)
    if not isinstance(spelt, Mapping):
        raise CatalogError(f"{where}: scene is {spelt!r}; write a mapping with background and objects")
    return scene_from_mapping(spelt, where=where), ()


def caption(scene: Scene, rng: random.Random) -> str:
    """A sentence for a scene; `parse_scene` reads the same scene from it.

    Args:
        scene: What to describe; its length is not said.
        rng: Draws among the phrasings.
    """
    objects = " while ".join(_object_words(thing, rng) for thing in scene.objects)
    ground = rng.choice(_GROUND_PHRASES[scene.pattern]).format(colour=scene.colour, article=_article(scene.colour))
    if scene.camera == "static" and rng.random() < 0.8:
        return f"{objects} over {ground}"
    camera = rng.choice(CAMERAS[scene.camera])
    return rng.choice(
        (
            f"{camera} over {ground} while {objects}",
            f"{objects} over {ground}, {camera}",
            f"{camera}, {objects} over {ground}",
        )
    )


_GROUND_PHRASES: dict[str, tuple[str, ...]] = {
    "plain": ("{article} {colour} background", "a plain {colour} background"),
    "stripes": ("a background of {colour} stripes", "a striped {colour} background"),
    "checker": (
        "{article} {colour} checkerboard",
        "a checkered {colour} background",
        "a background of {colour} checks",
    ),
    "dots": ("a background of {colour} dots", "a dotted {colour} background"),
}


def _object_words(thing: Thing, rng: random.Random) -> str:
    size = "" if thing.size == "medium" and rng.random() < 0.7 else f"{thing.size} "
    adjectives = f"{size}{thing.colour} {thing.shape}"
    motion = "" if thing.motion == "still" and rng.random() < 0.5 else " " + rng.choice(MOTIONS[thing.motion])
    return f"{_article(adjectives)} {adjectives}{motion}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def draw_scene(rng: random.Random) -> Scene:
    """A scene drawn evenly over the vocabulary: one object, or two in one of three; no two things of one colour."""
    colours = rng.sample(COLOURS, 3)
    n_objects = 2 if rng.random() < 1 / 3 else 1
    shapes = rng.sample(SHAPES, n_objects)
    motions = list(MOTIONS)
    return Scene(
        colour=colours[2],
        pattern=rng.choice(PATTERNS),
        objects=tuple(
            Thing(shape=shape, colour=colour, size=rng.choice(SIZES), motion=rng.choice(motions))
            for shape, colour in zip(shapes, colours[:n_objects], strict=True)
        ),
        camera="static" if rng.random() < 0.5 else rng.choice([c for c in CAMERAS if c != "static"]),
    )
