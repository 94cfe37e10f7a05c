"""Accounts of a page that others can reach: scrypt hashes in a file, a login form, a signed session cookie."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, TypeVar

from itsdangerous import BadData, URLSafeTimedSerializer

from vbench.errors import OptionError

T = TypeVar("T")
_N, _R, _P = 2**15, 8, 1
_MAXMEM: Final = 128 * _N * _R * 2
SESSION_S = 12 * 3600
DEVICE_S = 180 * 24 * 3600
"""How long a browser counts as one that an account was signed in on."""
KNOWN_S = 300.0
"""How long a script's password is taken as read."""


def hash_password(password: str) -> str:
    """The line part ``scrypt$n$r$p$salt$hash`` for a password; the salt is random.

    Raises:
        OptionError: fewer than ten characters.
    """
    if len(password) < 10:
        raise OptionError(f"the password has {len(password)} characters; use at least 10")
    salt = os.urandom(16)
    return f"scrypt${_N}${_R}${_P}${_b64(salt)}${_b64(_scrypt(password, salt, _N, _R, _P))}"


Hash = tuple[int, int, int, bytes, bytes]
"""n, r, p, salt and digest."""


def read_hash(coded: str) -> Hash:
    """What `hash_password` wrote.

    Raises:
        ValueError: it is none, or one that takes too much memory.
    """
    scheme, n, r, p, salt, digest = coded.split("$")
    cost = int(n), int(r), int(p)
    if scheme != "scrypt" or 128 * cost[0] * cost[1] > _MAXMEM:
        raise ValueError("no hash of ours")
    return (*cost, _unb64(salt), _unb64(digest))


def is_password(password: str, hash: Hash) -> bool:
    """Whether the hash was made of this password; takes its time and 32 MB."""
    n, r, p, salt, expected = hash
    return hmac.compare_digest(_scrypt(password[:1024], salt, n, r, p), expected)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAXMEM, dklen=32)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SessionKeys(Protocol):
    """Keeps random bytes under names, as a bench does."""

    def secret(self, name: str) -> bytes: ...
    def renew_secret(self, name: str) -> bytes: ...


def _key_name(account: str) -> str:
    return f"session:{hashlib.blake2b(account.encode(), digest_size=12).hexdigest()}"


def basic_words(authorization: str) -> tuple[str, str]:
    """The name and password of a Basic header; empty where it is none."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    return name, password


class Accounts:
    """Names and hashed passwords, one ``name:scrypt$...`` per line; ``#`` starts a comment."""

    def __init__(self, hashes: Mapping[str, Hash], secret: bytes, keys: SessionKeys) -> None:
        self._hashes, self._secret, self._keys = dict(hashes), secret, keys
        self._generations = {name: keys.secret(_key_name(name)) for name in hashes}
        """Name → what its sessions stand on; another one ends them all."""
        self._sessions = URLSafeTimedSerializer(
            secret, salt="vbench session", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )
        self._devices = URLSafeTimedSerializer(
            secret, salt="vbench device", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )
        self._known: dict[bytes, tuple[str, float]] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sign-in")

    @classmethod
    def read(cls, path: Path, secret: bytes, keys: SessionKeys) -> Accounts:
        """Read an account file.

        Args:
            path: The file.
            secret: Signs session cookies.
            keys: Keeps what makes the sessions of an account void when somebody signs out.

        Raises:
            OptionError: no such file, nobody in it, a line that is not an account, or a password in clear.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"`auth={path}`: cannot be read ({error}); give a text file of accounts") from None
        hashes = {}
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            name, _, coded = text.partition(":")
            try:
                if not name:
                    raise ValueError("nobody")
                hashes[name] = read_hash(coded)
            except (ValueError, binascii.Error):
                raise OptionError(
                    f"`auth={path}`, line {number}: not an account; write name:HASH with the HASH that "
                    "`vbench ui --hash-password` prints"
                ) from None
        if not hashes:
            raise OptionError(f"`auth={path}`: nobody is in it; add a line name:HASH")
        return cls(hashes, secret, keys)

    async def in_turn(self, check: Callable[..., T], *arguments: str) -> T:
        """A check of a password, in threads that nothing else is done in; each takes its time and 32 MB."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, check, *arguments)

    def has_password(self, name: str, password: str) -> bool:
        """Whether the password is that of the account; takes as long for a name that is not there."""
        return is_password(password, self._hashes.get(name, (_N, _R, _P, b"-" * 16, b""))) and name in self._hashes

    def session(self, name: str) -> str:
        """A cookie value that says who this is, for `SESSION_S`."""
        return str(self._sessions.dumps([name, self._generation(name)]))

    def by_session(self, cookie: str) -> str | None:
        """The name a session cookie stands for; None: nobody known."""
        try:
            name, generation = self._sessions.loads(cookie, max_age=SESSION_S)
        except (BadData, TypeError, ValueError):
            return None
        is_good = name in self._hashes and hmac.compare_digest(str(generation), self._generation(name))
        return str(name) if is_good else None

    def end_sessions(self, name: str) -> None:
        """Make every cookie void that was given to an account, copies of it too; for whoever signs out."""
        self._generations[name] = self._keys.renew_secret(_key_name(name))
        self._known = {digest: known for digest, known in self._known.items() if known[0] != name}

    def _generation(self, name: str) -> str:
        """Another one after signing out, and where the password is another."""
        return hmac.digest(self._generations[name], self._hashes[name][-1], "sha256").hex()[:32]

    def device(self, name: str) -> str:
        """A cookie value that says that somebody signed in to an account here once; it opens nothing."""
        return str(self._devices.dumps(name))

    def is_device_of(self, name: str, cookie: str) -> bool:
        """Whether a browser was signed in to an account before."""
        try:
            return bool(self._devices.loads(cookie, max_age=DEVICE_S) == name)
        except BadData:
            return False

    def by_known_password(self, authorization: str) -> str | None:
        """The name of a Basic header that was found right lately, so that a script pays for scrypt once."""
        name, until = self._known.get(self._digest(authorization), ("", 0.0))
        return name if until > time.monotonic() else None

    def by_password(self, authorization: str) -> str | None:
        """The name a Basic header proves; takes its time."""
        name, password = basic_words(authorization)
        if not name or not self.has_password(name, password):
            return None
        if len(self._known) > 1000:
            self._known.clear()
        self._known[self._digest(authorization)] = (name, time.monotonic() + KNOWN_S)
        return name

    def _digest(self, authorization: str) -> bytes:
        return hmac.digest(self._secret, b"basic:" + authorization.encode(), "sha256")
