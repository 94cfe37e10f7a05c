"""Public sets of people's ratings of clips, each in the layout of files in which it is published."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from vbench.catalog.row_lines import csv_table
from vbench.errors import CatalogError, OptionError
from vbench.files import VIDEO_SUFFIXES
from vbench.rank.agreement import Place, read_ratings
from vbench.records import digest

Ratings = dict[tuple[str, Place], float]
"""(rater, place) → value; higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedClip:
    """A clip that people have seen."""

    place: Place
    """(model, prompt id, sample)."""
    text: str
    """The prompt."""
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What people said of two clips of one prompt."""

    rating: str
    first: Place
    second: Place
    says: int
    """1: the first is better, -1: the second, 0: a tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedSet:
    """What is read of a set: clips that are there, and what people said of them."""

    name: str
    clips: Mapping[Place, RatedClip]
    ratings: Mapping[str, Ratings] = field(default_factory=dict)
    """Rating → its values, for sets that rate clips one by one."""
    preferences: tuple[Preference, ...] = ()
    """For sets that compare clips in pairs."""
    notes: tuple[str, ...] = ()
    """What is missing or left out, and how much of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSet:
    """Where a set is published, and what reads it."""

    about: str
    read: Callable[[Path], RatedSet]
    repo: str = ""
    """Data set of the hub; empty: it is given as a folder."""
    revision: str = ""
    """Its pinned commit; empty: none is pinned, and one has to be named."""
    published: Mapping[str, float] = field(default_factory=dict)
    """Rating → the Spearman correlation that the set's authors publish for VBench's own dimension."""
    source: str = ""


class Files:
    """Video files below a folder, found by what a set calls them: a path, an address, or a name alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
                self._by_name[path.name].append(path)
        self.missing: dict[str, None] = {}

    def find(self, called: str) -> Path | None:
        """The one file that is meant, by as much of its path as it takes; None is noted as missing."""
        parts = [unquote(part) for part in urlsplit(called).path.replace("\\", "/").split("/") if part not in ("", ".")]
        candidates = self._by_name.get(parts[-1], []) if parts else []
        for n in range(1, len(parts) + 1):
            if len(candidates) <= 1:
                break
            nearer = [path for path in candidates if list(path.parts[-n:]) == parts[-n:]]
            candidates = nearer or candidates
        if len(candidates) == 1:
            return candidates[0]
        self.missing.setdefault(called)
        return None

    def notes(self) -> list[str]:
        """How many could not be found, with the first of them."""
        if not self.missing:
            return []
        return [f"{len(self.missing)} rated clips are not in {self.folder}, e.g. {next(iter(self.missing))}"]


