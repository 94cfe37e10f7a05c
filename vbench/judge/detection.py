"""What detectors answer: whether a thing is there, how many, of which colour, and where it stands to another."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vbench.catalog.things import thing_of
from vbench.contracts import Detection, Detector, Settings, overlap
from vbench.contracts.values import Bytes, Floats
from vbench.errors import WeightsError
from vbench.features.weights import HubModel
from vbench.judge.answerer import LookedAt
from vbench.judge.look import Shown, scaled
from vbench.records import Answer, AnswererKind, Box, Question, Verdict, digest
from vbench.text import first_line

DETECTION_VERSION = 2
"""Raised when a rule or a threshold below changes."""
SHORT_SIDE = 720
SAME = 0.5
"""Boxes of one thing that overlap by more are one."""
STEADY = 0.6
"""Share of the looks that must agree on a number."""
RELATIONS = ("left of", "right of", "above", "below")
"""Those that boxes tell; in front and behind need depth and are left to judges."""
PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (200, 30, 35),
    "orange": (235, 130, 30),
    "yellow": (240, 210, 50),
    "green": (50, 140, 60),
    "blue": (40, 80, 190),
    "purple": (120, 50, 150),
    "pink": (240, 150, 185),
    "brown": (115, 75, 45),
    "black": (25, 25, 25),
    "grey": (128, 128, 128),
    "white": (240, 240, 240),
}
"""Eleven colours that every language of ours names."""
ALSO = {"gray": "grey", "crimson": "red", "gold": "yellow", "silver": "grey", "ginger": "orange", "violet": "purple"}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
"""Linear sRGB to CIE XYZ (IEC 61966-2-1)."""
NEAR = 1.35
"""A colour this much farther than the nearest one, in CIE Lab, is still possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What the scores of a detector mean."""

    sure: float
    """A thing found with this is there."""
    none: float
    """Where nothing is found with this, it is not there."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A detection at a moment."""

    t_s: float
    frame: int
    detection: Detection


