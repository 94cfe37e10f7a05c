"""Measures as pure functions of features; one module per family. Names in the order they are shown."""

from __future__ import annotations

from importlib import import_module

from vbench.registry import Registry

METRICS = Registry(
    "vbench.metrics",
    "metric",
    {
        "overall": "vbench.metrics.overall:OVERALL",
        "overall_temporal": "vbench.metrics.overall:TEMPORAL",
        "overall_motion": "vbench.metrics.overall:MOTION",
        "overall_picture": "vbench.metrics.overall:PICTURE",
        "overall_text": "vbench.metrics.overall:TEXT",
        "temporal_consistency": "vbench.metrics.consistency:TEMPORAL_CONSISTENCY",
        "temporal_drift": "vbench.metrics.consistency:TEMPORAL_DRIFT",
        "temporal_worst": "vbench.metrics.consistency:TEMPORAL_WORST",
        "temporal_horizon": "vbench.metrics.consistency:TEMPORAL_HORIZON",
        "temporal_gated": "vbench.metrics.gated:TEMPORAL_GATED",
        "subject_consistency": "vbench.metrics.consistency:SUBJECT_CONSISTENCY",
        "background_consistency": "vbench.metrics.consistency:BACKGROUND_CONSISTENCY",
        "appearance_consistency": "vbench.metrics.consistency:APPEARANCE_CONSISTENCY",
        "appearance_drift": "vbench.metrics.consistency:APPEARANCE_DRIFT",
        "appearance_worst": "vbench.metrics.consistency:APPEARANCE_WORST",
        "appearance_gated": "vbench.metrics.gated:APPEARANCE_GATED",
        "flicker": "vbench.metrics.flicker:FLICKER",
        "flicker_hf": "vbench.metrics.flicker:FLICKER_HF",
        "warp_residual": "vbench.metrics.flicker:WARP_RESIDUAL",
        "motion_amount": "vbench.metrics.motion:MOTION_AMOUNT",
        "motion_p95": "vbench.metrics.motion:MOTION_P95",
        "motion_camera": "vbench.metrics.motion:MOTION_CAMERA",
        "motion_subject": "vbench.metrics.motion:MOTION_SUBJECT",
        "motion_coherent": "vbench.metrics.motion:MOTION_COHERENT",
        "motion_jerk": "vbench.metrics.motion:MOTION_JERK",
        "camera_move": "vbench.metrics.camera:CAMERA_MOVE",
        "freeze_ratio": "vbench.metrics.breaks:FREEZE_RATIO",
        "freeze_longest": "vbench.metrics.breaks:FREEZE_LONGEST",
        "duplicate_ratio": "vbench.metrics.breaks:DUPLICATE_RATIO",
        "cut_count": "vbench.metrics.breaks:CUT_COUNT",
        "black_ratio": "vbench.metrics.breaks:BLACK_RATIO",
        "sharpness": "vbench.metrics.picture:SHARPNESS",
        "noise": "vbench.metrics.picture:NOISE",
        "blockiness": "vbench.metrics.picture:BLOCKINESS",
        "banding": "vbench.metrics.picture:BANDING",
        "exposure": "vbench.metrics.picture:EXPOSURE",
        "colour_cast": "vbench.metrics.picture:COLOUR_CAST",
        "letterbox": "vbench.metrics.picture:LETTERBOX",
        "aesthetic": "vbench.metrics.picture:AESTHETIC",
        "technical": "vbench.metrics.picture:TECHNICAL",
        "clip_alignment": "vbench.metrics.alignment:CLIP_ALIGNMENT",
        "align_rank": "vbench.metrics.alignment:ALIGN_RANK",
        "align_margin": "vbench.metrics.alignment:ALIGN_MARGIN",
        "video_alignment": "vbench.metrics.alignment:VIDEO_ALIGNMENT",
        "sound_present": "vbench.metrics.sound:SOUND_PRESENT",
        "loudness_lufs": "vbench.metrics.sound:LOUDNESS_LUFS",
        "silence_ratio": "vbench.metrics.sound:SILENCE_RATIO",
        "clipping_ratio": "vbench.metrics.sound:CLIPPING_RATIO",
        "spec_adherence": "vbench.metrics.spec:SPEC_ADHERENCE",
        "vbench.subject_consistency": "vbench.vbench1.metrics:SUBJECT_CONSISTENCY",
        "vbench.background_consistency": "vbench.vbench1.metrics:BACKGROUND_CONSISTENCY",
        "vbench.temporal_flickering": "vbench.vbench1.metrics:TEMPORAL_FLICKERING",
        "vbench.static": "vbench.vbench1.metrics:STATIC",
        "vbench.dynamic_degree": "vbench.vbench1.metrics:DYNAMIC_DEGREE",
        "vbench.aesthetic_quality": "vbench.vbench1.metrics:AESTHETIC_QUALITY",
        "vbench.appearance_style": "vbench.vbench1.metrics:APPEARANCE_STYLE",
        "vbench.temporal_style": "vbench.vbench1.metrics:TEMPORAL_STYLE",
        "vbench.overall_consistency": "vbench.vbench1.metrics:OVERALL_CONSISTENCY",
    },
)


def __getattr__(name: str) -> object:
    """`ClipMetric`, which loads torch, only when it is asked for."""
    if name == "ClipMetric":
        return getattr(import_module("vbench.score.torch_metric"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
