"""A bench in one file that a stranger can check: packed, verified, partly measured again, unpacked."""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from vbench._version import __version__
from vbench.bench import Bench, now
from vbench.bench.copies import check_foreign, public_copy
from vbench.bench.migrations import HEAD
from vbench.errors import BenchError, ItemError, OptionError
from vbench.files import frames_in, sha256_of, written_whole
from vbench.records import Clip, ScoreKey, clip_id

SCHEMA = 1
"""Of the manifest; a later one may hold what this version does not know, and is refused."""
MANIFEST = "manifest.json"
DATABASE = "bench.db"
MOST_FILES = 1_000_000
TOLERANCE = 1e-3
"""Part of a value by which two machines may differ, decoders and rounding included."""
NEAR = 0.995
"""Correlation of small luma pictures from which two clips are called near-duplicates."""
ProblemKind = Literal[
    "altered", "missing", "unlisted", "duplicate", "near-duplicate", "mismatch", "score", "unreadable"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleProblem:
    """One thing that is not as the bundle says."""

    kind: ProblemKind
    subject: str
    """A file of the bundle, or a clip."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBundle:
    """What was written."""

    file: str
    digest: str
    """SHA-256 of the whole file, to be signed or told by another way than the file itself."""
    n_clips: int
    n_files: int
    size_bytes: int
    has_clips: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """What a check found."""

    file: str
    digest: str
    made_with: str
    created: str
    n_clips: int
    n_rescored: int
    """Clips that were measured again."""
    n_values: int
    """Of them, values that were compared."""
    problems: tuple[BundleProblem, ...]
    notes: tuple[str, ...]


# --- packing ------------------------------------------------------------------------------------------------------


def pack(bench: Bench, out: Path, *, clips: bool = True) -> PackedBundle:
    """Write a bench into one tar: its database without what is private, its clips or only their hashes, and a manifest.

    Args:
        bench: Any.
        out: File to write; replaced whole.
        clips: With the files of the clips; else their hashes stand for them.

    Raises:
        BenchError: the bench has no clip, or a file of one is gone or was changed since it came in.
    """
    records = bench.clips()
    if not records:
        raise BenchError(f"{bench.root} has no clips; there is nothing to pack")
    paths: dict[str, Path] = {}
    media: dict[str, str] = {}
    for clip in records:
        media[clip.id] = ""
        if clips:
            paths[clip.id] = _unchanged(bench, clip)
            media[clip.id] = f"clips/{clip.id}{paths[clip.id].suffix.lower() if paths[clip.id].is_file() else ''}"
    with tempfile.TemporaryDirectory(prefix="vbench-pack-") as folder:
        database = Path(folder) / DATABASE
        public_copy(bench, database, media)
        files = [(DATABASE, database)]
        for clip in records:
            if clips:
                files += _files_of(paths[clip.id], media[clip.id])
        listed = [{"path": name, "sha256": sha256_of(path), "size": path.stat().st_size} for name, path in files]
        manifest = {
            "schema": SCHEMA,
            "made_with": f"vbench {__version__}",
            "database_version": HEAD,
            "created": now(),
            "has_clips": clips,
            "clips": [{"id": clip.id, "sha256": clip.sha256} for clip in records],
            "metrics": {info.name: info.version for info in bench.metrics().values()},
            "suites": dict(Counter(clip.prompt.suite for clip in records)),
            "files": listed,
        }
        with written_whole(out) as part, tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, MANIFEST, io.BytesIO((json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()))
            for name, path in files:
                with path.open("rb") as file:
                    _add(tar, name, file)
    return PackedBundle(
        file=str(out),
        digest=sha256_of(out),
        n_clips=len(records),
        n_files=len(files) + 1,
        size_bytes=out.stat().st_size,
        has_clips=clips,
    )


def _unchanged(bench: Bench, clip: Clip) -> Path:
    try:
        path = bench.clip_path(clip)
        digest = sha256_of(path)
    except OSError as error:
        raise BenchError(f"the file of {_name(clip)} is gone ({error}); pack without clips (`clips=`)") from None
    if digest != clip.sha256:
        raise BenchError(f"{path}: was changed since it came in; import it anew, or pack without clips (`clips=`)")
    return path


def _files_of(path: Path, name: str) -> list[tuple[str, Path]]:
    return [(f"{name}/{frame.name}", frame) for frame in frames_in(path)] if path.is_dir() else [(name, path)]


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO | io.BytesIO) -> None:
    """A member without owner, rights or time, so that equal benches give equal files."""
    member = tarfile.TarInfo(name)
    member.size = file.seek(0, io.SEEK_END)
    member.mode = 0o644
    file.seek(0)
    tar.addfile(member, file)


def _name(clip: Clip) -> str:
    return f"{clip.model}, prompt {clip.prompt.id!r}, sample {clip.sample}"


# --- reading ------------------------------------------------------------------------------------------------------


def unpack(file: Path, folder: Path) -> BundleCheck:
    """Make a bench of a bundle; nothing is written outside `folder`, and nothing of a bundle that was altered is kept.

    Raises:
        BenchError: it is no bundle, of a newer version, or altered.
        OptionError: the folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise OptionError(f"{folder}: is not empty; name a new folder for the bench")
    with _opened(file) as (check, opened, problems):
        if problems:
            first = problems[0]
            more = f" and {len(problems) - 1} more problems" if len(problems) > 1 else ""
            raise BenchError(f"{file}: {first.subject}: {first.message}{more}; ask for the bundle again")
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(opened.root.rglob("*")):
            if path.is_file() and path.suffix not in (".lock",):
                target = folder / path.relative_to(opened.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
        return check


@contextmanager
def opened_bundle(file: Path) -> Iterator[Bench]:
    """The bench in a bundle, for as long as the block runs.

    Raises:
        BenchError: it is no bundle, of a newer version, or altered.
    """
    with _opened(file) as (_, bench, problems):
        if problems:
            raise BenchError(f"{file}: {problems[0].subject}: {problems[0].message}; see vbench bundle verify")
        yield bench


def is_bundle(file: Path) -> bool:
    """Whether a file is a bundle by its first member."""
    try:
        with tarfile.open(file, "r:") as tar:
            first = tar.next()
            return first is not None and first.name == MANIFEST
    except (OSError, tarfile.TarError):
        return False


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BundleCheck, Bench, list[BundleProblem]]]:
    """A bundle in a folder of its own: what it says of itself, its bench, and files that are not as listed."""
    if not file.is_file():
        raise BenchError(f"{file}: no such file; name a bundle made by vbench bundle pack")
    digest = sha256_of(file)
    with tempfile.TemporaryDirectory(prefix="vbench-bundle-") as folder:
        root = Path(folder)
        try:
            with tarfile.open(file, "r:") as tar:
                manifest = _manifest(tar, file)
                problems = _extracted(tar, manifest, root)
        except tarfile.TarError as error:
            raise BenchError(f"{file}: is no bundle ({error}); make one with vbench bundle pack") from None
        if not (root / DATABASE).exists():
            raise BenchError(f"{file}: its {DATABASE} is missing or altered; ask for the bundle again")
        check_foreign(root / DATABASE)
        bench = Bench.open(root, db=f"sqlite:///{root / DATABASE}", media=str(root), create=False)
        try:
            check = BundleCheck(
                file=str(file),
                digest=digest,
                made_with=str(manifest["made_with"]),
                created=str(manifest["created"]),
                n_clips=bench.n_clips(),
                n_rescored=0,
                n_values=0,
                problems=tuple(problems),
                notes=() if manifest["has_clips"] else ("It holds hashes of clips, not the clips.",),
            )
            yield check, bench, problems
        finally:
            bench.close()


