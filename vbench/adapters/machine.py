"""What this machine has of what open weights need: GPU memory, and room on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from vbench.adapters.contract import Missing
from vbench.catalog.cards import ModelCard

GIB = 2**30


@cache
def gpu_memory_gib() -> float:
    """Memory of the largest NVIDIA GPU, as its driver says; 0 where there is none."""
    if shutil.which("nvidia-smi") is None:
        return 0.0
    ask = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        lines = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
        return max((float(line) / 1024 for line in lines if line.strip()), default=0.0)
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0.0


def missing_memory(card: ModelCard) -> list[Missing]:
    """GPU memory that a card's own settings need and this machine does not have."""
    here, needed = gpu_memory_gib(), card.limits.vram_gb
    if not here:
        need = f"{needed:g} GiB of GPU memory" if needed else "a GPU"
        return [Missing(kind="vram", message=f"wants {need}, no NVIDIA GPU was found")]
    if needed and needed > here:
        return [Missing(kind="vram", message=f"wants {needed:g} GiB of GPU memory, there are {here:.0f}")]
    return []


def weights_folder() -> Path:
    """Where downloaded weights lie."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


def missing_weights(card: ModelCard, repo: str) -> list[Missing]:
    """Weights that are not here yet, and whether there is room for them.

    Args:
        card: Its `limits.disk_gb` says how large they are.
        repo: Repository on the hub, or a folder.
    """
    cached = weights_folder() / f"models--{repo.replace('/', '--')}"
    is_begun = next(cached.glob("blobs/*.incomplete"), None) is not None
    if Path(repo).expanduser().is_dir() or ((cached / "snapshots").is_dir() and not is_begun):
        return []
    needed = card.limits.disk_gb
    size = f"{needed:g} GiB" if needed else "of unknown size"
    place = weights_folder()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIB
    if needed and needed > free:
        return [Missing(kind="disk", message=f"weights ({size}) do not fit: {free:.0f} GiB are free in {place}")]
    here = "are here in part" if is_begun else "are not on this machine"
    message = f"its weights ({size}) {here}; get them with `vbench models pull {card.id}`"
    return [Missing(kind="disk", message=message)]
