"""Bodies in free fall, filmed twice: who falls as they do reaches the ceiling, who floats or stands still does not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from vbench.catalog.suites import load_suite
from vbench.cli import app
from vbench.errors import OptionError
from vbench.physics_iq import PhysicsData, PhysicsReport, PhysicsRow, Runs, physics_iq
from vbench.sides import opened_side
from vbench.video import write_clip

FPS, SIZE, RADIUS = 8, (192, 192), 20
VIEWS = ("perspective-left", "perspective-center")
SCENARIOS = ("ball", "stone")
PLACES = [(scenario, view) for scenario in SCENARIOS for view in VIEWS]
Height = Callable[[float], float]


def falls(gravity: float) -> Height:
    """Metres below where it was let go, as pixels, after so many seconds; it lies on the ground then."""
    return lambda t: min(0.5 * gravity * t * t, 1.0)


def floats(t: float) -> float:
    return 0.2 * t


def stands(t: float) -> float:
    return 0.0


def film(height: Height, *, column: int, seconds: float = 5.0, fps: int = FPS) -> list[NDArray[np.uint8]]:
    pictures = []
    for i in range(round(seconds * fps)):
        picture = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
        y = 30 + round(height(i / fps) * (SIZE[1] - 60))
        cv2.circle(picture, (column, y), RADIUS, (230, 200, 60), -1)
        pictures.append(picture)
    return pictures


def write(path: Path, pictures: list[NDArray[np.uint8]], fps: int = FPS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(pictures, path, fps=fps, crf=4, preset="ultrafast")


def column(place: int) -> int:
    return 60 + 20 * place


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two experiments from two sides; a second take is let go a little otherwise."""
    folder = tmp_path_factory.mktemp("data")
    takes = folder / "split-videos" / "testing" / f"{FPS}FPS"
    for i, (scenario, view) in enumerate(PLACES):
        for take, gravity in ((1, 0.5), (2, 0.46)):
            number = f"{i + 1 + (take - 1) * len(PLACES):04d}"
            name = f"{number}_testing-videos_{FPS}FPS_{view}_take-{take}_{scenario}.mp4"
            write(takes / name, film(falls(gravity), column=column(i)))
        picture = np.full((8, 8, 3), 40, np.uint8)
        (folder / "switch-frames").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "switch-frames" / f"{i + 1:04d}_switch-frames_anyFPS_{view}_{scenario}.jpg"), picture)
    return folder


def run_of(root: Path, height: Height, *, seconds: float = 5.0, fps: int = FPS, n: int = len(PLACES)) -> Path:
    for i, (scenario, view) in enumerate(PLACES[:n]):
        pictures = film(height, column=column(i), seconds=seconds, fps=fps)
        write(root / f"{i + 1:04d}_{view}_{scenario}.mp4", pictures, fps)
    return root


def report_on(data: Path, *folders: Path) -> PhysicsReport:
    with ExitStack() as stack:
        opened = [(path.name, *stack.enter_context(opened_side(str(path)))) for path in folders]
        return physics_iq(PhysicsData(data), [Runs(name=name, bench=bench, tool=tool) for name, bench, tool in opened])


def rows_of(report: PhysicsReport) -> dict[str, PhysicsRow]:
    return {row.measure: row for row in report.rows}


def test_who_falls_as_the_bodies_do_has_all_and_who_stands_still_has_least(data: Path, tmp_path: Path) -> None:
    right = rows_of(report_on(data, run_of(tmp_path / "right", falls(0.5))))
    slow = rows_of(report_on(data, run_of(tmp_path / "slow", floats)))
    still = rows_of(report_on(data, run_of(tmp_path / "still", stands)))
    assert right["verified"].value == pytest.approx(100)
    assert right["original"].value == pytest.approx(100)
    assert right["spatiotemporal_iou"].value > 0.95 > right["spatiotemporal_iou"].ceiling > 0.2
    assert right["mse"].value < right["mse"].ceiling
    for score in ("verified", "original", "spatial_iou", "weighted_spatial_iou"):
        assert right[score].value > slow[score].value > still[score].value, score
    assert still["spatial_iou"].value == 0
    assert still["spatiotemporal_iou"].value == pytest.approx(0.5, abs=0.05), "alike while the bodies lie still"
    assert still["mse"].value > right["mse"].value
    assert {row.ceiling for name, row in right.items() if name.endswith(("verified", "original", "score"))} == {100.0}


def test_runs_have_a_spread_and_scenarios_an_interval(data: Path, tmp_path: Path) -> None:
    report = report_on(data, run_of(tmp_path / "one", falls(0.4)), run_of(tmp_path / "two", floats))
    of_each = [rows_of(report_on(data, tmp_path / name))["verified"].value for name in ("one", "two")]
    row = rows_of(report)["verified"]
    assert report.runs == ("one #0", "two #0")
    assert row.value == pytest.approx(np.mean(of_each))
    assert row.sd == pytest.approx(np.std(of_each, ddof=1))
    assert row.ci_low is not None
    assert row.ci_high is not None
    assert row.ci_low < row.value < row.ci_high
    original = rows_of(report)["original"]
    assert original.ci_low is not None
    assert original.ci_low <= original.value
    assert row.value == pytest.approx(np.mean([view.verified for view in report.views]))
    assert any("4" in note for note in report.notes), "two runs claim no place"


