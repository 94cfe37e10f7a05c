"""Any diffusers text-to-video pipeline, pinned to a revision; all that tells two apart is in their cards."""

from __future__ import annotations

import gc
import hashlib
import inspect
import threading
import time
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.adapters.diffusers_options import DiffusersOptions
from vbench.errors import JobError, OptionError
from vbench.records import Handle, Plan, Provenance, Request, Status

if TYPE_CHECKING:
    import numpy as np

    from vbench.catalog.cards import ModelCard

LIBRARIES = ("diffusers", "torch", "transformers", "accelerate", "ftfy")
"""Versions that can change the picture; ftfy cleans prompts in some pipelines where it is installed."""
TOLERANCE = 0.05
"""A clip whose length is off by less than this share of the wish is the length that was asked for."""


class DiffusersAdapter:
    """Samples clips on this machine; the weights are loaded at the first `fetch` and freed by `close`."""

    lane = "device"
    """Jobs of all tools in a lane are made one at a time: two models on one GPU spoil each other's timings."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.options = card.options_as(DiffusersOptions)
        self._pipeline: Any = None
        self._image_pipeline: Any = None
        self._revision = ""
        self._device = ""
        self._load_s = 0.0
        self._n_calls = 0
        self._stopped: set[str] = set()
        self._known_settings: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def plan(self, request: Request) -> Plan:
        """The call that will be made.

        Raises:
            JobError: the pipeline starts from a first frame and the prompt has none, or its image is not there.
        """
        o = self.options
        warnings: list[str] = []
        fps = self._fps(request, warnings)
        width, height = self._size(request, warnings)
        call: dict[str, Any] = {**o.call, o.arguments.prompt: request.text}
        frames = self._frames(request, fps, warnings)
        a = o.arguments
        named = ((a.width, width), (a.height, height), (a.frames, frames), (a.fps, fps))
        call |= {name: value for name, value in named if name is not None}
        if request.negative:
            if self.card.capabilities.negative_prompt and o.arguments.negative:
                call[o.arguments.negative] = request.negative
            else:
                warnings.append("takes no negative prompt; it is left out")
        if request.audio and o.audio is None:
            warnings.append("makes no sound; the clip is silent")
        body: dict[str, Any] = {
            "repo": o.repo,
            "revision": o.revision,
            "call": call,
            "fps": fps,
            "width": width,
            "height": height,
            "seed": request.seed,
        }
        if o.audio is not None:
            body["audio"] = request.audio is not False
        body |= self._image(request, warnings)
        if not o.revision and not Path(o.repo).expanduser().is_dir():
            warnings.append("its card pins no revision; the weights may change under you")
        return Plan(
            model=self.card.id,
            adapter="diffusers",
            request=request,
            body=body,
            identity={"body": body, **self._settings()},
            warnings=tuple(warnings),
            cost_usd=0.0,
            seconds_estimate=o.seconds_per_clip,
        )

    def submit(self, plan: Plan) -> Handle:
        """A handle that holds the whole call, so that a run killed while sampling can sample again."""
        data = {"body": dict(plan.body), "warnings": list(plan.warnings), "prompt_sent": plan.request.text}
        return Handle(id=uuid.uuid4().hex, data=data)

    def poll(self, handle: Handle) -> Status:
        """Always ready: the work is done in `fetch`."""
        return Status(state="succeeded")

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Sample one clip; noise is drawn on the CPU so that every GPU starts from the same latents."""
        from vbench.video import write_clip

        body: Mapping[str, Any] = handle.data["body"]
        with self._lock:  # one pipeline, one clip at a time
            frames, sound, facts, warnings = self._sample(handle.id, body)
        started = time.perf_counter()
        path = out.with_name(out.name + ".mp4")
        facts["encoder"] = write_clip(frames, path, fps=body["fps"], audio=sound).as_dict()
        facts["write_s"] = time.perf_counter() - started
        work_s = facts["encode_s"] + facts["denoise_s"] + facts["decode_s"]
        return path, Provenance(
            origin="generated",
            source=f"{self.options.repo}@{self._revision}" if self._revision else self.options.repo,
            prompt_sent=handle.data["prompt_sent"],
            seed=body["seed"],
            seed_honoured=True,
            body=body,
            tool_version=self._revision,
            queue_s=0.0,
            work_s=work_s,
            latency_s=work_s,
            cost_usd=0.0,
            licence=self.card.licence.weights,
            warnings=(*handle.data["warnings"], *warnings),
            extra=facts,
        )

    def cancel(self, handle: Handle) -> bool:
        """Stop before the next denoiser call."""
        self._stopped.add(handle.id)
        return True

    def close(self) -> None:
        """Free the weights."""
        if self._pipeline is None:
            return
        self._pipeline = self._image_pipeline = None
        gc.collect()
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()

    # --- plan -----------------------------------------------------------------------------------------------------

    def _fps(self, request: Request, warnings: list[str]) -> float:
        native = self.options.defaults.fps
        if request.fps is None or request.fps == native:
            return native
        if self.card.capabilities.fps and self.options.arguments.fps is not None:
            return request.fps
        warnings.append(f"makes {native:g} frames per second, {request.fps:g} asked for")
        return native

    def _size(self, request: Request, warnings: list[str]) -> tuple[int, int]:
        o, m = self.options, self.options.size_multiple
        wish = (request.width or o.defaults.width, request.height or o.defaults.height)
        if o.arguments.width is None or o.arguments.height is None:
            wish_possible = (o.defaults.width, o.defaults.height)
        else:
            wish_possible = (max(m, round(wish[0] / m) * m), max(m, round(wish[1] / m) * m))
        if wish_possible != wish:
            made = f"{wish_possible[0]}x{wish_possible[1]}"
            warnings.append(f"makes {made} (multiples of {m}), {wish[0]}x{wish[1]} asked for")
        return wish_possible

    def _frames(self, request: Request, fps: float, warnings: list[str]) -> int:
        o = self.options
        if request.seconds is None:
            return o.frames.nearest(o.defaults.frames)
        if o.arguments.frames is None:
            warnings.append(f"always makes {o.defaults.frames} frames; {request.seconds:g} s asked for")
            return o.defaults.frames
        frames = o.frames.nearest(request.seconds * fps)
        if abs(frames / fps - request.seconds) > TOLERANCE * request.seconds:
            warnings.append(
                f"makes {frames} frames = {frames / fps:.2f} s ({o.frames.rule} frames"
                f"{f', at most {o.frames.max}' if o.frames.max else ''}), {request.seconds:g} s asked for"
            )
        return frames

    def _image(self, request: Request, warnings: list[str]) -> dict[str, Any]:
        o = self.options
        takes = o.arguments.image is not None and self.card.capabilities.i2v
        if not request.prompt.image:
            if takes and not self.card.capabilities.t2v:
                raise JobError(
                    f"{self.card.id} starts from a first frame; give prompt {request.prompt.id!r} an image",
                    code="bad_request",
                )
            return {}
        if not takes:
            warnings.append("takes no first frame; the prompt's image is left out")
            return {}
        path = Path(request.prompt.image)
        try:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise JobError(
                f"prompt {request.prompt.id!r}: its image {path} cannot be read ({error.strerror}); check the path",
                code="bad_request",
            ) from None
        return {"image": str(path), "image_sha256": sha256, "image_fit": "centre crop"}

    def _settings(self) -> dict[str, Any]:
        """All but the call that changes the picture.

        The GPU is not part of it, though it may change the last bits: machines that share a bench would else make
        every clip once each. It is in the provenance.
        """
        if self._known_settings is not None:  # the same for every prompt; looking at large folders takes a while
            return self._known_settings
        skipped = {"repo", "revision", "call", "defaults", "trust_remote_code", "seconds_per_clip", "frames"}
        settings = self.options.model_dump(mode="json", exclude=skipped, exclude_defaults=True)
        weights = weights_digest(self.options.repo, self.options.revision)
        self._known_settings = {"settings": settings, "weights": weights, "versions": versions()}
        return self._known_settings

    # --- work -----------------------------------------------------------------------------------------------------

    def _load(self) -> Any:
        if self._pipeline is None:
            from vbench.adapters.diffusers_pipeline import check_device, choose_device, load

            started = time.perf_counter()
            self._device = choose_device(self.options.device)
            check_device(self.card.id, self.card.limits.vram_gb, self._device)
            self._pipeline, self._revision = load(self.card.id, self.options, self._device)
            self._load_s, self._n_calls = time.perf_counter() - started, 0
        return self._pipeline

    def _with_image(self, pipeline: Any) -> Any:
        if self.options.image_pipeline is None:
            return pipeline
        if self._image_pipeline is None:
            import diffusers

            self._image_pipeline = getattr(diffusers, self.options.image_pipeline).from_pipe(pipeline, dtype=None)
            self._image_pipeline.set_progress_bar_config(disable=True)
        return self._image_pipeline

    def _sample(
        self, job: str, body: Mapping[str, Any]
    ) -> tuple[np.ndarray[Any, Any], tuple[Any, int] | None, dict[str, Any], list[str]]:
        import torch

        from vbench.adapters.diffusers_pipeline import StageClock

        pipeline, o = self._load(), self.options
        call = dict(body["call"])
        call[o.arguments.generator] = torch.Generator("cpu").manual_seed(body["seed"])
        if "image" in body:
            pipeline = self._with_image(pipeline)
            call[str(o.arguments.image)] = first_frame(body)
        check_arguments(self.card.id, pipeline, call)
        warnings = truncation_warnings(pipeline, call, o.arguments.prompt)
        clock = StageClock(self._device, lambda: job in self._stopped)
        on_gpu = self._device.startswith("cuda")
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        try:
            with clock.watch(pipeline):
                result = call_pipeline(pipeline, call, o)
        except torch.OutOfMemoryError as error:
            raise JobError(
                f"{self.card.id}: out of GPU memory at {body['width']}x{body['height']} "
                f"({str(error).splitlines()[0]}); set options.offload, vae.tiling or a smaller size in its card",
                code="out_of_memory",
            ) from None
        except (JobError, OptionError):
            raise
        except Exception as error:
            message = f"{self.card.id}: {type(pipeline).__name__} failed ({type(error).__name__}: {error})"
            raise JobError(message, code="crashed") from error
        self._n_calls += 1
        facts: dict[str, Any] = {
            **clock.seconds(),
            "load_s": self._load_s if self._n_calls == 1 else 0.0,
            "is_first_call": self._n_calls == 1,  # it pays for compilation, autotuning and cold caches
            "pipeline": type(pipeline).__name__,
            "device": torch.cuda.get_device_name() if on_gpu else self._device,
            "denoiser_calls": clock.n_denoiser_calls,
            **versions(),
        }
        steps = getattr(getattr(pipeline, "scheduler", None), "timesteps", ())
        if len(steps) and facts["denoise_s"] > 0:
            facts |= {"steps": len(steps), "steps_per_s": len(steps) / facts["denoise_s"]}
        if on_gpu:
            facts["peak_vram_bytes"] = torch.cuda.max_memory_allocated()
            facts["peak_vram_reserved_bytes"] = torch.cuda.max_memory_reserved()
        frames = video_of(self.card.id, result, o.result)
        sound = (sound_of(result, o.audio), o.audio_rate) if o.audio is not None and body["audio"] else None
        return frames, sound, facts, warnings


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