class DetectionAnswerer:
    """Answers by a detector.

    Args:
        name: Of the detector.
        licence: Of its weights.
        make: Loads it, at the first question.
        lacks: What is missing for that, as a sentence, without loading or fetching anything.
        thresholds: What its scores mean.
        is_open: It looks for any noun; else for those it was trained on.
    """

    by: AnswererKind = "detector"

    def __init__(
        self,
        name: str,
        licence: str,
        make: Callable[[], Detector],
        *,
        lacks: Callable[[], str],
        thresholds: Thresholds,
        is_open: bool,
    ) -> None:
        self.name, self.licence = name, licence
        self._make, self._lacks, self._thresholds, self._is_open = make, lacks, thresholds, is_open
        self._detector: Detector | None = None

    @property
    def detector(self) -> Detector:
        """The detector, loaded once.

        Raises:
            WeightsError: its weights are missing.
        """
        if self._detector is None:
            self._detector = self._make()
        return self._detector

    @property
    def version(self) -> str:
        return digest("detector", self.detector.identity, DETECTION_VERSION)

    def missing(self) -> str:
        return self._lacks()

    def may_answer(self, question: Question) -> bool:
        """Whether it is about nouns that the detector knows."""
        facts = question.facts
        nouns = [str(facts[name]) for name in ("object", "other") if name in facts]
        if not nouns or "shape" in facts or facts.get("object") in ("shape", "background"):
            return False
        if question.kind == "space" and facts.get("relation") not in RELATIONS:
            return False
        if question.kind == "count" and "colour" in facts:
            return False  # one red umbrella among black ones: boxes of umbrellas do not tell
        if question.kind == "colour" and _colour(facts.get("colour")) is None:
            return False
        is_known = question.kind in ("presence", "count", "colour", "space")
        return is_known and all(self._is_open or thing_of(noun) is not None for noun in nouns)

    def answers(self, clip: LookedAt, questions: Sequence[Question]) -> list[Answer]:
        """One pass of the detector over the frames for all questions."""
        nouns = list(dict.fromkeys(str(q.facts[n]) for q in questions for n in ("object", "other") if n in q.facts))
        found: list[list[Detection]] = []
        for shown in clip.frames:
            found += self.detector.detect(scaled(shown.pixels, SHORT_SIDE)[None], nouns)
        looks = [_merged(detections) for detections in found]
        return [self._answer(clip, question, looks) for question in questions]

    def _answer(self, clip: LookedAt, question: Question, looks: Sequence[Sequence[Detection]]) -> Answer:
        rule = {"presence": self._presence, "count": self._count, "colour": self._colour, "space": self._space}
        verdict, reason, best = rule[question.kind](question, clip.frames, looks)
        return Answer(
            sha256=clip.sha256,
            question=question.digest,
            answerer=self.name,
            by="detector",
            version=self.version,
            verdict=verdict,
            t_s=best.t_s if best else None,
            box=best.detection.box if best else None,
            confidence=best.detection.score if best else None,
            reason=reason,
            frames=tuple(round(shown.t_s, 3) for shown in clip.frames),
        )

    def _seen(self, noun: str, frames: Sequence[Shown], looks: Sequence[Sequence[Detection]]) -> list[Sighting]:
        """All sightings of a noun, the surest first."""
        seen = [
            Sighting(frame.t_s, i, detection)
            for i, (frame, detections) in enumerate(zip(frames, looks, strict=True))
            for detection in detections
            if detection.label == noun
        ]
        return sorted(seen, key=lambda sighting: -sighting.detection.score)

    def _presence(
        self, question: Question, frames: Sequence[Shown], looks: Sequence[Sequence[Detection]]
    ) -> tuple[Verdict, str, Sighting | None]:
        noun = str(question.facts["object"])
        seen = self._seen(noun, frames, looks)
        best = seen[0] if seen else None
        top = best.detection.score if best else 0.0
        if top >= self._thresholds.sure:
            n = len({sighting.frame for sighting in seen if sighting.detection.score >= self._thresholds.sure})
            reason = f"found in {n} of {len(frames)} looks"
            if not self._is_open and not _is_the_class(noun):
                return (
                    "unsure",
                    f"a {thing_of(noun)} is {reason}; whether it is a {noun} this detector cannot tell",
                    best,
                )
            return "seen", reason, best
        if top < self._thresholds.none:
            return "not_seen", f"found in none of {len(frames)} looks", None
        return "unsure", f"found with a score of {top:.2f} at most", best

    def _count(
        self, question: Question, frames: Sequence[Shown], looks: Sequence[Sequence[Detection]]
    ) -> tuple[Verdict, str, Sighting | None]:
        noun = str(question.facts["object"])
        seen = self._seen(noun, frames, looks)
        sure = [sighting for sighting in seen if sighting.detection.score >= self._thresholds.sure]
        counts = [sum(sighting.frame == i for sighting in sure) for i in range(len(frames))]
        usual = statistics.median_low(counts)
        share = counts.count(usual) / len(counts)
        reason = f"{usual} in {share:.0%} of {len(frames)} looks, {min(counts)} to {max(counts)}"
        best = next((sighting for sighting in sure if counts[sighting.frame] == usual), None)
        if (least := question.facts.get("at_least")) is not None:  # small ones are missed, none are made up
            return ("seen" if usual >= least else "unsure"), reason, best
        wanted = int(question.facts["count"])
        if wanted == 0:
            top = seen[0].detection.score if seen else 0.0
            if top < self._thresholds.none:
                return "seen", reason, None
            return ("not_seen" if sure else "unsure"), reason, seen[0]
        if share < STEADY:
            return "unsure", reason, best
        return ("seen" if usual == wanted else "not_seen"), reason, best

    def _colour(
        self, question: Question, frames: Sequence[Shown], looks: Sequence[Sequence[Detection]]
    ) -> tuple[Verdict, str, Sighting | None]:
        noun, wanted = str(question.facts["object"]), str(_colour(question.facts["colour"]))
        sure = [s for s in self._seen(noun, frames, looks) if s.detection.score >= self._thresholds.sure]
        if not sure:
            return "unsure", f"no {noun} is found whose colour could be measured", None
        colours = [nearest_colours(region(frames[s.frame].pixels, s.detection.box)) for s in sure[:5]]
        firsts = [next(iter(colour)) for colour in colours]
        usual = statistics.mode(firsts)
        reason = f"mostly {usual}"
        if usual == wanted:
            return "seen", reason, sure[firsts.index(usual)]
        possible = any(colour[wanted] <= NEAR * min(colour.values()) for colour in colours)
        return ("unsure" if possible else "not_seen"), reason, sure[0]

    def _space(
        self, question: Question, frames: Sequence[Shown], looks: Sequence[Sequence[Detection]]
    ) -> tuple[Verdict, str, Sighting | None]:
        noun, other, relation = (str(question.facts[name]) for name in ("object", "other", "relation"))
        holds: list[bool] = []
        best: Sighting | None = None
        for i, frame in enumerate(frames):
            pair = [self._surest(name, looks[i]) for name in (noun, other)]
            if pair[0] is None or pair[1] is None:
                continue
            holds.append(stands(pair[0].box, pair[1].box, relation))
            if best is None or holds[-1]:
                best = Sighting(frame.t_s, i, pair[0])
        if not holds:
            return "unsure", f"{noun} and {other} are never found together", None
        share = sum(holds) / len(holds)
        reason = f"so in {share:.0%} of {len(holds)} looks with both"
        if STEADY > share > 1 - STEADY:
            return "unsure", reason, best
        return ("seen" if share >= STEADY else "not_seen"), reason, best

    def _surest(self, noun: str, detections: Sequence[Detection]) -> Detection | None:
        of_noun = [d for d in detections if d.label == noun and d.score >= self._thresholds.sure]
        return max(of_noun, key=lambda detection: detection.score, default=None)


