"""VBench's totals against values worked out by hand from its published constants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vbench.errors import CatalogError, OptionError
from vbench.vbench1.totals import DIMENSIONS, check_table, vbench_totals

RAW = {
    "subject consistency": 96.0,
    "background consistency": 97.0,
    "temporal flickering": 98.0,
    "motion smoothness": 98.5,
    "dynamic degree": 60.0,
    "aesthetic quality": 60.0,
    "imaging quality": 65.0,
    "object class": 85.0,
    "multiple objects": 60.0,
    "human action": 95.0,
    "color": 85.0,
    "spatial relationship": 65.0,
    "scene": 50.0,
    "appearance style": 24.0,
    "temporal style": 25.0,
    "overall consistency": 27.0,
}


PUBLISHED = {
    "LaVie": (
        (91.41, 97.47, 98.30, 96.38, 49.72, 54.94, 61.90, 91.82, 33.32, 96.8, 86.39, 34.09, 52.69, 23.56, 25.93, 26.41),
        (78.78, 70.31, 77.08),
    ),
    "ModelScope": (
        (89.87, 95.29, 98.28, 95.79, 66.39, 52.06, 58.57, 82.25, 38.98, 92.4, 81.72, 33.68, 39.26, 23.39, 25.37, 25.67),
        (78.05, 66.54, 75.75),
    ),
}
"""Rows of VBench's public leaderboard: sixteen dimensions in its order, then Quality, Semantic and Total."""


@pytest.mark.parametrize("model", PUBLISHED)
def test_totals_of_published_rows(model: Any) -> None:
    raw, (quality, semantic, total) = PUBLISHED[model]
    found = vbench_totals(dict(zip(DIMENSIONS, raw, strict=True)))
    assert (found.quality, found.semantic, found.total) == pytest.approx((quality, semantic, total), abs=0.006)


def test_totals_by_hand() -> None:
    quality = (
        (0.96 - 0.1462) / 0.8538
        + (0.97 - 0.2615) / 0.7385
        + (0.98 - 0.6293) / 0.3707
        + (0.985 - 0.706) / 0.2915
        + 0.5 * 0.60
        + 0.60
        + 0.65
    ) / 6.5
    semantic = (
        0.85 + 0.60 + 0.95 + 0.85 + 0.65 + 0.50 / 0.8222 + (0.24 - 0.0009) / 0.2846 + 0.25 / 0.364 + 0.27 / 0.364
    ) / 9
    found = vbench_totals(RAW)
    assert found.quality == pytest.approx(100 * quality)
    assert found.semantic == pytest.approx(100 * semantic)
    assert found.total == pytest.approx(100 * (4 * quality + semantic) / 5)
    assert found.missing == ()


@pytest.mark.parametrize(
    ("dimension", "points"),
    [
        ("motion_smoothness", 0.422),
        ("temporal_flickering", 0.332),
        ("background_consistency", 0.167),
        ("subject_consistency", 0.144),
        ("aesthetic_quality", 0.123),
        ("appearance_style", 0.078),
        ("overall_consistency", 0.061),
        ("dynamic_degree", 0.0615),
        ("scene", 0.027),
        ("color", 0.0222),
    ],
)
def test_what_one_raw_point_is_worth(dimension: str, points: float) -> None:
    """The exchange rates between dimensions that the reference of this project derives."""
    low = {name: 100 * (each.low + each.high) / 2 for name, each in DIMENSIONS.items()}
    high = dict(low)
    high[dimension] += 1
    assert vbench_totals(high).total - vbench_totals(low).total == pytest.approx(points, abs=0.0006)


def test_an_absent_dimension_is_refused_unless_asked_for() -> None:
    some = {k: v for k, v in RAW.items() if k != "scene"}
    with pytest.raises(OptionError, match=r"1 of 16 dimensions are absent \(scene\)"):
        vbench_totals(some)
    found = vbench_totals(some, partial=True)
    assert found.missing == ("scene",)
    assert found.semantic == pytest.approx(vbench_totals(RAW).semantic - 100 * (0.5 / 0.8222) / 9)


