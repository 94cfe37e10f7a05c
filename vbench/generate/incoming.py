"""Files between their arrival and their commit: a kill in between loses neither the clip nor how it came to be."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from vbench.records import Provenance


class Incoming:
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
        side = self.folder / f"{job}.json"
        part = side.with_suffix(".json.part")
        part.write_text(json.dumps({"file": path.name, "provenance": asdict(provenance)}), encoding="utf-8")
        part.replace(side)

    def kept(self, job: str) -> tuple[Path, Provenance] | None:
        """What `keep` has written; None: nothing that can be used, so the clip is fetched, which costs nothing."""
        try:
            stored = json.loads((self.folder / f"{job}.json").read_text(encoding="utf-8"))
            path = self.folder / Path(stored["file"]).name
            if not path.is_file():
                return None
            values = stored["provenance"]
            return path, Provenance(**{**values, "warnings": tuple(values["warnings"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def discard(self, job: str) -> None:
        """Remove the clip and what is known of it; a program's words stay."""
        for path in self.folder.glob(f"{job}*"):
            if path.is_file() and path.suffix != ".log":
                path.unlink(missing_ok=True)

    def set_aside(self, job: str) -> Path | None:
        """Keep a file that is no clip, since it may have been paid for: where it lies now; None: nothing came."""
        (self.folder / f"{job}.json").unlink(missing_ok=True)
        came = [path for path in sorted(self.folder.glob(f"{job}*")) if path.is_file() and path.suffix != ".log"]
        place = None
        if came and came[0].stat().st_size:
            place = self.folder / "no-video" / came[0].name
            place.parent.mkdir(exist_ok=True)
            came[0].replace(place)
        self.discard(job)
        return place

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