def video_of(model: str, result: Any, field: str) -> np.ndarray[Any, Any]:
    """The frames of the first clip of a pipeline's output, float in [0, 1], (T, H, W, 3).

    Raises:
        JobError: there are none, or they are not numbers.
    """
    import numpy as np

    found = result.get(field) if isinstance(result, Mapping) else getattr(result, field, None)
    if found is None or len(found) == 0:
        raise JobError(f"{model}: the pipeline's output has no {field!r}; set options.result", code="empty_result")
    frames = np.asarray(found[0], dtype=np.float32)
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


def sound_of(result: Any, field: str) -> np.ndarray[Any, Any]:
    """The waveform of the first clip, float32 in [-1, 1], (samples, channels)."""
    import numpy as np
    import torch

    found: Any = result.get(field) if isinstance(result, Mapping) else getattr(result, field)
    first = found[0]
    wave = first.detach().float().cpu().numpy() if isinstance(first, torch.Tensor) else np.asarray(first, np.float32)
    return wave[:, None] if wave.ndim == 1 else np.ascontiguousarray(wave.T)  # pipelines give (channels, samples)


def first_frame(body: Mapping[str, Any]) -> Any:
    """The prompt's image, upright, cropped about its centre to the clip's size.

    Raises:
        JobError: it is gone, or has changed since it was planned.
    """
    from PIL import Image, ImageOps

    path = Path(body["image"])
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != body["image_sha256"]:
        raise JobError(f"{path}: gone or changed since the job was planned; put it back, or plan again", code="crashed")
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return ImageOps.fit(upright, (body["width"], body["height"]), Image.Resampling.LANCZOS)


def versions() -> dict[str, str]:
    """Installed versions of the libraries that can change the picture, without importing them."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def weights_digest(repo: str, revision: str = "") -> str:
    """What the weights are: a folder's names, sizes and times, or the commit of the repository on this machine.

    Empty where a repository is not here yet.
    """
    if not (folder := Path(repo).expanduser()).is_dir():
        from huggingface_hub import try_to_load_from_cache

        for index in ("model_index.json", "modular_model_index.json"):
            found = try_to_load_from_cache(repo, index, revision=revision or None)
            if isinstance(found, str):
                return Path(found).parent.name
        return ""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder).as_posix()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
