"""`ClipMetric`: the scorer's numbers from tensors, means and failures counted, the same on two processes as on one."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.fakes import tiny_models
from vbench.errors import MetricError, OptionError
from vbench.records import Prompt
from vbench.score import measure_file
from vbench.score.torch_metric import ClipMetric


def drifting(n: int = 16, seed: int = 0, width: int = 96, height: int = 64, step: int = 3) -> Any:
    """A texture that moves right, uint8 (n, 3, H, W)."""
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 256, (height // 8, width // 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = np.stack([texture[:, i * step : i * step + width] for i in range(n)])
    return torch.tensor(frames).permute(0, 3, 1, 2)


def from_files(clip: Any, folder: Any, metric: Any, **options: Any) -> Any:
    folder.mkdir()
    for i, frame in enumerate(clip.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(frame).save(folder / f"{i:04d}.png")
    _, outcomes = measure_file(folder, metrics=[metric], device="cpu", **options)
    return {score.key.metric: score.value for score in outcomes.scores}[metric]


@pytest.mark.parametrize(
    "name", ["motion_amount", "appearance_consistency", "sharpness", "cut_count", "overall_motion"]
)
def test_a_tensor_measures_as_its_lossless_file_does(tmp_path: Path, name: str) -> None:
    clip = drifting()
    metric = ClipMetric(name, device="cpu")
    metric.update(clip, fps=24)
    assert float(metric.compute()) == pytest.approx(from_files(clip, tmp_path / "clip", name), abs=1e-9)


def test_backbones_and_prompts_too(tmp_path: Path) -> None:
    settings = {"clip.model": str(tiny_models.tiny_clip(tmp_path / "weights"))}
    clip = drifting()
    metric = ClipMetric("clip_alignment", settings=settings, device="cpu")
    metric.update(clip, "a red ball", fps=24)
    expected = from_files(
        clip, tmp_path / "clip", "clip_alignment", settings=settings, prompt=Prompt(id="p", text="a red ball")
    )
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-5)


def test_mean_values_and_failures_over_batches_and_lists() -> None:
    metric = ClipMetric("appearance_consistency", device="cpu")
    clips = [drifting(seed=s, step=s) for s in (1, 2, 3)]
    metric.update(torch.stack(clips[:2]))
    metric.update([clips[2], clips[0][:1]], fps=[24, 24])  # a single frame has no neighbour
    singles = []
    for clip in clips:
        one = ClipMetric("appearance_consistency", device="cpu")
        one.update(clip)
        singles.append(float(one.compute()))
    assert float(metric.compute()) == pytest.approx(np.mean(singles), abs=1e-12)
    assert metric.per_clip().tolist() == pytest.approx(singles, abs=1e-6)
    assert metric.n_failed() == 1
    assert "at least 2 frames" in metric.reasons[0]
    assert metric.higher_is_better is True
    metric.reset()
    assert metric.n_failed() == 0
    assert metric.reasons == []


def test_nothing_measured_is_an_error_and_not_a_number() -> None:
    metric = ClipMetric("appearance_consistency", device="cpu")
    metric.update(drifting(n=1))
    with pytest.raises(MetricError, match=r"none of 1 clips could be measured; the first: .* at least 2 frames"):
        metric.compute()


def test_forward_gives_the_mean_of_its_own_clips() -> None:
    metric = ClipMetric("appearance_consistency", device="cpu")
    first, second = float(metric(drifting(step=1))), float(metric(drifting(step=5)))
    assert first > second
    assert float(metric.compute()) == pytest.approx((first + second) / 2, abs=1e-6)
    with pytest.raises(MetricError, match="no clip of this call"):
        metric(drifting(n=1))
    assert metric.n_failed() == 1
    assert float(metric.compute()) == pytest.approx((first + second) / 2, abs=1e-6)


def test_a_copy_leaves_the_backbones_behind_and_goes_on(tmp_path: Path) -> None:
    settings = {"vbench.dino.model": str(tiny_models.tiny_dino(tmp_path / "dino"))}
    metric = ClipMetric("vbench.subject_consistency", settings=settings, device="cpu")
    metric.update(drifting())
    copied = pickle.loads(pickle.dumps(metric))
    assert len(pickle.dumps(metric)) < 20_000
    copied.update(drifting())
    assert copied.per_clip().tolist() == pytest.approx([float(metric.compute())] * 2, abs=1e-6)


@pytest.mark.parametrize(
    ("frames", "more", "says"),
    [
        (torch.zeros(4, 3, 8, 8), {}, r"float32 \(4, 3, 8, 8\)"),
        (torch.zeros(4, 8, 8, 3, dtype=torch.uint8), {}, r"\(4, 8, 8, 3\)"),
        (torch.zeros(2, 4, 3, 8, 8, dtype=torch.uint8), {"text": ["one"]}, "2 clips, but 1 prompts"),
        (torch.zeros(4, 3, 8, 8, dtype=torch.uint8), {"fps": 0}, "fps is 0"),
    ],
)
def test_wrong_arguments_are_named(frames: Any, more: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        ClipMetric("motion_amount", device="cpu").update(frames, **more)


def test_metrics_and_the_stage_stay_light_without_it() -> None:
    code = "import sys, vbench.metrics, vbench.score; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_processes_give_the_number_of_one(tmp_path: Path) -> None:
    """Uneven shares: one process gets three clips and a failure, the other one clip."""
    clips = [drifting(seed=s, step=s) for s in (1, 2, 3, 4)]
    alone = ClipMetric("appearance_consistency", device="cpu")
    alone.update([*clips, clips[0][:1]])
    torch.save(clips, tmp_path / "clips.pt")
    script = textwrap.dedent(
        """
        import sys, torch, torch.distributed as dist
        from vbench.score.torch_metric import ClipMetric
        folder, rank = sys.argv[1], int(sys.argv[2])
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
        clips = torch.load(f"{folder}/clips.pt")
        metric = ClipMetric("appearance_consistency", device="cpu")
        for clip in [clips[0], clips[1], clips[2], clips[0][:1]] if rank == 0 else [clips[3]]:
            metric.update(clip)
        torch.save((metric.compute(), metric.per_clip(), metric.n_failed(), metric.count), f"{folder}/{rank}.pt")
        dist.destroy_process_group()
        """
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(rank)]) for rank in range(2)]
    assert [process.wait(timeout=240) for process in running] == [0, 0]
    for rank in range(2):
        mean, values, n_failed, own = torch.load(tmp_path / f"{rank}.pt")
        assert float(mean) == pytest.approx(float(alone.compute()), abs=1e-12)
        assert values.tolist() == pytest.approx(alone.per_clip().tolist(), abs=1e-7)
        assert n_failed == 1
        assert int(own) == (3, 1)[rank]  # its own share is back after the sync
