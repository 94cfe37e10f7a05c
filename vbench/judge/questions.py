"""What a prompt asks, question by question: compiled before any clip is seen, the same for every tool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vbench.catalog.question_lines import ANSWERED_BY
from vbench.records import Prompt, Question, QuestionKind

CAMERA_WORDS: dict[str, str] = {
    "static": "stay still",
    "pan_left": "pan to the left",
    "pan_right": "pan to the right",
    "tilt_up": "tilt up",
    "tilt_down": "tilt down",
    "zoom_in": "zoom in",
    "zoom_out": "zoom out",
    "roll_cw": "roll clockwise",
    "roll_ccw": "roll counter-clockwise",
    "truck_left": "travel sideways to the left",
    "truck_right": "travel sideways to the right",
    "dolly_in": "move forward, towards the subject",
    "dolly_out": "move backward, away from the subject",
    "orbit": "circle around the subject",
    "handheld": "move as a camera held by hand does",
    "crane_up": "rise upward",
    "crane_down": "sink downward",
}
SHOT_WORDS: dict[str, str] = {
    "extreme-wide": "an extreme wide shot, in which the place dwarfs the subject",
    "wide": "a wide shot, which shows the subject whole within its place",
    "full": "a full shot, which shows the subject from head to foot",
    "medium": "a medium shot, from about the waist up",
    "close-up": "a close-up, in which a face or one object fills most of the frame",
    "extreme-close-up": "an extreme close-up, of a detail alone",
}
PATTERN_WORDS = {"stripes": "striped", "checker": "checkered", "dots": "dotted"}
SCENE_MOTION_WORDS: dict[str, str] = {
    "left_to_right": "move from left to right",
    "right_to_left": "move from right to left",
    "top_to_bottom": "move from top to bottom",
    "bottom_to_top": "move from bottom to top",
    "diagonal": "move diagonally",
    "bounce": "bounce up and down",
    "rotate": "rotate about itself",
    "grow": "grow larger",
    "shrink": "grow smaller",
    "circle_around": "move in a circle",
}


def questions_of(prompt: Prompt) -> tuple[Question, ...]:
    """All that a prompt asks: what follows from `expects`, then what its suite has written beside it.

    A written question with the id of a compiled one takes its place.
    """
    compiled = _with_ids(_of_expects(prompt.expects))
    written = {question.id: question for question in prompt.questions}
    kept = [written.pop(question.id, question) for question in compiled]
    return (*kept, *written.values())


def compiled_questions(expects: Mapping[str, Any]) -> tuple[Question, ...]:
    """What follows from `expects` alone."""
    return _with_ids(_of_expects(expects))


def _with_ids(drafts: Iterator[Question]) -> tuple[Question, ...]:
    """Each once; ids as they are, numbered from the second of a name on."""
    seen: dict[str, int] = {}
    questions: list[Question] = []
    for draft in drafts:
        if any(draft.text == other.text for other in questions):
            continue
        seen[draft.id] = seen.get(draft.id, 0) + 1
        n = seen[draft.id]
        name = draft.id if n == 1 else f"{draft.id}-{n}"
        questions.append(Question(id=name, kind=draft.kind, text=draft.text, by=draft.by, facts=draft.facts))
    return tuple(questions)


def question(kind: QuestionKind, name: str, text: str, **facts: Any) -> Question:
    """A question about something, with an id that a person can read."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    return Question(id=f"{kind}:{slug}" if slug else kind, kind=kind, text=text, by=ANSWERED_BY[kind], facts=facts)


def _of_expects(expects: Mapping[str, Any]) -> Iterator[Question]:
    if not expects.keys() - {"vbench"}:  # nothing was said of the shot, so that nothing is taken for asked
        yield from _of_vbench2(expects.get("vbench") or {})
        return
    if scene := expects.get("scene"):
        yield from _of_scene(scene)
    yield from _of_objects(expects.get("objects") or ())
    yield from _of_people(expects.get("people"))
    if words := expects.get("text"):
        yield question("text", "", f'Can the words "{words}" be read in the picture, letter by letter?', words=words)
    if line := expects.get("dialogue"):
        yield question("speech", "", f'Is this line spoken, word by word: "{line}"?', words=line)
    if shot := expects.get("shot"):
        yield question("shot", "", f"Is it, at the start, {SHOT_WORDS[shot]}?", shot=shot)
    if style := expects.get("style"):
        look = str(style).replace("-", " ")
        yield question("style", "", f"Is the look of the picture {look}?", style=style)
    if camera := expects.get("camera"):
        yield question("camera", "", f"Does the camera {CAMERA_WORDS[camera]}?", camera=camera)
    if motion := expects.get("motion"):
        amount = {"none": "Does nothing move", "low": "Does little move", "medium": "Does a fair amount move"}
        yield question("motion", "", f"{amount.get(motion, 'Does much move')} in the picture?", motion=motion)
    cuts = int(expects.get("cuts") or 0)
    shots = "one uninterrupted shot" if not cuts else f"{cuts + 1} shots with {cuts} hard cut{'s' * (cuts > 1)}"
    yield question("cuts", "", f"Is it {shots}?", cuts=cuts)
    yield from _of_delivery(expects)


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    for thing in objects:
        name, colour, count = thing["name"], thing.get("colour"), thing.get("count")
        whole = f"{colour} {name}" if colour else name
        yield question("presence", name, f"{are(name)} seen?", object=name)
        if colour:
            yield question("colour", name, f"Is the {name} {colour}?", object=name, colour=colour)
        if count is not None:
            seen = f"Is exactly one {whole} seen" if count == 1 else f"Are exactly {count} {plural(whole)} seen"
            facts = {"object": name, "count": count} | ({"colour": colour} if colour else {})
            yield question("count", name, f"{seen}, no more and no fewer?", **facts)


