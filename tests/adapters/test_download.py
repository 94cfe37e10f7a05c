"""Downloads: whatever a tool answers, a file appears whole and playable, or not at all."""

from __future__ import annotations

import errno
import io
import os
import socket
from pathlib import Path

import av
import httpx
import pytest

from tests.adapters.driver import REQUEST, drive, hosted
from tests.fakes.hosted import Fake, FakeJob, clip_bytes
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
    "bomb": ("download_failed", "bytes or more"),
    "403": ("download_failed", "no longer valid"),
}


def fetch(url: str, folder: Path, http: httpx.Client, *, local: bool = False) -> Path:
    clip = downloads.RemoteClip(url=url, model="x", local=local)
    return downloads.download(clip, folder / "a", http=http, sleep=lambda _: None)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("protocol", ["ark", "openai", "omni"])
def test_a_bad_file_never_gets_its_name(
    protocol: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, words = FAULTS[fault]
    with Fake(protocol, file=[fault] * 9) as fake, hosted(fake, monkeypatch) as (adapter, _):
        limit = {"max_bytes": 2**20} if fault in ("endless", "bomb") else {}
        adapter.options = adapter.options.model_copy(update=limit)  # type: ignore[attr-defined]
        run = drive(adapter, tmp_path / "clip")
        assert run.end == code
        assert words in str(run.error)
        assert fake.creates == 1
        assert fake.key not in str(run.error)
        assert "s1gn3d" not in str(run.error), "a signed address is a key of its own"
    assert list(tmp_path.iterdir()) == [], "neither a file nor a .part"


def test_a_clip_that_comes_packed_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("kling", file=["packed"]) as fake, hosted(fake, monkeypatch) as (adapter, pauses):
        run = drive(adapter, tmp_path / "clip")
        assert run.file is not None
        assert run.file.read_bytes() == clip_bytes()
        assert pauses == []


def fast_start(folder: Path) -> bytes:
    """The clip with its index before its pictures, as most tools deliver it."""
    with (
        av.open(io.BytesIO(clip_bytes())) as source,
        av.open(str(folder / "fast.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    clip = (folder / "fast.mp4").read_bytes()
    assert clip.index(b"moov") < clip.index(b"mdat")
    return clip


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_part_of_a_clip_is_known_by_its_boxes(is_fast: bool, share: float, tmp_path: Path) -> None:
    clip = fast_start(tmp_path) if is_fast else clip_bytes()
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    whole.write_bytes(clip)
    part.write_bytes(clip[: int(len(clip) * share)])
    assert not downloads.is_cut_off(whole)
    assert downloads.is_cut_off(part)


@pytest.mark.parametrize(
    ("shares", "is_taken"), [((0.9, 0.9, 0.9), True), ((0.7, 0.8, 0.9), False), ((0.9, 0.9, 1.0), True)]
)
def test_a_clip_is_taken_in_part_only_where_the_tool_holds_no_more(
    shares: tuple[float, ...], is_taken: bool, tmp_path: Path
) -> None:
    """Its first picture can be seen in each part; a line that breaks breaks at another place each time."""
    clip = fast_start(tmp_path)
    parts = [clip[: int(len(clip) * share)] for share in shares]
    (tmp_path / "out").mkdir()
    answers = iter(parts)
    with httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(next(answers))))
    ) as http:
        if is_taken:
            path = fetch("http://127.0.0.1/a.mp4", tmp_path / "out", http, local=True)
            assert path.read_bytes() == parts[-1]
        else:
            with pytest.raises(downloads.CutOffError, match="cut off after") as caught:
                fetch("http://127.0.0.1/a.mp4", tmp_path / "out", http, local=True)
            assert caught.value.code == "download_failed"
            assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("fault", ["truncated", "cut", "drop", "500", "html", "json", "empty"])
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
        fetch("https://clips.example.com/a.mp4", tmp_path, http)
    host = f"[{address}]" if ":" in address else address
    with downloads.client(local=False) as http, pytest.raises(JobError, match="not a public address"):
        fetch(f"https://{host}/a.mp4", tmp_path, http)


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_the_connection_goes_to_the_address_that_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is told to the server, and not looked up again."""
    without_proxies(monkeypatch)
    checked: list[tuple[str, int]] = []

    def address(host: str, port: int) -> str:
        checked.append((host, port))
        return "127.0.0.1"

    monkeypatch.setattr(downloads, "public_address", address)
    with Fake("kling", file=["500", "truncated"]) as fake, downloads.client(local=False) as http:
        fake.jobs["job0001"] = FakeJob(id="job0001", body={})
        port = fake.server.server_address[1]
        path = fetch(f"http://clips.example.com:{port}/clips/job0001.mp4", tmp_path, http, local=True)
        assert path.read_bytes() == clip_bytes()
        assert {asked.headers["host"] for asked in fake.asked} == {f"clips.example.com:{port}"}
        assert len(fake.asked) == 3, "what httpcore says of a broken line is understood"
        assert set(checked) == {("clips.example.com", port)}


@pytest.mark.parametrize("fault", ["nothing listens", "no such name"])
def test_what_cannot_be_reached_is_a_broken_download(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_proxies(monkeypatch)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    if fault == "nothing listens":
        monkeypatch.setattr(downloads, "public_address", lambda _host, _port: "127.0.0.1")
    else:

        def unknown(*_: object, **__: object) -> object:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with downloads.client(local=False) as http, pytest.raises(JobError, match=r"broke off 3 times \(ConnectError"):
        fetch(f"https://clips.example.com:{port}/a.mp4", tmp_path, http)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_of_the_users_is_used_and_past_it_only_public_addresses(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_proxies(monkeypatch)
    home = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: home if "example" in str(host) else look_up(host, *rest, **more),
    )
    with Fake("kling") as fake:
        monkeypatch.setenv(variable, fake.origin)
        monkeypatch.setenv("NO_PROXY", "localhost, direct.example.org,10.0.0.0/8")
        with downloads.client(local=False) as http:
            with pytest.raises(JobError, match=r"broke off .*ProxyError"):  # this one does not tunnel
                fetch("https://clips.example.com/a.mp4", tmp_path, http)
            with pytest.raises(JobError, match="not a public address"):
                fetch("https://direct.example.org/a.mp4", tmp_path, http)
        monkeypatch.setenv("NO_PROXY", "*")
        with downloads.client(local=False) as http, pytest.raises(JobError, match="not a public address"):
            fetch("https://clips.example.com/a.mp4", tmp_path, http)


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("example.com", "all://*example.com"),
        (".example.com", "all://*.example.com"),
        ("10.1.2.3", "all://10.1.2.3"),
        ("10.0.0.0/8", "all://10.0.0.0/8"),
        ("fd00::1", "all://[fd00::1]"),
        ("localhost", "all://localhost"),
        ("https://example.com", "https://example.com"),
    ],
)
def test_what_goes_past_the_proxy(host: str, pattern: str) -> None:
    assert downloads._pattern(host) == pattern


def test_plain_http_is_refused(tmp_path: Path) -> None:
    for url in ("http://example.com/a.mp4", "file:///etc/passwd", "ftp://example.com/a.mp4"):
        with downloads.client(local=False) as http, pytest.raises(JobError, match="only https"):
            fetch(url, tmp_path, http)


def test_a_hosted_tool_cannot_send_us_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that is not local does not fetch from this machine, although the tool says so."""
    with Fake("kling") as fake, hosted(fake, monkeypatch, local=False) as (adapter, _):
        run = drive(adapter, tmp_path / "clip")
        assert run.end == "download_failed"
        assert not any(asked.path.startswith("/clips/") for asked in fake.asked)


@pytest.mark.parametrize("url", ["https://[::1", "https://a b/c", "https://\x00/", "", "https://", "//x/y.mp4"])
def test_addresses_that_are_none(url: str, tmp_path: Path) -> None:
    with downloads.client(local=True) as http, pytest.raises(JobError) as caught:
        fetch(url, tmp_path, http, local=True)
    assert caught.value.code == "download_failed"


def test_redirects_end(tmp_path: Path) -> None:
    def loop(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": str(request.url)})

    with (
        httpx.Client(transport=httpx.MockTransport(loop)) as http,
        pytest.raises(JobError, match="redirects more than"),
    ):
        fetch("https://example.com/a.mp4", tmp_path, http)


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
