"""The folder of the Physics-IQ data set, which is gated: its takes, its masks, and a suite made of its prompts."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from vbench.catalog.prompt_lines import slug
from vbench.errors import CatalogError, OptionError
from vbench.files import home_expanded, written_whole

_TAKE = re.compile(r"(?P<id>\d{4})_testing-videos_\d+FPS_(?P<view>[^_]+)_take-(?P<take>[12])_(?P<scenario>[^_]+)\.mp4")
_CLIP = re.compile(r"(?P<id>\d{4})(?=_|$)")
_ROW = re.compile(r"(?P<id>\d{4})_(?P<view>[^_]+)_take-1_(?P<scenario>[^_]+)\.mp4")
WHERE = "the folder that holds split-videos/, as the data set is published"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One experiment from one side, filmed twice."""

    id: str
    """The four digits of its first take, with which names of clips begin."""
    view: str
    """As ``perspective-left``."""
    scenario: str
    """The experiment, of which there are three views: they are not independent of each other."""
    second_id: str
    """The four digits of its second take."""


class PhysicsData:
    """The data set on the disk, as its authors publish it, original or Verified."""

    def __init__(self, folder: Path) -> None:
        """Look through a folder.

        Args:
            folder: The one that holds ``split-videos``.

        Raises:
            OptionError: it holds no takes, or a view without one of its two.
        """
        self.folder = home_expanded(folder)
        self._videos = {
            int(match[1]): place
            for place in sorted(self.folder.glob("split-videos/testing*/*FPS"))
            if (match := re.fullmatch(r"(\d+)FPS", place.name)) and any(place.glob("*.mp4"))
        }
        if not self._videos:
            raise OptionError(f"{folder}: no takes under split-videos/testing/30FPS; `data=` is {WHERE}")
        self.views = self._views()

    def _views(self) -> Mapping[str, View]:
        folder = self._videos[max(self._videos)]
        takes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for file in sorted(folder.iterdir()):
            if match := _TAKE.fullmatch(file.name):
                takes[match["scenario"], match["view"]][match["take"]] = match["id"]
        if alone := sorted(place for place, ids in takes.items() if len(ids) < 2):
            scenario, view = alone[0]
            raise OptionError(
                f"{folder}: {len(alone)} views have one of their two takes only, {scenario} {view} first; get the data "
                "set again"
            )
        if not takes:
            raise OptionError(
                f"{folder}: no file is named as 0001_testing-videos_30FPS_perspective-left_take-1_ball.mp4 is"
            )
        return {
            ids["1"]: View(id=ids["1"], view=view, scenario=scenario, second_id=ids["2"])
            for (scenario, view), ids in sorted(takes.items(), key=lambda item: item[1]["1"])
        }

    def take(self, view: View, n: int, fps: int) -> tuple[Path, int]:
        """The file of the first or second take, and its rate: the one asked for where there is one, else the highest.

        Raises:
            OptionError: the data set lacks it.
        """
        rate = fps if fps in self._videos else max(self._videos)
        number = view.id if n == 1 else view.second_id
        file = self._videos[rate] / f"{number}_testing-videos_{rate}FPS_{view.view}_take-{n}_{view.scenario}.mp4"
        if not file.is_file():
            raise OptionError(f"{file}: is not there; get the data set again")
        return file, rate

    def mask(self, view: View, n: int, fps: int) -> Path | None:
        """The data set's own video of what moves in a take, at this rate; None where it has none."""
        number = view.id if n == 1 else view.second_id
        name = f"{number}_video-masks_{fps}FPS_{view.view}_take-{n}_{view.scenario}.mp4"
        file = self.folder / "video-masks" / "real" / f"{fps}FPS" / name
        return file if file.is_file() else None

    def view_of(self, name: str) -> View | None:
        """The view that a clip or prompt of this name is of: names begin with its four digits."""
        match = _CLIP.match(name)
        return self.views.get(match["id"]) if match else None


def write_suite(data: PhysicsData, descriptions: Path, out: Path) -> int:
    """Write a suite of the views: the prompts of a list, each with the picture it begins with.

    Args:
        data: Whose ``switch-frames`` the pictures are.
        descriptions: A CSV with the columns ``scenario``, ``description`` and, if it has one, ``category``.
        out: The suite; it is named after its file.

    Returns:
        How many prompts it has.

    Raises:
        CatalogError: the list has no such columns, or no row of a view of the data set.
        OptionError: a picture is not there.
    """
    prompts = []
    with descriptions.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if missing := {"scenario", "description"} - set(rows.fieldnames or ()):
            raise CatalogError(
                f"{descriptions}: has no column {', '.join(sorted(missing))}; it begins {rows.fieldnames}"
            )
        for row in rows:
            match = _ROW.fullmatch(row["scenario"])
            view = data.views.get(match["id"]) if match else None
            if view is None:
                continue  # a second take, of which no clip is made
            tags = [f"scenario:{view.scenario}", f"view:{view.view.removeprefix('perspective-')}"]
            if category := row.get("category"):
                tags.append(f"physics:{slug(category)}")
            prompts.append(
                {
                    "id": f"{view.id}_{view.view}_{view.scenario}",
                    "text": row["description"],
                    "image": str(_first_picture(data, view)),
                    "tags": tags,
                }
            )
    if not prompts:
        raise CatalogError(f"{descriptions}: no row is of a view that {data.folder} has; are they of one data set?")
    suite = {"name": out.stem, "about": "Physics-IQ; the data set's own terms apply", "prompts": prompts}
    with written_whole(out) as part:
        part.write_text(yaml.safe_dump(suite, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return len(prompts)


def _first_picture(data: PhysicsData, view: View) -> Path:
    folder = data.folder / "switch-frames"
    picture = next(iter(sorted(folder.glob(f"{view.id}_switch-frames_*_{view.view}_*"))), None)
    if picture is None:
        raise OptionError(f"{folder}: no picture of {view.id} {view.view} {view.scenario}; get the data set again")
    return picture.resolve()
