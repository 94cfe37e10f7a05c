"""Keys: where they are looked up, and that they are struck out of every text."""

from __future__ import annotations

import types

import pytest

from vbench.adapters import secrets
from vbench.errors import AuthError

KEY = "k3y-0f-THIS-test-only-5e884898da280471"


def test_names_defaults_and_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRETS_TEST_KEY", raising=False)
    assert secrets.expand("${SECRETS_TEST_KEY:-http://d}/x", model="toy") == "http://d/x"
    with pytest.raises(AuthError, match="set SECRETS_TEST_KEY, or leave toy out of `models=`"):
        secrets.expand("${SECRETS_TEST_KEY}", model="toy")
    stored = {("vbench", "SECRETS_TEST_KEY"): KEY}
    ring = types.SimpleNamespace(
        get_password=lambda service, name: stored.get((service, name)),
        errors=types.SimpleNamespace(KeyringError=RuntimeError),
    )
    monkeypatch.setattr(secrets, "find_spec", lambda name: name)
    monkeypatch.setattr(secrets, "import_module", lambda name: ring)
    assert secrets.expand("Bearer ${SECRETS_TEST_KEY}", model="toy", is_secret=True) == f"Bearer {KEY}"
    assert secrets.redact(f"so {KEY} is out") == "so *** is out"


def test_redaction_of_what_nobody_registered() -> None:
    text = "GET https://x.example/v.mp4?X-Amz-Signature=abc failed; Authorization: Bearer abcdefghijk"
    assert secrets.redact(text) == "GET https://x.example/v.mp4?*** failed; Authorization: Bearer ***"
