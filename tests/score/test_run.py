"""Scoring a bench: what is done is skipped, what fails is a row, and a kill loses nothing that was finished."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tests.fakes.tiny_models import save_clip
from vbench.bench import Bench
from vbench.importing import import_folder
from vbench.metrics import METRICS
from vbench.metrics.gated import MOTION_FLOOR
from vbench.score.plan import presets
from vbench.score.run import ScoreReport, score


def values(bench: Any) -> Any:
    return {(found.key.clip, found.key.metric): found.value for found in bench.score_records()}


def test_every_clip_gets_every_measure_once(bench: Bench) -> None:
    first = score(bench, preset="offline", workers=2)
    assert first.n_clips == 4
    assert first.n_scores + first.n_failures == 4 * len(presets()["offline"])
    assert set(first.failures) <= {"not_applicable", "undefined"}
    before = values(bench)
    again = score(bench, preset="offline", workers=2)
    assert (again.n_skipped, again.n_scores) == (4, 0)
    assert values(bench) == before
    kinds = {event.kind for event in bench.events()}
    assert kinds == {"worst"}


def test_workers_do_not_matter(bench: Bench, folder: Any, tmp_path: Path) -> None:
    score(bench, preset="offline", workers=1)
    with Bench.open(tmp_path / "other") as other:
        import_folder(other, folder, link=True)
        score(other, preset="offline", workers=3)
        assert values(other) == values(bench)


def test_learned_encoders_batch_across_clips_without_changing_a_number(
    bench: Bench, folder: Any, tmp_path: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vbench.features.dino import DinoEncoder

    names = ["temporal_consistency", "temporal_worst", "clip_alignment", "align_rank", "technical", "overall"]
    report = score(bench, metrics=names, settings=tiny, device="cpu", workers=2)
    assert set(report.failures) <= {"undefined"}  # nothing of a pan stands still, so it has no flicker_hf
    monkeypatch.setattr(DinoEncoder, "batch", 3)
    with Bench.open(tmp_path / "other") as other:
        import_folder(other, folder, link=True)
        score(other, metrics=names, settings=tiny, device="cpu", workers=1)
        ours, theirs = values(bench), values(other)
        assert ours.keys() == theirs.keys()
        assert [ours[key] for key in ours] == pytest.approx([theirs[key] for key in ours], abs=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-3), ("bf16", 0.02)])
def test_cuda_gives_the_numbers_of_the_cpu(
    bench: Bench, folder: Any, tmp_path: Path, tiny: Any, precision: str, tolerance: float
) -> None:
    names = ["temporal_consistency", "temporal_worst", "subject_consistency", "clip_alignment"]
    score(bench, metrics=names, settings=tiny, device="cpu", workers=2)
    with Bench.open(tmp_path / "cuda") as other:
        import_folder(other, folder, link=True)
        report = score(other, metrics=names, settings=tiny, device="cuda:0", precision=precision, workers=2)
        assert report.n_scores == 4 * len(names)
        ours, theirs = values(bench), values(other)
        assert ours.keys() == theirs.keys()
        assert [theirs[key] for key in ours] == pytest.approx([ours[key] for key in ours], rel=tolerance, abs=tolerance)


@pytest.mark.gpu
def test_raft_on_cuda_is_raft_on_the_cpu(bench: Bench, folder: Any, tmp_path: Path) -> None:
    import torch
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(0)
    torch.save(raft_large(weights=None).state_dict(), tmp_path / "raft.pth")
    settings = {"flow.backend": "raft", "raft.model": str(tmp_path / "raft.pth")}
    names = ["motion_amount", "motion_p95"]
    score(bench, metrics=names, settings=settings, device="cpu", workers=1)
    with Bench.open(tmp_path / "cuda") as other:
        import_folder(other, folder, link=True)
        score(other, metrics=names, settings=settings, device="cuda:0", precision="fp32", workers=1)
        ours, theirs = values(bench), values(other)
        assert [theirs[key] for key in ours] == pytest.approx([ours[key] for key in ours], rel=0.01, abs=1e-4)


def test_other_weights_are_another_score(bench: Bench, tiny: Any, tmp_path: Path) -> None:
    score(bench, metrics=["clip_alignment"], settings=tiny, device="cpu")
    other = tiny | {"clip.model": str(save_clip(tmp_path / "clip", seed=5))}
    assert score(bench, metrics=["clip_alignment"], settings=other, device="cpu").n_scores == 4
    assert len(bench.variants()) == 2


def test_a_broken_file_is_a_failure_per_measure_and_the_rest_goes_on(bench: Bench) -> None:
    clip = bench.clips()[0]
    broken = bench.root / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    bench.add_clip(replace(clip, id="broken", media=str(broken), sample=7, sha256="0" * 64))
    gone = replace(clip, id="gone", media=str(bench.root / "gone.mp4"), sample=8, sha256="1" * 64)
    bench.add_clip(gone)
    report = score(bench, metrics=["flicker", "sharpness"], workers=1)
    assert report.failures == {"unreadable": 2, "io": 2}
    assert report.n_scores == 8
    failed = {(f.key.clip, f.key.metric) for f in bench.score_failures() if f.key is not None}
    assert failed == {(clip, metric) for clip in ("broken", "gone") for metric in ("flicker", "sharpness")}
    again = score(bench, metrics=["flicker", "sharpness"], workers=1)
    assert again.failures == {"io": 2}  # an unreadable file stays so; a missing one may have come back


def test_the_headline_is_made_of_stored_parts(bench: Bench) -> None:
    first = score(bench, preset="offline", workers=1)
    with bench.write() as session:
        from sqlalchemy import text

        session.execute(text("DELETE FROM scores WHERE metric = 'overall'"))
    again = score(bench, preset="offline", workers=1)
    assert again.n_scores == 4
    assert again.timing.n_frames == 0  # nothing was decoded
    assert first.n_scores > again.n_scores


def test_a_kill_loses_nothing_that_was_finished(bench: Bench, folder: Any) -> None:
    program = (
        "from vbench.bench import Bench\nfrom vbench.score.run import score\nimport sys, time\n"
        "def told(done, total, text):\n    print(done, flush=True)\n    time.sleep(0.2 if done else 0)\n"
        f"score(Bench.open({str(bench.root)!r}), preset='offline', workers=1, progress=told)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    while process.stdout.readline().strip() != "1":
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = values(bench)
    done = {clip for clip, _ in before}
    assert 1 <= len(done) < 4
    report = score(bench, preset="offline", workers=2)
    assert report.n_skipped == len(done)
    after = values(bench)
    assert {key: after[key] for key in before} == before
    assert len({clip for clip, _ in after}) == 4


def test_show_and_scores_print_what_was_measured(bench: Bench, folder: Any) -> None:
    from vbench.cli import app
    from vbench.report.scores import COLUMNS, scores_frame

    path = folder / "one" / "wall-0.mp4"
    shown = CliRunner().invoke(
        app, ["show", str(path), "--metrics", "flicker,appearance_worst,spec_adherence", "--json"]
    )
    assert shown.exit_code == 0, shown.output
    document = json.loads(shown.stdout)
    known = {"schema", "clip", "probe", "scores", "failures", "events", "timelines", "shots", "delivered"}
    assert set(document) == known
    assert document["scores"]["flicker"].keys() == {"value", "version", "unit"}
    assert document["failures"]["spec_adherence"].startswith("not_applicable")
    assert document["events"][0].keys() >= {"kind", "start_s", "end_s", "frame", "value"}
    assert document["timelines"]["flicker"].keys() == {"t_s", "value"}
    score(bench, metrics=["flicker", "spec_adherence"], workers=1)
    printed = CliRunner().invoke(app, ["scores", "--bench", str(bench.root), "--format", "csv"])
    lines = printed.stdout.splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 1 + 4 * 2
    rows = json.loads(CliRunner().invoke(app, ["scores", "--bench", str(bench.root), "--format", "json"]).stdout)[
        "rows"
    ]
    assert {row["value"] is None for row in rows if row["metric"] == "spec_adherence"} == {True}
    out = bench.root / "scores.parquet"
    CliRunner().invoke(app, ["scores", "--bench", str(bench.root), "--format", "parquet", "--out", str(out)])
    import pyarrow.parquet as pq

    assert pq.read_table(out).column_names == list(COLUMNS)
    frame = scores_frame(bench)
    assert list(frame.columns) == list(COLUMNS)
    assert frame[frame.metric == "flicker"].value.notna().all()


def test_showing_a_stored_clip_loads_no_measuring(bench: Bench) -> None:
    score(bench, metrics=["flicker"], workers=1)
    heavy = ("torch", "cv2", "vbench.metrics", "vbench.features", "vbench.score")
    code = (
        "import sys, json; from vbench.cli import app; from typer.testing import CliRunner\n"
        f"shown = CliRunner().invoke(app, {['show', bench.clips()[0].id, '--bench', str(bench.root), '--json']})\n"
        "assert shown.exit_code == 0, (shown.output, shown.exception)\n"
        f"heavy = [m for m in {heavy} if m in sys.modules]\n"
        "print(json.dumps([heavy, json.loads(shown.stdout)['scores']['flicker']['unit']]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == [[], METRICS["flicker"].unit]


def test_every_measure_stands_in_the_docs() -> None:
    docs = Path(__file__).parents[2] / "docs"
    lines = (docs / "metrics.md").read_text(encoding="utf-8")
    own = [name for name in METRICS if not name.startswith("vbench.")]
    assert [name for name in own if f"| `{name}` | {METRICS[name].unit} |" not in lines] == []


def test_the_published_formula_is_that_of_the_code() -> None:
    from vbench.metrics import overall

    page = (Path(__file__).parents[2] / "docs" / "overall.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| (\w+) \| `(\w+)`[^|]*\| ([-.\d∞]+) \| ([-.\d]+) \| ([.\d]+) \|", page)
    published = {(group, name): (best.replace("∞", "inf"), half, power) for group, name, best, half, power in rows}
    tables = {
        "temporal": overall.TEMPORAL_PARTS,
        "motion": {"motion_p95": overall.AMOUNT, "motion_jerk": overall.EVENNESS},
        "picture": overall.PICTURE_PARTS,
    }
    assert {place: tuple(map(float, row)) for place, row in published.items()} == {
        (group, name): (part.best, part.half, part.power)
        for group, parts in tables.items()
        for name, part in parts.items()
    }
    anchors = re.findall(r"\| text \| `(\w+)` \| ([-.\d]+) \| ([-.\d]+) \|\n", page)
    assert {name: (float(zero), float(one)) for name, zero, one in anchors} == {
        name: (anchor.zero, anchor.one) for name, anchor in overall.TEXT_ANCHORS.items()
    }
    assert f"min(1, motion_p95 / {MOTION_FLOOR})" in page


@pytest.mark.parametrize(
    ("precision", "flags", "is_told"),
    [
        ("auto", {"avx512_bf16": True}, True),
        ("auto", {"avx512_bf16": False}, False),
        ("fp32", {"amx_bf16": True}, False),
    ],
)
def test_a_cpu_that_is_faster_in_bf16_is_told_of(
    bench: Bench, tiny: Any, monkeypatch: pytest.MonkeyPatch, precision: str, flags: dict[str, Any], is_told: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    metrics = ["clip_alignment"]
    report = score(bench, metrics=metrics, settings=tiny, device="cpu", precision=precision, workers=1)
    assert any("--precision bf16" in note for note in report.notes) is is_told


def test_what_does_not_apply_is_told_from_what_failed() -> None:
    report = ScoreReport(n_clips=2, n_skipped=0, n_scores=5, n_failures=9, failures={"not_applicable": 6, "crashed": 3})
    assert report.without_score.startswith(", 3 measures failed (crashed 3), 6 measures do not apply")
    assert not ScoreReport(n_clips=2, n_skipped=0, n_scores=5, n_failures=0).without_score


def test_measures_without_backbones_say_nothing_of_bf16(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert not score(bench, metrics=["sharpness"], device="cpu", workers=1).notes


def test_show_says_what_is_wrong_with_a_file(folder: Any, tmp_path: Path) -> None:
    from vbench.cli import app

    whole = (folder / "one" / "wall-0.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    shown = CliRunner().invoke(app, ["show", str(cut), "--metrics", "flicker"])
    assert shown.exit_code == 0, shown.output
    assert "damaged: stops after frame" in shown.output
    assert (
        "damaged"
        not in CliRunner().invoke(app, ["show", str(folder / "one" / "wall-0.mp4"), "--metrics", "flicker"]).output
    )
