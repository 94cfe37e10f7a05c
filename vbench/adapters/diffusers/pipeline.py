"""Loads a diffusers pipeline as its card says, and times its stages from outside."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vbench.adapters.diffusers.options import DiffusersOptions
from vbench.errors import JobError, OptionError, WeightsError
from vbench.text import first_line

DENOISERS = ("transformer", "transformer_2", "unet")
TRUST_VARIABLE = "VBENCH_TRUST_REMOTE_CODE"
"""Model ids, separated by commas, whose repositories may run their own Python code on this machine."""


def choose_device(wish: str) -> str:
    """The torch device a card's `device` means here."""
    import torch

    if wish != "auto":
        return wish  # an explicit cpu is the user's word that slow is fine
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(model: str, needed_gb: float | None, device: str) -> None:
    """Refuse early what could only end in an out-of-memory error after minutes of loading.

    Raises:
        WeightsError: this machine has less GPU memory than the card asks for.
    """
    import torch

    if needed_gb is None or device == "cpu":
        return
    here_gb = 0.0
    if device.startswith("cuda") and torch.cuda.is_available():
        here_gb = torch.cuda.get_device_properties(torch.device(device)).total_memory / 2**30
    if here_gb < needed_gb:
        raise WeightsError(
            f"{model}: needs {needed_gb:g} GB of GPU memory, {device} has {here_gb:.0f} GB; set options.offload to "
            f"model or group and a lower limits.vram_gb in a card of your own (models/{model}.yaml), or leave "
            f"{model} out"
        )


def may_run_remote_code(model: str, options: DiffusersOptions) -> bool:
    """Whether the card and the user both allow the repository's own Python code.

    Raises:
        OptionError: the card needs it, and the user has not agreed.
    """
    if not options.trust_remote_code:
        return False
    agreed = {name.strip() for name in os.environ.get(TRUST_VARIABLE, "").split(",")}
    if model not in agreed:
        raise OptionError(
            f"{model}: {options.repo} brings Python code that would run on this machine; read it, then allow it with "
            f"{TRUST_VARIABLE}={model} (`trust_remote_code={model}`), or leave {model} out"
        )
    return True


def find_weights(model: str, options: DiffusersOptions) -> Path:
    """The folder of the weights on this machine; nothing is downloaded in the middle of a run.

    Raises:
        WeightsError: they are not here.
    """
    if (folder := Path(options.repo).expanduser()).is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(options.repo, revision=options.revision or None, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError, OSError):
        pinned = f" --revision {options.revision}" if options.revision else ""
        raise WeightsError(
            f"{model}: the weights of {options.repo} are not on this machine; fetch them with "
            f"`hf download {options.repo}{pinned}` (set HF_TOKEN if access is restricted), or leave {model} out"
        ) from None


def load(model: str, options: DiffusersOptions, device: str) -> tuple[Any, str]:
    """A pipeline ready to be called, and the revision it really is.

    Args:
        model: For messages.
        options: Of its card.
        device: As `choose_device` gives it.

    Raises:
        WeightsError: the weights are not here or not whole.
        OptionError: the card names something this pipeline or this diffusers has not.
    """
    import torch

    trusted = may_run_remote_code(model, options)
    folder = find_weights(model, options)
    revision = folder.name if "snapshots" in folder.parts else options.revision
    dtypes: dict[str, Any] = {"default": torch.float32}
    dtypes |= {part: getattr(torch, name) for part, name in options.dtypes.items()}
    try:
        pipeline = _from_folder(options, folder, dtypes, trusted)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise WeightsError(
            f"{model}: {options.repo} cannot be loaded ({type(error).__name__}: {first_line(error)}); "
            f"fetch it again with `hf download {options.repo}`, or correct options in its card"
        ) from error
    _configure(model, options, pipeline, device)
    return pipeline, revision


def _from_folder(options: DiffusersOptions, folder: Path, dtypes: Mapping[str, Any], trusted: bool) -> Any:
    import diffusers

    if options.modular is not None:
        pipeline = diffusers.ModularPipeline.from_pretrained(
            str(folder), workflow=options.modular.workflow, trust_remote_code=trusted, local_files_only=True
        )
        pipeline.load_components(dtype=dict(dtypes))
        return pipeline
    parts = {name: _component(part, dtypes.get(name, dtypes["default"])) for name, part in options.components.items()}
    kind = _class_of(diffusers, options.pipeline or "DiffusionPipeline")
    return kind.from_pretrained(
        folder,
        dtype=dict(dtypes),
        variant=options.variant,
        trust_remote_code=trusted,
        local_files_only=True,
        **parts,
    )


