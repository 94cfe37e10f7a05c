"""Distances between sets against scipy's matrix root, loops and torchmetrics' own KID; the command on real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.image.kid import KernelInceptionDistance
from typer.testing import CliRunner

from tests.fakes import tiny_models
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.importing import import_folder
from vbench.records import Prompt
from vbench.score import distance as sets
from vbench.video import write_clip


def some(n: Any, dims: int = 5, shift: float = 0.0, scale: float = 1.0, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dims)) * scale + shift


def test_frechet_is_the_closed_form() -> None:
    a, b = some(40, shift=0.4, seed=1), some(30, scale=1.7, seed=2)
    sa, sb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(sa @ sb).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(sa + sb - 2 * root)
    assert sets.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert sets.frechet_distance(a, a) == pytest.approx(0, abs=1e-5)


def test_coordinates_of_the_span_change_no_distance() -> None:
    """12 clips of 40 dimensions: the covariance has no full rank."""
    both = some(12, dims=40)
    flat = sets.spanned(both)
    assert flat.shape == (12, 11)
    assert np.linalg.norm(flat[3] - flat[7]) == pytest.approx(np.linalg.norm(both[3] - both[7]))
    assert sets.frechet_distance(flat[:7], flat[7:]) == pytest.approx(
        sets.frechet_distance(both[:7], both[7:]), rel=1e-3
    )


def test_kernel_distance_is_the_unbiased_loop_and_torchmetrics_kid() -> None:
    a, b = some(7, seed=1), some(5, shift=0.5, seed=2)

    def kernel(x: Any, y: Any) -> Any:
        return (float(x @ y) + 1) ** 3

    within = [
        sum(kernel(x, y) for i, x in enumerate(side) for j, y in enumerate(side) if i != j)
        / len(side)
        / (len(side) - 1)
        for side in (a, b)
    ]
    expected = sum(within) - 2 * np.mean([kernel(x, y) for x in a for y in b])
    gram = sets.kernel_matrix(np.concatenate([a, b]))
    assert sets.kernel_distance(gram, np.arange(12) < 7) == pytest.approx(expected, rel=1e-9)
    theirs = KernelInceptionDistance(feature=torch.nn.Identity(), subsets=1, subset_size=5, gamma=1.0)
    theirs.update(torch.tensor(a[:5]), real=True)
    theirs.update(torch.tensor(b), real=False)
    gram = sets.kernel_matrix(np.concatenate([a[:5], b]))
    assert sets.kernel_distance(gram, np.arange(10) < 5) == pytest.approx(float(theirs.compute()[0]), rel=1e-9)


def test_equal_sets_are_told_from_different_ones() -> None:
    same = sets.compare("a", "b", "x", some(30, seed=1), some(30, seed=2))
    other = sets.compare("a", "b", "x", some(30, seed=1), some(30, shift=0.8, seed=2))
    assert same.p_value > 0.05
    assert other.p_value == pytest.approx(1 / 500)
    assert other.kernel > same.kernel
    assert same.frechet > 0.1  # the bias of 30 clips alone
    assert same.frechet == pytest.approx(same.frechet_of_equals, rel=0.6)
    assert other.frechet > 3 * other.frechet_of_equals


def test_what_prompts_share_is_no_difference_between_tools() -> None:
    """Clips of a prompt are alike; swapping within prompts sees the small shift that shuffling clips would not."""
    common = some(16, scale=3.0, seed=5)
    a, b = common + some(16, scale=0.05, seed=6), common + some(16, scale=0.05, shift=0.1, seed=7)
    names = [f"p{i}" for i in range(16)]
    assert sets.compare("a", "b", "x", a, b).p_value > 0.2
    by_prompt = sets.compare("a", "b", "x", a, b, names, names)
    assert by_prompt.is_by_prompt
    assert by_prompt.p_value < 0.01


def test_sizes_are_said() -> None:
    found = sets.compare("a", "b", "x", some(6, dims=20, seed=1), some(9, dims=20, seed=2))
    assert any("6 clips span at most 5 of 20 dimensions" in note for note in found.notes)
    assert any("biased upwards at 6 and 9 clips" in note for note in found.notes)
    assert not any("span" in note for note in sets.compare("a", "b", "x", some(40), some(40)).notes)
    few = sets.compare("a", "b", "x", some(4, seed=1), some(4, seed=2), ["p", "q", "r", "s"], ["p", "q", "r", "s"])
    assert any("4 prompts" in note for note in few.notes)


# --- files --------------------------------------------------------------------------------------------------


def footage(path: Any, colour: Any, seed: Any) -> None:
    rng = np.random.default_rng(seed)
    frames = np.full((6, 48, 64, 3), colour, np.uint8)
    left = rng.integers(0, 40)
    frames[:, 10:30, left : left + 20] = rng.integers(0, 255, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(frames, path, fps=8)


@pytest.fixture
def places(tmp_path: Path) -> Any:
    """A bench with two tools that paint on the same ground, and a folder of footage on another."""
    for i in range(6):
        footage(tmp_path / "clips" / "one" / f"p{i}-0.mp4", (40, 60, 80), i)
        footage(tmp_path / "clips" / "two" / f"p{i}-0.mp4", (40, 60, 80), i + 100)
        footage(tmp_path / "real" / "deep" / f"take {i}.mp4", (220, 200, 30), i + 200)
    with Bench.open(tmp_path / "bench") as bench:
        import_folder(bench, tmp_path / "clips", prompts=[Prompt(id=f"p{i}", text=f"scene {i}") for i in range(6)])
    return tmp_path


def run(places: Any, *args: Any) -> Any:
    from vbench.cli import app

    return CliRunner().invoke(app, ["distance", "--bench", str(places / "bench"), *args], catch_exceptions=False)


def test_command_tells_tools_apart_from_footage(places: Any) -> None:
    both = json.loads(run(places, "--a", "one", "--b", "two", "--features", "appearance", "--json").stdout)
    real = json.loads(
        run(places, "--a", "one", "--b", str(places / "real"), "--features", "appearance", "--json").stdout
    )
    assert (both["n_a"], both["n_b"], both["is_by_prompt"], real["is_by_prompt"]) == (6, 6, True, False)
    assert real["kernel"] > 10 * abs(both["kernel"])
    assert real["p_value"] < 0.02
    text = run(places, "--a", "one", "--b", "two", "--features", "appearance").stdout
    assert "note: 6 clips span at most 5 of 897 dimensions" in text


def test_a_backbone_of_choice(places: Any) -> None:
    weights = tiny_models.tiny_clip(places / "weights")
    out = run(
        places,
        "--a",
        "one",
        "--b",
        str(places / "real"),
        "--features",
        "clip",
        "--set",
        f"clip.model={weights}",
        "--device",
        "cpu",
        "--json",
    )
    assert json.loads(out.stdout)["dims"] == 24


def test_broken_files_are_counted(places: Any) -> None:
    (places / "real" / "broken.mp4").write_bytes(b"no video")
    with Bench.open(places / "bench", create=False) as bench:
        found = sets.distance(bench, "one", str(places / "real"), features="appearance", workers=1)
    assert found.n_b == 6
    assert "1 of 7 clips" in found.notes[0]
    assert "broken.mp4" in found.notes[0]


@pytest.mark.parametrize(
    ("a", "b", "features", "says"),
    [
        ("on", "two", "appearance", "did you mean one"),
        ("one", "two", "dyno", "did you mean dino"),
        ("one", "two", "steps", "gives Steps, not embeddings"),
        ("one", "empty", "appearance", "no video files"),
    ],
)
def test_wrong_wishes_are_named(
    places: Any, monkeypatch: pytest.MonkeyPatch, a: str, b: str, features: str, says: str
) -> None:
    (places / "empty").mkdir()
    monkeypatch.chdir(places)
    with Bench.open(places / "bench", create=False) as bench, pytest.raises(OptionError, match=says):
        sets.distance(bench, a, b, features=features, workers=1)


def test_three_clips_are_too_few(places: Any) -> None:
    for i in range(3):
        (places / "real" / "deep" / f"take {i}.mp4").unlink()
    with Bench.open(places / "bench", create=False) as bench, pytest.raises(OptionError, match="at least 4"):
        sets.distance(bench, "one", str(places / "real"), features="appearance", workers=1)