def _of_people(people: int | str | None) -> Iterator[Question]:
    if people is None:
        return
    if people == "crowd":
        yield question("count", "people", "Is a crowd of people seen?", object="person", at_least=6)
    elif people == 0:
        yield question("count", "people", "Is the picture free of people?", object="person", count=0)
    else:
        text = "Is exactly one person" if people == 1 else f"Are exactly {people} people"
        yield question("count", "people", f"{text} seen, no more and no fewer?", object="person", count=people)


def _of_delivery(expects: Mapping[str, Any]) -> Iterator[Question]:
    if seconds := expects.get("seconds"):
        yield question("delivery", "seconds", f"Is the clip {seconds:g} s long?", seconds=seconds)
    if aspect := expects.get("aspect"):
        yield question("delivery", "shape", f"Is the picture's shape {aspect}?", aspect=aspect)
    if expects.get("width") and expects.get("height"):
        width, height = expects["width"], expects["height"]
        yield question("delivery", "shape", f"Is the picture {width} by {height} pixels?", width=width, height=height)
    if fps := expects.get("fps"):
        yield question("delivery", "rate", f"Is the frame rate {fps:g} per second?", fps=fps)
    if (audio := expects.get("audio")) is not None:
        yield question("delivery", "sound", "Is there sound?" if audio else "Is there no sound?", audio=audio)
    yield question("delivery", "black", "Is the picture there throughout, with no black stretch?", black=False)
    if expects.get("motion") != "none":
        yield question("delivery", "freeze", "Does the picture go on throughout, with no freeze?", freeze=False)


def _of_scene(scene: Mapping[str, Any]) -> Iterator[Question]:
    """Of a drawn scene, in its own words."""
    ground, things = scene["background"], scene["objects"]
    for thing in things:
        look = f"{thing['colour']} {thing['shape']}"
        facts = {"shape": thing["shape"], "colour": thing["colour"]}
        yield question("presence", look, f"Is {article(look)} {look} seen?", object=look, **facts)
        if (motion := thing.get("motion", "still")) != "still":
            does = SCENE_MOTION_WORDS[motion]
            yield question("action", look, f"Does the {look} {does}?", object=look, motion=motion, **facts)
    n = len(things)
    exactly = "Is exactly one shape" if n == 1 else f"Are exactly {n} shapes"
    yield question("count", "shapes", f"{exactly} seen before the background?", object="shape", count=n)
    colour, pattern = ground["colour"], ground.get("pattern", "plain")
    yield question("colour", "background", f"Is the background {colour}?", object="background", colour=colour)
    if pattern in PATTERN_WORDS:
        yield question("style", "background", f"Is the background {PATTERN_WORDS[pattern]}?", pattern=pattern)


VBENCH2_KINDS: dict[str, QuestionKind] = {
    "Composition": "presence",
    "Motion_Rationality": "action",
    "Dynamic_Attribute": "action",
    "Dynamic_Spatial_Relationship": "space",
    "Complex_Plot": "order",
    "Complex_Landscape": "order",
    "Human_Interaction": "action",
    "Motion_Order_Understanding": "order",
    "Human_Clothes": "identity",
    "Material": "physics",
    "Mechanics": "physics",
    "Thermotics": "physics",
}
"""Dimension of VBench-2.0 whose questions stand in its prompt list → their kind."""


def _of_vbench2(facts: Mapping[str, Any]) -> Iterator[Question]:
    """The questions of VBench-2.0's prompt list as they stand there, in their order."""
    for dimension, info in facts.items():
        kind = VBENCH2_KINDS.get(dimension)
        if kind is None:
            continue
        for i, text in enumerate(_question_texts(info)):
            yield Question(
                id=f"{dimension}-{i + 1}".lower(),
                kind=kind,
                text=text,
                by=("judge",),
                facts={"vbench2": dimension, "number": i},
            )


def _question_texts(info: Any) -> Iterator[str]:
    """The sentences that end in a question mark, wherever they stand in a value of the list."""
    if isinstance(info, str):
        if info.strip().endswith("?"):
            yield info.strip()[:500]
    elif isinstance(info, Mapping):
        for value in info.values():
            yield from _question_texts(value)
    elif isinstance(info, Sequence):
        for value in info:
            yield from _question_texts(value)


def article(word: str) -> str:
    """Of an English noun, by its first letter."""
    return "an" if word[:1].lower() in "aeiou" else "a"


def are(noun: str) -> str:
    """The start of a question about a thing: is a lamp, are tweezers."""
    is_many = noun.endswith("s") and not noun.endswith(("ss", "us"))
    return f"Are {noun}" if is_many else f"Is {article(noun)} {noun}"


def plural(noun: str) -> str:
    """Of an English noun, by rule; a person can write it otherwise in the suite."""
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}s"
