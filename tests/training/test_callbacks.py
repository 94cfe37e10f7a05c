"""The loops that people use call a validation when it is due, with the model they train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vbench.bench import Bench
from vbench.records import Prompt
from vbench.training import Validation, after_step, lightning_callback, trainer_callback
from vbench.training.validation import Maker, label_of

PROMPTS = [Prompt(id="p", text="prompt")]


def maker(model: Any) -> Maker:
    assert not model.training, "clips are made with the model at rest"

    def make(prompt: Prompt, seed: int) -> NDArray[Any]:
        shade = float(torch.sigmoid(model.weight.detach().mean()))
        return np.full((3, 32, 32, 3), shade, np.float32)

    return make


def validation(folder: Path) -> Validation:
    return Validation(PROMPTS, bench=folder, every=2, metrics=["exposure"])


def steps(folder: Path) -> list[str]:
    with Bench.open(folder, create=False) as bench:
        return sorted({clip.model for clip in bench.clips()})


def test_accelerate(tmp_path: Path) -> None:
    from accelerate import Accelerator

    accelerator, model, mine = Accelerator(cpu=True), torch.nn.Linear(1, 1).eval(), validation(tmp_path)
    for step in range(1, 6):
        after_step(accelerator, mine, step, maker(accelerator.unwrap_model(model)), fps=3)
    mine.close()
    assert steps(tmp_path) == [label_of(2), label_of(4)]


def test_lightning(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning")

    class Model(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)
            self.weight = self.layer.weight

        def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
            assert self.training
            return self.layer(batch).square().mean()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(
        max_steps=5, accelerator="cpu", callbacks=[lightning_callback(validation(tmp_path), maker, fps=3)], **quiet
    )
    trainer.fit(Model(), torch.utils.data.DataLoader(torch.ones(8, 1), batch_size=1))
    assert steps(tmp_path) == [label_of(2), label_of(4)]


def test_the_trainer_of_transformers(tmp_path: Path) -> None:
    from transformers import Trainer, TrainingArguments

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)
            self.weight = self.layer.weight

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": self.layer(x).square().mean()}

    arguments = TrainingArguments(
        output_dir=str(tmp_path / "out"),
        max_steps=5,
        per_device_train_batch_size=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
    )
    data = [{"x": torch.ones(1)} for _ in range(8)]
    callback = trainer_callback(validation(tmp_path / "bench"), maker, fps=3)
    Trainer(model=Model(), args=arguments, train_dataset=data, callbacks=[callback]).train()  # type: ignore[arg-type]
    assert steps(tmp_path / "bench") == [label_of(2), label_of(4)]
