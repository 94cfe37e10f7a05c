"""Where the files of a bench live: originals, never changed, and disposable things made from them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from vbench.bench.remote import RemoteFiles
from vbench.errors import BenchError
from vbench.files import home_expanded, written_whole


class Media:
    """A folder or a bucket of files, by key.

    Args:
        url: A path, or any address fsspec knows (``s3://bucket/prefix``).
        cache: Local folder for derived files, and for copies of remote originals. Where it cannot be written to, what
            lies there is used, and what is made goes into a temporary folder that ends with `close`.
    """

    def __init__(self, url: str | Path, cache: Path) -> None:
        self.url, self.cache = str(url), cache
        self._remote: RemoteFiles | None = None
        self._spare: TemporaryDirectory[str] | None = None
        if "://" in self.url and not self.url.startswith("file://"):
            self._remote = RemoteFiles(self.url)
        else:
            self._folder = home_expanded(self.url.removeprefix("file://")).resolve()

    @property
    def is_remote(self) -> bool:
        """Whether files lie in a bucket, so that a copy is made before they are read."""
        return self._remote is not None

    def put(self, local: Path, key: str) -> None:
        """Copy a file in; it appears under `key` whole or not at all.

        Raises:
            BenchError: the store cannot be written to (disk full, no permission).
        """
        _check(key)
        try:
            if self._remote is not None:
                self._remote.put(local, key)
                return
            with written_whole(self._folder / key) as part:
                shutil.copyfile(local, part)
        except OSError as error:
            place = self.url if self._remote is not None else self._folder
            raise BenchError(
                f"{place}/{key}: cannot be written ({error.strerror or error}); free space or choose another --media"
            ) from error

    def local(self, key: str, *, sha256: str = "") -> Path:
        """A path on this machine with the file's bytes; a remote file is copied once.

        Args:
            key: Of the file.
            sha256: Of its content: what comes from a bucket is compared with it; empty: nothing is known of it.

        Raises:
            FileNotFoundError: no such key.
            OSError: a bucket cannot be read, or holds other bytes.
        """
        _check(key)
        if self._remote is None:
            path = self._folder / key
            if not path.exists():
                raise FileNotFoundError(path)
            return path
        copy = self._made(f"originals/{key}")
        if not copy.exists():
            self._remote.get(key, copy, sha256=sha256)
        return copy

    def exists(self, key: str) -> bool:
        """Whether a file lies under `key`."""
        _check(key)
        return self._remote.exists(key) if self._remote is not None else (self._folder / key).exists()

    def delete(self, key: str) -> None:
        """Remove the file under `key`, and nothing else."""
        _check(key)
        if self._remote is not None:
            self._remote.delete(key)
        else:
            (self._folder / key).unlink(missing_ok=True)

    def derived(self, sha256: str, name: str) -> Path:
        """Where a poster, sprite or proxy of the original with this hash lies or may be written."""
        if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256) or "/" in name:
            raise ValueError(f"not a derived file: {sha256!r}, {name!r}")
        path = self._made(f"derived/{sha256[:2]}/{sha256}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def close(self) -> None:
        """Delete what was made outside of the bench."""
        if self._spare is not None:
            self._spare.cleanup()

    def _made(self, name: str) -> Path:
        """Where a disposable file lies or may be written."""
        kept = self.cache / name
        return kept if self._is_writable or kept.exists() else Path(self._spare_folder) / name

    @cached_property
    def _is_writable(self) -> bool:
        return not self.cache.exists() or os.access(self.cache, os.W_OK)

    @cached_property
    def _spare_folder(self) -> str:
        self._spare = TemporaryDirectory(prefix="vbench-copies-", ignore_cleanup_errors=True)
        return self._spare.name


def _check(key: str) -> None:
    if not key or key.startswith("/") or "\\" in key or ".." in key.split("/"):
        raise ValueError(f"media key {key!r} leaves the store")


def clip_key(model: str, prompt_id: str, sample: int, suffix: str, sha256: str = "") -> str:
    """Where a clip lies: a name for people, and no other place's.

    Args:
        model: Tool, or ``tool@arm``.
        prompt_id: Of the prompt.
        sample: Its number.
        suffix: With the dot; empty for a folder of frames.
        sha256: Of the file, part of which goes into the name where that is another clip's without.
    """
    tail = f".{sha256[:12]}" if sha256 else ""
    return f"clips/{_own_name(model)}/{_own_name(prompt_id)}-{sample}{tail}{suffix}"


def safe_name(name: str) -> str:
    """A name as one part of a path on every system: letters, digits, space and `._-+()@` stay, in about 120 bytes."""
    safe = re.sub(r"[^\w .+()@-]", "_", name).strip(" .") or "_"
    short = safe.encode()[:120].decode(errors="ignore").strip(" .")
    return short if short == safe else f"{short[:100]}-{_mark(name)}"


def _own_name(name: str) -> str:
    """`safe_name`, marked where it stands for another: names that differ only in what was replaced stay apart."""
    safe = safe_name(name)
    return safe if safe == name or safe.endswith(_mark(name)) else f"{safe}-{_mark(name)}"


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:6]
