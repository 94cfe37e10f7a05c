"""VBench's own result files: its units, its clips, and the sums they give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.vbench1.test_totals import RAW
from vbench.cli import app
from vbench.errors import CatalogError
from vbench.vbench1.result_files import check_results, read_results
from vbench.vbench1.totals import vbench_totals

CLIPS = [{"video_path": "clips/a-0.mp4", "video_results": 0.9}, {"video_path": "clips/a-1.mp4", "video_results": 1}]


def write(folder: Any, name: Any, **dims: Any) -> Any:
    path = folder / f"{name}_eval_results.json"
    path.write_text(json.dumps(dims))
    return path


def test_a_folder_of_files_gives_the_totals_of_the_table(tmp_path: Path) -> None:
    fractions = {name.replace(" ", "_"): [value / 100, CLIPS] for name, value in RAW.items()}
    quality = dict(list(fractions.items())[:7])
    write(tmp_path, "quality", **quality)
    write(tmp_path, "semantic", **{name: value for name, value in fractions.items() if name not in quality})
    (row,) = check_results(tmp_path)
    assert row.totals.total == pytest.approx(vbench_totals(RAW).total)
    shown = CliRunner().invoke(app, ["totals", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert f"{vbench_totals(RAW).total:.2f}" in shown.output


def test_clips_and_units_are_read_as_vbench_writes_them(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "x",
        imaging_quality=[0.72, [{"video_path": "a-0.mp4", "video_results": 72.0}]],
        dynamic_degree=[0.5, [{"video_path": "a-0.mp4", "video_results": True}]],
        scene=0.005,
    )
    results = read_results(path)
    assert results.dims == pytest.approx({"imaging_quality": 72.0, "dynamic_degree": 50.0, "scene": 0.5})
    assert results.clips["imaging_quality"] == {"a-0.mp4": 72.0}
    assert results.clips["dynamic_degree"] == {"a-0.mp4": 100.0}
    older = write(tmp_path, "y", imaging_quality=[72.9, []])
    assert read_results(older).dims == {"imaging_quality": 72.9}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "no result file of VBench; expected an object with dimensions"),
        ('{"a": 1}', "no result file of VBench"),
        ('{"scene": [0.5, []], "Camera_Motion": [0.5, []]}', "Camera_Motion is no dimension of VBench 1.0"),
        ('{"scene": [50.0, []]}', "scene: 50.0 is no number from 0 to 1"),
        ('{"scene": [null, []]}', "scene: None is no number"),
        ('{"scene": [0.5, [{"video_results": 0.5}]]}', "scene: a clip has no video_path"),
        ('{"scene": [0.5, [{"video_path": "a", "video_results": "x"}]]}', "'x' is no number"),
        ('{"scene": [0.5, {"a": 1}]}', r"scene: expected \[number, list of clips\]; found dict"),
        ("{", "not valid JSON"),
    ],
)
def test_another_file_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(CatalogError, match=words):
        read_results(tmp_path / "r.json")


def test_two_runs_of_a_dimension_and_an_empty_folder_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no file there ends in _eval_results\.json"):
        read_results(tmp_path)
    write(tmp_path, "a", scene=[0.5, []])
    write(tmp_path, "b", scene=[0.6, []])
    with pytest.raises(CatalogError, match="scene stands in another file"):
        read_results(tmp_path)
