"""One process that takes work of a bench for itself, and whether another such process still lives."""

from __future__ import annotations

import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vbench.records import digest

LEASE_S = 180.0
"""How long a process on another machine is taken to live after its last sign of life."""


class Owner:
    """One process, or one run of it, that takes work of a bench for itself.

    While it is open it holds a file lock, which the operating system lets go of however the process ends: that is how
    others on this machine know that its work is free. Owners elsewhere are judged by how long their lease runs.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "owners"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._place = _place(self._folder)
        token = uuid.uuid4().hex[:12]
        self.owner = f"{self._place}:{token}"
        self._lock = FileLock(self._lock_path(token), thread_local=False)
        self._lock.acquire(timeout=10)

    def close(self) -> None:
        """From now on this owner is gone."""
        self._lock.release()
        self._lock_path(self.owner.partition(":")[2]).unlink(missing_ok=True)

    def is_alive(self, owner: str, lease_until: float) -> bool:
        """Whether another process still lives, by its lock where it can be seen, else by its lease."""
        place, _, token = owner.partition(":")
        if place != self._place:
            return lease_until > time.time()
        path = self._lock_path(token)
        if not path.exists():
            return False
        probe = FileLock(path, thread_local=False)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return True
        probe.release()
        path.unlink(missing_ok=True)
        return False

    def _lock_path(self, token: str) -> Path:
        return self._folder / f"{token}.lock"


def _place(folder: Path) -> str:
    """What those have in common who see each other's locks: this very folder, not one of the same name elsewhere."""
    mark = folder / "place"
    with suppress(FileExistsError), mark.open("x") as file:
        file.write(uuid.uuid4().hex)
    return digest(socket.gethostname(), str(folder), mark.read_text(), length=12)
