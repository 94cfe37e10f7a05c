"""A process of this interpreter that serves messages: the one protocol of decode processes and of device processes.

Processes are plain subprocesses rather than `multiprocessing` ones, so that scoring works from a notebook or a script
without a main guard, and a killed parent leaves no process behind: its pipes close. Messages are pickled records, but
for what comes out of a confined process: it reads strangers' files, so its answers are parsed, and cannot make its
parent run anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import IO, Any

import numpy as np

from vbench import errors
from vbench.errors import ItemError
from vbench.video.sandbox import FILE_BYTES, MEMORY_BYTES, OPEN_FILES, PASSED_ON

Records = Mapping[str, type]
"""Name of a record → its class: all that the answers of a confined process may hold beside arrays, numbers and text."""
KEPT = (*PASSED_ON, "TORCH_HOME", "XDG_CACHE_HOME")
"""Environment that a confined process keeps; keys of hosted tools and the database's address are not among it."""
MOST_BYTES = 2**31
"""Of one part of an answer."""
_LENGTH = struct.Struct("<Q")
_ERRORS: Mapping[str, type[ItemError]] = {
    kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ItemError)
}


class UnreadableAnswerError(ValueError):
    """What came from a process is no answer of ours."""


def record_name(kind: type) -> str:
    """The name of a record in an answer."""
    return f"{kind.__module__}:{kind.__qualname__}"


def records_in(modules: Iterable[str]) -> Records:
    """The records that these modules define or import."""
    found = (kind for name in modules for kind in vars(sys.modules[name]).values())
    return {record_name(kind): kind for kind in found if isinstance(kind, type) and is_dataclass(kind)}


def pack(value: Any, parts: list[bytes]) -> Any:
    """A value as JSON; what is in it of bytes goes to `parts`.

    Raises:
        TypeError: it holds something else than records, arrays, numbers, text and collections of them.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        parts.append(np.ascontiguousarray(value).tobytes())
        return {"array": value.dtype.str, "shape": list(value.shape), "scalar": isinstance(value, np.generic)}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [pack(item, parts) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[pack(key, parts), pack(item, parts)] for key, item in value.items()]}
    if isinstance(value, ItemError):
        return {"error": type(value).__name__, "message": str(value), "code": value.code}
    if is_dataclass(value) and not isinstance(value, type):
        items = [[field.name, pack(getattr(value, field.name), parts)] for field in fields(value) if field.init]
        return {"record": record_name(type(value)), "fields": items}
    raise TypeError(f"{type(value).__name__} is none of records, arrays, numbers, text, lists and dicts of them")


def unpack(packed: Any, parts: Iterator[bytes], records: Records) -> Any:
    """What `pack` took.

    Raises:
        UnreadableAnswerError: it holds another record than those of `records`, or is not what `pack` gives.
    """
    match packed:
        case None | bool() | int() | float() | str():
            return packed
        case {"array": str(kind), "shape": list(shape), "scalar": bool(is_scalar)} if kind[1:2] in "biufc":
            array = np.frombuffer(bytearray(next(parts)), np.dtype(kind)).reshape(shape)
            return array[()] if is_scalar else array
        case {"list": list(items)}:
            return [unpack(item, parts, records) for item in items]
        case {"tuple": list(items)}:
            return tuple(unpack(item, parts, records) for item in items)
        case {"dict": list(items)}:
            return {unpack(key, parts, records): unpack(item, parts, records) for key, item in items}
        case {"error": str(name), "message": str(message), "code": str(code)}:
            return _ERRORS.get(name, ItemError)(message, code=code)
        case {"record": str(name), "fields": list(items)} if name in records:
            return records[name](**{key: unpack(item, parts, records) for key, item in items})
    raise UnreadableAnswerError("the answer of a decode process holds something that it may not")


DEVICE_BYTES = 2 * MEMORY_BYTES
"""Of a process that uses a GPU or torch's decoders, what it may write to: their libraries map more than any bound on
addresses would let them, most of it never written."""
DEVICE_FILES = 4 * OPEN_FILES


def confine(*, has_device: bool = False) -> None:
    """Bound what this process may take, as the page's sandbox does."""
    memory = (resource.RLIMIT_DATA, DEVICE_BYTES) if has_device else (resource.RLIMIT_AS, MEMORY_BYTES)
    for kind, most in (
        memory,
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, DEVICE_FILES if has_device else OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (soft, soft))


