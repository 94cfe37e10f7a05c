"""What is to be measured and how: one record for scripts, the command line and the page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, Unpack

from vbench.errors import OptionError
from vbench.extract import decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSpec:
    """What a scoring run is asked for."""

    preset: str = "standard"
    """`offline`, `standard`, `full`, or the name of a family of measures such as `vbench`."""
    metrics: Sequence[str] | None = None
    """Names instead of a preset; the parts of combined ones are added."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """`--set` values, e.g. ``{"clip.model": PATH}``."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N`, or several with commas; `auto` takes all CUDA devices, else the CPU."""
    precision: str = "auto"
    """`fp32`, `bf16`, or `auto`: bf16 on CUDA, fp32 on the CPU."""
    compile: bool = False
    """Put backbones through `torch.compile`: half a minute each at the start, faster from then on."""
    gpu_memory: float = 0.8
    """Share of a GPU's free memory that one batch may take, above 0 and at most 1."""
    workers: int | None = None
    """Decode processes; None: one per core, at most 16. 0 for a single file: decode in this process."""
    clip_ids: Sequence[str] | None = None
    """Only these clips of the bench."""

    @property
    def may_use_device(self) -> bool:
        """Whether anything may run on a device other than the CPU: a backbone, or the decoder."""
        decodes_there = self.settings.get(decode.SETTING) == "nvdec"
        return self.preset != "offline" or self.metrics is not None or decodes_there

    def devices(self) -> list[str]:
        """The devices that are meant, and that this machine has.

        Raises:
            OptionError: not a device, or one this machine does not have.
        """
        return devices(self.device) if self.may_use_device else ["cpu"]


class ScoreChoices(TypedDict, total=False):
    """The fields of `ScoreSpec` as keyword arguments."""

    preset: str
    metrics: Sequence[str] | None
    settings: Mapping[str, str] | None
    device: str
    precision: str
    compile: bool
    gpu_memory: float
    workers: int | None
    clip_ids: Sequence[str] | None


def spec_with(spec: ScoreSpec, **choices: Unpack[ScoreChoices]) -> ScoreSpec:
    """The spec with some fields chosen anew."""
    fields: dict[str, Any] = {**choices}
    if "settings" in fields:
        fields["settings"] = dict(fields["settings"] or {})
    return replace(spec, **fields)


def cores() -> int:
    """Processes worth starting: the cores this process may use, at most 16."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(16, usable))


def devices(wish: str) -> list[str]:
    """The devices a wish means.

    Raises:
        OptionError: not a device, or one this machine does not have.
    """
    if wish == "cpu":
        return ["cpu"]
    import torch  # here, so that an offline run never loads it

    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wish == "auto":
        return [f"cuda:{i}" for i in range(n)] or ["cpu"]
    names = []
    for part in wish.split(","):
        kind, _, number = part.strip().partition(":")
        if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
            raise OptionError(f"device is {part!r}; expected auto, cpu, cuda or cuda:N")
        if kind == "cuda" and int(number or 0) >= n:
            raise OptionError(f"device is {part!r}, but this machine has {n} CUDA devices; use --device cpu")
        names.append("cpu" if kind == "cpu" else f"cuda:{int(number or 0)}")
    return list(dict.fromkeys(names))
