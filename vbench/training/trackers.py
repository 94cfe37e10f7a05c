"""Where a training run is watched: TensorBoard, trackio, MLflow, Weights & Biases, behind one small protocol."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

STRIP = 8
"""Pictures of a clip that stand in a row, where a tracker shows no video."""


class Tracker(Protocol):
    """What a validation sends; each call is of one step."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name."""

    def clip(self, step: int, name: str, path: Path) -> None:
        """A video file."""

    def text(self, step: int, name: str, markdown: str) -> None:
        """A comparison in words."""

    def close(self) -> None:
        """Write what is left."""


class TensorBoardTracker:
    """Event files in a folder; a clip is shown as a row of its pictures.

    Args:
        folder: As ``tensorboard --logdir``.
    """

    def __init__(self, folder: str | Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def clip(self, step: int, name: str, path: Path) -> None:
        self._writer.add_image(name, strip(path), step, dataformats="HWC")

    def text(self, step: int, name: str, markdown: str) -> None:
        self._writer.add_text(name, markdown, step)

    def close(self) -> None:
        self._writer.close()


class WandbTracker:
    """A run of Weights & Biases.

    Args:
        options: For ``wandb.init``: project, name, ``mode="offline"``, ...
    """

    def __init__(self, **options: Any) -> None:
        import wandb

        self._wandb = wandb
        self._run: Any = wandb.init(**options)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({**values, "validation_step": step})

    def clip(self, step: int, name: str, path: Path) -> None:
        self._run.log({name: self._wandb.Video(str(path), format="mp4"), "validation_step": step})

    def text(self, step: int, name: str, markdown: str) -> None:
        self._run.log({name: self._wandb.Html(f"<pre>{escape(markdown)}</pre>"), "validation_step": step})

    def close(self) -> None:
        self._run.finish()


class TrackioTracker:
    """A run of trackio, whose files lie on this machine.

    Args:
        options: For ``trackio.init``: project, name, ...
    """

    def __init__(self, **options: Any) -> None:
        import trackio

        self._trackio = trackio
        trackio.init(**options)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._trackio.log(dict(values), step=step)

    def clip(self, step: int, name: str, path: Path) -> None:
        self._trackio.log({name: self._trackio.Video(str(path), format="mp4")}, step=step)

    def text(self, step: int, name: str, markdown: str) -> None:
        self._trackio.log({name: markdown}, step=step)

    def close(self) -> None:
        self._trackio.finish()


class MLflowTracker:
    """A run of MLflow; clips and comparisons are its artifacts.

    Args:
        tracking_uri: A server, or ``file:/folder`` and ``sqlite:///file`` on this machine; None: as MLflow is set.
        experiment: Name of the experiment; made where it is not there.
        run_name: Of the run.
    """

    def __init__(self, tracking_uri: str | None = None, *, experiment: str = "vbench", run_name: str = "") -> None:
        import mlflow

        self._client: Any = mlflow.MlflowClient(tracking_uri)
        known = self._client.get_experiment_by_name(experiment)
        number = known.experiment_id if known is not None else self._client.create_experiment(experiment)
        self._run: str = self._client.create_run(number, run_name=run_name or None).info.run_id

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=step)

    def clip(self, step: int, name: str, path: Path) -> None:
        self._client.log_artifact(self._run, str(path), f"{name}/{step}")

    def text(self, step: int, name: str, markdown: str) -> None:
        self._client.log_text(self._run, markdown, f"{name}/{step}.md")

    def close(self) -> None:
        self._client.set_terminated(self._run)


def strip(path: Path) -> NDArray[np.uint8]:
    """Pictures of a clip from its start to its end in one row, RGB uint8 (H, W, 3), at most 160 pixels high."""
    from vbench.video import probe, read_frames

    facts = probe(path)
    height = min(160, facts.height)
    size = max(1, round(facts.width * height / facts.height)), height
    wanted = set(np.linspace(0, max(0, facts.n_frames - 1), STRIP).round().astype(int).tolist())
    pictures = [frame.rgb(size) for frame in read_frames(path) if frame.index in wanted]
    row: NDArray[np.uint8] = np.concatenate(pictures, axis=1)
    return row
