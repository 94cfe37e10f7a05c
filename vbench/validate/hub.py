"""A public set from the hub: at one commit, resumable, its archives unpacked beside it."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from vbench.errors import OptionError
from vbench.text import first_line
from vbench.validate.sets import PublicSet


def fetch(name: str, chosen: PublicSet, revision: str) -> tuple[Path, str]:
    """The folder of a set, and the commit it is of; what is there already is not fetched again.

    Raises:
        OptionError: it is not on the hub, no commit is named, or it cannot be had.
    """
    if not chosen.repo:
        raise OptionError(f"{name} is not on the hub in a layout that is read here; give its files with `folder=`")
    wanted = revision or chosen.revision
    if not wanted:
        raise OptionError(
            f"no commit of {chosen.repo} is pinned here; name one with `revision=` (main is the newest, and the commit "
            "it stands for is told), or give the files with `folder=`"
        )
    from huggingface_hub import HfApi, snapshot_download

    try:
        commit = HfApi().dataset_info(chosen.repo, revision=wanted).sha or wanted
        folder = Path(snapshot_download(chosen.repo, repo_type="dataset", revision=commit))
    except Exception as error:
        raise OptionError(
            f"{chosen.repo} at {wanted[:12]} cannot be downloaded: {first_line(error, 160)}; what has come so far is "
            "kept, and the same line goes on from there; or give the files with `folder=`"
        ) from None
    for archive in sorted(folder.rglob("*.zip")):
        unpack(archive, folder / "unpacked" / archive.stem)
    return folder, commit


def unpack(archive: Path, folder: Path) -> None:
    """Unpack what is not there yet; nothing is written outside of the folder.

    Raises:
        OptionError: the archive is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            for member in file.infolist():
                inside = PurePosixPath(member.filename)
                if member.is_dir() or inside.is_absolute() or ".." in inside.parts:
                    continue
                target = folder / inside
                if target.is_file() and target.stat().st_size == member.file_size:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f"{target.name}.part")
                with file.open(member) as packed, part.open("wb") as out:
                    while piece := packed.read(1 << 20):
                        out.write(piece)
                part.replace(target)
    except zipfile.BadZipFile:
        raise OptionError(f"{archive}: a damaged archive; delete it and run again") from None
