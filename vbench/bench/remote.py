"""Files in a bucket, or wherever else fsspec leads: put and fetched whole or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from vbench.errors import BenchError
from vbench.files import sha256_of, written_whole

CHUNK_BYTES = 8 << 20
CONNECT_S, REQUEST_S = 10.0, 60.0
"""How long S3 may take to be reached, and then stay silent; a busy store is slow before it is gone."""
MAX_ATTEMPTS = 8
"""Of one request, where S3 answers 5xx, `SlowDown` or nothing: with pauses that double, about half a minute in all."""


class RemoteFiles:
    """A store that is no folder of this machine.

    `s3://` goes through Arrow's own client, which is part of the core and needs no package of a cloud; its key, region
    and server are found as AWS's tools find them (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, the
    files in ``~/.aws``, the role of a machine). All else goes through fsspec, with the package it names.

    Args:
        url: ``s3://bucket/prefix``, or another address fsspec knows.

    Raises:
        BenchError: nothing here can read such addresses, or the address is none.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._has_folders = not url.startswith("s3://")
        try:
            self._files, self._root = _s3(url) if url.startswith("s3://") else _other(url)
        except (ImportError, ValueError, OSError) as error:
            raise BenchError(f"{url}: {error}; install what it names, or use a folder") from None

    def put(self, local: Path, key: str) -> None:
        """Copy a file in; a copy that is cut short does not stay.

        Raises:
            OSError: the store cannot be written to.
        """
        target = self._path(key)
        try:
            if self._has_folders:
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            with local.open("rb") as source, self._files.open(target, "wb") as out:
                shutil.copyfileobj(source, out, CHUNK_BYTES)
            n_expected, n_bytes = local.stat().st_size, self.size(key)
            if n_bytes != n_expected:
                raise OSError(f"{n_bytes} of {n_expected} bytes arrived")
        except BaseException:
            # closing the stream on the way out has made a file of what had been sent, where anything had; a whole one
            # may be that of an earlier try, and stays
            with suppress(OSError):
                if self.exists(key) and self.size(key) != local.stat().st_size:
                    self._files.rm_file(target)
            raise

    def get(self, key: str, local: Path, *, sha256: str = "") -> None:
        """Copy a file out; it appears whole or not at all.

        Args:
            key: Of the file.
            local: Where to.
            sha256: What its content must have; empty: nothing is known of it.

        Raises:
            FileNotFoundError: no such key.
            OSError: the store cannot be read, gives less than the file's length, or holds other bytes.
        """
        n_expected = self.size(key)
        with written_whole(local) as part:
            with self._files.open(self._path(key), "rb") as source, part.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK_BYTES)
            if (n_bytes := part.stat().st_size) != n_expected:
                raise OSError(f"{self.url}/{key}: {n_bytes} of {n_expected} bytes arrived")
            if sha256 and sha256_of(part) != sha256:
                raise OSError(f"{self.url}/{key}: its {n_bytes} bytes are not those that were stored")

    def size(self, key: str) -> int:
        """Bytes of the file under `key`.

        Raises:
            FileNotFoundError: no such key.
        """
        return int(self._files.info(self._path(key))["size"])

    def exists(self, key: str) -> bool:
        """Whether a file lies under `key`.

        Raises:
            OSError: the store does not say.
        """
        try:
            return bool(self._files.info(self._path(key))["type"] == "file")
        except FileNotFoundError:
            return False

    def delete(self, key: str) -> None:
        """Remove the file under `key`, and nothing else; nothing where there is none."""
        if self.exists(key):
            self._files.rm_file(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if self._root else key


def _s3(url: str) -> tuple[Any, str]:
    """A file system of S3, and the bucket with its prefix."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow import fs

    root = url.removeprefix("s3://").strip("/")
    bucket = root.partition("/")[0]
    if not bucket:
        raise ValueError("names no bucket; write s3://BUCKET/PREFIX")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region is None and endpoint is None:
        region = fs.resolve_s3_region(bucket)
    store = fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region,
        connect_timeout=CONNECT_S,
        request_timeout=REQUEST_S,
        allow_delayed_open=True,  # a small file is one request, not three
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=MAX_ATTEMPTS),
    )
    return ArrowFSWrapper(store), root


def _other(url: str) -> tuple[Any, str]:
    import fsspec

    files, root = fsspec.core.url_to_fs(url)
    return files, str(root).rstrip("/")