class Link:
    """This process's end of the pipes to its parent."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def send(self, message: object) -> None:
        """Raises BrokenPipeError where the other side is gone."""
        pickle.dump(message, self._outgoing, protocol=pickle.HIGHEST_PROTOCOL)
        self._outgoing.flush()

    def receive(self) -> Any:
        """The next message, waited for. Raises EOFError where the other side has closed its end or died."""
        try:
            return pickle.load(self._incoming)
        except pickle.UnpicklingError as error:  # it died in the middle of a message
            raise EOFError from error


Serve = Callable[[Link, Any], None]
"""What a process does with its setup: a function of an importable module, which is how the process finds it."""


class PackedLink(Link):
    """A confined process's end: what it sends is packed."""

    def send(self, message: object) -> None:
        parts: list[bytes] = []
        head = json.dumps(pack(message, parts)).encode()
        self._outgoing.write(_LENGTH.pack(len(parts)))
        for part in (head, *parts):
            self._outgoing.write(_LENGTH.pack(len(part)))
            self._outgoing.write(part)
        self._outgoing.flush()


class ChildProcess(Link):
    """A process that runs `serve(link, setup)`, seen from its parent.

    Args:
        serve: What it does.
        setup: Anything that can be pickled.
        env: Variables beside those of this process.
        records: Confine it, since it reads files nobody vouches for: bounded memory and files, few variables, and
            answers that hold these records at most. None: it is as free as this process.
        has_device: A confined process uses a GPU or torch's decoders: other bounds, and the whole environment.
    """

    def __init__(
        self,
        serve: Serve,
        setup: object,
        *,
        env: Mapping[str, str] | None = None,
        records: Records | None = None,
        has_device: bool = False,
    ) -> None:
        self._records = records
        keep = os.environ if records is None or has_device else {n: os.environ[n] for n in KEPT if n in os.environ}
        mode = "free" if records is None else "device" if has_device else "confined"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vbench.extract.process", mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(keep) | dict(env or {}),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        super().__init__(self._process.stdout, self._process.stdin)
        with contextlib.suppress(BrokenPipeError):  # one that died at once is noticed at the next message
            self.send(tuple(sys.path))  # before all that has to be imported, so that plug-ins are found
            self.send((serve, setup))

    def receive(self) -> Any:
        """The next message, waited for.

        Raises:
            EOFError: the other side has closed its end or died.
            UnreadableAnswerError: a confined process sent what it may not.
        """
        if self._records is None:
            return super().receive()
        head, *parts = [self._part() for _ in range(self._length(100_000) + 1)]
        try:
            return unpack(json.loads(head), iter(parts), self._records)
        except UnreadableAnswerError:
            raise
        except (ValueError, TypeError, KeyError, StopIteration, RecursionError) as error:
            raise UnreadableAnswerError(f"the answer of a decode process cannot be read ({error})") from None

    def _length(self, most: int) -> int:
        length: int = _LENGTH.unpack(self._exactly(_LENGTH.size))[0]
        if length > most:
            raise UnreadableAnswerError(f"the answer of a decode process claims {length} where {most} are the most")
        return length

    def _part(self) -> bytes:
        return self._exactly(self._length(MOST_BYTES))

    def _exactly(self, n: int) -> bytes:
        data = self._incoming.read(n)
        if len(data) < n:
            raise EOFError
        return data

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Close its input, at which it ends by itself, and wait for that."""
        with contextlib.suppress(OSError):
            self._outgoing.close()
        self._process.wait()

    def wait(self) -> int:
        """Its exit code."""
        return self._process.wait()


def main() -> None:
    """Serve the parent until it closes the pipe or goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; it ends this process
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints from here on goes to standard error
    mode = sys.argv[1]
    if mode != "free":
        confine(has_device=mode == "device")
    link = (Link if mode == "free" else PackedLink)(sys.stdin.buffer, outgoing)
    with contextlib.suppress(BrokenPipeError, EOFError):
        sys.path[:] = link.receive()
        serve, setup = link.receive()
        serve(link, setup)


if __name__ == "__main__":
    main()
