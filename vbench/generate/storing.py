"""Takes a file that has arrived into the bench: looked at, put into the media store, committed with its job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vbench.bench.media import clip_key
from vbench.errors import BenchError, ClipError
from vbench.files import sha256_of
from vbench.generate.telling import Telling
from vbench.records import Clip, Job, Probe, Provenance, clip_id


class Storing(Telling):
    """The end of a job that went well, unless what came is no video."""

    def _store(self, job: Job, path: Path, provenance: Provenance, waited_s: float) -> bool:
        """Put the file into the media store, then commit clip and job together; False where no clip came of it."""
        try:
            probe = check_video(path)
        except ClipError as error:
            self._not_a_video(job, error)
            return False
        sha256 = sha256_of(path)
        key = self._key(job, path.suffix.lower(), sha256)
        self.bench.media.put(path, key)
        if (log := self._incoming.log(job.id)).is_file():  # what a local program said, kept beside its clip
            self.bench.media.put(log, f"{key.removesuffix(path.suffix.lower())}.log")
        if provenance.latency_s is None:
            provenance = replace(provenance, latency_s=round(waited_s, 3))
        if asked := wishes_of(job):
            provenance = replace(provenance, extra={**provenance.extra, "request": asked})
        clip = Clip(
            id=clip_id(job.model, job.prompt.text, job.sample, sha256),
            model=job.model,
            prompt=job.prompt,
            sample=job.sample,
            sha256=sha256,
            media=key,
            linked=False,
            probe=probe,
            provenance=provenance,
        )
        try:
            self.journal.succeed(job.id, clip)
        except BenchError as error:
            self._end(job, "failed", "crashed", f"{error}; the file that arrived is kept at {path}")
            return False
        self._incoming.discard(job.id)
        log.unlink(missing_ok=True)
        self._tell(job, "succeeded")
        return True

    def _key(self, job: Job, suffix: str, sha256: str) -> str:
        """Where the clip goes: an edited prompt keeps its id, and so its name, also while the old one is under way."""
        place = (job.model, job.prompt.id, job.sample, suffix)
        plain = clip_key(*place)
        is_taken = self.bench.media.exists(plain) and any(
            clip.media == plain for clip in self.bench.clips(models=[job.model], prompt_ids=[job.prompt.id])
        )
        return clip_key(*place, sha256) if is_taken or self.journal.has_namesake(self.bench, job) else plain

    def _not_a_video(self, job: Job, error: ClipError) -> None:
        kept = self._incoming.set_aside(job.id)
        where = f"; what came is kept at {kept}" if kept is not None else ""
        self._end(job, "failed", "empty_result", f"{job.model} made something else than a video: {error}{where}")


def check_video(path: Path) -> Probe:
    """Decode the file once.

    Raises:
        ClipError: it is not a video: unreadable, empty, or a single picture.
    """
    from vbench.video import probe

    found = probe(path)
    if found.n_frames < 2:
        raise ClipError(f"{path.name}: one picture ({found.codec}), not a video", code="no_video")
    return found


def wishes_of(job: Job) -> dict[str, object]:
    """What was asked of the tool beside the prompt; only the wishes that were made."""
    request = job.plan["request"]
    wishes = ("seconds", "width", "height", "fps", "audio")
    return {name: request[name] for name in wishes if request[name] is not None}
