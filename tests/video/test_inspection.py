"""The facts of a clip, as decoded rather than as its header claims."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.video import clips
from vbench.video import Limits, probe, read_frames


def test_matroska_rounding_is_not_variable(tmp_path: Path) -> None:
    assert not probe(clips.encode(tmp_path / "c.mkv", clips.moving(30), fps=Fraction(30000, 1001))).is_vfr


def test_raw_stream_without_timestamps_or_count(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.h264", clips.moving(8), container="h264", options={"bf": "0"})
    facts = probe(path)
    assert (facts.n_frames, facts.header_n_frames) == (8, 0)
    assert np.all(np.diff([frame.t_s for frame in read_frames(path)]) > 0)


def test_a_picture_that_changes_size_is_scaled_to_the_first_and_said(tmp_path: Path) -> None:
    parts = [
        clips.encode(tmp_path / f"{width}.h264", clips.moving(3, width, 48), container="h264").read_bytes()
        for width in (64, 96)
    ]
    path = tmp_path / "c.h264"
    path.write_bytes(b"".join(parts))
    assert {frame.rgb().shape for frame in read_frames(path)} == {(48, 64, 3)}
    assert any("changes from 64 x 48 to 96 x 48 at frame 3" in warning for warning in probe(path).warnings)


def test_sound_is_measured(tmp_path: Path) -> None:
    from vbench.video import write_clip

    write_clip(clips.moving(24), tmp_path / "c.mp4", fps=24, audio=(clips.tone(1.0), 48000))
    facts = probe(tmp_path / "c.mp4")
    assert (facts.has_audio, facts.audio_codec) == (True, "aac")
    assert facts.audio_duration_s == pytest.approx(1.0, abs=0.03)


REAL = Path(os.environ.get("VBENCH_REAL_CLIPS") or Path(__file__).parents[3] / "shared" / "clips")

REAL_CLIPS = sorted(p for p in REAL.rglob("*") if p.suffix in (".mp4", ".webp", ".webm", ".gif"))


@pytest.mark.skipif(not REAL_CLIPS, reason="no real clips; set VBENCH_REAL_CLIPS")
def test_real_clips_decode_as_probed() -> None:
    for path in REAL_CLIPS:
        facts, n, last_s = probe(path), 0, -1.0
        for frame in read_frames(path, limits=Limits(max_seconds=60)):
            assert frame.t_s > last_s
            n, last_s = n + 1, frame.t_s
        assert n == facts.n_frames > 1, path
        assert frame.luma((32, 18)).std() > 1, path
        assert not facts.warnings, path
