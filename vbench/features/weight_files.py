"""Weights that are a single file: given by path, or fetched once from where they were published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vbench.contracts import Settings, Weights
from vbench.errors import WeightsError
from vbench.features.weights import file_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """A PyTorch state dict in a file of its own."""

    setting: str
    """`--set` name that points to the file, e.g. `vbench.viclip.model`."""
    name: str
    """As published, e.g. `ViClip-InternVid-10M-FLT.pth`."""
    source: str
    """Where it is published."""
    size_mb: int
    licence: str
    cached: Callable[[], Path] | None = None
    """Where another library keeps the copy it fetches, e.g. torch.hub in its cache; None: a person has to get it."""

    def path(self, settings: Settings) -> Path | None:
        """Where it lies on this machine; None: nowhere.

        Raises:
            WeightsError: the given path is no file.
        """
        given = settings.get(self.setting, "")
        if given:
            path = Path(given).expanduser()
            if not path.is_file():
                raise WeightsError(f"{self.setting} is {given}, which is no file; expected {self.name}")
            return path
        kept = self.cached() if self.cached is not None else None
        return kept if kept is not None and kept.is_file() else None

    def weights(self, settings: Settings) -> Weights:
        """For the plan: is it there, and which one is it."""
        path = self.path(settings)
        return Weights(
            name=self.name if not settings.get(self.setting, "") else str(path),
            setting=self.setting,
            size_mb=self.size_mb,
            licence=self.licence,
            present=path is not None,
            revision=self.identity(settings),
            optional=True,
            by_hand="" if self.cached is not None else f"get it from {self.source}",
        )

    def identity(self, settings: Settings) -> str:
        """`sha256:...` of a given file, else the published name."""
        if not settings.get(self.setting, ""):
            return self.name
        path = self.path(settings)
        assert path is not None
        return f"sha256:{_digest_of(path, path.stat().st_mtime_ns)}"

    def require(self, settings: Settings) -> Path:
        """The file.

        Raises:
            WeightsError: it is not there.
        """
        path = self.path(settings)
        if path is None:
            raise WeightsError(
                f"{self.name} (about {self.size_mb} MB, {self.licence}) is not on this machine; get it from "
                f"{self.source} and give it with --set {self.setting}=PATH"
            )
        return path

    def load(self, settings: Settings) -> Mapping[str, Any]:
        """The state dict, on the CPU; nothing but tensors is unpickled.

        Raises:
            WeightsError: the file is missing or damaged.
        """
        import torch

        path = self.require(settings)
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise WeightsError(f"{path}: cannot be read as PyTorch weights ({first}); get the file again") from None
        if not isinstance(found, Mapping):
            raise WeightsError(f"{path}: holds a {type(found).__name__}, expected a state dict; get the file again")
        return found

    def fill(self, module: Any, state: Mapping[str, Any], settings: Settings) -> Any:
        """The module with the weights in it, on its device, in evaluation mode; every name must fit.

        Raises:
            WeightsError: names or shapes are not those of the module.
        """
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise WeightsError(
                f"{self.path(settings)}: not the weights of {self.name} ({' '.join(lines[1:2])[:200]}); get it again"
            ) from None
        return module.eval().requires_grad_(False).to(settings.device)


@lru_cache(maxsize=32)
def _digest_of(path: Path, changed_ns: int) -> str:
    """`changed_ns` makes a replaced file a new one."""
    return file_digest(path)
