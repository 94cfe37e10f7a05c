"""Signing in and out: the form, and the cookie that remembers who it was."""

from __future__ import annotations

import html

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from vbench.web.security.auth import DEVICE_S
from vbench.web.security.guard import DEVICE_COOKIE, SESSION_COOKIE, client_address
from vbench.web.state import PageState, set_cookie

routes = APIRouter(include_in_schema=False)


def login_page(message: str = "") -> str:
    """The form, without a line of script."""
    alert = f'<p role="alert">{html.escape(message)}</p>' if message else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>vbench: sign in</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{{font:16px/1.5 system-ui,sans-serif;background:#14161a;color:#e8e8e6}}
body{{display:grid;place-items:center;min-height:95vh}}
form{{display:grid;gap:12px;width:min(20rem,90vw)}}input,button{{font:inherit;padding:10px;border-radius:6px}}
input{{border:1px solid #777}}button{{border:0;background:#7cb7ff;color:#0b0d10;font-weight:600}}
[role=alert]{{color:#ffb4a9}}
</style></head><body><form method="post" action="/login"><h1>vbench</h1>{alert}
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form></body></html>"""


@routes.api_route("/login", methods=["GET", "HEAD"])
def login_form() -> HTMLResponse:
    """The form."""
    return HTMLResponse(login_page())


@routes.post("/login")
async def login(
    page: PageState, request: Request, name: str = Form(max_length=200), password: str = Form(max_length=1000)
) -> Response:
    """Check a password, and remember who it was in a cookie."""
    if page.accounts is None:
        return RedirectResponse("/", 303)
    address = client_address(request.scope)
    is_known = page.accounts.is_device_of(name, request.cookies.get(DEVICE_COOKIE, ""))
    if wait := page.tries.wait_s(address, name, is_known=is_known):
        raise HTTPException(429, f"too many tries; wait {wait:.0f} s", {"retry-after": str(int(wait) + 1)})
    if not await page.accounts.in_turn(page.accounts.has_password, name, password):
        return HTMLResponse(login_page("The name or the password is wrong."), 401)
    page.tries.was_right(address, name)
    response = RedirectResponse("/", 303)
    set_cookie(response, page.policy, request, DEVICE_COOKIE, page.accounts.device(name), max_age=DEVICE_S)
    set_cookie(response, page.policy, request, SESSION_COOKIE, page.accounts.session(name), max_age=None)
    return response


@routes.post("/logout")
def logout(page: PageState, request: Request) -> RedirectResponse:
    """Forget, here and wherever else the account is signed in: a copy of the cookie opens nothing any more."""
    account = getattr(request.state, "account", None)
    if page.accounts is not None and account:
        page.accounts.end_sessions(account)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response
