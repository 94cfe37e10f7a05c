"""Validation in a training run: real clips, scores, comparisons, and trackers that are there, away or offline."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vbench.errors import OptionError
from vbench.records import Prompt
from vbench.training import MLflowTracker, TensorBoardTracker, TrackioTracker, Validation, WandbTracker, maker_of
from vbench.training.validation import Maker, label_of
from vbench.video import write_clip

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(6)]
METRICS = ["sharpness", "exposure"]


def maker(level: float) -> Maker:
    """Clips that are blurred below a half and sharp above it."""

    def make(prompt: Prompt, seed: int) -> NDArray[np.float32]:
        rng = np.random.default_rng([PROMPTS.index(prompt), seed])
        picture = rng.random((48, 64, 3)).astype(np.float32)
        shown = cv2.GaussianBlur(picture, (0, 0), 3) if level < 0.5 else picture
        return np.stack([np.roll(shown, i, axis=1) for i in range(4)])

    return make


class Recorder:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, Any]] = []

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.told.append(("scalars", step, dict(values)))

    def clip(self, step: int, name: str, path: Path) -> None:
        self.told.append(("clip", step, (name, path.exists())))

    def text(self, step: int, name: str, markdown: str) -> None:
        self.told.append(("text", step, markdown))

    def close(self) -> None:
        self.told.append(("close", 0, None))


def test_steps_become_checkpoints_that_are_compared(tmp_path: Path) -> None:
    recorder = Recorder()
    validation = Validation(PROMPTS, bench=tmp_path, every=10, metrics=METRICS, trackers=[recorder], clips_shown=2)
    found = [validation.step(step, maker(0.2 if step < 15 else 0.9), fps=4) for step in range(1, 21)]
    first, second = (checkpoint for checkpoint in found if checkpoint is not None)
    assert (first.step, second.step, second.n_clips) == (10, 20, 6)
    assert first.versus is None
    assert second.versus is not None
    sharper = next(row for row in second.versus.rows if row.metric == "sharpness")
    assert sharper.effect > 0
    assert sharper.verdict in ("better", "different")
    assert second.means["sharpness"] > first.means["sharpness"]
    assert [row.model for row in validation.board(["sharpness"]).rows] == [label_of(20), label_of(10)]
    assert validation.step(20, maker(0.5)) is None, "a checkpoint is validated once"
    validation.close()
    kinds = [kind for kind, _, _ in recorder.told]
    assert kinds == ["scalars", "clip", "clip", "text"] * 2 + ["close"]
    assert recorder.told[1][2] == ("validation/p0-0", True)
    assert "| sharpness |" in recorder.told[7][2]


def test_a_clip_that_cannot_be_made_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    good = maker(0.5)

    def make(prompt: Prompt, seed: int) -> NDArray[Any]:
        if prompt.id == "p1":
            raise RuntimeError("CUDA out of memory\nmore")
        made: NDArray[Any] = np.asarray(good(prompt, seed))
        return made

    validation = Validation(PROMPTS, bench=tmp_path, every=1, metrics=METRICS)
    checkpoint = validation.at(1, make, fps=4)
    assert checkpoint.n_clips == 5
    assert checkpoint.failures == ("p1, seed 0: CUDA out of memory",)
    assert [failure.subject for failure in validation.bench.failures("generate")] == [f"{label_of(1)}/p1-0"]
    validation.close()


def test_a_folder_that_fills_is_validated_once_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    for step, n in ((100, 6), (200, 5)):
        place = folder / f"checkpoint-{step}"
        place.mkdir(parents=True)
        for prompt in PROMPTS[:n]:
            write_clip(list(maker(0.5)(prompt, 0)), place / f"{prompt.id}-0.mp4", fps=4)  # type: ignore[arg-type]
    validation = Validation(PROMPTS, bench=tmp_path / "bench", metrics=METRICS)
    assert [checkpoint.step for checkpoint in validation.collect(folder)] == [100]
    write_clip(list(maker(0.5)(PROMPTS[5], 0)), folder / "checkpoint-200" / "p5-0.mp4", fps=4)  # type: ignore[arg-type]
    assert [checkpoint.step for checkpoint in validation.collect(folder)] == [200]
    assert validation.collect(folder) == []
    validation.close()


def test_a_tracker_that_is_away_stops_nothing(tmp_path: Path) -> None:
    class Away(Recorder):
        def scalars(self, step: int, values: Mapping[str, float]) -> None:
            raise ConnectionError("no route to host")

    away = Away()
    validation = Validation(PROMPTS, bench=tmp_path, metrics=METRICS, trackers=[away])
    with pytest.warns(UserWarning, match="Away: no route to host"):
        checkpoint = validation.at(1, maker(0.5), fps=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # told once
        validation.at(2, maker(0.5), fps=4)
    assert checkpoint.n_clips == 6
    assert validation.troubles == ["Away: no route to host"]
    assert [kind for kind, _, _ in away.told].count("clip") == 8
    validation.close()


def test_nothing_to_validate_is_told(tmp_path: Path) -> None:
    for wrong in ({"prompts": []}, {"prompts": PROMPTS, "seeds": ()}, {"prompts": PROMPTS, "every": 0}):
        with pytest.raises(OptionError, match="needs one of each"):
            Validation(**{"bench": tmp_path, **wrong})  # type: ignore[arg-type]


def test_a_tiny_pipeline_and_tensorboard_for_real(tmp_path: Path) -> None:
    tiny = pytest.importorskip("tests.fakes.tiny_pipelines")
    from diffusers import DiffusionPipeline
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pipeline = DiffusionPipeline.from_pretrained(tiny.save("wan", tmp_path / "wan"))
    pipeline.set_progress_bar_config(disable=True)
    wish = tiny.OPTIONS["wan"]["defaults"]
    make = maker_of(
        pipeline, num_frames=wish["frames"], width=wish["width"], height=wish["height"], num_inference_steps=1
    )
    tracker = TensorBoardTracker(tmp_path / "logs")
    validation = Validation(PROMPTS[:2], bench=tmp_path / "bench", metrics=METRICS, trackers=[tracker])
    checkpoint = validation.at(500, make, fps=16)
    validation.close()
    assert (checkpoint.n_clips, checkpoint.failures, validation.troubles) == (2, (), [])
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    (point,) = events.Scalars("validation/sharpness")
    assert (point.step, point.value) == (500, pytest.approx(checkpoint.means["sharpness"], rel=1e-5))
    assert len(events.Images("validation/p0-0")) == 1


def test_trackio_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackio = pytest.importorskip("trackio")
    monkeypatch.setattr("trackio.utils.TRACKIO_DIR", tmp_path / "trackio", raising=False)
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    tracker = TrackioTracker(project=f"vbench-{tmp_path.name}", name="run", embed=False)
    run(tracker, tmp_path)
    assert trackio is not None


def test_wandb_offline_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run(WandbTracker(project="p", mode="offline", dir=str(tmp_path)), tmp_path)
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
    assert list((tmp_path / "wandb").glob("offline-run-*/files/media/videos/validation/*.mp4"))


def test_mlflow_for_real(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    address = f"file:{tmp_path / 'mlruns'}"
    run(MLflowTracker(address, experiment="e"), tmp_path)
    client = mlflow.MlflowClient(address)
    (done,) = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    assert done.data.metrics.keys() == {"validation/sharpness", "validation/exposure"}
    assert done.info.status == "FINISHED"


def run(tracker: Any, folder: Path) -> None:
    """Two checkpoints through a tracker, none of which it had trouble with."""
    validation = Validation(PROMPTS[:2], bench=folder / "bench", metrics=METRICS, trackers=[tracker], clips_shown=1)
    for step, level in ((1, 0.3), (2, 0.8)):
        validation.at(step, maker(level), fps=4)
    validation.close()
    assert validation.troubles == []
