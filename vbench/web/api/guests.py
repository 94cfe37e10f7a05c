"""What guests of a review may ask for: the page of their link, its takes, its notes, and their word on each.

Every route finds out by itself whether the link is open and who asks; nothing here reads more of the bench than the
takes of the link.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from vbench._version import __version__
from vbench.bench import now
from vbench.records import Clip, Note, Review
from vbench.web import schemas
from vbench.web.api.media import copy_response
from vbench.web.files import edition, static_url
from vbench.web.guests import SUFFIX, GuestView
from vbench.web.security.guard import client_address
from vbench.web.security.policy import CLIENT_HEADER, Permissions
from vbench.web.state import Page, PageState, set_cookie, slow_down
from vbench.web.words import locale_of, said, translations

routes = APIRouter(prefix="/review", include_in_schema=False)
COOKIE = "vbench_review"
Token = Annotated[str, PathParameter(max_length=64)]
TakeId = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{16}$")]
NoteId = Annotated[str, PathParameter(pattern="^[0-9a-f]+$")]
UNSEEN = "this take cannot be shown just now; ask whoever sent you the link"
CLOSED = {
    "unknown": (404, "guest.unknown"),
    "expired": (410, "guest.expired"),
    "revoked": (410, "guest.revoked"),
}
"""Why a link opens nothing → status and sentence."""
PAGES = (
    {"path": "", "word": "guest.takes", "script": "guest.js", "room": "dark", "needs": ""},
    {"path": "compare", "word": "nav.compare", "script": "compare.js", "room": "dark", "needs": ""},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody who has given the password of a link that is open."""

    name: str
    review: Review
    shown: GuestView

    @property
    def author(self) -> str:
        return f"{self.name}{SUFFIX}"

    def clip(self, take: str) -> Clip:
        """The clip of a take of the link.

        Raises:
            HTTPException: 404, the link has no such take.
        """
        if clip := self.shown.takes.get(take):
            return clip
        raise HTTPException(404, "this link has no such take; reload the page")


def _why_closed(review: Review | None) -> str:
    state = "unknown" if review is None else review.state(now())
    return "" if state == "open" else state


def _guest(page: PageState, request: Request, token: Token) -> Guest:
    review = page.bench.review(token)
    why = _why_closed(review)
    if why or review is None:
        status, word = CLOSED[why]
        raise HTTPException(status, said(locale_of(request.headers.get("accept-language", "")), word))
    name = page.guests.name(review, request.cookies.get(COOKIE, ""))
    if name is None:
        raise HTTPException(401, f"give the password of the link at /review/{token[:64]}")
    return Guest(name=name, review=review, shown=GuestView.of(page.bench, review))


Asking = Annotated[Guest, Depends(_guest)]


# --- the page -----------------------------------------------------------------------------------------------------


@routes.api_route("/{token}", methods=["GET", "HEAD"])
@routes.api_route("/{token}/compare", methods=["GET", "HEAD"])
def review_page(page: PageState, request: Request, token: Token) -> HTMLResponse:
    """The takes, to whoever has given the password; the form to others; a sentence where the link opens nothing."""
    locale = locale_of(request.headers.get("accept-language", ""))
    review = page.bench.review(token)
    why = _why_closed(review)
    if why or review is None:
        status, word = CLOSED[why]
        return HTMLResponse(_plain_page(locale, f"<p>{html.escape(said(locale, word))}</p>"), status)
    if page.guests.name(review, request.cookies.get(COOKIE, "")) is None:
        return HTMLResponse(_form(locale, review))
    served = {
        "base": f"/review/{token}",
        "api": f"/review/{token}/api/",
        "edition": edition(),
        "pages": PAGES,
        "words": translations(),
    }
    options = json.dumps(served, ensure_ascii=False).replace("<", "\\u003c")
    return HTMLResponse(f"""<!doctype html><html lang="{locale}"><head><meta charset="utf-8">
<title>{html.escape(review.title)}</title><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{html.escape(static_url("vbench.css"))}"></head>
<body class="vb-guest"><div class="vb-shell"><div class="vb" data-room="dark"></div></div>
<script type="module">import {{ mount }} from "/static/app.js";
await mount(document.querySelector(".vb-shell"), {options});</script></body></html>""")


