"""Judges of known character, for drawn clips: a good one, and one for each way in which a judge misleads.

They are asked like any judge and never look at a pixel: they know what was drawn. The report card must pass the good
one and name each of the others.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any, Literal, get_args

from vbench.errors import OptionError
from vbench.judge.card import JudgeCard
from vbench.judge.request import JudgeRequest, Said
from vbench.records import Question, Verdict, digest

Behaviour = Literal["good", "yes", "first", "random", "obedient", "echo"]
"""Knows the truth; always says yes; always prefers the first; answers at random; does what words in the picture say;
answers the first question of a request and gives the others the same answer."""


def truth(question: Question, drawn: Mapping[str, Any]) -> Verdict:
    """Whether a drawn clip shows what is asked; unsure where its drawing does not say."""
    if not drawn or "scene" not in drawn:
        return "unsure"
    scene, facts = drawn["scene"], question.facts
    if "defect" in facts:
        return _seen(drawn.get("fault", {}).get("kind") == facts["defect"])
    if question.kind == "count" and facts.get("object") == "shape":
        return _seen(len(scene["objects"]) == facts["count"])
    if question.kind == "colour" and facts.get("object") == "background":
        return _seen(scene["background"]["colour"] == facts["colour"])
    if question.kind == "style" and "pattern" in facts:
        return _seen(scene["background"].get("pattern", "plain") == facts["pattern"])
    if question.kind == "cuts":
        return _seen(int(drawn.get("cuts", 0)) == facts["cuts"])
    if question.kind in ("presence", "action") and "shape" in facts:
        things = [t for t in scene["objects"] if (t["shape"], t["colour"]) == (facts["shape"], facts["colour"])]
        if question.kind == "action":
            things = [t for t in things if t.get("motion", "still") == facts["motion"]]
        return _seen(bool(things))
    return "unsure"


def _seen(is_so: bool) -> Verdict:
    return "seen" if is_so else "not_seen"


class PlantedBackend:
    """A judge of one behaviour.

    Raises:
        OptionError: no such behaviour.
    """

    def __init__(self, card: JudgeCard) -> None:
        if card.options.behaviour not in get_args(Behaviour):
            raise OptionError(
                f"judge {card.id}: options.behaviour is {card.options.behaviour!r}; "
                f"expected one of {', '.join(get_args(Behaviour))}"
            )
        self.behaviour: Behaviour = card.options.behaviour  # type: ignore[assignment]  # checked above

    def ask(self, request: JudgeRequest) -> Said:
        """What this judge says."""
        return Said(text=json.dumps(planted_reply(self.behaviour, request)), cost_usd=0.0, latency_s=0.0)

    def close(self) -> None:
        """Nothing is held."""


def planted_reply(behaviour: Behaviour, request: JudgeRequest) -> dict[str, Any]:
    """The answer of a judge of this behaviour, as the JSON object it would send."""
    draw = random.Random(digest(behaviour, request.text, list(request.drawn), len(request.pictures)))
    drawn = request.drawn[0] if request.drawn else {}
    if request.others:
        return {"better": _better(behaviour, request, draw), "reason": "planted"}
    if not request.questions:
        return {"defects": _defects(behaviour, drawn, draw)}
    verdicts: list[Verdict] = [truth(question, drawn) for question in request.questions]
    if behaviour == "yes" or (behaviour == "obedient" and drawn.get("words")):
        verdicts = ["seen"] * len(verdicts)
    elif behaviour == "random":
        verdicts = [draw.choice(("seen", "not_seen")) for _ in verdicts]
    elif behaviour == "echo":
        verdicts = [verdicts[0]] * len(verdicts)
    when = request.pictures[len(request.pictures) // 2].t_s if request.pictures else None
    return {
        "answers": [
            {"id": f"q{i + 1}", "verdict": verdict, "t_s": when, "box": None, "confidence": 1.0, "reason": "planted"}
            for i, verdict in enumerate(verdicts)
        ]
    }


def _better(behaviour: Behaviour, request: JudgeRequest, draw: random.Random) -> int | str:
    if behaviour in ("first", "yes"):
        return 1
    if behaviour == "random":
        return draw.choice((1, 2))
    shares = []
    for drawn in request.drawn:
        verdicts = [truth(question, drawn) for question in request.questions]
        shares.append(sum(verdict == "seen" for verdict in verdicts))
    if len(shares) != 2 or shares[0] == shares[1]:
        return "tie"
    return 1 if shares[0] > shares[1] else 2


def _defects(behaviour: Behaviour, drawn: Mapping[str, Any], draw: random.Random) -> list[dict[str, Any]]:
    fault = drawn.get("fault")
    if behaviour == "yes" or (behaviour == "random" and draw.random() < 0.5):
        fault = {"kind": "melting", "start_s": 0.5, "end_s": 1.0}
    if fault is None:
        return []
    box = [0.25, 0.25, 0.75, 0.75]
    return [{**fault, "box": box, "severity": 0.8, "reason": "planted"}]
