"""The texts in a file: what tools write is read, and whatever else stands there does no harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.video.clips import moving, picture
from vbench.errors import ClipError
from vbench.video import tags, text_tags


def a_video(path: Path, metadata: dict[str, str], **options: str) -> Path:
    """Two frames with tags of its container, written through PyAV directly."""
    with av.open(str(path), "w", options=options) as file:
        for name, value in metadata.items():
            file.metadata[name] = value
        stream = file.add_stream("mpeg4", rate=8)
        stream.width, stream.height = 64, 48
        stream.metadata["handler_name"] = "A tool's own stream"
        for image in moving(2):
            file.mux(stream.encode(picture(image)))
        file.mux(stream.encode(None))
    return path


def a_png(path: Path, **texts: str | bytes) -> Path:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_tags_of_a_container(tmp_path: Path, suffix: str) -> None:
    graph = json.dumps({"prompt": {"3": {"inputs": {"text": "ein Fuchs läuft"}}}}, ensure_ascii=False)
    written = {"comment": graph, "title": "take 1"}
    path = a_video(tmp_path / f"a.{suffix}", written, movflags="use_metadata_tags")
    assert written.items() <= text_tags(path).items()
    assert "own stream" in json.dumps(text_tags(a_video(tmp_path / "b.mov", {})))


def test_texts_of_a_png_and_exif_of_a_webp(tmp_path: Path) -> None:
    settings = "a fox\nNegative prompt: blur\nSteps: 20, Model: wan2.1"
    tags = text_tags(a_png(tmp_path / "a.png", parameters=settings, prompt='{"1": {}}'))
    assert (tags["parameters"], tags["prompt"]) == (settings, '{"1": {}}')
    exif = Image.Exif()
    exif[0x010F] = 'prompt:{"1": {"inputs": {"text": "a fox"}}}'
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "ein Fuchs".encode("utf-16-le")
    images = [Image.fromarray(image) for image in moving(3)]
    images[0].save(tmp_path / "a.webp", save_all=True, append_images=images[1:], exif=exif)
    tags = text_tags(tmp_path / "a.webp")
    assert (tags["make"], tags["comment"]) == (exif[0x010F], "ein Fuchs")


def test_what_is_too_much_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "MAX_TAG_CHARS", 1000)
    monkeypatch.setattr(tags, "MAX_CHARS", 2500)
    texts = text_tags(a_png(tmp_path / "a.png", **{f"t{n}": "x" * 5000 for n in range(9)}))
    assert [len(text) for text in texts.values()] == [1000, 1000, 500]
    monkeypatch.setattr(tags, "MAX_TAGS", 4)
    assert len(text_tags(a_png(tmp_path / "b.png", **{f"t{n}": "x" for n in range(9)}))) == 4


def test_a_bomb_of_text_is_refused_with_a_sentence(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 10), zip=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(ClipError):
        text_tags(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a\x00b\x1b[2Jc\x7f", "ab[2Jc"),
        ("\ud800 lone", "lone"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"\xff\xfe\x00binary", None),
        (b"ASCII\0\0\0a fox", "a fox"),
        (b"UNICODE\0\x00a\x00 \x00f", "a f"),
        ("", None),
    ],
)
def test_odd_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: Any, read: str | None) -> None:
    monkeypatch.setattr(tags, "_of_picture", lambda *_: iter([("Comment", tags._decoded(text))]))
    assert text_tags(a_png(tmp_path / "a.png")).get("comment") == read


def test_what_is_no_clip_has_no_tags(tmp_path: Path) -> None:
    assert text_tags(tmp_path) == {}
    for content in (b"#EXTM3U\nfile:///etc/passwd\n", b"just text", b""):
        (tmp_path / "a.mp4").write_bytes(content)
        with pytest.raises(ClipError):
            text_tags(tmp_path / "a.mp4")