def _merged(detections: Sequence[Detection]) -> list[Detection]:
    """Overlapping boxes of one word as one, the surest first."""
    kept: list[Detection] = []
    for each in sorted(detections, key=lambda detection: -detection.score):
        if all(each.label != other.label or overlap(each.box, other.box) <= SAME for other in kept):
            kept.append(each)
    return kept


def _is_the_class(noun: str) -> bool:
    """Whether finding the class is finding the noun: a person for a woman, and not a bird for an owl."""
    thing = thing_of(noun)
    return thing == "person" or thing == noun.lower()


def stands(a: Box, b: Box, relation: str) -> bool:
    """Whether box `a` stands so to box `b`, by their middles."""
    ax, ay, bx, by = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2, (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
    return {"left of": ax < bx, "right of": ax > bx, "above": ay < by, "below": ay > by}[relation]


def region(pixels: Bytes, box: Box) -> Bytes:
    """The middle of a box, where there is least background: half its width and height."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    x0, x1 = left + (right - left) / 4, right - (right - left) / 4
    y0, y1 = top + (bottom - top) / 4, bottom - (bottom - top) / 4
    rows = slice(int(y0 * height), max(int(y0 * height) + 1, int(y1 * height)))
    columns = slice(int(x0 * width), max(int(x0 * width) + 1, int(x1 * width)))
    return pixels[rows, columns]


def nearest_colours(pixels: Bytes) -> dict[str, float]:
    """Colour name → distance in CIE Lab from the median of a region, the nearest first."""
    middle = lab(np.median(pixels.reshape(-1, 3), axis=0)[None])[0]
    distances = {name: float(np.linalg.norm(lab(np.array([rgb], float))[0] - middle)) for name, rgb in PALETTE.items()}
    return dict(sorted(distances.items(), key=lambda item: item[1]))


def lab(rgb: Floats) -> Floats:
    """CIE L*a*b* (D65) of sRGB values 0 to 255, shape (N, 3)."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], axis=1)


def _colour(name: object) -> str | None:
    """A colour of the palette that a word means; None: none of them."""
    word = str(name or "").lower().split()[-1:] or [""]
    plain = ALSO.get(word[0], word[0])
    return plain if plain in PALETTE else None


def owl_answerer(settings: Settings) -> DetectionAnswerer:
    """By OWLv2."""
    from vbench.features.open_vocabulary import OWL, owl

    return DetectionAnswerer(
        "owlv2",
        OWL.licence,
        lambda: owl(settings),
        lacks=lambda: lacks_weights(OWL, settings),
        thresholds=Thresholds(sure=0.3, none=0.1),
        is_open=True,
    )


def grounding_answerer(settings: Settings) -> DetectionAnswerer:
    """By Grounding DINO."""
    from vbench.features.open_vocabulary import GROUNDING, grounding_dino

    return DetectionAnswerer(
        "grounding-dino",
        GROUNDING.licence,
        lambda: grounding_dino(settings),
        lacks=lambda: lacks_weights(GROUNDING, settings),
        thresholds=Thresholds(sure=0.4, none=0.2),
        is_open=True,
    )


def coco_answerer(settings: Settings) -> DetectionAnswerer:
    """By the detector of COCO's things that the scores use: a YOLOX file that is given, else torchvision's SSDLite."""
    from vbench.features.objects import SETTING, SSD, fixed_detector

    def lacks() -> str:
        if settings.get(SETTING, "") or SSD.path(settings) is not None:
            return ""
        return (
            f"{SSD.name} (about {SSD.size_mb} MB, {SSD.licence}) is not on this machine; vbench score with the measure "
            f"people_match fetches it, or give a YOLOX file with --set {SETTING}=PATH"
        )

    return DetectionAnswerer(
        "coco",
        "Apache-2.0 or BSD-3-Clause",
        lambda: fixed_detector(settings),
        lacks=lacks,
        thresholds=Thresholds(sure=0.5, none=0.25),
        is_open=False,
    )


def lacks_weights(model: HubModel, settings: Settings) -> str:
    """What is missing of a model of the hub, as a sentence; empty: nothing."""
    if model.folder(settings) is not None:
        return ""
    try:
        model.require(settings)
    except WeightsError as error:
        return first_line(error, 400)
    return ""
