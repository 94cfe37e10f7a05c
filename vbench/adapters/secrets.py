"""Keys: read from the environment or the system's keyring at the moment of use, and struck out of every text."""

from __future__ import annotations

import logging
import os
import re
from importlib import import_module
from importlib.util import find_spec

from vbench.errors import AuthError

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}")
_QUERY = re.compile(r"(https?://[^\s?#'\"]+)\?[^\s'\"<>]+")
_BEARER = re.compile(r"\b(Bearer|Token|Key|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_used: set[str] = set()
log = logging.getLogger(__name__)

KEYRING_SERVICE = "vbench"


def lookup(name: str) -> str | None:
    """The value of a key by its environment name, else from the keyring (service ``vbench``); None where unset."""
    value = os.environ.get(name, "").strip()
    if not value and find_spec("keyring"):
        keyring = import_module("keyring")  # here, since it is optional and asks the desktop
        try:
            value = (keyring.get_password(KEYRING_SERVICE, name) or "").strip()
        except keyring.errors.KeyringError as error:
            log.warning("the system's keyring cannot be asked for %s: %s", name, error)
    return value or None


def expand(text: str, *, model: str, is_secret: bool = False) -> str:
    """`text` with ``${NAME}`` and ``${NAME:-default}`` replaced; secrets are struck out of every text from then on.

    Raises:
        AuthError: a name without a default is not set.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[3]
        setting = lookup(name)
        if setting is None and match[2] is None:
            raise AuthError(f"{model}: no value for {name}; set {name}, or leave {model} out of `models=`")
        if setting is not None and is_secret:
            if not setting.isprintable() or not setting.isascii():
                raise AuthError(f"{model}: {name} holds characters that no key has; copy it again")
            remember(setting)
        return setting if setting is not None else default

    return _REFERENCE.sub(value, text)


def remember(secret: str) -> None:
    """Strike this value out of every text from now on."""
    if secret:
        _used.add(secret)


def redact(text: str) -> str:
    """`text` without any key that was used, without credentials in headers and without query strings of addresses."""
    for secret in sorted(_used, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _BEARER.sub(r"\1 ***", _QUERY.sub(r"\1?***", text))


class _Redacting(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


def silence_logs() -> None:
    """Keep keys out of what the HTTP libraries log, at any level."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logger = logging.getLogger(name)
        if not any(isinstance(f, _Redacting) for f in logger.filters):
            logger.addFilter(_Redacting())
