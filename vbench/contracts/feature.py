"""What a feature is: computed at most once per clip, and shared by metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vbench.contracts.frame import ClipFrame
from vbench.contracts.frame_choice import FrameRequest
from vbench.contracts.values import Bytes, Floats
from vbench.errors import OptionError
from vbench.records import Probe, Prompt
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices that can move a number: which weights, which flow, which precision."""

    values: Mapping[str, str] = field(default_factory=dict)
    """Settings by name, as `--set name=value` gives them."""
    device: str = "cpu"
    """Where backbones run: `cpu`, `cuda:0`, ..."""
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    """Backbones go through `torch.compile`: another speed, the same numbers up to rounding."""
    gpu_memory: float = 0.8
    """Share of a GPU's free memory that a batch may take; another speed, the same numbers up to rounding."""

    def get(self, name: str, default: str) -> str:
        return self.values.get(name, default)

    def check(self, known: Mapping[str, str]) -> None:
        """Refuse names nobody reads.

        Raises:
            OptionError: a setting that no feature knows; the message lists near ones.
        """
        for name in self.values:
            if name not in known:
                raise OptionError(f"no setting {name!r}; {did_you_mean(name, known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """The file behind a clip, for features that need more than its frames."""

    path: Path
    probe: Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A set of weights that a feature needs."""

    name: str
    """Hub repository or file name."""
    setting: str
    """The setting that points to a local copy, e.g. `clip.model`."""
    size_mb: int
    licence: str
    present: bool
    """Found in the given folder or in the cache of this machine."""
    revision: str
    """Pinned revision, or the digest of a local copy; empty: none is pinned and there is no copy."""
    optional: bool = False
    """The `vbench` preset goes on without what needs it where it cannot be had, and names what it leaves out."""
    by_hand: str = ""
    """How a person gets it, for a sentence; empty: `Feature.fetch` does."""


class WeightSource(Protocol):
    """Where the weights of a backbone come from; features declare theirs, see `Feature.weight_sources`."""

    @property
    def setting(self) -> str:
        """`--set` name that points to a local copy."""
        ...

    @property
    def about(self) -> str:
        """What the setting means and its default, for `--set` and its help."""
        ...

    def weights(self, settings: Settings) -> Weights:
        """For the plan: are they there, and which are they."""
        ...

    def identity(self, settings: Settings) -> str:
        """What tells these weights from others: a commit, a published name, or the digest of a local copy."""
        ...

    def require(self, settings: Settings) -> Path:
        """Where they lie, fetched if they can be. Raises WeightsError where they cannot."""
        ...


class Feature(ABC):
    """Something computed at most once per clip and shared by metrics."""

    name: ClassVar[str]
    from_frames: ClassVar[bool] = True
    """Made from decoded frames, so that another decoder may move its numbers."""
    weight_sources: ClassVar[Mapping[str, WeightSource]] = {}
    """Weights this feature needs, by the name under which `params` says which they are.

    Ones that a person has to get come first, so that nothing large is fetched in vain."""
    is_free: ClassVar[bool] = False
    """Needs no weights although it is of a kind that usually does: the offline preset may have it."""
    is_exact: ClassVar[bool] = False
    """Always in fp32, whatever the precision of the run."""
    known_settings: ClassVar[Mapping[str, str]] = {}
    """Settings this feature reads besides those of its weights → what they mean and their default, for `--set`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, precision="fp32") if self.is_exact else settings

    def params(self) -> Mapping[str, Any]:
        """JSON values that can move the numbers; they become part of the key of every score made from this feature."""
        if not self.weight_sources:
            return {}
        which = {name: source.identity(self.settings) for name, source in self.weight_sources.items()}
        return {**which, "precision": self.settings.precision}

    def weights(self) -> tuple[Weights, ...]:
        """Weights needed, and whether they are there; called before anything is loaded."""
        return tuple(source.weights(self.settings) for source in self.weight_sources.values())

    def fetch(self) -> None:
        """Get missing weights where that can be done.

        Raises:
            WeightsError: it cannot.
        """
        for source in self.weight_sources.values():
            source.require(self.settings)

    def settings_read(self) -> dict[str, str]:
        """All settings this feature reads → what they mean and their default."""
        return {source.setting: source.about for source in self.weight_sources.values()} | dict(self.known_settings)


class Accumulator(Protocol):
    """Takes the frames of one clip in order, in memory that does not grow with its pixels."""

    def add(self, frame: ClipFrame) -> None: ...
    def close(self, end_s: float) -> Any:
        """The feature's value; the clip ended at `end_s` seconds. Raises MetricError where this clip has none."""
        ...


class StreamFeature(Feature):
    """A feature of numpy and OpenCV, computed in the process that decodes; must not load torch."""

    @abstractmethod
    def open(self, source: SourceFile) -> Accumulator: ...


class FileFeature(Feature):
    """A feature of the file itself rather than of its pictures, such as its sound; read in the process that decodes.

    Must not load torch.
    """

    from_frames = False

    @abstractmethod
    def read(self, source: SourceFile) -> Any:
        """The feature's value, once the clip's frames are decoded. Raises MetricError where this clip has none."""


class TextFeature(Feature):
    """A feature of the prompt alone."""

    from_frames = False

    @abstractmethod
    def encode(self, prompt: Prompt) -> Any:
        """Called once per distinct prompt; loads its weights at the first call."""


class Collector(Protocol):
    """Takes the rows a backbone made for one clip, in order of time."""

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        """Some more rows, shape (N, ...), with the RGB frames (N, h, w, 3) they were made from.

        For an encoder with `window` w, times, indices and frames are those of the last frame of each window, and
        `frames` is (N, w, h, w, 3).
        """
        ...

    def close(self) -> Any:
        """The feature's value. Raises MetricError where this clip has none."""
        ...


class Encoder(ABC):
    """A loaded backbone."""

    window: int = 1
    """Consecutive frames that make one row; above 1 `encode` gets (N, window, 3, h, w)."""
    hop: int = 1
    """Frames from one window to the next."""
    batch: int = 32
    """Rows per call at most; halved by the scorer, with a note, when the device runs out of memory."""

    @abstractmethod
    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, h, w) on the device → rows (N, ...); frames of several clips may be mixed."""

    def encode_windows(self, frames: Tensor, windows: Tensor) -> Tensor:
        """As `encode`, where windows share frames; for a backbone that can do its part of a frame once.

        Args:
            frames: Distinct frames, RGB uint8 (M, 3, h, w).
            windows: Which of them make each window, int64 (N, window).

        Returns:
            Rows (N, ...).
        """
        return self.encode(frames[windows])

    def compiled(self) -> Callable[..., Tensor]:
        """`encode`, or `encode_windows` where rows are windows, through `torch.compile`; it compiles when first called.

        A backbone that repeats a part does well to compile that part alone: the time it takes grows with the whole.
        """
        import torch

        return torch.compile(self.encode if self.window == 1 else self.encode_windows)

    @abstractmethod
    def collect(self, source: SourceFile, prompt: Prompt) -> Collector:
        """A fresh collector for one clip."""


class DeviceFeature(Feature):
    """A feature that a backbone makes of resized frames, batched across clips."""

    @abstractmethod
    def request(self) -> FrameRequest: ...

    @abstractmethod
    def load(self) -> Encoder:
        """Load the weights onto `settings.device`. Called once per process; features may share weights by caching.

        Raises:
            WeightsError: weights are missing or are not what they should be.
        """
