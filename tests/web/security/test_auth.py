"""Accounts: signing in, sessions, and files of accounts."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from itsdangerous.encoding import base64_encode, int_to_bytes

from tests.web.conftest import Visit
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.web.security.auth import SESSION_S, Accounts, hash_password

PASSWORD = "correct horse battery"


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts"
    path.write_text(f"# who may in\nana:{hash_password(PASSWORD)}\n")
    return path


def test_nothing_is_served_without_signing_in(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    assert page.get("/api/v1/bench").status_code == 401
    assert page.get("/media/" + "0" * 64).status_code == 401
    assert page.get("/ui/theme.css").status_code == 401
    to_form = page.get("/ui/", headers={"accept": "text/html"})
    assert (to_form.status_code, to_form.headers["location"]) == (303, "/login")
    assert page.get("/login").status_code == 200


def test_signing_in_and_out(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    wrong = page.post("/login", data={"name": "ana", "password": "wrong password"})
    assert wrong.status_code == 401
    assert "alert" in wrong.text
    right = page.post("/login", data={"name": "ana", "password": PASSWORD})
    assert right.status_code == 303
    assert "HttpOnly" in right.headers["set-cookie"]
    assert page.get("/api/v1/bench").json()["account"] == "ana"
    page.post("/logout")
    assert page.get("/api/v1/bench").status_code == 401


def test_a_forged_session_is_nobody(account_file: Path) -> None:
    accounts = Accounts.read(account_file, b"k" * 32)
    session = accounts.session("ana")
    assert accounts.by_session(session) == "ana"
    assert Accounts.read(account_file, b"x" * 32).by_session(session) is None
    body, signed_at, signature = session.split(".")
    later = base64_encode(int_to_bytes(int(time.time()) + 3600)).decode()
    assert later != signed_at
    assert accounts.by_session(f"{body}.{later}.{signature}") is None
    for garbage in ("", ".", "a.b.c", "é.1.x", session[:-1]):
        assert accounts.by_session(garbage) is None


def test_a_session_ends(account_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts.read(account_file, b"k" * 32)
    session, now = accounts.session("ana"), time.time()
    monkeypatch.setattr(time, "time", lambda: now + SESSION_S - 60)
    assert accounts.by_session(session) == "ana"
    monkeypatch.setattr(time, "time", lambda: now + SESSION_S + 60)
    assert accounts.by_session(session) is None


def test_a_script_signs_in_with_every_request(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)

    def basic(text: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    right = basic(f"ana:{PASSWORD}")
    assert {page.get("/api/v1/bench", headers=right).status_code for _ in range(60)} == {200}
    for wrong in (basic("ana:no"), basic("bob:" + PASSWORD), {"authorization": "Basic ???"}):
        assert page.get("/api/v1/bench", headers=wrong).status_code == 401


def test_files_behind_accounts_are_not_for_shared_caches(visit: Visit, account_file: Path, bench: Bench) -> None:
    address = f"/media/{bench.clips()[0].sha256}"
    page = visit(auth=account_file)
    page.post("/login", data={"name": "ana", "password": PASSWORD})
    assert page.get(address).headers["cache-control"] == "private, max-age=31536000, immutable"


def test_guessing_passwords_is_slow(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    guesses = [{"authorization": "Basic " + base64.b64encode(f"ana:{i}".encode()).decode()} for i in range(9)]
    assert page.get("/healthz", headers=guesses[0]).status_code == 200
    assert [page.get("/api/v1/bench", headers=guess).status_code for guess in guesses][-1] == 429
    codes = [page.post("/login", data={"name": f"u{i}", "password": "guess guess"}).status_code for i in range(9)]
    assert codes[0] == 401
    assert codes[-1] == 429


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nobody"),
        ("ana:password123", ":1: not an account"),
        ("# c\nana", ":2: not an account"),
        ("ana:scrypt$1073741824$8$1$AAAA$AAAA", ":1: not an account"),
        (":scrypt$32768$8$1$AAAA$AAAA", ":1: not an account"),
    ],
)
def test_a_wrong_account_file_is_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "accounts"
    path.write_text(text)
    with pytest.raises(OptionError, match=message):
        Accounts.read(path, b"k")


def test_passwords_are_salted_and_not_short() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)
    with pytest.raises(OptionError, match="at least 10"):
        hash_password("short")