def _manifest(tar: tarfile.TarFile, file: Path) -> Mapping[str, Any]:
    first = tar.next()
    stream = tar.extractfile(first) if first is not None and first.isreg() and first.name == MANIFEST else None
    if stream is None:
        raise BenchError(f"{file}: is no bundle: its first member is not {MANIFEST}; make one with vbench bundle pack")
    try:
        manifest = json.loads(stream.read(200_000_000))
        schema, version = int(manifest["schema"]), str(manifest["database_version"])
        is_complete = {"files", "made_with", "created", "has_clips", "clips"} <= manifest.keys()
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{file}: its {MANIFEST} cannot be read ({error}); ask for the bundle again") from None
    if not is_complete:
        raise BenchError(f"{file}: its {MANIFEST} lacks entries; ask for the bundle again")
    if schema > SCHEMA or version > HEAD:
        raise BenchError(
            f"{file}: made with {manifest['made_with']}, newer than this vbench {__version__}; update vbench to read it"
        )
    return dict(manifest)


def _extracted(tar: tarfile.TarFile, manifest: Mapping[str, Any], root: Path) -> list[BundleProblem]:
    """Write the listed files that are as listed; what is not is told, and nothing else is written."""
    listed = {str(entry["path"]): entry for entry in manifest["files"]}
    problems: list[BundleProblem] = []
    seen: set[str] = set()
    for n, member in enumerate(tar):
        if n > MOST_FILES:
            raise BenchError(f"more than {MOST_FILES:,} files; this is no bundle")
        if member.name == MANIFEST and not seen and member.offset == 0:
            continue
        if not _is_inside(member.name) or not member.isreg():
            raise BenchError(f"{member.name!r} would leave the folder or is no plain file; do not trust this bundle")
        if member.name not in listed or member.name in seen:
            problems.append(_problem("unlisted", member.name, "is not in the manifest, or twice in the file"))
            continue
        seen.add(member.name)
        entry = listed[member.name]
        target = root / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if _written(tar, member, target) != (entry["sha256"], entry["size"]):
            target.unlink()
            problems.append(_problem("altered", member.name, "is not what was packed: its SHA-256 differs"))
    problems += [
        _problem("missing", name, "is in the manifest but not in the file") for name in listed if name not in seen
    ]
    return problems


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    is_plain = "\\" not in name and ":" not in name and "\x00" not in name
    return bool(name) and is_plain and not path.is_absolute() and ".." not in path.parts and str(path) == name