def test_smoothness_above_the_maximum_gives_more_than_one_as_in_vbench() -> None:
    assert (
        vbench_totals(RAW | {"motion smoothness": 100.0}).quality
        > vbench_totals(RAW | {"motion smoothness": 99.75}).quality
    )


@pytest.mark.parametrize(
    ("dims", "words"),
    [
        ({"subject_consistancy": 1.0}, "did you mean subject_consistency"),
        ({"scene": 101.0}, "from 0 to 100"),
        ({"scene": float("nan")}, "percentages"),
        ({"scene": 1.0, "vbench.scene": 2.0}, "given twice"),
    ],
)
def test_wrong_input_is_a_sentence(dims: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        vbench_totals(dims, partial=True)


def test_a_published_table_is_recomputed_and_flagged(tmp_path: Path) -> None:
    totals = vbench_totals(RAW)
    file = tmp_path / "table.csv"
    values = ",".join(str(v) for v in RAW.values())
    file.write_text(
        f"Model,{','.join(RAW)},published_quality,published_total\n"
        f"honest,{values},{totals.quality:.2f},{totals.total:.2f}\n"
        f"rosy,{values},{totals.quality:.2f}%,{totals.total + 1:.2f}\n"
    )
    honest, rosy = check_table(file)
    assert (honest.name, honest.wrong) == ("honest", {})
    assert rosy.wrong == {"total": pytest.approx(1.0, abs=0.01)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", ":1: no column is a VBench dimension"),
        ("model,scene\nx,fifty\n", ":2: scene is 'fifty'"),
        ("model,scene\nx,50\n", ":2: 15 of 16 dimensions are absent"),
    ],
)
def test_a_wrong_table_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(CatalogError, match=words):
        check_table(file)
    with pytest.raises(CatalogError, match="no such file"):
        check_table(tmp_path / "none.csv")


def test_a_tools_number_weighs_frames_where_vbench_does() -> None:
    """Two clips, 3 and 9 frames: by frame (1 x 2 + 0.5 x 8) / 10, by clip 0.75."""
    from vbench.vbench1.totals import model_level

    values, n_frames = [1.0, 0.5], [3, 9]
    assert model_level("vbench.subject_consistency", values, n_frames) == pytest.approx(0.6)
    assert model_level("background consistency", values, n_frames) == pytest.approx(0.6)
    assert model_level("appearance_style", values, n_frames) == pytest.approx((1.0 * 3 + 0.5 * 9) / 12)
    assert model_level("dynamic_degree", values, n_frames) == pytest.approx(0.75)
    for wrong in (("imaging", values, n_frames), ("dynamic_degree", [], []), ("subject_consistency", [1.0], [1])):
        with pytest.raises(OptionError):
            model_level(*wrong)


FRACTIONS = {name: value / 100 for name, value in RAW.items()}


@pytest.mark.parametrize(
    ("dims", "words"),
    [
        (FRACTIONS, "all 16 values are between 0 and 1: these look like fractions; multiply by 100"),
        (RAW | {"imaging quality": 0.65}, "imaging_quality 0.65: these look like fractions among percentages"),
        (
            RAW | {"subject consistency": 0.96, "imaging quality": 0.65},
            "subject_consistency 0.96, imaging_quality 0.65",
        ),
        (RAW | {"temporal flickering": 50.0}, "temporal_flickering is 50; VBench's scale for it begins at 62.93"),
        (RAW | {"motion smoothness": 60.0}, "begins at 70.6"),
        (RAW | {"overall consistency": 77.0}, "no tool can pass 45.5"),
        (
            dict.fromkeys(RAW, 100.0) | {"appearance style": 28.0, "temporal style": 30, "overall consistency": 30},
            "pass 100",
        ),
    ],
)
def test_what_cannot_be_on_the_scale_is_refused(dims: Any, words: str) -> None:
    """Fractions gave a total of -55.75, and two of them among percentages one of 62.85, without a word."""
    with pytest.raises(OptionError, match=words):
        vbench_totals(dims)


