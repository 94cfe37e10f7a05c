"""Accounts of a page that others can reach: scrypt hashes in a file, a login form, a signed session cookie."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer

from vbench.errors import OptionError

_N, _R, _P = 2**15, 8, 1
_MAXMEM: Final = 128 * _N * _R * 2
SESSION_S = 12 * 3600
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


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAXMEM, dklen=32)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Accounts:
    """Names and hashed passwords, one ``name:scrypt$...`` per line; ``#`` starts a comment."""

    def __init__(self, hashes: Mapping[str, tuple[int, int, int, bytes, bytes]], secret: bytes) -> None:
        self._hashes, self._secret = dict(hashes), secret
        self._sessions = URLSafeTimedSerializer(
            secret, salt="vbench session", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )
        self._known: dict[bytes, tuple[str, float]] = {}

    @classmethod
    def read(cls, path: Path, secret: bytes) -> Accounts:
        """Read an account file.

        Args:
            path: The file.
            secret: Signs session cookies.

        Raises:
            OptionError: no such file, nobody in it, a line that is not an account, or a password in clear.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"--auth {path}: cannot be read ({error}); give a text file of accounts") from None
        hashes = {}
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            name, _, coded = text.partition(":")
            try:
                scheme, n, r, p, salt, digest = coded.split("$")
                if scheme != "scrypt" or not name:
                    raise ValueError(scheme)
                cost = int(n), int(r), int(p)
                if 128 * cost[0] * cost[1] > _MAXMEM:
                    raise ValueError("cost")
                hashes[name] = (*cost, _unb64(salt), _unb64(digest))
            except (ValueError, binascii.Error):
                raise OptionError(
                    f"--auth {path}:{number}: not an account; write name:HASH with the HASH that "
                    "`vbench ui --hash-password` prints"
                ) from None
        if not hashes:
            raise OptionError(f"--auth {path}: nobody is in it; add a line name:HASH")
        return cls(hashes, secret)

    def has_password(self, name: str, password: str) -> bool:
        """Whether the password is that of the account; takes as long for a name that is not there."""
        n, r, p, salt, expected = self._hashes.get(name, (_N, _R, _P, b"-" * 16, b""))
        digest = _scrypt(password[:1024], salt, n, r, p)
        return hmac.compare_digest(digest, expected) and name in self._hashes

    def session(self, name: str) -> str:
        """A cookie value that says who this is, for `SESSION_S`."""
        return str(self._sessions.dumps(name))

    def by_session(self, cookie: str) -> str | None:
        """The name a session cookie stands for; None: nobody known."""
        try:
            name: str = self._sessions.loads(cookie, max_age=SESSION_S)
        except BadData:
            return None
        return name if name in self._hashes else None

    def by_known_password(self, authorization: str) -> str | None:
        """The name of a Basic header that was found right lately, so that a script pays for scrypt once."""
        name, until = self._known.get(self._digest(authorization), ("", 0.0))
        return name if until > time.monotonic() else None

    def by_password(self, authorization: str) -> str | None:
        """The name a Basic header proves; takes its time."""
        scheme, _, coded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (ValueError, binascii.Error):
            return None
        if not self.has_password(name, password):
            return None
        if len(self._known) > 1000:
            self._known.clear()
        self._known[self._digest(authorization)] = (name, time.monotonic() + KNOWN_S)
        return name

    def _digest(self, authorization: str) -> bytes:
        return hmac.digest(self._secret, b"basic:" + authorization.encode(), "sha256")
