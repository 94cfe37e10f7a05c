"""Where the weights of a backbone come from: a model in the layout of transformers, or a PyTorch file of its own.

Both are found at the path that a setting gives, or in the cache of this machine; both fetch what is missing where
that can be done, and say which, how large and under which licence where it cannot.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vbench.contracts import Settings, Weights
from vbench.errors import WeightsError
from vbench.files import home_expanded
from vbench.text import first_line

FILES = ("config.json", "preprocessor_config.json", "*.txt", "tokenizer*.json", "vocab.json", "special_tokens_map.json")
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
BRANCH = "main"
"""Whose commit in the cache is taken where none is pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A model in the layout of transformers."""

    setting: str
    """`--set` name that points to a local folder, e.g. `clip.model`."""
    repo: str
    revision: str | None
    """Commit of the hub repository. None where none is known to be right: then nothing is downloaded, and a copy in the
    cache counts by the commit it has."""
    size_mb: int
    licence: str
    holds: str
    """What the folder holds, e.g. `CLIP weights and tokenizer`."""

    @property
    def about(self) -> str:
        """What the setting means and its default."""
        return f"folder of {self.holds}; default {self.repo}"

    def folder(self, settings: Settings) -> Path | None:
        """Where it lies on this machine; None: nowhere.

        Raises:
            WeightsError: the given folder is not a model.
        """
        given = settings.get(self.setting, "")
        if given:
            folder = home_expanded(given)
            if not (folder / "config.json").is_file() or _weights_in(folder) is None:
                raise WeightsError(
                    f"{self.setting} is {given}, where there is no config.json with {' or '.join(WEIGHT_FILES)}; "
                    "expected a folder as transformers' save_pretrained writes it"
                )
            return folder
        from huggingface_hub import try_to_load_from_cache

        for name in WEIGHT_FILES:
            cached = try_to_load_from_cache(self.repo, name, revision=self.revision or BRANCH)
            if isinstance(cached, str) and (Path(cached).parent / "config.json").is_file():
                return Path(cached).parent
        return None

    def weights(self, settings: Settings) -> Weights:
        """For the plan: is it there, and which one is it."""
        folder = self.folder(settings)
        return Weights(
            name=self.repo if not settings.get(self.setting, "") else str(folder),
            setting=self.setting,
            size_mb=self.size_mb,
            licence=self.licence,
            present=folder is not None,
            revision=self.identity(settings),
            by_hand=f"get it with hf download {self.repo}" if self.revision is None else "",
        )

    def identity(self, settings: Settings) -> str:
        """The commit (empty: none pinned, none there), or `sha256:...` of a local copy's weights and configuration."""
        folder = self.folder(settings)
        if folder is None:
            return self.revision or ""
        if not settings.get(self.setting, ""):
            return folder.name  # the commit, also where none is pinned
        path = _weights_in(folder)
        assert path is not None
        return identity_of(folder / "config.json", path)

    def config(self, settings: Settings) -> Mapping[str, Any]:
        """`config.json`; empty where the model is not there."""
        return _read_json(self.folder(settings), "config.json")

    def image_side(self, settings: Settings) -> int:
        """Side in pixels of the square that its image tower sees; 224 where the model is not there."""
        return int(self.config(settings).get("vision_config", {}).get("image_size", 224))

    def processor(self, settings: Settings) -> Mapping[str, Any]:
        """`preprocessor_config.json`; empty where there is none."""
        return _read_json(self.folder(settings), "preprocessor_config.json")

    def require(self, settings: Settings) -> Path:
        """The folder; downloads it at the pinned revision where it is not there, and never without one.

        Raises:
            WeightsError: it is not there and cannot be had.
        """
        folder = self.folder(settings)
        if folder is not None:
            return folder
        if self.revision is None:
            raise WeightsError(
                f"{self.repo} (about {self.size_mb} MB) is not in the cache, and is not downloaded by itself since no "
                f"commit of it is pinned: hf download {self.repo} puts it into the cache, and its commit into each "
                f"score's parameters; or give a local copy with --set {self.setting}=PATH"
            )
        return self._download(self.revision)

    def _download(self, revision: str) -> Path:
        import httpx
        from huggingface_hub import constants, snapshot_download

        try:
            if not constants.HF_HUB_OFFLINE:
                httpx.head(constants.ENDPOINT, timeout=5.0)  # the hub's own client tries for a minute
            # one kind of weight file: safetensors where the revision has it
            for name in WEIGHT_FILES:
                folder = Path(snapshot_download(self.repo, revision=revision, allow_patterns=[*FILES, name]))
                if (folder / name).is_file():
                    return folder
        except Exception as error:
            reason = first_line(error, 160)
            raise WeightsError(
                f"{self.repo} (revision {revision[:12]}, about {self.size_mb} MB) is not in the cache and "
                f"cannot be downloaded: {reason}; give a local copy with --set {self.setting}=PATH, or score with "
                "--preset offline",
                reason=f"They cannot be downloaded here: {reason}",
            ) from None
        raise WeightsError(f"{self.repo}: revision {revision} holds no {' or '.join(WEIGHT_FILES)}")


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
    holds: str
    """What the file holds, e.g. `RAFT large weights`."""
    is_hub_file: bool = False
    """`source` is where torch.hub fetches it from, into its cache, by the digest in its name; else a person gets it."""
    optional: bool = False
    """See `Weights.optional`."""

    @property
    def about(self) -> str:
        """What the setting means and its default."""
        if self.is_hub_file:
            return f"file of {self.holds}; default {self.name} in torch's cache"
        return f"file of {self.holds}, {self.name} of {self.source} ({self.licence})"

    def path(self, settings: Settings) -> Path | None:
        """Where it lies on this machine; None: nowhere.

        Raises:
            WeightsError: the given path is no file.
        """
        given = settings.get(self.setting, "")
        if given:
            path = home_expanded(given)
            if not path.is_file():
                raise WeightsError(f"{self.setting} is {given}, which is no file; expected {self.name}")
            return path
        cached = hub_cache() / self.name
        return cached if self.is_hub_file and cached.is_file() else None

    def weights(self, settings: Settings) -> Weights:
        """For the plan: is it there, and which one is it."""
        path = self.path(settings)
        return Weights(
            name=self.name if not settings.get(self.setting, "") else str(path),
            setting=self.setting,
            size_mb=self.size_mb,
            licence=self.licence,
            present=path is not None,
            revision=self._revision(settings),
            optional=self.optional,
            by_hand="" if self.is_hub_file else f"get it from {self.source}",
        )

    def identity(self, settings: Settings) -> str:
        """`sha256:...` of a given file, else the published name."""
        if not settings.get(self.setting, ""):
            return self.name
        path = self.path(settings)
        assert path is not None
        return identity_of(path)

    def _revision(self, settings: Settings) -> str:
        if self.is_hub_file and not settings.get(self.setting, ""):
            return self.name.rpartition("-")[2].removesuffix(".pth")  # torch.hub's names end with the digest
        return self.identity(settings)

    def require(self, settings: Settings) -> Path:
        """The file; torch.hub fetches it where it can, and checks it against the digest in its name.

        Raises:
            WeightsError: it is not there and cannot be had.
        """
        path = self.path(settings)
        if path is None and self.is_hub_file:
            self._fetch()
            path = hub_cache() / self.name
        if path is None:
            raise WeightsError(
                f"{self.name} (about {self.size_mb} MB, {self.licence}) is not on this machine; get it from "
                f"{self.source} and give it with --set {self.setting}=PATH"
            )
        return path

    def _fetch(self) -> None:
        import torch

        try:
            with redirect_stdout(sys.stderr):  # torch tells of it on standard output, which may be JSON
                torch.hub.load_state_dict_from_url(
                    f"https://{self.source}/{self.name}", check_hash=True, progress=False
                )
        except (OSError, RuntimeError) as error:
            raise WeightsError(
                f"{self.name} cannot be downloaded ({error}); give it with --set {self.setting}=PATH"
            ) from None

    def load(self, settings: Settings) -> Mapping[str, Any]:
        """The state dict, on the CPU; nothing but tensors is unpickled.

        Raises:
            WeightsError: the file is missing or damaged.
        """
        import torch

        path = self.require(settings)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise WeightsError(
                f"{path}: cannot be read as PyTorch weights ({first_line(error, 160)}); get the file again"
            ) from None
        if not isinstance(state, Mapping):
            raise WeightsError(f"{path}: holds a {type(state).__name__}, expected a state dict; get the file again")
        return state

    def fill(self, module: Any, state: Mapping[str, Any], settings: Settings, *, wanted: str = "") -> Any:
        """The module with the weights in it, on its device, in evaluation mode; every name must fit.

        Args:
            module: Of the published shape.
            state: As `load` gives it.
            settings: Where the file lies, and the device.
            wanted: What the module is, for the message, e.g. `weights of RAFT large`.

        Raises:
            WeightsError: names or shapes are not those of the module.
        """
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            wanted = wanted or f"the weights of {self.name}"
            raise WeightsError(
                f"{self.path(settings)}: not {wanted} ({' '.join(lines[1:2])[:200]}); expected {self.name}"
            ) from None
        return module.eval().requires_grad_(False).to(settings.device)


