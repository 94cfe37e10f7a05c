"""The synthetic world: simple scenes drawn offline, with or without a planted fault, and a small CLIP that knows it."""

from __future__ import annotations

from pathlib import Path

from vbench.errors import WeightsError


def tiny_clip_path() -> Path:
    """The folder of the small CLIP that ships with the package; it knows this world and nothing else.

    Raises:
        WeightsError: the package was installed without its data.
    """
    path = Path(__file__).parent.parent / "data" / "tiny-clip"
    if not (path / "model.safetensors").is_file():
        raise WeightsError(f"{path}: the small CLIP that ships with vbench is not there; reinstall vbench-studio")
    return path
