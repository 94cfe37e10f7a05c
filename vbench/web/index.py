"""The small pages of our own: the front door, signing in and out, and what machines ask for."""

from __future__ import annotations

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from vbench.web.security.auth import login_page
from vbench.web.security.guard import SESSION_COOKIE, UI, client_address
from vbench.web.state import page_state, set_cookie, slow_down

routes = APIRouter(include_in_schema=False)


@routes.api_route("/", methods=["GET", "HEAD"])
def front(request: Request) -> RedirectResponse:
    """The first page; a link keeps what it points at."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{UI}/{query}", 307)


@routes.api_route("/healthz", methods=["GET", "HEAD"])
async def health() -> dict[str, str]:
    """That the process answers; waits for no thread and no database."""
    return {"state": "up"}


@routes.api_route("/robots.txt", methods=["GET", "HEAD"])
def robots() -> Response:
    """No search engine needs this page."""
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")


@routes.api_route("/favicon.ico", methods=["GET", "HEAD"])
def favicon() -> Response:
    """Where browsers look first."""
    return RedirectResponse("/static/favicon.svg", 307)


@routes.api_route("/login", methods=["GET", "HEAD"])
def login_form() -> HTMLResponse:
    """The form."""
    return HTMLResponse(login_page())


@routes.post("/login")
def login(
    page: page_state, request: Request, name: str = Form(max_length=200), password: str = Form(max_length=1000)
) -> Response:
    """Check a password, and remember who it was in a cookie."""
    if page.accounts is None:
        return RedirectResponse("/", 303)
    slow_down(page.limits.logins, f"login:{client_address(request.scope)}")
    slow_down(page.limits.logins, f"login:{name}")
    if not page.accounts.check(name, password):
        return HTMLResponse(login_page("The name or the password is wrong."), 401)
    answer = RedirectResponse("/", 303)
    set_cookie(answer, page.policy, request, SESSION_COOKIE, page.accounts.session(name), max_age=None)
    return answer


@routes.post("/logout")
def logout() -> RedirectResponse:
    """Forget."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer
