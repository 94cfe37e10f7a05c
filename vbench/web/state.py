"""What every route of a running page shares, and who is asking."""

from __future__ import annotations

import hmac
import secrets
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request, Response

from vbench.arena.arena import Arena
from vbench.bench import Bench
from vbench.cuts import EdgeReader
from vbench.errors import as_typed
from vbench.tasks.events import EventReaders
from vbench.web.boards import Kept
from vbench.web.guests import Guests
from vbench.web.media import Makers, Originals
from vbench.web.security.auth import Accounts
from vbench.web.security.guard import PasswordTries, RateLimit, client_address
from vbench.web.security.policy import Permissions, Policy
from vbench.web.security.sentences import without_paths
from vbench.web.uploads import Uploads

VOTER_COOKIE = "vbench_voter"
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
"""How many rows of a list to pass over; databases count no further than 64 bits."""


@dataclass(kw_only=True)
class PageLimits:
    """Rates; the address ones are wide, since a class or an office shares an address."""

    votes: RateLimit = field(default_factory=lambda: RateLimit(60, burst=30))
    """Per voter: pairs drawn and votes cast."""
    votes_from_address: RateLimit = field(default_factory=lambda: RateLimit(3000, burst=1500))
    public_votes_from_address: RateLimit = field(default_factory=lambda: RateLimit(240, burst=120))
    """Of a page where a new cookie is a new voter: pairs drawn and votes cast, enough for a class of thirty."""
    counted_from_address: RateLimit = field(default_factory=lambda: RateLimit(30, burst=40))
    """Votes of such a page that count; those beyond are kept with the reason."""
    writes: RateLimit = field(default_factory=lambda: RateLimit(300, burst=100))
    boards: RateLimit = field(default_factory=lambda: RateLimit(60, burst=40))
    """Per address: one with other filters takes a second of a large bench, and they are made one at a time."""


@dataclass(kw_only=True)
class Page:
    """A running page: its bench and what it may do with it."""

    bench: Bench
    policy: Policy
    originals: Originals
    makers: Makers
    arena: Arena
    boards: Kept
    uploads: Uploads
    guests: Guests
    voter_key: bytes
    """Turns sessions into what is stored with votes."""
    accounts: Accounts | None = None
    tries: PasswordTries = field(default_factory=PasswordTries)
    limits: PageLimits = field(default_factory=PageLimits)
    edges: EdgeReader = field(default_factory=EdgeReader)
    task_events: EventReaders = field(default_factory=EventReaders)

    @property
    def may(self) -> Permissions:
        return self.policy.may

    @property
    def is_local(self) -> bool:
        """Whether whoever looks sits at this machine, whose files are theirs."""
        return not self.policy.public and self.accounts is None

    def require(self, allowed: bool, what: str) -> None:
        """Stop a visitor who may not do this here.

        Raises:
            HTTPException: 403.
        """
        if allowed:
            return
        if self.policy.read_only:
            raise HTTPException(403, f"{what} is off on this page: its bench is read only and can only be looked at")
        raise HTTPException(403, f"{what} is off on this page: it is public, so that visitors look and vote only")

    def say(self, text: str) -> str:
        """A sentence of ours as this page's visitors may read it."""
        text = as_typed(text)
        if self.is_local:
            return text
        return without_paths(text, (self.bench.root, Path.home(), Path.cwd(), Path(tempfile.gettempdir())))


def _page(request: Request) -> Page:
    page: Page = request.app.state.page
    return page


PageState = Annotated[Page, Depends(_page)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is asking."""

    session: str
    """The account, or a random name kept in a cookie."""
    voter: str
    """What is stored with votes: a hash that changes every month and leads back to nobody."""
    author: str
    """What is stored with notes and stars: the account; empty where there are no accounts."""
    address: str
    """For rates only."""


def _visitor(request: Request, response: Response, page: PageState) -> Visitor:
    account = getattr(request.state, "account", None) or ""
    session = account or request.cookies.get(VOTER_COOKIE, "")
    if not 8 <= len(session) <= 200 and not account:
        session = secrets.token_urlsafe(18)
        set_cookie(response, page.policy, request, VOTER_COOKIE, session, max_age=90 * 24 * 3600)
    month = datetime.now(UTC).strftime("%Y-%m")
    voter = hmac.new(page.voter_key, f"{month}:{session}".encode(), "sha256").hexdigest()[:32]
    return Visitor(session=session, voter=voter, author=account, address=client_address(request.scope))


Caller = Annotated[Visitor, Depends(_visitor)]


def set_cookie(
    response: Response,
    policy: Policy,
    request: Request,
    name: str,
    value: str,
    *,
    max_age: int | None,
    path: str = "/",
) -> None:
    """Set a cookie that no script reads and no other site makes use of; it is sent below `path` alone."""
    secure = request.url.scheme == "https" or policy.embedded
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=path,
        httponly=True,
        secure=secure,
        samesite="none" if policy.embedded else "strict",
    )
    if policy.embedded:  # browsers drop the cookie of a frame that is not partitioned; http.cookies writes it from 3.14
        key, header = response.raw_headers[-1]
        response.raw_headers[-1] = (key, header + b"; Partitioned")


def slow_down(limit: RateLimit, key: str) -> None:
    """Count a request.

    Raises:
        HTTPException: 429 with the seconds to wait.
    """
    if wait := limit.wait_s(key):
        raise HTTPException(429, f"too many requests; wait {wait:.0f} s", {"retry-after": str(int(wait) + 1)})
