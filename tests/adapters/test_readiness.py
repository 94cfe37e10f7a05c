"""What keeps a tool from running here; whether one's own server answers: kept for a moment, and never waited for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vbench.adapters import machine, readiness
from vbench.adapters.readiness import missing, server_of, silent
from vbench.catalog.cards import ModelCard, find_card
from vbench.errors import OptionError

LOCAL = find_card("openai-videos-local")


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_knocked", {})


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def test_a_server_that_answers_and_one_that_does_not(door: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    port = door.getsockname()[1]
    monkeypatch.setenv("VIDEO_SERVER_URL", f"http://127.0.0.1:{port}/v1")
    assert silent([LOCAL]) == {}
    door.close()
    assert silent([LOCAL]) == {}  # still remembered
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)
    found = silent([LOCAL])["openai-videos-local"]
    assert (found.kind, found.is_certain) == ("server", True)
    assert found.message == f"no server answers at 127.0.0.1:{port}; start it, then try again"


def test_only_servers_of_ones_own_are_asked() -> None:
    assert server_of(find_card("kling-v3")) == ""
    assert server_of(find_card("synthetic-clean")) == ""
    assert silent([find_card("kling-v3"), find_card("wan-2.2-5b")]) == {}
    comfy = LOCAL.model_copy(update={"adapter": "comfyui", "local": False, "options": {}})
    assert server_of(comfy) == "http://127.0.0.1:8188"


def test_an_address_shows_nothing_but_host_and_port() -> None:
    card = LOCAL.model_copy(update={"options": {"base_url": "http://me:s3cret@127.0.0.1:9/v1?key=k"}})
    assert silent([card])[card.id].message.startswith("no server answers at 127.0.0.1:9;")


@pytest.mark.parametrize("url", ["", "http://", "http://host:99999", "${NOT_SET_ANYWHERE}", "nonsense"])
def test_an_address_that_is_none_is_left_to_the_adapter(url: str) -> None:
    assert silent([LOCAL.model_copy(update={"options": {"base_url": url}})]) == {}


def test_many_that_hang_are_waited_for_once_and_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(readiness, "_accepts", lambda _place: over.wait(60))
    monkeypatch.setattr(readiness, "KNOCK_S", 0.05)

    def card(n: int) -> ModelCard:
        return LOCAL.model_copy(update={"id": f"own-{n}", "options": {"base_url": f"http://127.0.0.1:{n}"}})

    waits: list[int] = []
    wait = readiness.wait
    monkeypatch.setattr(readiness, "wait", lambda knocks, timeout: (waits.append(len(knocks)), wait(knocks, timeout)))
    try:
        assert len(silent(card(n) for n in range(1, 5))) == 4
        assert waits == [4], "all of them at once"
        assert not any(future.done() for _, future in readiness._knocked.values()), "it did not wait for their end"
    finally:
        over.set()


def test_a_tool_whose_adapter_is_not_installed_is_listed_and_cannot_run() -> None:
    card = find_card("synthetic-clean").model_copy(update={"adapter": "difusers"})
    (lack,) = missing(card)
    assert (lack.kind, lack.is_certain) == ("adapter", True)
    assert "did you mean diffusers" in lack.message
    assert silent([card]) == {}


def lacks(name: str, territory: str = "") -> dict[str, bool]:
    return {lack.kind: lack.is_certain for lack in missing(find_card(name), territory=territory)}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No GPU, no weights."""
    monkeypatch.setattr(machine, "gpu_memory_gib", lambda: 0.0)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.usefixtures("bare")
def test_a_licence_that_ends_at_a_border() -> None:
    assert lacks("hunyuanvideo") | lacks("hunyuanvideo", "US") == {"licence": False, "vram": True, "disk": True}
    assert "licence" not in lacks("hunyuanvideo", "us")
    for excluded in ("DE", "fr", "EU", "KR", "GB", "UK"):
        assert lacks("hunyuanvideo", excluded)["licence"], excluded
    with pytest.raises(OptionError, match="two letters"):
        lacks("hunyuanvideo", "Germany")


@pytest.mark.usefixtures("bare")
def test_memory_and_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "gpu_memory_gib", lambda: 24.0)
    assert lacks("wan-2.1-14b")["vram"]
    assert lacks("wan-2.1-1.3b") == {"disk": True}
    (tmp_path / "hub" / "models--Wan-AI--Wan2.1-T2V-1.3B-Diffusers" / "snapshots").mkdir(parents=True)
    assert lacks("wan-2.1-1.3b") == {}
