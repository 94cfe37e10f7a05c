"""Handles that the database did not take, in a file beside it: with them jobs that were paid for are found again."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vbench.bench import now
from vbench.records import Handle, Job, digest
from vbench.schema import from_json, to_json


class HandleNotes:
    """One line a handle, on the disk at once: beside the database, or else in the system's temporary folder.

    Args:
        root: Folder of the bench.
    """

    def __init__(self, root: Path) -> None:
        name = f"vbench-unstored-jobs-{digest(str(root.resolve()))}.jsonl"
        self.places = (root / "unstored-jobs.jsonl", Path(tempfile.gettempdir()) / name)

    def add(self, job: Job, handle: Handle) -> Path | None:
        """Note what the tool calls a job; where, or None where no place takes it."""
        note = {"job": job.id, "tool": job.model, "prompt": job.prompt.id, "sample": job.sample, "at": now()}
        line = (json.dumps({**note, "handle": to_json(handle)}) + "\n").encode()
        for place in self.places:
            with suppress(OSError):
                _append(place, line)
                return place
        return None

    def read(self) -> dict[str, Handle]:
        """Job → its handle, the last noted."""
        return dict(note for place in self.places for note in _notes_in(place))

    def forget(self) -> None:
        """Remove what is stored by now."""
        for place in self.places:
            with suppress(OSError):
                if _is_ours(place):
                    place.unlink()


def _append(place: Path, line: bytes) -> None:
    """Write a line whole or not at all: half of one, on a disk that fills, is taken back."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    file = os.open(place, flags, 0o600)
    try:
        size = os.fstat(file).st_size
        try:
            if os.write(file, line) != len(line):
                raise OSError("there was no room for the whole line")
            os.fsync(file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, size)
            raise
    finally:
        os.close(file)


def _is_ours(place: Path) -> bool:
    """Whether this user wrote a file: in a folder that all share, others may lay something under its name."""
    try:
        facts = place.lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and (not hasattr(os, "getuid") or facts.st_uid == os.getuid())


def _notes_in(place: Path) -> Iterator[tuple[str, Handle]]:
    if not _is_ours(place):
        return
    try:
        lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            note = json.loads(line)
            yield str(note["job"]), from_json(Handle, note["handle"])
