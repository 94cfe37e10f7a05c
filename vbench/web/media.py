"""Media of clips: originals checked against their hash; posters, sprites and proxies, made once in another process."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from stat import S_ISREG
from typing import Any, Literal

from fastapi import HTTPException

from vbench.bench import Bench
from vbench.errors import ClipError
from vbench.files import frames_in, sha256_of
from vbench.records import Clip
from vbench.tasks.copies import Recipe
from vbench.video.sandbox import Sandbox

log = logging.getLogger(__name__)

Stamp = tuple[int, int]
"""What changes when a file does: its time of change and its size."""


class Originals:
    """The original files of clips, checked against the hash in their row."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._checked: dict[str, tuple[Stamp, str]] = {}
        self._lock = threading.Lock()

    def problem(self, media: str, linked: bool, size_bytes: int, sha256: str) -> Literal["", "missing", "changed"]:
        """What a glance at a file tells: it is gone, or has another size; a bucket is not asked."""
        if not linked and self._bench.media.is_remote:
            return ""
        try:
            path = Path(media) if linked else self._bench.media.local(media)
            is_file, stamp = _stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        if is_file and size_bytes and stamp[1] != size_bytes:
            return "changed"
        known = self._checked.get(str(path))
        return "changed" if known is not None and known[0] == stamp and known[1] != sha256 else ""

    def path(self, clip: Clip) -> Path:
        """The file of a clip, hashed once per change on disk.

        Raises:
            HTTPException: 410, the file is gone; 409, the file has another hash; 503, its bucket does not give it.
        """
        name = f"{clip.model}, prompt {clip.prompt.id}, sample {clip.sample}"
        try:
            path = self._bench.clip_path(clip)
            _, stamp = _stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            raise HTTPException(410, f"{name}: the file is gone; put it back, or import it again") from None
        except OSError as error:
            if not self._bench.media.is_remote:
                raise
            log.warning("%s: %s", name, error)
            raise HTTPException(503, f"{name}: the bucket does not give the file; try again in a minute") from None
        known = self._checked.get(str(path))
        if known is None or known[0] != stamp:
            known = (stamp, sha256_of(path))
            with self._lock:
                self._checked[str(path)] = known
        if known[1] != clip.sha256:
            raise HTTPException(
                409,
                f"{name}: the file was changed (its hash is {known[1][:12]}, the bench has {clip.sha256[:12]}); "
                "put the original back, or import the new one as another sample",
            )
        return path


def _stamp(path: Path) -> tuple[bool, Stamp]:
    """Whether it is a single file, and what changes when its bytes do: time of change and size, of all frames."""
    stat = path.stat()
    if S_ISREG(stat.st_mode):
        return True, (stat.st_mtime_ns, stat.st_size)
    frames = [frame.stat() for frame in frames_in(path)]
    return False, (max((f.st_mtime_ns for f in frames), default=0), sum(f.st_size for f in frames))


MOST_WAITING = 100
"""Files of one kind (stills, proxies) that wait to be made; whoever asks for more is asked to come back."""
BUSY = "many pictures are being made just now; ask again in a moment"
N_SANDBOXES = 2
"""Of each kind, so that one clip that takes its whole time does not stop the others."""


class Makers:
    """Makes each derived file at most once at a time, in threads of their own; stills do not wait for proxies."""

    def __init__(self) -> None:
        self._threads = {slow: ThreadPoolExecutor(N_SANDBOXES, thread_name_prefix="media") for slow in (False, True)}
        self._all = {slow: [Sandbox() for _ in range(N_SANDBOXES)] for slow in (False, True)}
        self._free: dict[bool, SimpleQueue[Sandbox]] = {slow: SimpleQueue() for slow in (False, True)}
        for slow, sandboxes in self._all.items():
            for sandbox in sandboxes:
                self._free[slow].put(sandbox)
        self._making: dict[Path, Future[None]] = {}
        self._n_waiting = {False: 0, True: 0}
        self._failed: dict[tuple[Path, int], str] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self, recipe: Recipe, source: Path, out: Path, **arguments: Any) -> Future[None] | None:
        """Begin to make `out`; None where it is there.

        Raises:
            ClipError: it was tried on this very file, and cannot be made; or the page is being stopped.
            HTTPException: 503, too many wait already.
        """
        with self._lock:
            if self._is_closed:
                raise ClipError("the page is being stopped; ask again when it is back")
            if out.exists():
                return None
            key = (out, source.stat().st_mtime_ns)
            if message := self._failed.get(key):
                raise ClipError(message)
            if (running := self._making.get(out)) is None:
                if self._n_waiting[recipe.is_slow] >= MOST_WAITING:
                    raise HTTPException(503, BUSY, {"retry-after": "10"})
                self._n_waiting[recipe.is_slow] += 1
                running = self._threads[recipe.is_slow].submit(self._make, recipe, source, out, arguments, key)
                self._making[out] = running
            return running

    def _make(self, recipe: Recipe, source: Path, out: Path, arguments: dict[str, Any], key: tuple[Path, int]) -> None:
        sandbox = self._free[recipe.is_slow].get()
        try:
            call = {"source": str(source), "out": str(out), **arguments}
            sandbox.call(recipe.operation, call, limit_s=recipe.limit_s)
        except ClipError as error:
            message = str(error).replace(str(source), source.name)  # visitors need not know where files lie
            self._failed[key] = message
            raise ClipError(message, code=error.code) from None
        finally:
            self._free[recipe.is_slow].put(sandbox)
            with self._lock:
                self._making.pop(out, None)
                self._n_waiting[recipe.is_slow] -= 1

    def close(self) -> None:
        """End the processes; what they were at is begun again next time."""
        with self._lock:
            self._is_closed = True
        for sandbox in (one for sandboxes in self._all.values() for one in sandboxes):
            sandbox.close()
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
