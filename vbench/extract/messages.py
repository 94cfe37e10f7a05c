"""What passes between this process and its decode processes."""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """First message to a worker."""

    path: tuple[str, ...]
    """`sys.path` of the parent, so that plug-ins are found."""
    features: bytes
    """Pickled stream features and frame requests."""
    decode_on: str | None
    """As in `run_clip`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One clip to decode."""

    path: Path
    probe: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The clip could not be decoded."""

    code: str
    message: str


class Beat:
    """Still at work."""


def send(stream: IO[bytes], message: object) -> None:
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def open_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for messages; what anything prints from here on goes to standard error."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, outgoing
