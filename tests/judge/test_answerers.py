"""Detectors, letters and speech: rules on things placed by hand, on drawn words, and on tiny models of real classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vbench.contracts import Detection, Settings
from vbench.contracts.values import Bytes
from vbench.errors import WeightsError
from vbench.judge.answerer import LookedAt
from vbench.judge.answerers import ANSWERERS
from vbench.judge.detection import DetectionAnswerer, Thresholds, lab, nearest_colours, stands
from vbench.judge.look import Shown
from vbench.judge.questions import compiled_questions
from vbench.judge.speech import SpeechAnswerer, word_error_rate, words_of
from vbench.records import Answer, Question

RED, GREY = (200, 30, 35), (128, 128, 128)


class Placed:
    """Finds what a test has placed, in each picture alike."""

    identity = "placed"

    def __init__(self, *found: Detection) -> None:
        self.found = list(found)

    def knows(self, label: str) -> bool:
        return True

    def detect(self, frames: Bytes, labels: Sequence[str]) -> list[list[Detection]]:
        return [[each for each in self.found if each.label in labels] for _ in frames]


def at(label: str, score: float, left: float = 0.1, top: float = 0.1, side: float = 0.3) -> Detection:
    return Detection(label, score, (left, top, left + side, top + side))


def looked_at(pixels: Bytes | None = None, n: int = 3) -> LookedAt:
    shown = np.full((60, 80, 3), GREY, np.uint8) if pixels is None else pixels
    return LookedAt(sha256="s", path=Path("x"), has_audio=False, frames=[Shown(i / 2, "even", shown) for i in range(n)])


def answered(question: Question, *found: Detection, pixels: Bytes | None = None, is_open: bool = True) -> Answer:
    rules = Thresholds(sure=0.5, none=0.2)
    answerer = DetectionAnswerer(
        "placed", "none", lambda: Placed(*found), lacks=lambda: "", thresholds=rules, is_open=is_open
    )
    assert answerer.may_answer(question)
    (answer,) = answerer.answers(looked_at(pixels), [question])
    return answer


def asked(name: str, **expects: object) -> Question:
    return next(q for q in compiled_questions(expects) if q.id == name)


@pytest.mark.parametrize(("score", "verdict"), [(0.9, "seen"), (0.3, "unsure"), (0.1, "not_seen")])
def test_presence(score: float, verdict: str) -> None:
    question = asked("presence:kora", objects=[{"name": "kora"}])
    answer = answered(question, at("kora", score))
    assert answer.verdict == verdict
    assert (answer.box is not None) == (verdict != "not_seen")


def test_a_detector_of_fixed_classes_does_not_take_a_bird_for_an_owl() -> None:
    assert answered(asked("presence:owl", objects=[{"name": "owl"}]), at("owl", 0.9), is_open=False).verdict == "unsure"
    assert answered(asked("presence:dog", objects=[{"name": "dog"}]), at("dog", 0.9), is_open=False).verdict == "seen"


@pytest.mark.parametrize(
    ("people", "n", "verdict"),
    [
        (2, 2, "seen"),
        (2, 1, "not_seen"),
        (0, 0, "seen"),
        (0, 1, "not_seen"),
        ("crowd", 7, "seen"),
        ("crowd", 3, "unsure"),
    ],
)
def test_count_of_people(people: object, n: int, verdict: str) -> None:
    found = [at("person", 0.9, left=0.12 * i, side=0.1) for i in range(n)]
    assert answered(asked("count:people", people=people), *found).verdict == verdict


def test_boxes_of_one_thing_are_counted_once() -> None:
    question = asked("count:dog", objects=[{"name": "dog", "count": 1}])
    assert answered(question, at("dog", 0.9), at("dog", 0.8, left=0.12)).verdict == "seen"


@pytest.mark.parametrize(("colour", "verdict"), [("red", "seen"), ("green", "not_seen")])
def test_colour_of_the_region(colour: str, verdict: str) -> None:
    pixels = np.full((60, 80, 3), GREY, np.uint8)
    pixels[6:24, 8:32] = RED
    question = asked("colour:cup", objects=[{"name": "cup", "colour": colour}])
    assert answered(question, at("cup", 0.9), pixels=pixels).verdict == verdict
    assert answered(question, pixels=pixels).verdict == "unsure"


@pytest.mark.parametrize(("relation", "verdict"), [("left of", "seen"), ("right of", "not_seen"), ("above", "unsure")])
def test_places(relation: str, verdict: str) -> None:
    facts = {"object": "dog", "other": "cat", "relation": relation}
    question = Question(id="s", kind="space", text="?", by=("detector",), facts=facts)
    top = 0.1 if relation != "above" else 0.4
    found = [at("dog", 0.9, left=0.0, top=top)]
    found += [at("cat", 0.9, left=0.6, top=0.1)] if relation != "above" else []
    assert answered(question, *found).verdict == verdict


def test_depth_scenes_and_unknown_colours_are_left_to_judges() -> None:
    answerer = DetectionAnswerer(
        "p", "", lambda: Placed(), lacks=lambda: "", thresholds=Thresholds(sure=0.5, none=0.2), is_open=True
    )
    behind = Question(
        id="s", kind="space", text="?", by=("detector",), facts={"object": "a", "other": "b", "relation": "behind"}
    )
    odd = asked("colour:cup", objects=[{"name": "cup", "colour": "iridescent"}])
    one_red = asked("count:umbrella", objects=[{"name": "umbrella", "count": 1, "colour": "red"}])
    scene = {"background": {"colour": "blue"}, "objects": [{"shape": "circle", "colour": "red"}]}
    drawn = [q for q in compiled_questions({"scene": scene}) if "detector" in q.by]
    assert not any(answerer.may_answer(question) for question in [behind, odd, one_red, *drawn])


def test_lab_against_opencv() -> None:
    import cv2

    rgb = np.array([[[200, 30, 35], [40, 80, 190], [128, 128, 128], [240, 210, 50]]], np.float32) / 255
    assert lab(rgb[0] * 255) == pytest.approx(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0], abs=0.6)
    assert next(iter(nearest_colours(np.full((2, 2, 3), (190, 40, 40), np.uint8)))) == "red"
    assert stands((0, 0, 0.1, 0.1), (0.5, 0.5, 0.6, 0.6), "above")


def drawn_words(text: str) -> Bytes:
    picture = Image.new("RGB", (640, 200), (30, 30, 40))
    ImageDraw.Draw(picture).text((40, 60), text, fill=(240, 240, 240), font=ImageFont.load_default(size=64))
    return np.asarray(picture)


def test_words_in_the_picture_are_read_letter_by_letter() -> None:
    reader = ANSWERERS["ppocr"](Settings())
    if reader.missing():
        pytest.skip(reader.missing())
    question = asked("text", text="OPEN LATE")
    for written, verdict in (("OPEN LATE", "seen"), ("OPFN LATF", "unsure"), ("CLOSED", "not_seen")):
        (answer,) = reader.answers(looked_at(drawn_words(written), n=1), [question])
        assert answer.verdict == verdict, answer.reason
    (right,) = reader.answers(looked_at(drawn_words("OPEN LATE"), n=1), [question])
    assert right.box is not None
    assert right.reason.startswith("OPEN: right, LATE: right")


@pytest.mark.parametrize(
    ("wanted", "heard", "rate"),
    [
        ("Cut the engines and listen.", "well, cut the engines and listen now", 0.0),
        ("Cut the engines and listen.", "cut the engine and listen", 0.2),
        ("May I stay?", "", 1.0),
        ("可以留下吗", "我可以留下吗", 0.0),
    ],
)
def test_word_error_rate(wanted: str, heard: str, rate: float) -> None:
    assert word_error_rate(wanted, heard) == pytest.approx(rate)


def test_a_clip_without_sound_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answerer = SpeechAnswerer(Settings())
    monkeypatch.setattr(SpeechAnswerer, "version", "v")
    (answer,) = answerer.answers(looked_at(), [asked("speech", dialogue="Go now.")])
    assert (answer.verdict, answer.reason) == ("not_seen", "word error rate 1.00: there is no sound")
    assert words_of("Don't GO!") == ["don't", "go"]


def test_missing_weights_are_told_without_a_download() -> None:
    for name in ("owlv2", "grounding-dino", "whisper"):
        why = ANSWERERS[name](Settings()).missing()
        assert "MB" in why or not why


def test_a_tiny_owl_boxes_what_it_is_asked_for(tmp_path: Path) -> None:
    from tests.fakes.tiny_eyes import tiny_owl
    from vbench.features.open_vocabulary import owl

    settings = Settings({"owl.model": str(tiny_owl(tmp_path / "owl"))})
    detector = owl(settings)
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 255, (2, 48, 64, 3)).astype(np.uint8)
    found = detector.detect(frames, ["red ball", "grass"])
    assert len(found) == 2
    for detections in found:
        assert [d.score for d in detections] == sorted((d.score for d in detections), reverse=True)
        assert all(d.label in ("red ball", "grass") and 0 <= d.box[0] < d.box[2] <= 1 for d in detections)
    again = owl(settings).detect(frames[:1], ["red ball", "grass"])
    assert again[0] == found[0]
    with pytest.raises(WeightsError):
        owl(Settings({"owl.model": str(tmp_path)}))
