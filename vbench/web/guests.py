"""Guests of a review: how a link is made, who holds its password, and all that they may see of the bench."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer

from vbench.bench import Bench, now
from vbench.errors import OptionError
from vbench.records import Approval, Clip, Note, Review
from vbench.tasks.copies import BLIND_HEIGHT, PROXY, RECIPES, Copy, even_height, proxy_copy
from vbench.web.security.auth import hash_password, is_password, read_hash

USUAL_DAYS = 14
MOST_DAYS = 365
VISIT_S = 30 * 24 * 3600
"""How long a browser is remembered; the link may end before."""
SUFFIX: Final = " (guest)"
"""Of a guest's name with what they write, so that no guest passes for a maker."""


# --- the link -----------------------------------------------------------------------------------------------------


def new_review(
    bench: Bench,
    clips: Sequence[str],
    *,
    title: str = "",
    password: str = "",
    is_blind: bool = False,
    days: float = USUAL_DAYS,
) -> tuple[Review, str]:
    """Store a link for guests; it and its password, which is nowhere else in clear.

    Args:
        bench: Where the takes are.
        clips: Ids of the takes.
        title: What guests read above them; empty: the name of the bench.
        password: At least ten characters; empty: one is made.
        is_blind: Guests do not read which tool made a take, and all pictures have the same height.
        days: After which it opens nothing.

    Raises:
        OptionError: the days or the password cannot be.
        BenchError: no takes, too many, or one that the bench has not.
    """
    if not 0 < days <= MOST_DAYS:
        raise OptionError(f"`days={days:g}`: a review is open for more than 0 and at most {MOST_DAYS} days")
    password = password or "-".join(secrets.token_hex(2) for _ in range(3))
    review = Review(
        token=secrets.token_urlsafe(18),
        title=title.strip()[:200] or bench.root.name,
        clips=tuple(dict.fromkeys(clips)),
        password=hash_password(password),
        is_blind=is_blind,
        created=now(),
        expires=(datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    bench.add_review(review)
    return review, password


def review_row(bench: Bench, review: Review) -> dict[str, Any]:
    """A link with what its guests said, as makers read it: all but the password."""
    given = {(approval.clip, approval.state) for approval in bench.approvals(review=review.token)}
    n_takes = Counter(state for _, state in given)
    return {
        "token": review.token,
        "title": review.title,
        "clips": list(review.clips),
        "is_blind": review.is_blind,
        "state": review.state(now()),
        "created": review.created,
        "expires": review.expires,
        "path": f"/review/{review.token}",
        "n_notes": bench.n_notes_by_review().get(review.token, 0),
        "n_approved": n_takes["approved"],
        "n_changes": n_takes["changes"],
    }


class Guests:
    """Who has given the password of a link: a signed cookie with the name they gave."""

    def __init__(self, secret: bytes) -> None:
        self._visits = URLSafeTimedSerializer(
            secret, salt="vbench review", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="guests")

    async def has_password(self, review: Review, password: str) -> bool:
        """Whether this is the link's password; in threads of its own, since it takes its time and 32 MB."""
        check = asyncio.get_running_loop().run_in_executor
        return await check(self._threads, is_password, password, read_hash(review.password))

    def visit(self, review: Review, name: str) -> str:
        """A cookie value that says who this is, to this link alone."""
        return str(self._visits.dumps([review.token, name]))

    def name(self, review: Review, cookie: str) -> str | None:
        """The name a cookie stands for; None: nobody who has given the password of this link."""
        try:
            token, name = self._visits.loads(cookie, max_age=VISIT_S)
        except (BadData, TypeError, ValueError):
            return None
        return str(name) if token == review.token else None


# --- what they see ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestView:
    """The takes of a link as its guests see them, under ids and names that lead to no other take of the bench."""

    review: Review
    takes: dict[str, Clip]
    """Id that guests read → clip, in their order."""
    height: int
    """Of all pictures of a blind review; 0: each has its own."""

    @classmethod
    def of(cls, bench: Bench, review: Review) -> GuestView:
        """What a bench has of a link's takes."""
        by_id = {clip.id: clip for clip in bench.clips(ids=review.clips)}
        clips = [by_id[id] for id in review.clips if id in by_id]
        takes = {_take_id(review, clip): clip for clip in clips}
        if review.is_blind:  # the makers' order goes by tool
            prompts = list(dict.fromkeys(clip.prompt.key for clip in clips))
            takes = dict(sorted(takes.items(), key=lambda item: (prompts.index(item[1].prompt.key), item[0])))
        height = min((clip.probe.height for clip in clips), default=2)
        return cls(review=review, takes=takes, height=even_height(height, BLIND_HEIGHT) if review.is_blind else 0)

    def facts(self, n_notes: Mapping[str, int]) -> list[dict[str, Any]]:
        """Each take, under the names of `schemas.ClipFacts`: what one needs to watch it, and no more.

        Args:
            n_notes: Clip id → how many notes of this link it has.
        """
        return [
            self._facts(number, take, clip, n_notes.get(clip.id, 0))
            for number, (take, clip) in enumerate(self.takes.items(), 1)
        ]

    def _facts(self, number: int, take: str, clip: Clip, n_notes: int) -> dict[str, Any]:
        probe, base = clip.probe, f"/review/{self.review.token}/media/{take}"
        width, height = probe.width, probe.height
        if self.height:
            width, height = max(2, 2 * round(width * self.height / height / 2)), self.height
        return {
            "id": take,
            "model": f"#{number}" if self.review.is_blind else clip.model,
            "prompt": clip.prompt.text,
            "prompt_id": clip.prompt.id,
            "prompt_key": clip.prompt.key,
            "sample": 0 if self.review.is_blind else clip.sample,
            "url": f"{base}/proxy.mp4",
            "proxy_url": f"{base}/proxy.mp4",
            "poster_url": f"{base}/poster.webp",
            "sprite_url": f"{base}/sprite.webp",
            "waveform_url": f"{base}/waveform.json" if probe.has_audio else "",
            "width": width,
            "height": height,
            "fps": probe.fps,
            "n_frames": probe.n_frames,
            "duration_s": probe.duration_s,
            "has_audio": probe.has_audio,
            "n_notes": n_notes,
        }

    def copy(self, take: str, name: str) -> Copy | None:
        """The file of a take that goes by this name; None: there is none. The original never goes out."""
        clip = self.takes.get(take)
        if clip is None:
            return None
        if name == "proxy.mp4" and self.height:
            return Copy(clip=clip, name=f"review-{self.height}.mp4", recipe=PROXY, arguments={"height": self.height})
        if name == "proxy.mp4":
            return proxy_copy(clip)
        made = "sprite.webp" if name == "sprite.json" else name
        return Copy(clip=clip, name=made, recipe=RECIPES[made]) if made in RECIPES else None

    def said(self, remarks: Sequence[Note] | Sequence[Approval]) -> list[dict[str, Any]]:
        """Remarks or approvals, about takes as guests know them."""
        ids = {clip.id: take for take, clip in self.takes.items()}
        return [asdict(remark) | {"clip": ids[remark.clip]} for remark in remarks if remark.clip in ids]


def _take_id(review: Review, clip: Clip) -> str:
    return hashlib.blake2b(clip.id.encode(), key=review.token.encode()[:64], digest_size=8).hexdigest()
