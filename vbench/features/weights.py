"""Where the weights of a backbone come from: a local folder, this machine's cache, or the hub at a pinned revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vbench.contracts import Settings, Weights
from vbench.errors import WeightsError

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

    def folder(self, settings: Settings) -> Path | None:
        """Where it lies on this machine; None: nowhere.

        Raises:
            WeightsError: the given folder is not a model.
        """
        given = settings.get(self.setting, "")
        if given:
            folder = Path(given).expanduser()
            if not (folder / "config.json").is_file() or _weights_in(folder) is None:
                raise WeightsError(
                    f"{self.setting} is {given}, where there is no config.json with {' or '.join(WEIGHT_FILES)}; "
                    "expected a folder as transformers' save_pretrained writes it"
                )
            return folder
        from huggingface_hub import try_to_load_from_cache

        for name in WEIGHT_FILES:
            found = try_to_load_from_cache(self.repo, name, revision=self.revision or BRANCH)
            if isinstance(found, str) and (Path(found).parent / "config.json").is_file():
                return Path(found).parent
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
        return f"sha256:{_digest_of(path, path.stat().st_mtime_ns)}"

    def config(self, settings: Settings) -> Mapping[str, Any]:
        """`config.json`; empty where the model is not there."""
        return _read_json(self.folder(settings), "config.json")

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
                found = Path(snapshot_download(self.repo, revision=revision, allow_patterns=[*FILES, name]))
                if (found / name).is_file():
                    return found
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
            raise WeightsError(
                f"{self.repo} (revision {revision[:12]}, about {self.size_mb} MB) is not in the cache and "
                f"cannot be downloaded: {reason}; give a local copy with --set {self.setting}=PATH, or score with "
                "--preset offline",
                reason=f"They cannot be downloaded here: {reason}",
            ) from None
        raise WeightsError(f"{self.repo}: revision {revision} holds no {' or '.join(WEIGHT_FILES)}")


def _weights_in(folder: Path) -> Path | None:
    return next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)


def _read_json(folder: Path | None, name: str) -> Mapping[str, Any]:
    if folder is None or not (folder / name).is_file():
        return {}
    try:
        found: Mapping[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{folder / name}: not valid JSON ({error}); get the model again") from None
    return found


@lru_cache(maxsize=32)
def _digest_of(path: Path, changed_ns: int) -> str:
    """Of a weight file and the configuration beside it; `changed_ns` makes a replaced file a new one."""
    digest = hashlib.sha256()
    for part in (path.parent / "config.json", path):
        with part.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Short sha256 of one file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
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
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{folder}: cannot be loaded as {kind} ({first}); get the model again") from None
    finally:
        if was_shown:
            bars.enable_progress_bar()
    dtype = torch.bfloat16 if settings.precision == "bf16" else torch.float32
    return model.eval().requires_grad_(False).to(device=settings.device, dtype=dtype)
