"""Finds the clips in a folder: video files, animated pictures and folders of frames; everything else is named, too."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from vbench.files import CLIP_SUFFIXES, FRAME_SUFFIXES, natural_order


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A clip in the folder that is imported."""

    path: Path
    parts: tuple[str, ...]
    """Names from the folder down, the last without its suffix."""
    frames: tuple[Path, ...] = ()
    """Pictures in order, where `path` is a folder of them."""


@dataclass(slots=True)
class Scan:
    """What lies in a folder."""

    clips: list[ClipFile] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    """Path and why."""
    others: list[Path] = field(default_factory=list)
    """Files that are no clips."""


def scan_folder(folder: Path, *, skip: Path | None = None) -> Scan:
    """Walk a folder; links are followed, each place once.

    Args:
        folder: Where to look, absolute.
        skip: A folder inside that is left out: the bench itself.
    """
    scan = Scan()
    _walk(folder, (), scan, set(), skip)
    return scan


def _walk(folder: Path, parts: tuple[str, ...], scan: Scan, above: set[tuple[int, int]], skip: Path | None) -> bool:
    """Add what lies below; whether any of it is a clip."""
    if skip is not None and folder.resolve() == skip:
        return False
    try:
        facts = folder.stat()
        if (place := (facts.st_dev, facts.st_ino)) in above:
            scan.unreadable.append((folder, "a link back to a folder above it; remove the link"))
            return False
        children = sorted(folder.iterdir(), key=natural_order)
    except OSError as error:
        scan.unreadable.append((folder, f"cannot be opened ({error.strerror}); check its permissions"))
        return False
    before = len(scan.clips)
    files: list[Path] = []
    for child in children:
        if not _is_utf8(child.name):
            scan.unreadable.append((child, "its name is not UTF-8, and cannot be stored; rename it"))
        elif child.is_dir():
            if child.name.startswith("."):
                scan.others.append(child)
            else:
                _walk(child, (*parts, child.name), scan, above | {place}, skip)
        else:
            files.append(child)
    clips, pictures = _sort_out(files, scan)
    if pictures and not clips and len(scan.clips) == before and parts:
        scan.clips.append(ClipFile(folder, parts, tuple(pictures)))
    else:
        scan.clips += [ClipFile(path, (*parts, path.stem)) for path in clips]
        scan.others += pictures
    return len(scan.clips) > before


def _is_utf8(name: str) -> bool:
    """Whether the name is text: Python stands in for other bytes with characters that cannot be encoded."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sort_out(files: list[Path], scan: Scan) -> tuple[list[Path], list[Path]]:
    clips: list[Path] = []
    pictures: list[Path] = []
    for path in files:
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in CLIP_SUFFIXES + FRAME_SUFFIXES:
            scan.others.append(path)
        elif path.is_symlink() and not path.exists():
            scan.unreadable.append((path, "a link to a file that is not there; restore the file or remove the link"))
        elif not path.is_file():
            scan.unreadable.append((path, "neither a file nor a folder; remove it"))
        elif suffix in FRAME_SUFFIXES and not (suffix == ".png" and _is_animated_png(path)):
            pictures.append(path)
        else:
            clips.append(path)
    return clips, pictures


def _is_animated_png(path: Path) -> bool:
    """Whether an `acTL` chunk stands before the picture's data. What is no PNG at all passes for a clip, and is refused
    with a reason when it is probed."""
    try:
        with path.open("rb") as file:
            if file.read(8) != b"\x89PNG\r\n\x1a\n":
                return True
            while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
                if head[4:] == b"acTL":
                    return True
                file.seek(int.from_bytes(head[:4]) + 4, os.SEEK_CUR)
            return False
    except OSError:
        return True
