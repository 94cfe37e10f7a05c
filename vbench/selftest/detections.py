"""Controls of measures that are asked for by their own preset: people and words."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from vbench.contracts import Bytes
from vbench.selftest.results import ControlResult, Measured, SampleBench, check
from vbench.selftest.samples import Sample

WORDS, OTHERS = "GRAND HOTEL", "FRESH BREAD"
SAME = 0.05
"""How far a share or a distance may move where the pictures stay."""


def people(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Doubled and reversed, faces and persons stay; a still face proves nothing about who it is."""
    told = [name for name in ("face_identity", "face_count", "hands_suspected") if name in plain.values]
    results = []
    changed = {"doubled": _doubled(sample), "reversed": sample.with_(sample.frames[::-1])}
    for name, other in changed.items() if told else ():
        after = bench.measure(other)
        for metric in told:
            now = after.values.get(metric, math.nan)
            room = 1.0 if metric == "face_count" and name == "reversed" else SAME  # other frames lie on the grid
            close = abs(now - plain.values[metric]) <= room
            found = f"{plain.values[metric]:.3g} -> {now:.3g}"
            results.append(check(f"people {name}", sample, f"{metric} stays", found, close))
    if "face_identity" in plain.values:
        still = bench.measure(sample.with_([sample.frames[0]] * len(sample.frames)))
        code = still.failures.get("face_identity", "a value")
        expected = "face_identity has no value"
        results.append(check("people frozen", sample, expected, code, code in ("undefined", "not_applicable")))
    return results


def words(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Words drawn over the clip are read; other words are not; a clip without any has none that nobody asked for."""
    if "unasked_text" not in plain.values:
        return []
    written = [_written(frame, WORDS) for frame in sample.frames]
    asked, other = (
        bench.measure(replace(sample, frames=written, prompt=replace(sample.prompt, expects={"text": text})))
        for text in (WORDS, OTHERS)
    )
    right, wrong = (each.values.get("text_match", math.nan) for each in (asked, other))
    before, unasked = plain.values["unasked_text"], other.values.get("unasked_text", math.nan)
    return [
        check("words drawn", sample, "text_match is at least 0.9", f"{right:.2f}", right >= 0.9),
        check("words swapped", sample, "text_match falls under 0.6", f"{right:.2f} -> {wrong:.2f}", wrong < 0.6),
        check("words unasked", sample, "unasked_text is 1", f"{before:.2f} -> {unasked:.2f}", unasked == 1.0),
    ]


def _doubled(sample: Sample) -> Sample:
    return sample.with_([frame for frame in sample.frames for _ in range(2)], sample.fps * 2)


def _written(frame: Bytes, text: str) -> Bytes:
    """The words in white on a dark board in the middle, a tenth of the picture's height and up."""
    drawn = frame.copy()
    height, width = drawn.shape[:2]
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    scale = min(0.7 * width / wide, 0.2 * height / high)
    thick = max(1, round(2 * scale))
    left, bottom = round((width - wide * scale) / 2), round((height + high * scale) / 2)
    edge = round(high * scale)
    corners = ((left - edge, bottom - 2 * edge), (left + round(wide * scale) + edge, bottom + edge))
    cv2.rectangle(drawn, *corners, (20, 20, 30), -1)
    cv2.putText(drawn, text, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), thick, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)