def _component(part: Any, dtype: Any) -> Any:
    from importlib import import_module

    kind = _class_of(import_module(part.library), part.type)
    extra = {"subfolder": part.subfolder} if part.subfolder else {}
    return kind.from_pretrained(
        part.repo, revision=part.revision or None, dtype=dtype, local_files_only=not Path(part.repo).is_dir(), **extra
    )


def _class_of(library: Any, name: str) -> Any:
    try:
        return getattr(library, name)
    except AttributeError:
        raise OptionError(
            f"{library.__name__} {library.__version__} has no {name}; correct the card, or pip install -U "
            f"{library.__name__}"
        ) from None


def _configure(model: str, options: DiffusersOptions, pipeline: Any, device: str) -> None:
    import diffusers

    if options.scheduler:
        overrides = {key: value for key, value in options.scheduler.items() if key != "type"}
        kind = type(pipeline.scheduler)
        if "type" in options.scheduler:
            kind = _class_of(diffusers, options.scheduler["type"])
        accepted = inspect.signature(kind.__init__).parameters
        if unknown := sorted(overrides.keys() - accepted.keys()):
            raise OptionError(f"{model}: {kind.__name__} has no {', '.join(unknown)}; correct options.scheduler")
        pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **overrides)
    if (vae := getattr(pipeline, "vae", None)) is not None:
        if options.vae.tiling:
            vae.enable_tiling()
        if options.vae.slicing:
            vae.enable_slicing()
    for i, lora in enumerate(options.lora):
        pipeline.load_lora_weights(
            lora.repo,
            weight_name=lora.weight_name,
            adapter_name=f"lora{i}",
            **({"revision": lora.revision} if lora.revision else {}),
        )
    if options.lora:
        pipeline.set_adapters([f"lora{i}" for i in range(len(options.lora))], [lora.scale for lora in options.lora])
    for denoiser in denoisers(pipeline):
        if options.attention:
            denoiser.set_attention_backend(options.attention)
        if options.cache is not None:
            denoiser.enable_cache(_class_of(diffusers, options.cache.type)(**options.cache.options))
    _place(options, pipeline, device)
    if hasattr(pipeline, "set_progress_bar_config"):
        pipeline.set_progress_bar_config(disable=True)


def _place(options: DiffusersOptions, pipeline: Any, device: str) -> None:
    import torch

    if options.offload == "none" or device == "cpu":  # nothing to offload to: weights are in main memory already
        pipeline.to(device)
    elif options.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif options.offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.enable_group_offload(
            onload_device=torch.device(device),
            offload_device=torch.device("cpu"),
            offload_type="leaf_level",
            use_stream=device.startswith("cuda"),
        )


def denoisers(pipeline: Any) -> list[Any]:
    """The networks that run once or more per step."""
    return [part for name in DENOISERS if (part := getattr(pipeline, name, None)) is not None]


class StageClock:
    """When a call began to denoise and to decode, and a way to stop it between two denoiser calls."""

    def __init__(self, device: str, is_stopped: Callable[[], bool]) -> None:
        self._device, self._is_stopped = device, is_stopped
        self.started = self.denoise_at = self.decode_at = self.ended = 0.0
        self.n_denoiser_calls = 0

    def now(self) -> float:
        """Seconds; on a GPU, after all work queued so far has been done."""
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.synchronize()
        return time.perf_counter()

    @contextmanager
    def watch(self, pipeline: Any) -> Iterator[None]:
        """Time everything the pipeline does inside the block."""
        hooks = [part.register_forward_pre_hook(self._before_denoiser) for part in denoisers(pipeline)]
        vae: Any = getattr(pipeline, "vae", None)
        decode: Any = getattr(vae, "decode", None)

        def timed_decode(*args: Any, **kwargs: Any) -> Any:
            if not self.decode_at and self.denoise_at:
                self.decode_at = self.now()
            return decode(*args, **kwargs)

        if decode is not None:
            vae.decode = timed_decode
        self.started = self.now()
        try:
            yield
        finally:
            self.ended = self.now()
            for hook in hooks:
                hook.remove()
            if decode is not None:
                with suppress(AttributeError):
                    del vae.decode  # uncovers the method of the class again

    def _before_denoiser(self, _module: Any, _inputs: Any) -> None:
        if self._is_stopped():
            raise JobError("stopped by you", code="crashed")
        if not self.denoise_at:
            self.denoise_at = self.now()
        self.n_denoiser_calls += 1

    def seconds(self) -> dict[str, float]:
        """Seconds spent on the prompt (and a first frame), on denoising, and on decoding."""
        denoise_at = self.denoise_at or self.ended
        decode_at = self.decode_at or self.ended
        return {
            "encode_s": denoise_at - self.started,
            "denoise_s": decode_at - denoise_at,
            "decode_s": self.ended - decode_at,
        }