@routes.post("/{token}")
async def sign_in(
    page: PageState,
    request: Request,
    token: Token,
    name: Annotated[str, Form(max_length=60)],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Check the password of a link, and remember the name of the guest in a cookie."""
    locale = locale_of(request.headers.get("accept-language", ""))
    review = page.bench.review(token)
    why = _why_closed(review)
    if why or review is None:
        status, word = CLOSED[why]
        return HTMLResponse(_plain_page(locale, f"<p>{html.escape(said(locale, word))}</p>"), status)
    if wait := page.tries.wait_s(client_address(request.scope), f"review {review.token}"):
        sentence = said(locale, "guest.wait", n=round(wait) + 1)
        return HTMLResponse(_form(locale, review, sentence), 429, {"retry-after": str(int(wait) + 1)})
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    if not name:
        return HTMLResponse(_form(locale, review, said(locale, "guest.noName")), 422)
    if not await page.guests.has_password(review, password):
        return HTMLResponse(_form(locale, review, said(locale, "guest.wrong")), 401)
    response = RedirectResponse(f"/review/{review.token}", 303)
    visit = page.guests.visit(review, name)
    set_cookie(response, page.policy, request, COOKIE, visit, max_age=None, path=f"/review/{review.token}")
    return response


def _form(locale: str, review: Review, message: str = "") -> str:
    alert = f'<p role="alert">{html.escape(message)}</p>' if message else ""
    name, password, enter = (html.escape(said(locale, f"guest.{key}")) for key in ("name", "password", "enter"))
    return _plain_page(
        locale,
        f"""<form method="post" action="/review/{review.token}">{alert}
<label for="name">{name}</label><input id="name" name="name" autocomplete="name" maxlength="60" required autofocus>
<label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="off" required>
<button>{enter}</button></form>""",
        title=review.title,
    )


def _plain_page(locale: str, body: str, *, title: str = "vbench") -> str:
    """A page without a line of script."""
    title = html.escape(title)
    return f"""<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="robots" content="noindex"><meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{{font:16px/1.5 system-ui,sans-serif;background:#14161a;color:#e8e8e6}}
body{{display:grid;place-content:center;min-height:95vh}}main{{width:min(24rem,90vw)}}
form{{display:grid;gap:12px}}input,button{{font:inherit;padding:10px;border-radius:6px}}
input{{border:1px solid #777}}button{{border:0;background:#7cb7ff;color:#0b0d10;font-weight:600}}
[role=alert]{{color:#ffb4a9}}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"""


# --- the takes ----------------------------------------------------------------------------------------------------


@routes.get("/{token}/api/bench")
def bench_facts(page: PageState, guest: Asking) -> schemas.BenchFacts:
    """What the page's scripts ask first: a guest writes notes, and that is all."""
    none = Permissions(
        vote=False,
        annotate=not page.policy.read_only,
        generate=False,
        import_=False,
        delete=not page.policy.read_only,
        export=False,
        share=False,
    )
    return schemas.BenchFacts(
        name=guest.review.title,
        version=__version__,
        mode="review",
        read_only=page.policy.read_only,
        account=guest.author,
        counts={"clips": len(guest.shown.takes)},
        permissions={name.rstrip("_"): value for name, value in asdict(none).items()},
        client_header=CLIENT_HEADER,
        max_upload_bytes=0,
    )


@routes.get("/{token}/api/clips")
def takes(page: PageState, guest: Asking, ids: Annotated[str, Query(max_length=4000)] = "") -> dict[str, Any]:
    """The takes of the link, or those named with commas, as `schemas.ClipList` has them, without what makers know."""
    n_notes = Counter(note.clip for note in page.bench.notes(review=guest.review.token))
    wanted = [id for id in ids.split(",") if id]
    clips = [row for row in guest.shown.facts(n_notes) if not wanted or row["id"].startswith(tuple(wanted))]
    return {"total": len(clips), "offset": 0, "limit": len(clips), "clips": clips}


@routes.api_route("/{token}/media/{take}/{name}", methods=["GET", "HEAD"])
async def media(request: Request, page: PageState, guest: Asking, take: TakeId, name: str) -> Response:
    """A copy of a take, without anything that the file says of its making; 202 while it is being made."""
    copy = guest.shown.copy(take, name)
    if copy is None:
        raise HTTPException(404, "this link has no such take; reload the page")
    try:
        answer = await copy_response(request, page, copy, name, f"{take}-{copy.name}-{name}")
    except HTTPException as error:  # its sentence names the tool, or the file
        raise HTTPException(error.status_code, UNSEEN, error.headers) from None
    if answer.status_code == 200 or answer.status_code == 206:
        answer.headers["cache-control"] = (
            "private, max-age=3600"  # not longer than a link that is taken back should last
        )
    return answer


# --- what guests say ----------------------------------------------------------------------------------------------


def _may_write(page: Page, guest: Guest) -> None:
    if page.policy.read_only:
        raise HTTPException(403, "nothing can be written here just now: the bench can only be looked at")
    slow_down(page.limits.writes, f"{guest.review.token} {guest.name}")


@routes.get("/{token}/api/notes")
def notes(page: PageState, guest: Asking, clip: Annotated[str, Query(max_length=16)] = "") -> list[dict[str, Any]]:
    """Remarks of this link's guests and the makers' answers to them, about one take or all."""
    about = guest.clip(clip).id if clip else None
    return guest.shown.said(page.bench.notes(about, review=guest.review.token))


@routes.post("/{token}/api/notes", status_code=201)
def add_note(page: PageState, guest: Asking, body: schemas.NewNote) -> dict[str, Any]:
    """Add a remark, answer one of this link, or change one of one's own."""
    _may_write(page, guest)
    clip = guest.clip(body.clip)
    if body.reply_to and _note(page, guest, body.reply_to).clip != clip.id:
        raise HTTPException(404, "this take has no such note; reload the page")
    note = body.of(clip.id, guest.author, review=guest.review.token)
    if not page.bench.add_note(note):
        raise HTTPException(403, "this note is somebody else's; answer it instead")
    return guest.shown.said([note])[0]


def _note(page: Page, guest: Guest, id: str) -> Note:
    note = page.bench.note(id)
    if note is None or note.review != guest.review.token:
        raise HTTPException(404, "this link has no such note; reload the page")
    return note


@routes.put("/{token}/api/notes/{note}/state", status_code=204)
def settle_note(page: PageState, guest: Asking, note: NoteId, body: schemas.NoteState) -> None:
    """Say that what a remark asks for is done, or that it is not."""
    _may_write(page, guest)
    page.bench.resolve_note(_note(page, guest, note).id, is_resolved=body.is_resolved)


@routes.delete("/{token}/api/notes/{note}", status_code=204)
def delete_note(page: PageState, guest: Asking, note: NoteId) -> None:
    """Remove a remark of one's own."""
    _may_write(page, guest)
    if not page.bench.delete_note(_note(page, guest, note).id, author=guest.author):
        raise HTTPException(403, "this note is somebody else's; answer it instead")


@routes.get("/{token}/api/approvals")
def approvals(page: PageState, guest: Asking) -> list[dict[str, Any]]:
    """What this link's guests said of its takes."""
    return guest.shown.said(page.bench.approvals(review=guest.review.token))


@routes.put("/{token}/api/approvals/{take}", status_code=204)
def approve(page: PageState, guest: Asking, take: TakeId, body: schemas.NewApproval) -> None:
    """Approve a take, ask for changes of it, or take that back."""
    _may_write(page, guest)
    page.bench.set_approval(guest.review.token, guest.clip(take).id, guest.name, body.state)
