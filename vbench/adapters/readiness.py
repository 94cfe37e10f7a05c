"""What a tool would need to run here and now: a key, GPU memory, room on the disk, a licence for your territory."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from vbench.adapters.secrets import lookup
from vbench.catalog.cards import ModelCard, env_names
from vbench.errors import OptionError

_EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
EU = frozenset(_EU.split())
"""Member states, ISO 3166 alpha-2."""
GIB = 2**30

Kind = Literal["retired", "key", "vram", "disk", "licence", "program", "server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that keeps a tool from running here."""

    kind: Kind
    message: str
    is_certain: bool = True
    """False: worth knowing, but it may run all the same (a download, a licence to read)."""


def missing(card: ModelCard, *, territory: str = "") -> tuple[Missing, ...]:
    """All that keeps a tool from running here; nothing is connected to and nothing heavy is loaded.

    Args:
        card: The tool.
        territory: Where you are, ISO 3166 alpha-2; empty: not told, so a licence with exclusions is mentioned.

    Raises:
        OptionError: `territory` is no such code.
    """
    where = checked_territory(territory)
    found: list[Missing] = []
    if card.status == "retired":
        found.append(Missing(kind="retired", message=f"retired on {card.retired_on}: archived clips only"))
    if card.status == "deprecated":
        by = f", to end on {card.retired_on}" if card.retired_on else ""
        found.append(Missing(kind="retired", message=f"deprecated{by}", is_certain=False))
    found += [Missing(kind="key", message=f"set {name}") for name in env_names(card) if lookup(name) is None]
    if card.adapter == "vertex" and lookup("VERTEX_ACCESS_TOKEN") is None and shutil.which("gcloud") is None:
        found.append(Missing(kind="key", message="set VERTEX_ACCESS_TOKEN, or install gcloud and log in"))
    found += _licence(card, where)
    if card.local and "base_url" in card.options:
        found.append(Missing(kind="server", message="your own server must be running", is_certain=False))
    if card.adapter == "diffusers":
        found += [*_memory(card), *_disk(card)]
    if card.adapter == "command":
        argv = card.options.get("argv") or [""]
        if isinstance(argv, list) and "{" not in str(argv[0]) and shutil.which(str(argv[0])) is None:
            found.append(Missing(kind="program", message=f"no program {argv[0]!r} on the path"))
    return tuple(found)


def checked_territory(territory: str) -> str:
    """The code in capitals.

    Raises:
        OptionError: it is no two-letter code.
    """
    code = territory.strip().upper()
    if code and (len(code) != 2 or not code.isalpha()):
        raise OptionError(f"--territory {territory!r} is no country code; give two letters, such as DE or KR")
    return {"UK": "GB"}.get(code, code)


def _licence(card: ModelCard, where: str) -> list[Missing]:
    excluded = card.licence.territory_excludes
    if not excluded:
        return []
    if not where:
        message = f"its licence is not valid in {', '.join(excluded)}; say where you are with --territory"
        return [Missing(kind="licence", message=message, is_certain=False)]
    if where in excluded or ("EU" in excluded and (where in EU or where == "EU")):
        return [Missing(kind="licence", message=f"its licence ({card.licence.weights}) is not valid in {where}")]
    return []


@cache
def gpu_memory_gib() -> float:
    """Memory of the largest NVIDIA GPU, as its driver says; 0 where there is none."""
    if shutil.which("nvidia-smi") is None:
        return 0.0
    ask = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True).stdout
        return max((float(line) / 1024 for line in told.splitlines() if line.strip()), default=0.0)
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0.0


def _memory(card: ModelCard) -> list[Missing]:
    here = gpu_memory_gib()
    needed = card.limits.vram_gb
    if not here:
        what = f"{needed:g} GiB of GPU memory" if needed else "a GPU"
        return [Missing(kind="vram", message=f"wants {what}, no NVIDIA GPU was found")]
    if needed and needed > here:
        return [Missing(kind="vram", message=f"wants {needed:g} GiB of GPU memory, there are {here:.0f}")]
    return []


def weights_folder() -> Path:
    """Where downloaded weights lie."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


def _disk(card: ModelCard) -> list[Missing]:
    repo = str(card.options.get("repo", ""))
    if (
        Path(repo).expanduser().is_dir()
        or (weights_folder() / f"models--{repo.replace('/', '--')}" / "snapshots").is_dir()
    ):
        return []
    needed = card.limits.disk_gb
    size = f"{needed:g} GiB" if needed else "of unknown size"
    place = weights_folder()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIB
    if needed and needed > free:
        return [Missing(kind="disk", message=f"weights ({size}) do not fit: {free:.0f} GiB are free in {place}")]
    return [
        Missing(
            kind="disk", message=f"weights are not here yet ({size}); the first clip downloads {repo}", is_certain=False
        )
    ]
