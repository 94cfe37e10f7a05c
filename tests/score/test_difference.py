"""Clips of other length, rate and size beside a reference: paired by time, told, never resized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vbench.errors import ItemError
from vbench.score.difference import Difference, differences
from vbench.score.full_reference import PSNR_OF_EQUALS
from vbench.video import write_clip

SIDE = 64


def write(path: Path, *, n: int, fps: float, every: int = 1, side: int = SIDE) -> Path:
    """The moment `i * every / fps` of one scene in each frame."""
    y, x = np.mgrid[0:side, 0:side]
    frames = [
        np.stack([(x * 3 + 5 * i * every) % 200, y * 3, (x + y + 3 * i * every) % 220], -1).astype(np.uint8)
        for i in range(n)
    ]
    write_clip(frames, path, fps=fps, crf=1, preset="ultrafast")
    return path


def only(reference: Path, other: Path) -> Difference:
    (difference,) = differences(reference, [other])
    assert isinstance(difference, Difference)
    return difference


def test_a_shorter_clip_is_compared_as_far_as_it_goes_and_told(tmp_path: Path) -> None:
    whole, short = write(tmp_path / "a.mp4", n=16, fps=8), write(tmp_path / "b.mp4", n=10, fps=8)
    for reference, other in ((whole, short), (short, whole)):
        difference = only(reference, other)
        assert len(difference.t_s) == 10
        assert difference.means["psnr"] > 40
        assert any("16" in note and "10" in note for note in difference.notes), difference.notes


def test_half_the_rate_is_paired_by_time_and_told(tmp_path: Path) -> None:
    """Each second frame of the same scene: where a frame is there it equals, and no frame is made up."""
    full, half = write(tmp_path / "a.mp4", n=16, fps=16), write(tmp_path / "b.mp4", n=8, fps=8, every=2)
    difference = only(half, full)
    assert difference.t_s == pytest.approx([i / 8 for i in range(8)])
    assert difference.means["psnr"] > 40
    assert difference.notes
    assert only(full, full).means["psnr"] == pytest.approx(PSNR_OF_EQUALS)


def test_another_size_is_an_error_of_that_clip_alone(tmp_path: Path) -> None:
    reference = write(tmp_path / "a.mp4", n=4, fps=8)
    same, other = write(tmp_path / "b.mp4", n=4, fps=8), write(tmp_path / "c.mp4", n=4, fps=8, side=96)
    first, second = differences(reference, [same, other])
    assert isinstance(first, Difference)
    assert isinstance(second, ItemError)
    assert "96 x 96" in str(second)
