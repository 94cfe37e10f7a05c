"""What this machine can do: versions, GPU, codecs, weights, keys, disk, and the package that bears our name."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "missing", "problem"]
PACKAGES = ("torch", "torchvision", "transformers", "diffusers", "torchmetrics", "opencv-python", "gradio", "av")
CODECS = ("h264", "hevc", "vp9", "av1", "mpeg4", "gif")
LOW_DISK_GB = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    topic: str
    name: str
    state: State
    detail: str


def examine(bench: Path | None = None) -> list[Check]:
    """Look at everything; nothing is changed, downloaded or spent."""
    return [*_versions(), *_name_clash(), *_gpu(), *_codecs(), *_weights(), *_keys(), *_disk(bench)]


def _versions() -> list[Check]:
    checks = [Check(topic="versions", name="python", state="ok", detail=sys.version.split()[0])]
    for package in ("vbench-studio", *PACKAGES):
        try:
            checks.append(Check(topic="versions", name=package, state="ok", detail=importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            checks.append(
                Check(topic="versions", name=package, state="problem", detail=f"not installed; pip install {package}")
            )
    return checks


def _name_clash() -> list[Check]:
    """The research suite VBench installs a distribution and a package that are both called `vbench`."""
    try:
        other = importlib.metadata.version("vbench")
    except importlib.metadata.PackageNotFoundError:
        return [Check(topic="versions", name="name clash", state="ok", detail="no other package named vbench here")]
    detail = (
        f"the distribution vbench {other} (the VBench research suite) uses the same package name; "
        "keep the two in separate environments: pip uninstall vbench, then pip install --force-reinstall vbench-studio"
    )
    return [Check(topic="versions", name="name clash", state="problem", detail=detail)]


def _gpu() -> list[Check]:
    import torch

    if not torch.cuda.is_available():
        return [Check(topic="gpu", name="cuda", state="missing", detail="none; scoring runs on the CPU")]
    checks = []
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        detail = f"{facts.name}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free"
        checks.append(Check(topic="gpu", name=f"cuda:{index}", state="ok", detail=detail))
    return checks


def _codecs() -> list[Check]:
    import av
    from av.codec import Codec

    checks = []
    for name in CODECS:
        try:
            Codec(name, "r")
        except av.codec.codec.UnknownCodecError:
            checks.append(Check(topic="codecs", name=name, state="problem", detail="cannot be decoded; reinstall av"))
        else:
            checks.append(Check(topic="codecs", name=name, state="ok", detail="decodes"))
    return [*checks, _decoder("torchcodec", "cpu"), _decoder("nvdec", "cuda:0")]


def _decoder(backend: str, device: str) -> Check:
    """Whether `--set decode.backend` may name it."""
    from vbench.errors import OptionError
    from vbench.video.device_frames import check_torchcodec

    try:
        detail = f"{check_torchcodec(device)}; --set decode.backend={backend}"
    except OptionError as error:
        return Check(topic="codecs", name=backend, state="missing", detail=str(error))
    return Check(topic="codecs", name=backend, state="ok", detail=detail)


def _weights() -> list[Check]:
    from vbench.contracts import Settings, Weights
    from vbench.features import FEATURES

    needed: dict[str, Weights] = {}
    settings: dict[str, dict[str, None]] = {}
    for name in FEATURES:
        for weights in FEATURES[name](Settings()).weights():
            needed.setdefault(weights.name, weights)
            settings.setdefault(weights.name, {})[weights.setting] = None
    checks = []
    for weights in needed.values():
        detail = f"{weights.size_mb} MB, {weights.licence}"
        if not weights.present:
            how = weights.by_hand or "fetched when first used"
            copies = ", ".join(f"--set {setting}=PATH" for setting in settings[weights.name])
            detail += f"; {how}, or point to a copy: {copies}"
        state: State = "ok" if weights.present else "missing"
        checks.append(Check(topic="weights", name=weights.name, state=state, detail=detail))
    return checks


def _keys() -> list[Check]:
    """Which keys are set; their values are never read further than that."""
    from vbench.catalog.cards import cards, env_names

    tools: dict[str, list[str]] = {}
    for card in cards().values():
        if card.status != "retired":
            for name in env_names(card):
                tools.setdefault(name, []).append(card.id)
    return [
        Check(
            topic="keys",
            name=name,
            state="ok" if os.environ.get(name) else "missing",
            detail=f"{'set' if os.environ.get(name) else 'not set'}; for {', '.join(users)}",
        )
        for name, users in sorted(tools.items())
    ]


def _disk(bench: Path | None) -> list[Check]:
    from vbench.bench.workspace import bench_root

    root = bench_root(bench)
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    state: State = "ok" if free_gb >= LOW_DISK_GB else "problem"
    advice = "" if state == "ok" else "; free some before a long run"
    return [Check(topic="disk", name=str(root), state=state, detail=f"{free_gb:.1f} GB free{advice}")]
