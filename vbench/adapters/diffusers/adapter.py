"""Any diffusers text-to-video pipeline, pinned to a revision; all that tells two apart is in their cards."""

from __future__ import annotations

import gc
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.adapters.contract import Adapter, Missing, Repository
from vbench.adapters.diffusers.call import (
    call_pipeline,
    check_arguments,
    pictures,
    sound_of,
    truncation_warnings,
    video_of,
)
from vbench.adapters.diffusers.options import DiffusersOptions
from vbench.adapters.diffusers.plan import PATHS, DiffusersPlan, versions
from vbench.adapters.machine import missing_memory, missing_weights
from vbench.errors import JobError, OptionError
from vbench.records import Handle, Plan, Provenance, Request, Setting, Status
from vbench.text import first_line

if TYPE_CHECKING:
    import numpy as np

    from vbench.catalog.cards import ModelCard


class DiffusersAdapter(Adapter):
    """Samples clips on this machine; the weights are loaded at the first `fetch` and freed by `close`."""

    is_local = True
    lane = "device"
    options_model = DiffusersOptions

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.options = card.options_as(DiffusersOptions)
        self._plan = DiffusersPlan(card, self.options)
        self._pipeline: Any = None
        self._image_pipeline: Any = None
        self._revision = ""
        self._device = ""
        self._load_s = 0.0
        self._n_calls = 0
        self._stopped: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def missing(cls, card: ModelCard) -> tuple[Missing, ...]:
        """Keys, GPU memory, and the weights."""
        weights = missing_weights(card, str(card.options.get("repo", "")))
        return (*super().missing(card), *missing_memory(card), *weights)

    @classmethod
    def repositories(cls, card: ModelCard) -> tuple[Repository, ...]:
        """The pipeline's, those of its parts, and its LoRAs; folders of this machine need not be got."""
        options = card.options_as(DiffusersOptions)
        parts = [
            Repository(
                repo=part.repo,
                revision=part.revision,
                files=(f"{part.subfolder}/*",) if part.subfolder else (),
            )
            for part in options.components.values()
        ]
        loras = [
            Repository(repo=lora.repo, revision=lora.revision, files=(lora.weight_name,) if lora.weight_name else ())
            for lora in options.lora
        ]
        whole = Repository(repo=options.repo, revision=options.revision, variant=options.variant or "")
        return tuple(each for each in (whole, *parts, *loras) if not Path(each.repo).expanduser().is_dir())

    def plan(self, request: Request) -> Plan:
        """The call that will be made.

        Raises:
            JobError: the pipeline starts from a first frame and the prompt has none, or its image is not there.
        """
        body, warnings = self._plan.body(request)
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body,
            identity={"body": {k: v for k, v in body.items() if k not in PATHS}, **self._plan.settings()},
            warnings=tuple(warnings),
            cost_usd=0.0,
            seconds_estimate=self.options.seconds_per_clip,
            sends=Setting(
                width=body["width"],
                height=body["height"],
                seconds=self._plan.n_frames(request, body["fps"]) / body["fps"],
                fps=body["fps"],
            ),
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

    # --- work -----------------------------------------------------------------------------------------------------

    def _load(self) -> Any:
        if self._pipeline is None:
            from vbench.adapters.diffusers.pipeline import check_device, choose_device, load

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

        from vbench.adapters.diffusers.energy import energy_wh
        from vbench.adapters.diffusers.pipeline import StageClock

        pipeline, o = self._load(), self.options
        call = dict(body["call"])
        call[o.arguments.generator] = torch.Generator("cpu").manual_seed(body["seed"])
        if "image" in body:
            pipeline = self._with_image(pipeline)
        call |= pictures(body, o)
        check_arguments(self.card.id, pipeline, call)
        warnings = truncation_warnings(pipeline, call, o.arguments.prompt)
        clock = StageClock(self._device, lambda: job in self._stopped)
        on_gpu = self._device.startswith("cuda")
        drawn_before = None
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
            drawn_before = energy_wh(str(torch.cuda.get_device_properties(self._device).uuid))
        try:
            with clock.watch(pipeline):
                result = call_pipeline(pipeline, call, o)
        except torch.OutOfMemoryError as error:
            raise JobError(
                f"{self.card.id}: out of GPU memory at {body['width']}x{body['height']} "
                f"({first_line(error)}); set options.offload, vae.tiling or a smaller size in its card",
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
            drawn = energy_wh(str(torch.cuda.get_device_properties(self._device).uuid))
            if drawn is not None and drawn_before is not None:
                facts["energy_wh"] = drawn - drawn_before
        frames = video_of(self.card.id, result, o.result, batched=o.batched)
        wants_sound = o.audio is not None and body["audio"]
        sound = (sound_of(result, str(o.audio), batched=o.batched), o.audio_rate) if wants_sound else None
        return frames, sound, facts, warnings
