"""One call of a diffusers pipeline: what goes in is checked, what comes out is read."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vbench.adapters.diffusers.options import DiffusersOptions
from vbench.adapters.values import picture_file
from vbench.errors import JobError, OptionError

if TYPE_CHECKING:
    import numpy as np


def call_pipeline(pipeline: Any, call: Mapping[str, Any], options: DiffusersOptions) -> Any:
    """Run it; modular pipelines are asked for their fields by name."""
    if options.modular is None:
        return pipeline(**call, output_type="np")
    wanted = [options.result, *([options.audio] if options.audio else [])]
    return pipeline(**call, output_type="np", output=wanted)


def check_arguments(model: str, pipeline: Any, call: Mapping[str, Any]) -> None:
    """Refuse a call that the pipeline would reject or, worse, ignore.

    Raises:
        OptionError: the card names an argument the pipeline has not.
    """
    blocks = getattr(pipeline, "blocks", None)
    known = {p.name for p in blocks.inputs} if blocks is not None else set(inspect.signature(pipeline).parameters)
    if unknown := sorted(call.keys() - known):
        raise OptionError(
            f"{model}: {type(pipeline).__name__} has no argument {', '.join(unknown)}; it takes "
            f"{', '.join(sorted(filter(None, known)))}; correct options.arguments or options.call in its card"
        )


def truncation_warnings(pipeline: Any, call: Mapping[str, Any], prompt: str) -> list[str]:
    """A warning where the text encoder cuts the prompt off, which pipelines do in silence."""
    tokenizer = getattr(pipeline, "tokenizer", None)
    if tokenizer is None:
        return []
    parameter = inspect.signature(pipeline).parameters.get("max_sequence_length")
    limit = call.get("max_sequence_length", parameter.default if parameter is not None else tokenizer.model_max_length)
    n_tokens = len(tokenizer(call[prompt], truncation=False, verbose=False).input_ids)
    if isinstance(limit, int) and n_tokens > limit:
        return [f"the prompt has {n_tokens} tokens, its text encoder reads {limit}; the rest had no effect"]
    return []


def video_of(model: str, result: Any, field: str, *, batched: bool = True) -> np.ndarray[Any, Any]:
    """The frames of the first clip of a pipeline's output, float in [0, 1], (T, H, W, 3).

    Raises:
        JobError: there are none, or they are not numbers.
    """
    import numpy as np

    clips = result.get(field) if isinstance(result, Mapping) else getattr(result, field, None)
    if clips is None or len(clips) == 0:
        raise JobError(f"{model}: the pipeline's output has no {field!r}; set options.result", code="empty_result")
    frames = np.asarray(clips[0] if batched else clips, dtype=np.float32)
    if frames.ndim != 4 or frames.shape[-1] != 3 or len(frames) == 0:
        raise JobError(
            f"{model}: {field!r} has the shape {frames.shape}, expected (frames, height, width, 3)", code="empty_result"
        )
    if not np.isfinite(frames).all():
        raise JobError(
            f"{model}: the pipeline made pixels that are not numbers, as half precision may; "
            "set options.dtypes.vae to float32 in its card",
            code="empty_result",
        )
    return frames


def sound_of(result: Any, field: str, *, batched: bool = True) -> np.ndarray[Any, Any]:
    """The waveform of the first clip, float32 in [-1, 1], (samples, channels)."""
    import numpy as np
    import torch

    waves: Any = result.get(field) if isinstance(result, Mapping) else getattr(result, field)
    first = waves[0] if batched else waves
    wave = first.detach().float().cpu().numpy() if isinstance(first, torch.Tensor) else np.asarray(first, np.float32)
    return wave[:, None] if wave.ndim == 1 else np.ascontiguousarray(wave.T)  # pipelines give (channels, samples)


def pictures(body: Mapping[str, Any], options: DiffusersOptions) -> dict[str, Any]:
    """The arguments that carry a prompt's pictures: frames upright and cropped about their centre to the clip's size,
    references as they are.

    Raises:
        JobError: one is gone, or has changed since it was planned.
    """
    from PIL import Image, ImageOps

    a, size = options.arguments, (body["width"], body["height"])
    frames = {
        name: ImageOps.fit(picture_file(body[name], body[f"{name}_sha256"]), size, Image.Resampling.LANCZOS)
        for name in ("image", "last_image")
        if name in body
    }
    call: dict[str, Any] = {}
    if "references" in body and a.references is not None:
        call[a.references] = [
            picture_file(*pair) for pair in zip(body["references"], body["references_sha256"], strict=True)
        ]
    if frames and a.video is not None and a.mask is not None:
        n_frames = body["call"][str(a.frames)]
        ends = {0: frames.get("image"), n_frames - 1: frames.get("last_image")}
        grey, to_make, given = Image.new("RGB", size, (128,) * 3), Image.new("L", size, 255), Image.new("L", size, 0)
        call[a.video] = [ends.get(n) or grey for n in range(n_frames)]
        call[a.mask] = [given if ends.get(n) else to_make for n in range(n_frames)]
    elif "image" in frames and options.image_form == "clip":
        call[str(a.image)] = _clip_of(frames["image"])
    elif frames:
        call |= {
            str(name): frames[key] for key, name in (("image", a.image), ("last_image", a.last_image)) if key in frames
        }
    return call


def _clip_of(picture: Any) -> Any:
    """A clip of one frame, floats in [0, 1], (1, 1, 3, H, W)."""
    import numpy as np
    import torch

    pixels = np.asarray(picture, np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None, None]
