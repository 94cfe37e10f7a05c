"""VBench's own numbers of clips stand beside ours, of the clips that its files name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.bench.test_bench import make_clip
from vbench.bench import Bench
from vbench.cli import app
from vbench.errors import CatalogError
from vbench.importing.results import ResultsReport, import_results
from vbench.rank.board import leaderboard
from vbench.records import Clip, Prompt

SWIM = Prompt(id="swim", text="a person swimming in ocean")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Two tools with two takes each of one prompt; the files of the first lie in `films`."""
    with Bench.open(tmp_path / "bench") as opened:
        for number, (model, sample) in enumerate((m, s) for m in ("alpha", "beta") for s in (0, 1)):
            clip = make_clip(model, sample=sample, content=f"{number:x}", prompt=SWIM)
            source = f"/films/{model}/take{number}.mp4"
            opened.add_clip(replace(clip, provenance=replace(clip.provenance, source=source)))
        yield opened


def results(folder: Path, paths: Any, *, dimension: str = "subject_consistency", name: str = "x") -> Path:
    """A result file as VBench's evaluate writes it."""
    listed = [{"video_path": path, "video_results": value} for path, value in paths.items()]
    file = folder / f"{name}_eval_results.json"
    file.write_text(json.dumps({dimension: [0.9, listed]}))
    return file


def published(bench: Bench, dimension: str = "subject_consistency") -> dict[tuple[str, int], float]:
    clips = {clip.id: clip for clip in bench.clips()}
    scores = bench.score_records(metrics=[f"vbench_published.{dimension}"])
    return {(clips[s.key.clip].model, clips[s.key.clip].sample): round(s.value, 6) for s in scores}


def by_place(bench: Bench, model: str, sample: int) -> Clip:
    return next(clip for clip in bench.clips() if (clip.model, clip.sample) == (model, sample))


def test_a_clip_is_found_by_whatever_vbench_calls_it(bench: Bench, tmp_path: Path) -> None:
    digest = by_place(bench, "beta", 1).sha256
    file = results(
        tmp_path,
        {
            "/films/alpha/take0.mp4": 0.91,  # the path that was imported
            "./elsewhere/take1.mp4": 0.92,  # the file's name
            "sampled_videos/beta/a person swimming in ocean-0.mp4": 0.93,  # prompt and sample, the tool is a folder
            f"cache/{digest}.mp4": 0.94,
        },
    )
    report = import_results(bench, file)
    assert (report.n_clips, report.n_scores, report.n_known, report.unused) == (4, 4, 0, ())
    assert published(bench) == {("alpha", 0): 91, ("alpha", 1): 92, ("beta", 0): 93, ("beta", 1): 94}
    again = import_results(bench, file)
    assert (again.n_scores, again.n_known) == (0, 4)
    board = leaderboard(bench)
    assert {row.model: row.mean for row in board.rows} == pytest.approx({"alpha": 91.5, "beta": 93.5})
    assert "published by VBench" in board.metrics["vbench_published.subject_consistency"].about


def test_a_file_at_the_path_is_found_by_its_bytes(bench: Bench, tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "renamed.mp4").write_bytes(b"film")
    clip = make_clip("gamma", prompt=SWIM)
    bench.add_clip(replace(clip, sha256=hashlib.sha256(b"film").hexdigest()))
    import_results(bench, results(tmp_path, {"renamed.mp4": 0.5}))
    assert published(bench) == {("gamma", 0): 50}


def reason(report: ResultsReport) -> str:
    (unused,) = report.unused
    return unused.reason


def test_what_is_not_used_is_told(bench: Bench, tmp_path: Path) -> None:
    known = {"/films/alpha/take0.mp4": 0.9}
    both = import_results(bench, results(tmp_path, known | {"a person swimming in ocean-1.mp4": 0.5}))
    assert reason(both) == "could be of alpha, beta; say which tool's results these are with `model=`"
    assert "no clip in the bench" in reason(import_results(bench, results(tmp_path, known | {"dog-0.mp4": 0.5})))
    other = import_results(bench, results(tmp_path, {"/films/alpha/take0.mp4": 0.8}))
    assert reason(other) == "subject_consistency is 80, and 90 in the bench; keep one run of each clip"
    assert published(bench) == {("alpha", 0): 90}, "what was there is kept"
    with pytest.raises(CatalogError, match="none of its 1 clips is used"):
        import_results(bench, results(tmp_path, {"dog-0.mp4": 0.5}))
    with pytest.raises(CatalogError, match="holds no numbers of clips"):
        import_results(bench, results(tmp_path, {}))


def test_a_tool_that_is_named_settles_it_and_a_dry_run_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    file = results(tmp_path, {"a person swimming in ocean-0.mp4": 0.5})
    report = import_results(bench, file, model="beta", dry_run=True)
    assert (report.n_scores, report.unused) == (1, ())
    assert bench.metrics() == {}
    import_results(bench, file, model="beta")
    assert published(bench) == {("beta", 0): 50}


def test_the_command_says_what_became_of_them(bench: Bench, tmp_path: Path) -> None:
    results(tmp_path, {"/films/alpha/take0.mp4": 0.9, "dog-0.mp4": 0.5})
    results(tmp_path, {"/films/beta/take2.mp4": 0.7}, dimension="scene", name="y")

    def typed(*words: str) -> Any:
        return CliRunner().invoke(app, ["import", str(tmp_path), "--bench", str(bench.root), *words])

    shown = typed("--strict")
    assert shown.exit_code == 3
    assert shown.stdout.splitlines() == [
        "not used: dog-0.mp4: no clip in the bench has this path, digest, file name, or prompt and sample",
        "2 scores published by VBench added to 2 clips",
    ]
    document = json.loads(typed("--json").stdout)
    assert (document["schema"], document["kind"], document["n_known"]) == (1, "results", 2)
    assert document["metrics"] == ["vbench_published.scene", "vbench_published.subject_consistency"]
