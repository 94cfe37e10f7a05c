"""The first frame that a prompt brings, as adapters send it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vbench.errors import JobError


def image_bytes(path: Path) -> bytes:
    """The file as it is.

    Raises:
        JobError: it cannot be read; nothing was sent.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise JobError(
            f"{path}: cannot be read ({error.strerror}); check the prompt's image", code="bad_request"
        ) from None


def image_sha256(path: Path) -> str:
    """What it shows, for the identity of a job.

    Raises:
        JobError: it cannot be read.
    """
    return hashlib.sha256(image_bytes(path)).hexdigest()