def _weights_in(folder: Path) -> Path | None:
    return next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)


def _read_json(folder: Path | None, name: str) -> Mapping[str, Any]:
    if folder is None or not (folder / name).is_file():
        return {}
    try:
        document: Mapping[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{folder / name}: not valid JSON ({error}); get the model again") from None
    return document


def hub_cache() -> Path:
    """Where torch.hub keeps the files it fetches, found without loading torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser() / "hub" / "checkpoints"


def identity_of(*files: Path) -> str:
    """`sha256:...` over files, short."""
    return f"sha256:{_digest_of(files, files[-1].stat().st_mtime_ns)}"


@lru_cache(maxsize=64)
def _digest_of(files: tuple[Path, ...], changed_ns: int) -> str:
    """`changed_ns` makes a replaced file a new one."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()[:16]


def load_transformers(kind: str, folder: Path, settings: Settings, **options: Any) -> Any:
    """A transformers model on its device, in evaluation mode and the precision of the settings.

    Args:
        kind: Class name.
        folder: As `save_pretrained` writes it.
        settings: Device and precision.
        options: For the constructor of the model.

    Raises:
        WeightsError: the files are damaged, or are of another model.
    """
    import torch
    import transformers

    bars = transformers.utils.logging
    was_shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()  # it would run through the progress of the scoring itself
    try:
        model = getattr(transformers, kind).from_pretrained(folder, local_files_only=True, **options)
    except Exception as error:
        raise WeightsError(f"{folder}: cannot be loaded as {kind} ({first_line(error)}); get the model again") from None
    finally:
        if was_shown:
            bars.enable_progress_bar()
    dtype = torch.bfloat16 if settings.precision == "bf16" else torch.float32
    return model.eval().requires_grad_(False).to(device=settings.device, dtype=dtype)