def _written(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> tuple[str, int]:
    stream = tar.extractfile(member)
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        while stream is not None and (piece := stream.read(1 << 20)):
            digest.update(piece)
            size += len(piece)
            out.write(piece)
    return digest.hexdigest(), size


def _problem(kind: ProblemKind, subject: str, message: str) -> BundleProblem:
    return BundleProblem(kind=kind, subject=subject, message=message)


# --- verifying ----------------------------------------------------------------------------------------------------


def verify(file: Path, *, rescore: float = 0.0) -> BundleCheck:
    """Check a bundle: its files, what its records say of them, copies among its clips, and a part of its numbers.

    Args:
        file: A bundle.
        rescore: Share of the clips to measure again, chosen by the digest of the file, so that nobody who packs one
            knows which.

    Raises:
        BenchError: it is no bundle, or of a newer version.
        OptionError: `rescore` is no share.
    """
    if not 0 <= rescore <= 1:
        raise OptionError(f"`rescore={rescore}`: expected a share such as 10%")
    with _opened(file) as (check, bench, problems):
        clips = bench.clips()
        found = list(problems)
        notes = list(check.notes)
        found += _mismatches(bench, clips)
        found += _copies(bench, clips)
        n_rescored = n_values = 0
        if rescore:
            chosen = _drawn(clips, rescore, check.digest)
            there = [clip for clip in chosen if bench.media.exists(clip.media)]
            if len(there) < len(chosen):
                notes.append(f"{len(chosen) - len(there)} of {len(chosen)} drawn clips are not in the bundle.")
            n_rescored = len(there)
            differing, n_values, said = _measured_again(bench, there)
            found += differing
            notes += said
        return replace(check, n_rescored=n_rescored, n_values=n_values, problems=tuple(found), notes=tuple(notes))


def _drawn(clips: Sequence[Clip], share: float, digest: str) -> list[Clip]:
    n = min(len(clips), math.ceil(share * len(clips)))
    return random.Random(digest).sample(sorted(clips, key=lambda clip: clip.id), n)


def _mismatches(bench: Bench, clips: Sequence[Clip]) -> Iterator[BundleProblem]:
    """Records that do not belong to their files or prompts."""
    for clip in clips:
        if clip.id != clip_id(clip.model, clip.prompt.text, clip.sample, clip.sha256):
            yield _problem("mismatch", _name(clip), "its id is not that of this tool, prompt, sample and file")
        if bench.media.exists(clip.media) and sha256_of(bench.media.local(clip.media)) != clip.sha256:
            yield _problem("mismatch", _name(clip), "its file is not the one that its record names")
    for prompt in bench.prompts():
        try:
            bench.prompt(prompt.key)
        except BenchError:
            yield _problem("mismatch", prompt.id, "its key is not that of its id and text: the prompt was changed")


def _copies(bench: Bench, clips: Sequence[Clip]) -> Iterator[BundleProblem]:
    """One file in several places, and clips that look the same though their files differ."""
    by_sha: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_sha[clip.sha256].append(clip)
    for members in by_sha.values():
        for other in members[1:]:
            yield _problem("duplicate", _name(other), f"is the very file of {_name(members[0])}")
    prints: list[tuple[Clip, NDArray[np.float32]]] = []
    for members in by_sha.values():
        clip = members[0]
        if bench.media.exists(clip.media):
            try:
                prints.append((clip, _looks(bench.media.local(clip.media))))
            except ItemError as error:
                yield _problem("unreadable", _name(clip), str(error))
    if len(prints) < 2:
        return
    table = np.stack([look for _, look in prints])
    alike = table @ table.T
    for i, j in zip(*np.nonzero(np.triu(alike >= NEAR, k=1)), strict=True):
        first, second = prints[int(i)][0], prints[int(j)][0]
        is_honest = first.model == second.model and first.prompt.key == second.prompt.key
        if not is_honest:
            yield _problem(
                "near-duplicate", _name(second), f"looks like {_name(first)} (correlation {alike[i, j]:.4f})"
            )


def _looks(path: Path) -> NDArray[np.float32]:
    """A clip as a row of length 1: small luma pictures at its start, middle and end, without their mean."""
    from vbench.video import read_frames

    frames = [frame.luma((24, 16)).astype(np.float32) for frame in read_frames(path)]
    chosen = np.stack([frames[int(place * (len(frames) - 1))] for place in (0.0, 0.25, 0.5, 0.75, 1.0)])
    row = (chosen - chosen.mean()).ravel()
    length = float(np.linalg.norm(row))
    unit: NDArray[np.float32] = row / length if length > 1e-3 else np.zeros_like(row)
    return unit


def _measured_again(bench: Bench, clips: Sequence[Clip]) -> tuple[list[BundleProblem], int, list[str]]:
    """Problems, how many values were compared, and what could not be."""
    from vbench.score import score

    stored = {_key(s.key): s.value for s in bench.score_records(clips=[clip.id for clip in clips])}
    names = {clip.id: _name(clip) for clip in clips}
    problems, notes, n_values = [], [], 0
    with (
        tempfile.TemporaryDirectory(prefix="vbench-again-") as folder,
        Bench.open(folder, db=f"sqlite:///{folder}/{DATABASE}", media=str(bench.root)) as again,
    ):
        for clip in clips:
            again.add_clip(clip)
        score(again, preset="offline", device="cpu")
        fresh = {_key(s.key): s.value for s in again.score_records()}
    for key, value in stored.items():
        if key not in fresh:
            continue
        n_values += 1
        if abs(fresh[key] - value) > TOLERANCE * max(1.0, abs(value)):
            problems.append(
                _problem("score", names[key[0]], f"{key[1]} is {value:.6g} there and {fresh[key]:.6g} here")
            )
    left = sorted({key[1] for key in stored} - {key[1] for key in stored.keys() & fresh.keys()})
    if left:
        notes.append(f"Not measured again (weights, other versions or parameters): {', '.join(left)}.")
    return problems, n_values, notes


def _key(key: ScoreKey) -> tuple[str, str, int, str]:
    return key.clip, key.metric, key.version, key.params_key
