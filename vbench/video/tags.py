"""The texts that a tool wrote into a file: tags of a container, chunks of a PNG, Exif of a WebP; never its pictures."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from vbench.errors import ClipError
from vbench.video.facts import DEFAULT_LIMITS, Limits
from vbench.video.images import IMAGE_ERRORS, is_image, open_image
from vbench.video.source import check_file
from vbench.video.stream import open_container

MAX_TAGS = 64
MAX_TAG_CHARS = 200_000
"""A ComfyUI graph of some hundred nodes has 100,000."""
MAX_CHARS = 500_000
"""Of all tags together."""
MAX_NAME_CHARS = 64
EXIF_TEXTS = {0x010E: "description", 0x010F: "make", 0x0110: "model", 0x0131: "software", 0x9286: "comment"}
"""ComfyUI writes its graph into make and model, A1111 its settings into the comment."""
EXIF_IFD = 0x8769


def text_tags(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> dict[str, str]:
    """What stands in a file beside picture and sound, such as `comment` or the `prompt` of ComfyUI.

    Nobody vouches for it: it may be cut off at `MAX_TAG_CHARS`, name anything and be no valid JSON. Control characters
    are taken out, what is no text is left out, and of two tags of one name the container's counts.

    Args:
        path: A local video file or picture; a folder of frames has none of its own.
        limits: What is refused unread.

    Returns:
        Name in lower case → text; at most `MAX_TAGS`, and `MAX_CHARS` in all.

    Raises:
        ClipError: the file cannot be opened.
    """
    path = Path(path)
    if path.is_dir():
        return {}
    pairs = _of_picture(path, limits) if is_image(check_file(path, limits)) else _of_container(path, limits)
    tags: dict[str, str] = {}
    room = MAX_CHARS
    for name, value in pairs:
        key, text = _clean(name[:MAX_NAME_CHARS]).lower(), _clean(value[: min(MAX_TAG_CHARS, room)])
        if not key or not text or key in tags:
            continue
        tags[key] = text
        room -= len(text)
        if len(tags) == MAX_TAGS or room <= 0:
            break
    return tags


def _of_container(path: Path, limits: Limits) -> Iterator[tuple[str, str]]:
    with closing(open_container(path, limits)) as container:
        yield from container.metadata.items()
        for stream in container.streams:
            yield from stream.metadata.items()


def _of_picture(path: Path, limits: Limits) -> Iterator[tuple[str, str]]:
    try:
        with closing(open_image(path, limits)) as image:
            for name, value in image.info.items():
                if isinstance(value, str | bytes) and name not in ("exif", "icc_profile", "xmp"):
                    yield str(name), _decoded(value)
            exif = image.getexif()
            for entries in (exif, exif.get_ifd(EXIF_IFD)):
                for number, name in EXIF_TEXTS.items():
                    if isinstance(value := entries.get(number), str | bytes):
                        yield name, _decoded(value)
    except IMAGE_ERRORS as error:
        raise ClipError(f"{path}: the texts in this picture cannot be read ({error}); save it again") from error


def _decoded(value: str | bytes) -> str:
    """Text; of bytes that are none, nothing. An Exif comment begins with the name of its character set."""
    if isinstance(value, str):
        return value
    if value[:8] == b"UNICODE\0":
        codec = "utf-16-le" if value[8:9] and value[9:10] == b"\0" else "utf-16-be"
        return value[8 : 8 + 2 * MAX_TAG_CHARS].decode(codec, errors="replace")
    try:
        return value[: 4 * MAX_TAG_CHARS].removeprefix(b"ASCII\0\0\0").decode()
    except UnicodeDecodeError:
        return ""


def _clean(text: str) -> str:
    """Without control characters, which no database or terminal should be given."""
    kept = (char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))
    return "".join(kept).strip()
