"""A validation in the loops that people use: Accelerate, Lightning, the Trainer of transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vbench.training.validation import Checkpoint, Maker, Validation

MakerOf = Callable[[Any], Maker]
"""The model as the trainer holds it → how to make a clip with it."""


def after_step(
    accelerator: Any, validation: Validation, step: int, make: Maker, *, fps: float = 24.0
) -> Checkpoint | None:
    """Validate in an Accelerate loop: the main process does, the others wait for it.

    Args:
        accelerator: An `accelerate.Accelerator`.
        validation: One, made by every process alike or by the main one.
        step: Training steps done.
        make: See `vbench.training.maker_of`; gets the unwrapped model.
        fps: Of clips given as frames.
    """
    checkpoint = validation.step(step, make, fps=fps) if accelerator.is_main_process else None
    accelerator.wait_for_everyone()
    return checkpoint


def lightning_callback(validation: Validation, maker: MakerOf, *, fps: float = 24.0) -> Any:
    """A `lightning.Callback` that validates after training batches.

    Args:
        validation: One.
        maker: The `LightningModule` → how to make a clip with it.
        fps: Of clips given as frames.
    """
    from lightning.pytorch.callbacks import Callback

    class ValidationCallback(Callback):  # type: ignore[misc,unused-ignore]
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            if not validation.is_due(trainer.global_step):
                return
            if trainer.is_global_zero:
                was_training = pl_module.training
                pl_module.eval()
                validation.step(trainer.global_step, maker(pl_module), fps=fps)
                pl_module.train(was_training)
            trainer.strategy.barrier("vbench validation")

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                validation.close()

    return ValidationCallback()


def trainer_callback(validation: Validation, maker: MakerOf, *, fps: float = 24.0) -> Any:
    """A `transformers.TrainerCallback` that validates after training steps.

    Args:
        validation: One.
        maker: The model that is trained → how to make a clip with it.
        fps: Of clips given as frames.
    """
    from transformers import TrainerCallback

    class StepCallback(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any = None, **_: Any) -> None:
            if state.is_world_process_zero and validation.is_due(state.global_step):
                was_training = model.training
                model.eval()
                validation.step(state.global_step, maker(model), fps=fps)
                model.train(was_training)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                validation.close()

    return StepCallback()
