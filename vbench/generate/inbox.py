"""Files between their arrival and their commit: a kill in between loses neither the clip nor how it came to be."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from vbench.files import write_text
from vbench.records import Provenance, canonical_json
from vbench.schema import from_json, to_json


class Inbox:
    """The folder where adapters write, one name per job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def out(self, job: str) -> Path:
        """Where the adapter writes the clip of a job, without a suffix."""
        return self.folder / job

    def log(self, job: str) -> Path:
        """Where a local program's words lie, if it said any."""
        return self.folder / f"{job}.log"

    def keep(self, job: str, path: Path, provenance: Provenance) -> None:
        """Write beside the file how it came to be: from here on it need not be fetched again."""
        note = {"file": path.name, "provenance": to_json(provenance)}
        write_text(self.folder / f"{job}.json", json.dumps(note))

    def kept(self, job: str) -> tuple[Path, Provenance] | None:
        """What `keep` has written; None: nothing that can be used, so the clip is fetched, which costs nothing."""
        try:
            stored = json.loads((self.folder / f"{job}.json").read_text(encoding="utf-8"))
            path = self.folder / Path(stored["file"]).name
            if not path.is_file():
                return None
            provenance = from_json(Provenance, stored["provenance"])
            is_whole = canonical_json(to_json(provenance)) == canonical_json(stored["provenance"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (path, provenance) if is_whole else None

    def discard(self, job: str) -> None:
        """Remove the clip and what is known of it; a program's words stay."""
        for path in self.folder.glob(f"{job}*"):
            if path.is_file() and path.suffix != ".log":
                path.unlink(missing_ok=True)

    def set_aside(self, job: str) -> Path | None:
        """Keep a file that is no clip, since it may have been paid for: where it lies now; None: nothing came."""
        (self.folder / f"{job}.json").unlink(missing_ok=True)
        files = [path for path in sorted(self.folder.glob(f"{job}*")) if path.is_file() and path.suffix != ".log"]
        aside = None
        if files and files[0].stat().st_size:
            aside = self.folder / "no-video" / files[0].name
            aside.parent.mkdir(exist_ok=True)
            files[0].replace(aside)
        self.discard(job)
        return aside

    def jobs(self) -> set[str]:
        """Jobs of which something lies here: also a download that was cut short, whose name begins with a dot."""
        return {_job_of(path) for path in self.folder.iterdir() if path.is_file()}

    def tidy(self, done: Collection[str]) -> None:
        """Remove what a kill left of jobs whose clips are committed."""
        for path in list(self.folder.iterdir()):
            if path.is_file() and _job_of(path) in done:
                path.unlink(missing_ok=True)


def _job_of(path: Path) -> str:
    return path.name.removeprefix(".").partition(".")[0]
