"""What a card says about a diffusers pipeline: every difference between pipelines is data here, not code."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vbench.adapters.values import FrameRule
from vbench.schema import Strict

Dtype = Literal["float32", "float16", "bfloat16"]
Offload = Literal["none", "model", "sequential", "group"]


class PipelineDefaults(Strict):
    """What is made where the request wishes nothing; the tool's own native values."""

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frames: int = Field(gt=0)
    fps: float = Field(gt=0)


class Arguments(Strict):
    """The pipeline's name of each wish; null where it has no such argument."""

    prompt: str = "prompt"
    negative: str | None = "negative_prompt"
    width: str | None = "width"
    height: str | None = "height"
    frames: str | None = "num_frames"
    """Others call it ``frames`` or ``video_length``."""
    fps: str | None = None
    """``frame_rate`` of LTX."""
    image: str | None = None
    """First frame, for image-to-video."""
    last_image: str | None = None
    references: str | None = None
    """Pictures of who or what should appear, as a list."""
    video: str | None = None
    """A clip that is filled in: the first and the last frame stand in it, and the rest is grey (VACE)."""
    mask: str | None = None
    """Which frames of `video` are to be made."""
    audio: str | None = None
    """Whether sound is made, for pipelines that ask."""
    generator: str = "generator"


class Vae(Strict):
    tiling: bool = False
    slicing: bool = False


class Component(Strict):
    """A part that the pipeline's own repository does not hold, such as the motion adapter of AnimateDiff."""

    library: Literal["diffusers", "transformers"] = "diffusers"
    type: str
    """Class name, e.g. ``MotionAdapter``."""
    repo: str
    revision: str = ""
    subfolder: str = ""


class Lora(Strict):
    repo: str
    revision: str = ""
    weight_name: str | None = None
    scale: float = 1.0


class Cache(Strict):
    """A cache of the denoiser: faster, and another picture."""

    type: str
    """Class name in diffusers, e.g. ``FirstBlockCacheConfig``."""
    options: dict[str, Any] = Field(default_factory=dict)


class Modular(Strict):
    """For models that diffusers offers as modular blocks only."""

    workflow: str | None = None


class DiffusersOptions(Strict):
    """The `options` of a card whose adapter is ``diffusers``."""

    repo: str
    """Repository on the hub, or a folder with a ``model_index.json``."""
    revision: str = ""
    """Commit of the repository; a branch can move under a running comparison."""
    variant: str | None = None
    pipeline: str | None = None
    """Class, where ``model_index.json`` does not name the one to use (``AnimateDiffPipeline``)."""
    image_pipeline: str | None = None
    """Class that takes a first frame and shares these weights (``LTXImageToVideoPipeline``)."""
    modular: Modular | None = None
    components: dict[str, Component] = Field(default_factory=dict)
    dtypes: dict[str, Dtype] = Field(default_factory=dict)
    """Component → precision; ``default`` for the rest, float32 where that is absent."""
    device: str = "auto"
    """``auto``: CUDA where there is one, then MPS, then the CPU."""
    defaults: PipelineDefaults
    frames: FrameRule = Field(default_factory=FrameRule)
    size_multiple: int = Field(default=8, gt=0)
    arguments: Arguments = Field(default_factory=Arguments)
    call: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of every call: steps, guidance, ..."""
    negative: str = ""
    """Sent where neither prompt nor wish has a negative prompt of its own, as the makers' own code does."""
    settings_from: str = ""
    """Whose the settings above are (steps, guidance, shift, scheduler, negative prompt), and where they were read."""
    scheduler: dict[str, Any] = Field(default_factory=dict)
    """Overrides of its configuration (``flow_shift``); ``type`` changes its class."""
    offload: Offload = "none"
    vae: Vae = Field(default_factory=Vae)
    attention: str | None = None
    cache: Cache | None = None
    lora: list[Lora] = Field(default_factory=list)
    result: str = "frames"
    """Field of the pipeline's output that holds the video."""
    batched: bool = True
    """Outputs are lists of clips; false: of the one clip itself."""
    image_form: Literal["picture", "clip"] = "picture"
    """How the pipeline wants a first frame: as a picture, or as a clip of one frame."""
    audio: str | None = None
    """Field that holds a waveform, of pipelines that make one."""
    audio_rate: int = 24000
    """Hz of that waveform."""
    trust_remote_code: bool = False
    """The repository brings Python code of its own; runs only where the user agrees as well."""
    seconds_per_clip: float | None = None
    """Wall time of one clip on the card's reference machine, for the plan."""
