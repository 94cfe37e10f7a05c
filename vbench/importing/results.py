"""Takes what VBench's own code measured, clip by clip, into a bench: beside our scores, under names of its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from vbench.errors import CatalogError
from vbench.files import home_expanded, sha256_of
from vbench.importing.match import MAX_SAMPLE_DIGITS, plain
from vbench.records import Clip, MetricInfo, Outcomes, Score, ScoreKey
from vbench.text import printable
from vbench.vbench1.result_files import SUFFIX, read_results

if TYPE_CHECKING:
    from vbench.bench import Bench

FAMILY = "vbench_published"
PARAMS = {"published_by": "VBench"}
"""Of every such score, whichever file it stood in: tools are compared under equal parameters only."""
SAME = 1e-9
SHA_DIGITS = 12
"""From so many on, the hexadecimal digits of a name are taken for those of a clip's digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedResult:
    """A clip of a result file whose numbers are not in the bench, and why."""

    clip: str
    """As the file writes it."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsReport:
    """What became of the numbers in result files."""

    n_clips: int
    """Clips of the bench that have numbers there."""
    n_scores: int
    """New ones."""
    n_known: int
    """Those that were in the bench before."""
    metrics: tuple[str, ...]
    unused: tuple[UnusedResult, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every number found its clip."""
        return not self.unused


def is_results(path: str | Path) -> bool:
    """Whether a path is a result file of VBench, or a folder of them."""
    path = home_expanded(path)
    return any(path.glob(f"*{SUFFIX}")) if path.is_dir() else path.suffix.lower() == ".json" and path.is_file()


def import_results(bench: Bench, path: str | Path, *, model: str = "", dry_run: bool = False) -> ResultsReport:
    """Store the numbers of VBench's result files as scores of the clips that they name.

    A clip is found by its path, its digest (where its file lies at the path, or is named by it), the name of its file,
    or its prompt and sample as VBench names files (``<prompt text>-<sample>.mp4``). Where several tools have such a
    clip, a folder of the path tells which, or `model`. The scores are ``vbench_published.<dimension>``, in percent.

    Args:
        bench: Where the clips are.
        path: A file, or a folder whose files end in ``_eval_results.json``.
        model: The tool that made the clips; empty: as paths say.
        dry_run: Match, and change nothing.

    Raises:
        CatalogError: it is no result file, or none of its clips is in the bench.
    """
    path = home_expanded(path)
    results = read_results(path)
    names = sorted({name for of_clips in results.clips.values() for name in of_clips})
    if not names:
        raise CatalogError(f"{path}: holds no numbers of clips, only those of a tool; check them with vbench totals")
    index = _ClipIndex(bench.clips(), path if path.is_dir() else path.parent, model)
    found = {name: index.find(name) for name in names}
    unused = [UnusedResult(clip=printable(name), reason=why) for name, why in found.items() if isinstance(why, str)]
    if len(unused) == len(names):
        raise CatalogError(f"{path}: none of its {len(names)} clips is used; {unused[0].clip}: {unused[0].reason}")
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for dimension, of_clips in results.clips.items():
        for name, value in of_clips.items():
            clip = found[name]
            if isinstance(clip, str):
                continue
            if abs(values[clip.id].setdefault(dimension, value) - value) > SAME:
                unused.append(_other_value(name, dimension, value, values[clip.id][dimension], "above"))
    stored = _stored(bench, values)
    infos = {dimension: _info(dimension) for dimension in results.clips}
    if not dry_run:
        bench.add_metrics(infos.values())
    n_new = n_known = 0
    by_id = {clip.id: name for name, clip in found.items() if not isinstance(clip, str)}
    for clip_id, of_clip in values.items():
        new = []
        for dimension, value in of_clip.items():
            key = ScoreKey(clip=clip_id, metric=infos[dimension].name, version=infos[dimension].version, params=PARAMS)
            before = stored.get((clip_id, key.metric))
            if before is None:
                new.append(Score(key=key, value=value))
            elif abs(before - value) <= SAME:
                n_known += 1
            else:
                unused.append(_other_value(by_id[clip_id], dimension, value, before, "in the bench"))
        n_new += len(new)
        if new and not dry_run:
            bench.add_outcomes(Outcomes(clip=clip_id, scores=tuple(new)))
    metrics = tuple(sorted(info.name for info in infos.values()))
    return ResultsReport(n_clips=len(values), n_scores=n_new, n_known=n_known, metrics=metrics, unused=tuple(unused))