def test_what_is_missing_or_too_short_is_told_and_the_rest_is_measured(data: Path, tmp_path: Path) -> None:
    run_of(tmp_path / "whole", falls(0.5))
    run_of(tmp_path / "part", falls(0.5), n=3)
    write(tmp_path / "part" / "0002_perspective-center_ball.mp4", film(falls(0.5), column=column(1), seconds=3))
    report = report_on(data, tmp_path / "whole", tmp_path / "part")
    assert {(failure.run, failure.id) for failure in report.failures} == {("part #0", "0002"), ("part #0", "0004")}
    assert "has 3.00 s" in next(each.reason for each in report.failures if each.id == "0002")
    assert (report.n_views, report.n_expected, report.is_complete) == (2, 4, False)
    assert any("2 of 4 views" in note for note in report.notes)


def test_a_clip_at_another_rate_is_measured_at_its_own_and_that_is_said(data: Path, tmp_path: Path) -> None:
    report = report_on(data, run_of(tmp_path / "four", falls(0.5), fps=4, seconds=6))
    assert rows_of(report)["verified"].value > 90
    assert any("no takes at 4 a second" in note for note in report.notes)
    assert any("longer than 5 s" in note for note in report.notes)


def test_masks_of_the_data_set_are_used_where_it_has_them(data: Path, tmp_path: Path) -> None:
    run_of(tmp_path / "run", falls(0.5))
    without = report_on(data, tmp_path / "run")
    assert any("masks" in note for note in without.notes)
    given = tmp_path / "data"
    given.mkdir()
    for name in ("split-videos", "switch-frames"):
        (given / name).symlink_to(data / name)
    everywhere = [np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)] * (5 * FPS)
    for i, (scenario, view) in enumerate(PLACES):
        for take in (1, 2):
            number = f"{i + 1 + (take - 1) * len(PLACES):04d}"
            name = f"{number}_video-masks_{FPS}FPS_{view}_take-{take}_{scenario}.mp4"
            write(given / "video-masks" / "real" / f"{FPS}FPS" / name, everywhere)
    report = report_on(given, tmp_path / "run")
    assert not any("masks" in note for note in report.notes)
    assert rows_of(report)["spatial_iou"].ceiling == 1
    assert rows_of(report)["spatial_iou"].value < 0.5


def test_a_folder_that_is_not_the_data_set_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="`data=` is the folder that holds split-videos"):
        PhysicsData(tmp_path)
    lone = tmp_path / "split-videos" / "testing" / "30FPS"
    write(lone / "0001_testing-videos_30FPS_perspective-left_take-1_ball.mp4", film(stands, column=60, seconds=1))
    with pytest.raises(OptionError, match="one of their two takes only, ball perspective-left"):
        PhysicsData(tmp_path)
    other = tmp_path / "other"
    write(other / "fox.mp4", film(stands, column=60, seconds=1))
    with pytest.raises(OptionError, match="none of 1 clips is named as a view"):
        report_on(data, other)


def test_the_suite_and_the_scores_from_the_command_line(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "descriptions.csv"
    with table.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["scenario", "description", "category"])
        for i, (scenario, view) in enumerate(PLACES * 2):
            take = 1 + i // len(PLACES)
            writer.writerow(
                [f"{i + 1:04d}_{view}_take-{take}_{scenario}.mp4", f"A {scenario} falls.", "Solid Mechanics"]
            )
    suite = tmp_path / "physics-iq.yaml"
    words = ["physics-iq", "suite", str(suite), "--data", str(data), "--descriptions", str(table)]
    made = CliRunner().invoke(app, words)
    assert "4 prompts" in made.output
    prompts = load_suite(suite).prompts
    assert prompts[0].id == "0001_perspective-left_ball"
    assert all(Path(prompt.image).is_file() for prompt in prompts)
    assert set(prompts[0].tags) == {"scenario:ball", "view:left", "physics:solid-mechanics"}

    run = run_of(tmp_path / "run", falls(0.5), n=3)
    views = tmp_path / "views.csv"
    words = ["physics-iq", "score", str(run), "--data", str(data), "--views", str(views)]
    printed = CliRunner().invoke(app, [*words, "--json"])
    document = json.loads(printed.output)
    assert document["schema"] == 1
    assert {row["measure"] for row in document["rows"]} >= {"verified", "original", "mse", "spatial_iou"}
    assert len(views.read_text().splitlines()) == 4
    strict = CliRunner().invoke(app, [*words, "--strict"])
    assert strict.exit_code == 3
    assert "0004: no clip" in strict.output
