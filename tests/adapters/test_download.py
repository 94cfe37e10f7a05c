"""Downloads: whatever a tool answers, a file appears whole and playable, or not at all."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import httpx
import pytest

from tests.adapters.driver import REQUEST, drive, hosted
from tests.fakes.hosted import Fake, clip_bytes
from vbench.adapters import download as downloads
from vbench.errors import BenchError, JobError
from vbench.video import probe

FAULTS = {
    "truncated": ("download_failed", "broke off"),
    "drop": ("download_failed", "broke off"),
    "500": ("download_failed", "HTTP 500"),
    "html": ("download_failed", "an HTML page"),
    "json": ("download_failed", "a JSON document"),
    "png": ("empty_result", "a PNG image"),
    "empty": ("download_failed", "0 bytes"),
    "garbled": ("empty_result", "the result"),
    "sound": ("empty_result", "the result"),
    "huge": ("download_failed", "5368709120 bytes"),
    "endless": ("download_failed", "bytes or more"),
    "403": ("download_failed", "no longer valid"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("protocol", ["ark", "openai", "omni"])
def test_a_bad_file_never_gets_its_name(
    protocol: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, words = FAULTS[fault]
    with Fake(protocol, file=[fault] * 9) as fake, hosted(fake, monkeypatch) as (adapter, _):
        limit = {"max_bytes": 2**20} if fault == "endless" else {}
        adapter.options = adapter.options.model_copy(update=limit)  # type: ignore[attr-defined]
        run = drive(adapter, tmp_path / "clip")
        assert run.end == code
        assert words in str(run.error)
        assert fake.creates == 1
        assert fake.key not in str(run.error)
        assert "s1gn3d" not in str(run.error), "a signed address is a key of its own"
    assert list(tmp_path.iterdir()) == [], "neither a file nor a .part"


@pytest.mark.parametrize("fault", ["truncated", "drop", "500", "html", "json", "empty"])
def test_a_broken_download_is_tried_again(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("kling", file=[fault]) as fake, hosted(fake, monkeypatch) as (adapter, pauses):
        run = drive(adapter, tmp_path / "clip")
        assert run.file is not None
        assert run.file.read_bytes() == clip_bytes()
        assert len(pauses) == 1
        assert fake.creates == 1


def test_an_expired_address_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("runway", file=["403"]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip")
        assert run.file is not None
        fetched = [asked.path for asked in fake.asked if asked.path.startswith("/clips/")]
        assert len(set(fetched)) == 2, "the second try used a fresh address"
        assert fake.creates == 1


def test_disk_full_keeps_the_paid_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("kling") as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        while (status := adapter.poll(handle)).state != "succeeded":
            pass
        assert status.handle is not None
        full = OSError(errno.ENOSPC, "No space left on device")

        def fail(_: int) -> None:
            raise full

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(BenchError, match="free space and run again"):
                adapter.fetch(status.handle, tmp_path / "clip")
        assert list(tmp_path.iterdir()) == []
        path, _ = adapter.fetch(status.handle, tmp_path / "clip")
        assert probe(path).n_frames == 8
        assert fake.creates == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "fd00::1"],
)
def test_private_addresses_are_refused_whatever_their_name(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once, and the connection goes to the address that was checked."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with downloads.client(local=False) as http, pytest.raises(JobError, match="not a public address"):
        downloads.download("https://clips.example.com/a.mp4", tmp_path / "a", model="x", http=http)
    host = f"[{address}]" if ":" in address else address
    with downloads.client(local=False) as http, pytest.raises(JobError, match="not a public address"):
        downloads.download(f"https://{host}/a.mp4", tmp_path / "a", model="x", http=http)


def test_plain_http_is_refused(tmp_path: Path) -> None:
    for url in ("http://example.com/a.mp4", "file:///etc/passwd", "ftp://example.com/a.mp4"):
        with downloads.client(local=False) as http, pytest.raises(JobError, match="only https"):
            downloads.download(url, tmp_path / "a", model="x", http=http)


def test_a_hosted_tool_cannot_send_us_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that is not local does not fetch from this machine, although the tool says so."""
    with Fake("kling") as fake, hosted(fake, monkeypatch, local=False) as (adapter, _):
        run = drive(adapter, tmp_path / "clip")
        assert run.end == "download_failed"
        assert not any(asked.path.startswith("/clips/") for asked in fake.asked)


@pytest.mark.parametrize("url", ["https://[::1", "https://a b/c", "https://\x00/", "", "https://", "//x/y.mp4"])
def test_addresses_that_are_none(url: str, tmp_path: Path) -> None:
    with downloads.client(local=True) as http, pytest.raises(JobError) as caught:
        downloads.download(url, tmp_path / "a", model="x", http=http, local=True, sleep=lambda _: None)
    assert caught.value.code == "download_failed"


def test_redirects_end(tmp_path: Path) -> None:
    def loop(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": str(request.url)})

    with (
        httpx.Client(transport=httpx.MockTransport(loop)) as http,
        pytest.raises(JobError, match="redirects more than"),
    ):
        downloads.download("https://example.com/a.mp4", tmp_path / "a", model="x", http=http)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"\x00\x00\x00\x18ftypisom", ".mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", ".mov"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x42\x82\x84webm", ".webm"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x42\x82\x88matroska", ".mkv"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", ".avi"),
    ],
)
def test_the_suffix_follows_the_bytes(head: bytes, suffix: str) -> None:
    assert downloads.container_suffix(head, model="x") == suffix


@pytest.mark.parametrize(
    "head", [b"\x00\x00\x00\x18ftypavif", b"RIFF\x00\x00\x00\x00WEBP", b"GIF89a", b"PK\x03\x04", b"x"]
)
def test_other_bytes_are_no_video(head: bytes) -> None:
    with pytest.raises(JobError) as caught:
        downloads.container_suffix(head, model="x")
    assert caught.value.code == "empty_result"
