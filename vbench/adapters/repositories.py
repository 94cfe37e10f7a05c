"""Gets the weights of a tool by pinned revision: what is needed, whether it fits, and then file by file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from vbench.adapters.contract import Repository
from vbench.adapters.machine import GIB, weights_folder
from vbench.errors import OptionError, WeightsError
from vbench.text import first_line

SPARE_BYTES = GIB
"""Room that stays on the disk."""
SMALL = (".json", ".txt", ".model", ".jinja", ".py", ".spm", ".vocab")
"""Suffixes of what stands beside weights: configurations and tokenizers."""
Progress = Callable[[str, int, int], None]
"""Told (file, bytes here, bytes in all) of a repository's files together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a repository on the hub."""

    name: str
    size: int
    """Bytes."""
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What of a repository is needed, at one commit."""

    repository: Repository
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def missing_bytes(self) -> int:
        return sum(file.size for file in self.files if not file.is_here)


def listing(repository: Repository) -> Listing:
    """Ask the hub what a repository holds at its pinned revision.

    Raises:
        WeightsError: it does not answer, has no such repository or revision, or wants a token.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    revision = repository.revision or None
    try:
        info = HfApi(endpoint=_endpoint()).model_info(repository.repo, revision=revision, files_metadata=True)
    except Exception as error:
        raise _refused(repository, error) from None
    commit = str(info.sha or repository.revision)
    sizes = {item.rfilename: int(item.size or 0) for item in info.siblings or ()}
    needed = needed_files(sizes, repository)
    if not needed:
        raise WeightsError(f"{repository.repo}: holds no weights that can be used; correct the card's options")
    files = tuple(
        RemoteFile(
            name=name,
            size=sizes[name],
            is_here=isinstance(try_to_load_from_cache(repository.repo, name, revision=commit), str),
        )
        for name in needed
    )
    return Listing(repository=repository, commit=commit, files=files)


def needed_files(names: Iterable[str], repository: Repository) -> list[str]:
    """Of a repository's files those that loading it reads: configurations, and each weight once.

    Where the card names files, these alone. Weights are taken as safetensors where a folder has them, of the card's
    variant where there is one; checkpoints beside a pipeline's folders are another form of the same and stay.
    """
    names = sorted(names)
    if repository.files:
        return [name for name in names if any(fnmatch(name, pattern) for pattern in repository.files)]
    small = [name for name in names if name.endswith(SMALL)]
    is_pipeline = any(name in ("model_index.json", "modular_model_index.json") for name in names)
    by_folder: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        if file.endswith((".safetensors", ".bin")) and (folder or not is_pipeline):
            by_folder.setdefault(folder, []).append(name)
    weights = [name for files in by_folder.values() for name in _once(files, repository.variant)]
    return sorted([*small, *weights])


def _once(files: list[str], variant: str) -> list[str]:
    """The weights of one folder in one form."""
    forms = [name for name in files if name.endswith(".safetensors")] or files
    marked = [name for name in forms if variant and f".{variant}." in name]
    return marked or [name for name in forms if not _is_variant(name)] or forms


def _is_variant(name: str) -> bool:
    return any(
        f".{variant}." in name or f".{variant}-" in name for variant in ("fp16", "bf16", "fp8", "non_ema", "ema")
    )


def check_room(listings: Iterable[Listing]) -> int:
    """Bytes still to be got.

    Raises:
        OptionError: they do not fit on the disk.
    """
    needed = sum(each.missing_bytes for each in listings)
    place = weights_folder()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed and needed + SPARE_BYTES > free:
        raise OptionError(
            f"{needed / GIB:.1f} GiB are to be got and {free / GIB:.1f} are free in {weights_folder()}; free space, or "
            "set HF_HOME to a larger disk"
        )
    return needed


def get(wanted: Listing, progress: Progress) -> Path:
    """Get what is missing; a file that broke off goes on where it stopped.

    Returns:
        The folder of the snapshot.

    Raises:
        WeightsError: the hub does not give a file.
        OSError: the disk.
    """
    from huggingface_hub import hf_hub_download

    total, done = sum(file.size for file in wanted.files), 0
    path = weights_folder()
    for file in wanted.files:
        bar = _bar(lambda here, name=file.name, before=done: progress(name, before + here, total))  # type: ignore[misc]
        try:
            got = hf_hub_download(
                wanted.repository.repo,
                file.name,
                revision=wanted.commit,
                cache_dir=weights_folder(),
                endpoint=_endpoint(),
                tqdm_class=bar,
            )
        except OSError as error:
            if error.errno is not None and not getattr(error, "response", None):
                raise
            raise _refused(wanted.repository, error) from None
        except Exception as error:
            raise _refused(wanted.repository, error) from None
        done += file.size
        progress(file.name, done, total)
        path = Path(got)
    return path


def _bar(told: Callable[[int], None]) -> Any:
    """A progress bar of the hub's own kind that draws nothing and tells how many bytes of a file are here."""
    from tqdm import tqdm

    class Told(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})
            self.here = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            told(self.here)

    return Told


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _refused(repository: Repository, error: Exception) -> WeightsError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    revision = f" at revision {repository.revision}" if repository.revision else ""
    if status in (401, 403):
        why = "access is restricted; accept its terms on the hub and set HF_TOKEN"
    elif status == 404:
        why = "the hub has no such repository or revision; correct the card"
    else:
        why = f"the hub does not give it ({type(error).__name__}: {first_line(error)}); repeat the line to go on"
    return WeightsError(f"{repository.repo}{revision}: {why}")
