"""Who is let in, from where, to do what: permissions, exact hosts and origins."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from vbench.errors import OptionError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CLIENT_HEADER = "x-vbench-client"
"""A script that sends no Origin names itself here; a page of another site cannot, without asking first."""
_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
"""A Host header, lower case: a name or address, and perhaps a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a visitor may do besides looking."""

    vote: bool = True
    annotate: bool = True
    """Notes, stars, rejects."""
    generate: bool = True
    """Everything that spends money or hours: generating and scoring."""
    import_: bool = True
    delete: bool = True
    export: bool = True
    share: bool = True
    """Making links for guests."""


LOOK = Permissions(vote=False, annotate=False, generate=False, import_=False, delete=False, share=False)
LOOK_AND_VOTE = Permissions(annotate=False, generate=False, import_=False, delete=False, export=False, share=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who is let in, from where, to do what."""

    hosts: frozenset[str]
    """Names this page answers to, lower case, with the port where it matters."""
    origins: frozenset[str] = frozenset()
    """Other origins whose pages may send to this one; its own always may."""
    public: bool = False
    read_only: bool = False
    """The bench can only be looked at."""
    may: Permissions = field(default_factory=Permissions)
    frame_ancestors: tuple[str, ...] = ("'self'",)
    embedded: bool = False
    """Shown in a frame of another site (a Hugging Face Space), so that cookies must allow that."""


def policy_for(
    host: str,
    *,
    has_auth: bool = False,
    public: bool = False,
    trusted_origins: Iterable[str] = (),
    framed_by: Iterable[str] = (),
    space_host: str = "",
) -> Policy:
    """The policy for binding to `host`.

    Raises:
        OptionError: an address others can reach, with neither accounts nor the explicit word that it is public; or an
            origin that is not one.
    """
    origins = frozenset(_origin(text) for text in trusted_origins)
    is_loopback = host.strip("[]").lower() in LOOPBACK
    if not is_loopback and not has_auth and not public:
        raise OptionError(
            f"`host={host}` lets others in; give `auth=FILE` with accounts (vbench ui --hash-password makes one), "
            "or serve it publicly (vbench ui --unsafe-public), where anyone may look and vote"
        )
    names = set(LOOPBACK) | {urlsplit(origin).netloc.lower() for origin in origins}
    if host not in ("", "0.0.0.0", "::"):
        names.add(host.strip("[]").lower())
    frames: tuple[str, ...] = ("'self'", *(_origin(text, "framed_by") for text in framed_by))
    if space_host:
        names.add(space_host.lower())
        origins |= {f"https://{space_host.lower()}"}
        frames += ("https://huggingface.co",)
    return Policy(
        hosts=frozenset(names),
        origins=origins,
        public=public,
        may=LOOK_AND_VOTE if public else Permissions(),
        frame_ancestors=frames,
        embedded=bool(space_host),
    )


def _origin(text: str, name: str = "trusted_origin") -> str:
    parts = urlsplit(text)
    is_plain = parts.path in ("", "/") and not (parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not is_plain or not _HOST.fullmatch(parts.netloc.lower()):
        raise OptionError(f"`{name}={text}` is not an origin; write it as https://name or https://name:port")
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_trusted_host(value: str, policy: Policy, server: tuple[str, int] | None) -> bool:
    """Whether a Host header names this page: a known name, or the very address the connection came in on.

    A foreign name would be a page of another site whose name was pointed here (DNS rebinding).
    """
    value = value.lower()
    parts = _HOST.fullmatch(value)
    if parts is None or int(parts["port"] or 0) > 65535:
        return False
    name = parts["name"].strip("[]")
    if value in policy.hosts or name in policy.hosts:
        return True
    try:
        return server is not None and ipaddress.ip_address(name) == ipaddress.ip_address(server[0])
    except ValueError:
        return False


def is_trusted_origin(headers: Headers, policy: Policy) -> bool:
    """Whether a request that changes something comes from this page, from a trusted one, or from a script."""
    origins = headers.getlist("origin")
    if not origins:
        return CLIENT_HEADER in headers
    if len(origins) > 1:
        return False
    origin = origins[0].lower()
    host = headers.get("host", "").lower()
    return origin in policy.origins or origin in (f"http://{host}", f"https://{host}")