def _other_value(name: str, dimension: str, value: float, before: float, where: str) -> UnusedResult:
    return UnusedResult(
        clip=printable(name), reason=f"{dimension} is {value:.6g}, and {before:.6g} {where}; keep one run of each clip"
    )


def _info(dimension: str) -> MetricInfo:
    words = dimension.replace("_", " ")
    return MetricInfo(
        name=f"{FAMILY}.{dimension}",
        version=1,
        unit="%",
        higher_is_better=True,
        bounds=(0.0, 100.0),
        group="vbench",
        about=f"VBench's {words}, published by VBench: read from its own result file, not measured here.",
    )


def _stored(bench: Bench, clips: Iterable[str]) -> dict[tuple[str, str], float]:
    """(clip, metric) → the published number that the bench has."""
    wanted = set(clips)
    names = [name for name in bench.metrics() if name.startswith(f"{FAMILY}.")]
    return {
        (score.key.clip, score.key.metric): score.value
        for score in bench.score_records(metrics=names)
        if score.key.clip in wanted
    }


class _ClipIndex:
    """The clips of a bench by all that a result file may call them."""

    def __init__(self, clips: Iterable[Clip], folder: Path, model: str) -> None:
        self._folder, self._model = folder, model
        self._by_name: dict[str, list[Clip]] = defaultdict(list)
        self._by_sha: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            if model and clip.model != model:
                continue
            places = {clip.media, clip.provenance.source}
            names = {*places, *(PurePath(place).name for place in places if place)}
            names |= {f"{plain(name)}-{clip.sample}" for name in (clip.prompt.text, clip.prompt.id)}
            for name in names - {""}:
                self._by_name[name].append(clip)
            self._by_sha[clip.sha256].append(clip)

    def find(self, name: str) -> Clip | str:
        """The clip that a result file names so, or why none is taken."""
        path = PurePath(name.replace("\\", "/"))
        for clips in (self._by_name.get(str(path), []), self._of_digest(path), self._named(path)):
            if not clips:
                continue
            if len(clips) > 1:
                parts = {plain(part) for part in path.parts[:-1]}
                clips = [clip for clip in clips if clip.model in parts] or clips
            if len(clips) == 1:
                return clips[0]
            models = sorted({clip.model for clip in clips})
            if len(models) > 1:
                return f"could be of {', '.join(models[:4])}; say which tool's results these are with `model=`"
            ways = ", ".join(f"prompt {clip.prompt.id!r} sample {clip.sample}" for clip in clips[:4])
            return f"could be {ways} of {models[0]}; give the clips of a tool different file names"
        of_tool = f" of {self._model}" if self._model else ""
        return f"no clip{of_tool} in the bench has this path, digest, file name, or prompt and sample"

    def _of_digest(self, path: PurePath) -> list[Clip]:
        if re.fullmatch(rf"[0-9a-f]{{{SHA_DIGITS},64}}", path.stem):
            return [clip for sha, clips in self._by_sha.items() if sha.startswith(path.stem) for clip in clips]
        for place in (Path(path), self._folder / path):
            try:
                if place.is_file():
                    return self._by_sha.get(sha256_of(place), [])
            except OSError:  # what cannot be read is found by its name, or told as unused
                continue
        return []

    def _named(self, path: PurePath) -> list[Clip]:
        stem = plain(path.stem)
        if numbered := re.fullmatch(rf"(.+)-0*([0-9]{{1,{MAX_SAMPLE_DIGITS}}})", stem):
            stem = f"{numbered[1]}-{numbered[2]}"
        found = [*self._by_name.get(path.name, []), *self._by_name.get(stem, [])]
        return list({clip.id: clip for clip in found}.values())
