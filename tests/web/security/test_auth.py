"""Accounts: signing in, sessions, and files of accounts."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from itsdangerous.encoding import base64_encode, int_to_bytes

from tests.web.conftest import Visit
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.web.security.auth import SESSION_S, Accounts, hash_password
from vbench.web.security.guard import PasswordTries

PASSWORD = "correct horse battery"


class FakeKeys:
    """Random bytes by name, without a bench."""

    def __init__(self) -> None:
        self.renewed: list[str] = []

    def secret(self, name: str) -> bytes:
        return f"{name}{len(self.renewed)}".encode()

    def renew_secret(self, name: str) -> bytes:
        self.renewed.append(name)
        return self.secret(name)


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


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
    accounts = Accounts.read(account_file, b"k" * 32, FakeKeys())
    session = accounts.session("ana")
    assert accounts.by_session(session) == "ana"
    assert Accounts.read(account_file, b"x" * 32, FakeKeys()).by_session(session) is None
    body, signed_at, signature = session.split(".")
    later = base64_encode(int_to_bytes(int(time.time()) + 3600)).decode()
    assert later != signed_at
    assert accounts.by_session(f"{body}.{later}.{signature}") is None
    for garbage in ("", ".", "a.b.c", "é.1.x", session[:-1]):
        assert accounts.by_session(garbage) is None


def test_a_session_ends(account_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts.read(account_file, b"k" * 32, FakeKeys())
    session, now = accounts.session("ana"), time.time()
    monkeypatch.setattr(time, "time", lambda: now + SESSION_S - 60)
    assert accounts.by_session(session) == "ana"
    monkeypatch.setattr(time, "time", lambda: now + SESSION_S + 60)
    assert accounts.by_session(session) is None


def test_a_script_signs_in_with_every_request(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)

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
    assert page.post("/login", data={"name": "u", "password": "guess guess"}).status_code == 429, "one count for both"
    page = visit(auth=account_file)
    codes = [page.post("/login", data={"name": f"u{i}", "password": "guess guess"}).status_code for i in range(9)]
    assert codes[0] == 401
    assert codes[-1] == 429


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nobody"),
        ("ana:password123", ", line 1: not an account"),
        ("# c\nana", ", line 2: not an account"),
        ("ana:scrypt$1073741824$8$1$AAAA$AAAA", ", line 1: not an account"),
        (":scrypt$32768$8$1$AAAA$AAAA", ", line 1: not an account"),
    ],
)
def test_a_wrong_account_file_is_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "accounts"
    path.write_text(text)
    with pytest.raises(OptionError, match=message):
        Accounts.read(path, b"k", FakeKeys())


def test_passwords_are_salted_and_not_short() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)
    with pytest.raises(OptionError, match="at least 10"):
        hash_password("short")


def test_a_cookie_that_was_signed_out_is_dead(visit: Visit, account_file: Path, bench: Bench) -> None:
    """Copies of it too, in this process and after a restart; and that of an account whose password was changed."""
    page = visit(auth=account_file)
    signs_in = {"name": "ana", "password": PASSWORD}
    page.post("/login", data=signs_in)
    stolen = page.cookies["vbench_session"]
    assert page.get("/api/v1/bench").status_code == 200
    page.post("/logout")
    page.cookies.set("vbench_session", stolen)
    assert page.get("/api/v1/bench").status_code == 401
    again = visit(auth=account_file)
    again.cookies.set("vbench_session", stolen)
    assert again.get("/api/v1/bench").status_code == 401
    again.cookies.clear()
    again.post("/login", data=signs_in)
    kept = again.cookies["vbench_session"]
    later = visit(auth=account_file)
    later.cookies.set("vbench_session", kept)
    assert later.get("/api/v1/bench").status_code == 200
    account_file.write_text(f"ana:{hash_password(PASSWORD)}\n")
    changed = visit(auth=account_file)
    changed.cookies.set("vbench_session", kept)
    assert changed.get("/api/v1/bench").status_code == 401


def test_a_stranger_elsewhere_locks_nobody_out(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    for number in range(12):
        page.post("/login", data={"name": "ana", "password": f"guess number {number}"})
        page.get("/api/v1/bench", headers=basic(f"ana:guess {number}"))
    assert page.post("/login", data={"name": "ana", "password": PASSWORD}).status_code == 429, "here, for a minute"
    owner = TestClient(
        page.app,
        base_url=str(page.base_url),
        headers=dict(page.headers),
        client=("203.0.113.9", 1),
        follow_redirects=False,
    )
    assert owner.post("/login", data={"name": "ana", "password": PASSWORD}).status_code == 303


def test_an_account_is_guessed_slowly_from_many_addresses_and_its_owner_gets_in() -> None:
    tries = PasswordTries()
    tries.was_right("192.0.2.1", "ana")
    waits = [tries.wait_s(f"203.0.113.{n % 200}", "ana") for n in range(200)]
    assert 60 <= sum(not wait for wait in waits) < 65, "whoever guesses, by form or by Basic"
    assert tries.wait_s("198.51.100.1", "ana") > 0
    assert tries.wait_s("198.51.100.1", "ana", is_known=True) == 0, "a browser that was signed in before"
    assert tries.wait_s("192.0.2.1", "ana") == 0, "an address that was right before"
    assert tries.wait_s("198.51.100.2", "bob") == 0


def test_a_device_is_of_one_account_and_opens_nothing(visit: Visit, account_file: Path) -> None:
    accounts = Accounts.read(account_file, b"k" * 32, FakeKeys())
    device = accounts.device("ana")
    assert accounts.is_device_of("ana", device)
    assert not accounts.is_device_of("bob", device)
    assert not accounts.is_device_of("ana", accounts.session("ana"))
    assert accounts.by_session(device) is None
