"""Same seed: a re-encode and a doubled frame are found, a second run is not, nor a tool with two outputs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.records import an_info, give
from vbench.errors import OptionError
from vbench.regression import RegressReport, Run, regress, write_curves
from vbench.sides import opened_side
from vbench.video import write_clip

Frames = list[NDArray[np.uint8]]
PROMPTS = [f"p{i}" for i in range(8)]
N_FRAMES = 8


def scene(prompt: str, *, noise: float = 0.0, run: int = 0, mode: int = 0, size: int = 176) -> Frames:
    """A pattern that moves, the same for a prompt and mode; `noise` is what one run adds of its own."""
    rng = np.random.default_rng([PROMPTS.index(prompt), mode])
    wide = cv2.GaussianBlur(rng.uniform(0, 255, (size, size + 4 * N_FRAMES, 3)).astype(np.float32), (0, 0), 3)
    wide = (wide - wide.min()) / np.ptp(wide) * 255
    own = np.random.default_rng([PROMPTS.index(prompt), 7, run])
    frames = [wide[:, 4 * i : 4 * i + size] + own.normal(0, noise or 1e-9, (size, size, 3)) for i in range(N_FRAMES)]
    return [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]


def doubled(frames: Frames) -> Frames:
    return [*frames[:4], frames[3], *frames[4:]]


def write(folder: Path, make: Callable[[str], Frames], *, crf: int = 14, prompts: list[str] = PROMPTS) -> Path:
    folder.mkdir()
    for prompt in prompts:
        write_clip(make(prompt), folder / f"{prompt}-0.mp4", fps=8, crf=crf, preset="ultrafast")
    return folder


def report_on(base: Path, new: Path, *repeats: Path) -> RegressReport:
    with ExitStack() as stack:
        opened = [(str(path), *stack.enter_context(opened_side(str(path)))) for path in (base, new, *repeats)]
        runs = [Run(name=name, bench=bench, tool=tool) for name, bench, tool in opened]
        return regress(runs[0], runs[1], runs[2:])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base`, and two more runs of a tool whose runs differ by a little grain."""
    root = tmp_path_factory.mktemp("runs")
    for run, name in enumerate(("base", "repeat", "second")):
        write(root / name, lambda prompt, run=run: scene(prompt, noise=1.0, run=run))
    return root


def test_a_second_run_with_the_same_seed_is_not_found(folders: Path) -> None:
    report = report_on(folders / "base", folders / "second", folders / "repeat")
    assert report.verdict == "within noise"
    assert {row.verdict for row in report.rows} == {"within noise"}
    assert {row.measure for row in report.rows} == {"psnr", "ssim", "ms_ssim", "psnr_aligned", "ssim_aligned"}
    assert len(report.rows) == 5 * len(PROMPTS)
    assert any(note.startswith("lpips is left out") for note in report.notes)


def test_a_re_encode_at_crf_30_is_found(folders: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "crf30", lambda prompt: scene(prompt, noise=1.0, run=0), crf=30)
    report = report_on(folders / "base", new, folders / "repeat")
    assert report.verdict == "beyond noise"
    psnr = next(each for each in report.measures if each.measure == "psnr")
    assert psnr.ci_high < 0
    assert psnr.p_value <= 0.05


def test_a_doubled_frame_is_found_and_so_is_when(folders: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "doubled", lambda prompt: doubled(scene(prompt, noise=1.0, run=2)))
    report = report_on(folders / "base", new, folders / "repeat")
    assert report.verdict == "beyond noise"
    rows = [row for row in report.rows if row.measure == "psnr"]
    assert {row.verdict for row in rows} == {"beyond noise"}
    assert [row.first_difference_s for row in rows] == pytest.approx([0.5] * len(PROMPTS))
    assert any("9 frames and its reference 8" in note for note in report.notes)


def test_one_doubled_frame_in_one_clip_is_shown_but_not_yet_proven(folders: Path, tmp_path: Path) -> None:
    def make(prompt: str) -> Frames:
        frames = scene(prompt, noise=1.0, run=2)
        return doubled(frames) if prompt == "p3" else frames

    report = report_on(folders / "base", write(tmp_path / "one", make), folders / "repeat")
    beyond = {row.prompt_id for row in report.rows if row.verdict == "beyond noise"}
    assert beyond == {"p3"}
    assert report.verdict == "inconclusive"


def test_a_tool_with_two_outputs_flakes_a_threshold_and_not_the_verdict(tmp_path: Path) -> None:
    """The same seed gives one of two clips by chance; a threshold on PSNR passes or fails with the coin."""
    rng = np.random.default_rng(3)
    base = write(tmp_path / "base", lambda prompt: scene(prompt, mode=int(rng.integers(2))))
    repeat = write(tmp_path / "repeat", lambda prompt: scene(prompt, mode=int(rng.integers(2))))
    passes, verdicts = set(), set()
    for run in range(3):
        new = write(tmp_path / f"new{run}", lambda prompt: scene(prompt, mode=int(rng.integers(2))))
        report = report_on(base, new, repeat)
        passes |= {row.value > 25 for row in report.rows if row.measure == "psnr" and row.prompt_id == "p0"}
        verdicts.add(report.verdict)
    assert passes == {True, False}
    assert verdicts == {"within noise"}


def test_without_repeats_nothing_is_claimed(folders: Path) -> None:
    report = report_on(folders / "base", folders / "second")
    assert report.verdict == "inconclusive"
    assert {row.verdict for row in report.rows} == {"no floor"}
    assert {row.floor for row in report.rows} == {None}


def test_another_size_or_a_clip_that_is_gone_is_told_and_never_resized(folders: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new", lambda prompt: scene(prompt, noise=1.0, run=2, size=192 if prompt == "p1" else 176))
    (new / "p2-0.mp4").unlink()
    report = report_on(folders / "base", new, folders / "repeat")
    (row,) = [row for row in report.rows if row.measure == "psnr" and row.prompt_id == "p1"]
    assert (row.value, row.verdict) == (None, "not compared")
    assert "192 x 192" in row.reason
    assert not [row for row in report.rows if row.prompt_id == "p2"]
    assert any("p2" in note for note in report.notes)
    assert report.verdict == "inconclusive"


def test_curves_are_written_and_seeds_pair(folders: Path, tmp_path: Path) -> None:
    report = report_on(folders / "base", folders / "second", folders / "repeat")
    write_curves(report, tmp_path / "curves.csv")
    lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert lines[0] == "prompt_id,seed,against,measure,t_s,value"
    assert len(lines) == 1 + 8 * 2 * 5 * N_FRAMES
    other = write(tmp_path / "other", lambda _: scene("p0"), prompts=["p7x"])
    with pytest.raises(OptionError, match="same prompt and seed"):
        report_on(folders / "base", other)


def test_drift_stands_beside_where_both_are_scored(folders: Path) -> None:
    with opened_side(str(folders / "base")) as (base, tool), opened_side(str(folders / "second")) as (new, other):
        for bench, label, value in ((base, tool, 50.0), (new, other, 40.0)):
            bench.add_metrics([an_info("m")])
            for i, clip in enumerate(bench.clips(models=[label])):
                give(bench, clip, m=value + i)
        report = regress(Run(name="base", bench=base, tool=tool), Run(name="new", bench=new, tool=other))
    (drift,) = report.drift
    assert (drift.effect, drift.verdict) == (pytest.approx(-10.0), "worse")
