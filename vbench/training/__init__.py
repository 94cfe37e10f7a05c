"""Validation while a video model trains: the same prompts at every checkpoint, measured, compared, sent to trackers."""

from __future__ import annotations

from vbench.training.callbacks import after_step, lightning_callback, trainer_callback
from vbench.training.trackers import MLflowTracker, TensorBoardTracker, Tracker, TrackioTracker, WandbTracker
from vbench.training.validation import Checkpoint, Validation, maker_of

__all__ = [
    "Checkpoint",
    "MLflowTracker",
    "TensorBoardTracker",
    "Tracker",
    "TrackioTracker",
    "Validation",
    "WandbTracker",
    "after_step",
    "lightning_callback",
    "maker_of",
    "trainer_callback",
]