class Gathered:
    """Clips and preferences as they are read; the same file may come again."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.clips: dict[Place, RatedClip] = {}
        self.n_repeated = 0

    def clip(self, called: str, model: str, text: str) -> Place | None:
        """The place of a clip, the same for the same file; None where it is not there."""
        path = self.files.find(called)
        if path is None:
            return None
        prompt_id = f"p-{digest(text, length=10)}"
        sample = 0
        while (place := (model, prompt_id, sample)) in self.clips and self.clips[place].path != path:
            sample += 1
        self.clips.setdefault(place, RatedClip(place=place, text=text, path=path))
        return place

    def notes(self) -> tuple[str, ...]:
        """All that a person should know."""
        repeated = [f"{self.n_repeated} rows say again what others said: left out"] if self.n_repeated else []
        return (*self.files.notes(), *repeated)


Row = tuple[str, str, str, str, str]
"""Prompt, model and file of the first, model and file of the second."""


def _pairs(name: str, folder: Path, rows: Iterable[tuple[Row, Mapping[str, int]]]) -> RatedSet:
    """A set of pairs: each row with what it says by rating."""
    gathered = Gathered(Files(folder))
    preferences: dict[tuple[str, Place, Place], Preference] = {}
    for (text, first_model, first_file, second_model, second_file), said in rows:
        first = gathered.clip(first_file, first_model, text)
        second = gathered.clip(second_file, second_model, text)
        if first is None or second is None:
            continue
        for rating, says in said.items():
            if (rating, first, second) in preferences:
                gathered.n_repeated += 1
                continue
            preferences[rating, first, second] = Preference(rating=rating, first=first, second=second, says=says)
    if not preferences:
        raise OptionError(f"{folder}: no pair of {name} has both of its clips there; {'; '.join(gathered.notes())}")
    return RatedSet(name=name, clips=gathered.clips, preferences=tuple(preferences.values()), notes=gathered.notes())


def _file(folder: Path, *names: str) -> Path:
    """The first of these patterns that matches a file.

    Raises:
        OptionError: none does.
    """
    for name in names:
        if found := sorted(folder.glob(name)):
            return found[0]
    raise OptionError(f"{folder}: expected {' or '.join(names)} there; give the folder that the set was downloaded to")


def _said(value: Any, words: Mapping[str, int], where: str) -> int:
    try:
        return words[str(value).strip()]
    except KeyError:
        raise CatalogError(f"{where}: {value!r} is none of {', '.join(words)}") from None


def read_rewardbench(folder: Path) -> RatedSet:
    """VideoGen-RewardBench: `videogen-rewardbench.csv`, paths as in `videos.zip`."""
    table = _file(folder, "videogen-rewardbench.csv", "*/videogen-rewardbench.csv")
    columns, lines = csv_table(table)
    ratings = {"VQ": "visual_quality", "MQ": "motion_quality", "TA": "text_alignment", "Overall": "overall"}
    if lacking := {"path_A", "path_B", "prompt", "A_model", "B_model", "Overall"} - set(columns):
        raise CatalogError(f"{table}:1: no column {', '.join(sorted(lacking))}")
    words = {"A": 1, "B": -1, "same": 0}

    def rows() -> Iterable[tuple[Row, Mapping[str, int]]]:
        for number, row in lines:
            said = {
                rating: _said(row[column], words, f"{table}:{number}: {column}")
                for column, rating in ratings.items()
                if row.get(column, "").strip()
            }
            yield (row["prompt"], row["A_model"], row["path_A"], row["B_model"], row["path_B"]), said

    return _pairs("videogen-rewardbench", folder, rows())


def read_genai_bench(folder: Path) -> RatedSet:
    """GenAI-Bench, its video arena: `video_generation/test-*.parquet`; clips below the folder by their names."""
    import pandas as pd

    table = _file(folder, "video_generation/test-*.parquet", "video_generation/train-*.parquet")
    frame = pd.read_parquet(table)
    columns = ["prompt", "left_model", "left_video", "right_model", "right_video", "vote_type"]
    if lacking := set(columns) - set(frame.columns):
        raise CatalogError(f"{table}: no column {', '.join(sorted(lacking))}")
    words = {"leftvote": 1, "rightvote": -1, "tievote": 0, "bothbad_vote": 0}

    def rows() -> Iterable[tuple[Row, Mapping[str, int]]]:
        for prompt, left_model, left, right_model, right, vote in frame[columns].itertuples(index=False):
            yield (
                (prompt, left_model, left, right_model, right),
                {"preference": _said(vote, words, f"{table}: vote_type")},
            )

    return _pairs("genai-bench", folder, rows())


def read_uve_bench(folder: Path) -> RatedSet:
    """UVE-Bench: a JSON list of pairs by aspect; clips in folders named after their model."""
    table = _file(folder, "uve_bench.json", "*.json", "*/*.json")
    words = {"A is better": 1, "B is better": -1, "same good": 0, "same bad": 0, "same": 0}

    def rows() -> Iterable[tuple[Row, Mapping[str, int]]]:
        for number, entry in enumerate(_json_list(table)):
            try:
                first, second, aspect = entry["video_a"], entry["video_b"], entry["aspect"]
                said = _said(entry["preference"], words, f"{table}: entry {number}: preference")
            except (KeyError, TypeError) as error:
                raise CatalogError(f"{table}: entry {number}: no {error}") from None
            text = entry.get("prompt") or Path(first).stem.rpartition("_")[2]
            yield (text, Path(first).parent.name, first, Path(second).parent.name, second), {aspect: said}

    return _pairs("uve-bench", folder, rows())


def read_videofeedback(folder: Path) -> RatedSet:
    """VideoFeedback, its test split: `annotated/test-*.parquet` or `test/data_annotated.json`; clips named by id."""
    table = _file(folder, "annotated/test-*.parquet", "test/data_annotated.json")
    if table.suffix == ".parquet":
        import pandas as pd

        entries = pd.read_parquet(table).to_dict("records")
    else:
        entries = _json_list(table)
    quality = ("visual quality", "temporal consistency", "dynamic degree")
    names = (*quality, "text-to-video alignment", "factual consistency")
    gathered, ratings = Gathered(Files(folder)), {name.replace(" ", "_"): Ratings() for name in names}
    for number, entry in enumerate(entries):
        try:
            called, text = str(entry["id"]), str(entry["text prompt"])
            values = {name: float(entry[name]) for name in names}
        except (KeyError, TypeError, ValueError) as error:
            raise CatalogError(f"{table}: entry {number}: {error}") from None
        # ids are those of the files; the source of a clip is the word before its number
        place = gathered.clip(f"{called}.mp4", re.split(r"[_\d]", called)[0] or "videofeedback", text)
        if place is None:
            continue
        for name, value in values.items():
            rows = ratings[name.replace(" ", "_")]
            gathered.n_repeated += ("", place) in rows
            rows.setdefault(("", place), value)
    return RatedSet(name="videofeedback", clips=gathered.clips, ratings=ratings, notes=gathered.notes())


def read_video_bench(folder: Path) -> RatedSet:
    """Video-Bench: `human_anno/<dimension>.json`, a list of prompts with raters' scores by model; clips beside.

    An entry has `prompt_en`, `videos` (model → path) and `human_anno` (model → score, or a list of one per rater).
    """
    tables = sorted(folder.glob("**/human_anno/*.json"))
    if not tables:
        raise OptionError(f"{folder}: expected human_anno/*.json there; give the folder that the set was downloaded to")
    gathered = Gathered(Files(folder))
    ratings: dict[str, Ratings] = {}
    for table in tables:
        rows = ratings.setdefault(table.stem.replace(" ", "_"), Ratings())
        for number, entry in enumerate(_json_list(table)):
            try:
                text, videos, said = entry["prompt_en"], entry["videos"], entry["human_anno"]
                scores = {model: value if isinstance(value, list) else [value] for model, value in said.items()}
            except (KeyError, TypeError, AttributeError) as error:
                raise CatalogError(f"{table}: entry {number}: no {error}") from None
            for model, values in scores.items():
                place = gathered.clip(videos[model], model, text) if model in videos else None
                if place is not None:
                    for rater, value in enumerate(values):
                        gathered.n_repeated += (f"rater{rater}", place) in rows
                        rows.setdefault((f"rater{rater}", place), float(value))
    return RatedSet(name="video-bench", clips=gathered.clips, ratings=ratings, notes=gathered.notes())


def read_csv(folder: Path, table: Path | None = None, name: str = "csv") -> RatedSet:
    """Any set as this project writes it: a CSV as for `vbench agreement`, and `<model>/<prompt-id>-<sample>.<ext>`.

    Prompts' texts are those of `prompts.jsonl`, where it is there.
    """
    table = table if table is not None else _file(folder, "ratings.csv", "*.csv")
    ratings, notes = read_ratings(table)
    texts = {}
    for entry in _json_lines(folder / "prompts.jsonl"):
        texts[str(entry.get("id"))] = str(entry.get("text", ""))
    files = Files(folder)
    clips = {}
    for place in sorted({place for rows in ratings.values() for _, place in rows}):
        model, prompt_id, sample = place
        stem = f"{model}/{prompt_id}-{sample}"
        path = next((path for suffix in VIDEO_SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()), None)
        if path is None:
            files.missing.setdefault(stem)
            continue
        clips[place] = RatedClip(place=place, text=texts.get(prompt_id, ""), path=path)
    kept = {rating: {key: value for key, value in rows.items() if key[1] in clips} for rating, rows in ratings.items()}
    return RatedSet(name=name, clips=clips, ratings=kept, notes=(*notes, *files.notes()))


def _json_list(path: Path) -> list[Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CatalogError(f"{path}: not valid JSON ({error}); download the set again") from None
    if not isinstance(document, list):
        raise CatalogError(f"{path}: holds a {type(document).__name__}, expected a list")
    return document


def _json_lines(path: Path) -> list[Any]:
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise CatalogError(f"{path}: a line is not valid JSON ({error})") from None


SETS: Mapping[str, PublicSet] = {
    "video-bench": PublicSet(
        about="7 models, 9 dimensions, scores by several raters",
        read=read_video_bench,
        repo="Video-Bench/Video-Bench_human_annotation",
        published={
            "imaging_quality": 0.363,
            "aesthetic_quality": 0.446,
            "temporal_consistency": 0.260,
            "motion_effects": 0.329,
            "video-text_consistency": 0.445,
            "action": 0.411,
            "object_class": 0.469,
            "color": 0.545,
            "scene": 0.422,
        },
        source="Han et al. 2025, arXiv:2504.04907",
    ),
    "videogen-rewardbench": PublicSet(
        about="26,500 pairs of 12 modern generators",
        read=read_rewardbench,
        repo="KlingTeam/VideoGen-RewardBench",
        source="Liu et al. 2025, arXiv:2501.13918",
    ),
    "genai-bench": PublicSet(
        about="pairs of an open arena",
        read=read_genai_bench,
        repo="TIGER-Lab/GenAI-Bench",
        revision="d2161251fb85df69cfdaf77c3e6e0be55e17d1b1",
        source="Jiang et al. 2024, arXiv:2406.04485",
    ),
    "videofeedback": PublicSet(
        about="680 clips of the test split, five ratings each",
        read=read_videofeedback,
        repo="TIGER-Lab/VideoFeedback",
        revision="71b5bedb4a92962ad75313647b78723d907b0a36",
        source="He et al. 2024, arXiv:2406.15252",
    ),
    "uve-bench": PublicSet(
        about="1,230 clips, 4,042 pairs by fifteen aspects",
        read=read_uve_bench,
        repo="lyx97/UVE-Bench",
        source="Liu et al. 2025, arXiv:2503.09949",
    ),
    "fetv": PublicSet(
        about="619 prompts of four sources and real footage, as ratings.csv",
        read=lambda folder: read_csv(folder, name="fetv"),
        source="Liu et al. 2023, arXiv:2311.01813",
    ),
}
"""Sets by the name that `vbench validate` takes; any other name is a CSV."""