def test_totals_stay_within_0_and_100() -> None:
    """Whatever is accepted; here the least and the most of each dimension, and random ones between."""
    draw = np.random.default_rng(0)
    n_accepted = 0
    for _ in range(300):
        dims = {name: round(float(draw.uniform(0, 100) ** draw.choice([0.2, 1.0])), 2) for name in DIMENSIONS}
        try:
            sums = vbench_totals(dims)
        except OptionError:
            dims = {name: 100 * float(draw.uniform(each.low, each.high)) for name, each in DIMENSIONS.items()}
            sums = vbench_totals(dims, tiny=dims)
        n_accepted += 1
        assert all(0 <= value <= 100 for value in (sums.quality, sums.semantic, sums.total))
    assert n_accepted == 300
    lowest = {name: 100 * each.low for name, each in DIMENSIONS.items()}
    assert vbench_totals(lowest, tiny=lowest).total == pytest.approx(0.0)


def test_a_percent_sign_says_that_a_small_value_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    columns = ["multiple objects", *(name for name in RAW if name != "multiple objects")]
    values = [str(RAW[name]) for name in columns[1:]]
    file.write_text(f"model,{','.join(columns)}\nx,0.5%,{','.join(values)}\n")
    (row,) = check_table(file)
    assert row.totals.total == pytest.approx(vbench_totals(RAW | {"multiple objects": 60.0}).total - 20 * 0.595 / 9)
    file.write_text(f"model,{','.join(columns)}\nx,0.5,{','.join(values)}\n")
    with pytest.raises(CatalogError, match=r":2: multiple_objects 0\.5: these look like fractions among percentages"):
        check_table(file)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("Total Score", "total"),
        ("total", "total"),
        ("Overall", "total"),
        ("Quality Score", "quality"),
        ("Quality", "quality"),
        ("Semantic Score (%)", "semantic"),
        ("published_semantic", "semantic"),
    ],
)
def test_published_sums_are_known_by_the_names_of_leaderboards_and_papers(
    tmp_path: Path, header: str, part: str
) -> None:
    file = tmp_path / "t.csv"
    right = getattr(vbench_totals(RAW), part)
    lines = [
        f"{name},{','.join(map(str, RAW.values()))},{value:.2f}" for name, value in (("a", right), ("b", right + 3))
    ]
    file.write_text("\n".join([f"Model Name (clickable),{','.join(RAW)},{header}", *lines]))
    honest, rosy = check_table(file)
    assert (honest.name, honest.wrong, set(honest.published)) == ("a", {}, {part})
    assert rosy.wrong == {part: pytest.approx(3.0, abs=0.01)}


def totals_command(*words: Any) -> Any:
    from typer.testing import CliRunner

    from vbench.cli import app

    return CliRunner().invoke(app, ["totals", *map(str, words)])


def test_the_command_says_that_nothing_was_compared_and_strict_fails_on_what_does_not_add_up(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    values = ",".join(map(str, RAW.values()))
    file.write_text(f"model,{','.join(RAW)}\nx,{values}\n")
    silent = totals_command(file, "--strict")
    assert silent.exit_code == 0
    assert "note: no column holds published sums, so nothing was compared; they are known as quality: " in silent.output
    file.write_text(f"model,{','.join(RAW)},Total Score\nx,{values},99\n")
    assert totals_command(file).exit_code == 0
    rosy = totals_command(file, "--strict")
    assert (rosy.exit_code, "published total is +" in rosy.output, "note:" in rosy.output) == (3, True, False)
    document = json.loads(totals_command(file, "--json").output)
    assert (document["schema"], document["rows"][0]["name"], document["notes"]) == (1, "x", [])


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Total Score,total", "the columns Total Score, total hold the same sum"),
        ("Scene", "the columns scene, Scene hold the same dimension"),
        ("published_style", "published_style is not one of quality, semantic, total"),
    ],
)
def test_columns_that_say_the_same_are_refused(tmp_path: Path, header: str, words: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"model,{','.join(RAW)},{header}\n")
    with pytest.raises(CatalogError, match=words):
        check_table(file)
