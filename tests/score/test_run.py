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

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.fakes.tiny_models import save_clip, save_dino
from vbench.bench import Bench
from vbench.contracts import Metric
from vbench.errors import OptionError, WeightsError
from vbench.importing import import_folder
from vbench.metrics import METRICS
from vbench.records import Failure, Outcomes, Prompt, Score
from vbench.score.plan import make_plan, presets
from vbench.score.run import ScoreReport, Unfinished, asked_of, key_of, measure_file, measured, score
from vbench.selftest import made_samples, textured_pan
from vbench.video import write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two tools, two prompts, and one file that is no video."""
    root = tmp_path_factory.mktemp("import")
    prompts = [{"id": "wall", "text": "a camera pans over a wall"}, {"id": "discs", "text": "two discs move"}]
    (root / "prompts.jsonl").write_text("\n".join(json.dumps(prompt) for prompt in prompts))
    pan, discs = (sample.frames[:30] for sample in made_samples())
    for tool, shift in (("one", 0), ("two", 9)):
        (root / tool).mkdir()
        for name, frames in (("wall", pan), ("discs", discs)):
            moved = [np.roll(frame, shift, axis=1) for frame in frames]
            write_clip(moved, root / tool / f"{name}-0.mp4", fps=24, crf=12, preset="ultrafast")
    return root


@pytest.fixture
def bench(folder, tmp_path):
    with Bench.open(tmp_path / "bench") as opened:
        import_folder(opened, folder, link=True)
        yield opened


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = tmp_path_factory.mktemp("weights")
    return {"clip.model": str(save_clip(root / "clip")), "dino.model": str(save_dino(root / "dino"))}


def values(bench):
    return {(found.key.clip, found.key.metric): found.value for found in bench.score_records()}


def test_every_clip_gets_every_measure_once(bench):
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


def test_workers_do_not_matter(bench, folder, tmp_path):
    score(bench, preset="offline", workers=1)
    with Bench.open(tmp_path / "other") as other:
        import_folder(other, folder, link=True)
        score(other, preset="offline", workers=3)
        assert values(other) == values(bench)


def test_learned_encoders_batch_across_clips_without_changing_a_number(bench, folder, tmp_path, tiny, monkeypatch):
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
def test_cuda_gives_the_numbers_of_the_cpu(bench, folder, tmp_path, tiny, precision, tolerance):
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
def test_raft_on_cuda_is_raft_on_the_cpu(bench, folder, tmp_path):
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


def test_other_weights_are_another_score(bench, tiny, tmp_path):
    score(bench, metrics=["clip_alignment"], settings=tiny, device="cpu")
    other = tiny | {"clip.model": str(save_clip(tmp_path / "clip", seed=5))}
    assert score(bench, metrics=["clip_alignment"], settings=other, device="cpu").n_scores == 4
    assert len(bench.variants()) == 2


def test_a_broken_file_is_a_failure_per_measure_and_the_rest_goes_on(bench):
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


@pytest.mark.parametrize(
    ("compute", "code"), [(lambda *_: float("nan"), "not_finite"), (lambda *_: 3.0, "out_of_bounds")]
)
def test_a_number_that_cannot_be_is_a_failure_naming_the_clip(bench, compute, code):
    plan = make_plan(metrics=["spec_adherence"])
    metric = replace(METRICS["spec_adherence"], compute=compute)
    clip = bench.clips()[0]
    (failure,) = measured(plan, Unfinished(clip=clip, metrics=(metric,), known={}), {}, clip.probe).failures
    assert failure.code == code
    assert clip.id in failure.message


def test_a_failed_part_fails_the_headline(bench):
    plan = make_plan(metrics=["overall"])
    clip = bench.clips()[0]
    item = Unfinished(clip=clip, metrics=plan.metrics, known={})
    from vbench.errors import MetricError

    broken = {name: MetricError("no memory", code="out_of_memory") for name in plan.features}
    found = measured(plan, item, broken, clip.probe)
    assert not found.scores
    assert {failure.code for failure in found.failures} == {"out_of_memory"}


def test_the_headline_is_made_of_stored_parts(bench):
    first = score(bench, preset="offline", workers=1)
    with bench.write() as session:
        from sqlalchemy import text

        session.execute(text("DELETE FROM scores WHERE metric = 'overall'"))
    again = score(bench, preset="offline", workers=1)
    assert again.n_scores == 4
    assert again.timing.n_frames == 0  # nothing was decoded
    assert first.n_scores > again.n_scores


def test_a_kill_loses_nothing_that_was_finished(bench, folder):
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


def test_missing_weights_stop_the_plan_and_say_what_works_without(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        make_plan("standard")
    for words in ("facebook/dinov2-base", "346 MB", "clip.model=PATH", "offline", "f9e44c814b77"):
        assert words in str(caught.value)
    assert str(caught.value).count("facebook/dinov2-base") == 1
    assert str(caught.value).count("cannot be downloaded") == 1


def test_the_way_out_without_weights_is_one_that_works(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"1 of these 2 measures need none \(--metrics vbench.temporal_flickering\)"):
        make_plan(metrics=["vbench.temporal_flickering", "vbench.subject_consistency"])


def test_a_local_copy_of_raft_is_part_of_the_key(tmp_path):
    (tmp_path / "raft.pth").write_bytes(b"weights")
    settings = {"flow.backend": "raft", "raft.model": str(tmp_path / "raft.pth")}
    plan = make_plan(metrics=["motion_amount"], settings=settings)
    assert plan.params["motion_amount"]["flow"]["weights"].startswith("sha256:")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"preset": "ofline"}, "offline"),
        ({"metrics": ["flickr"]}, "flicker"),
        ({"settings": {"clip.modle": "x"}}, "clip.model"),
        ({"preset": "offline", "settings": {"flow.backend": "farneback"}}, "dis or raft"),
        ({"precision": "fp8"}, "bf16"),
    ],
)
def test_wrong_wishes_are_refused_with_a_hint(wrong, words):
    with pytest.raises(OptionError, match=words):
        make_plan(**wrong)


def test_wishes_come_from_the_request_before_the_prompt(bench):
    clip = bench.clips()[0]
    prompt = Prompt(id="p", text="x", expects={"seconds": 4.0, "audio": True, "camera": "static"})
    assert asked_of(replace(clip, prompt=prompt)).seconds == 4.0
    generated = replace(clip.provenance, extra={"request": {"seconds": 8.0, "fps": None}})
    asked = asked_of(replace(clip, prompt=prompt, provenance=generated))
    assert (asked.seconds, asked.audio, asked.fps) == (8.0, True, None)


def test_keys_hold_what_can_move_a_number():
    plan = make_plan(metrics=["motion_amount", "overall"])
    assert plan.params["motion_amount"]["flow"]["backend"] == "dis-fast"
    assert "motion_p95" in plan.params["overall"]["parts"] or "overall_motion" in plan.params["overall"]["parts"]
    assert isinstance(plan.metrics[0], Metric)
    assert key_of(plan, "c", METRICS["motion_amount"]).params_key != key_of(plan, "c", METRICS["overall"]).params_key


def test_show_and_scores_print_what_was_measured(bench, folder):
    from vbench.cli import app
    from vbench.report.scores import COLUMNS, scores_frame

    path = folder / "one" / "wall-0.mp4"
    shown = CliRunner().invoke(
        app, ["show", str(path), "--metrics", "flicker,appearance_worst,spec_adherence", "--json"]
    )
    assert shown.exit_code == 0, shown.output
    document = json.loads(shown.stdout)
    assert set(document) == {"clip", "probe", "scores", "failures", "events", "timelines"}
    assert document["scores"]["flicker"].keys() == {"value", "version", "unit"}
    assert document["failures"]["spec_adherence"].startswith("not_applicable")
    assert document["events"][0].keys() >= {"kind", "start_s", "end_s", "frame", "value"}
    assert document["timelines"]["flicker"].keys() == {"t_s", "value"}
    score(bench, metrics=["flicker", "spec_adherence"], workers=1)
    printed = CliRunner().invoke(app, ["scores", "--bench", str(bench.root), "--format", "csv"])
    lines = printed.stdout.splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 1 + 4 * 2
    rows = json.loads(CliRunner().invoke(app, ["scores", "--bench", str(bench.root), "--format", "json"]).stdout)
    assert {row["value"] is None for row in rows if row["metric"] == "spec_adherence"} == {True}
    out = bench.root / "scores.parquet"
    CliRunner().invoke(app, ["scores", "--bench", str(bench.root), "--format", "parquet", "--out", str(out)])
    import pyarrow.parquet as pq

    assert pq.read_table(out).column_names == list(COLUMNS)
    frame = scores_frame(bench)
    assert list(frame.columns) == list(COLUMNS)
    assert frame[frame.metric == "flicker"].value.notna().all()


def test_showing_a_stored_clip_loads_no_measuring(bench):
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


def test_measure_file_reads_one_file(tmp_path):
    write_clip(textured_pan(8, 96, 64, seed=0), tmp_path / "x.mp4", fps=24, preset="ultrafast")
    clip, outcomes = measure_file(tmp_path / "x.mp4", metrics=["sharpness"])
    assert isinstance(outcomes, Outcomes)
    assert [type(found) for found in outcomes.scores] == [Score]
    assert not [f for f in outcomes.failures if isinstance(f, Failure)]
    assert clip.probe.n_frames == 8


def test_every_measure_stands_in_the_docs():
    docs = Path(__file__).parents[2] / "docs"
    lines = (docs / "metrics.md").read_text(encoding="utf-8")
    own = [name for name in METRICS if not name.startswith("vbench.")]
    assert [name for name in own if f"| `{name}` | {METRICS[name].unit} |" not in lines] == []


def test_the_published_anchors_are_those_of_the_code():
    from vbench.metrics import overall

    page = (Path(__file__).parents[2] / "docs" / "overall.md").read_text(encoding="utf-8")
    published = {
        row[1]: (float(row[2]), float(row[3]))
        for row in re.findall(r"\| (\w+) \| `(\w+)`[^|]*\| ([-.\d]+) \| ([-.\d]+) \|", page)
    }
    tables = (overall.TEMPORAL_ANCHORS, overall.MOTION_ANCHORS, overall.PICTURE_ANCHORS, overall.TEXT_ANCHORS)
    assert published == {name: (a.zero, a.one) for table in tables for name, a in table.items()}


@pytest.mark.parametrize(
    ("precision", "flags", "is_told"),
    [
        ("auto", {"avx512_bf16": True}, True),
        ("auto", {"avx512_bf16": False}, False),
        ("fp32", {"amx_bf16": True}, False),
    ],
)
def test_a_cpu_that_is_faster_in_bf16_is_told_of(bench, tiny, monkeypatch, precision, flags, is_told):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    metrics = ["clip_alignment"]
    report = score(bench, metrics=metrics, settings=tiny, device="cpu", precision=precision, workers=1)
    assert any("--precision bf16" in note for note in report.notes) is is_told


def test_what_does_not_apply_is_told_from_what_failed():
    report = ScoreReport(n_clips=2, n_skipped=0, n_scores=5, n_failures=9, failures={"not_applicable": 6, "crashed": 3})
    assert report.without_score.startswith(", 3 measures failed (crashed 3), 6 measures do not apply")
    assert not ScoreReport(n_clips=2, n_skipped=0, n_scores=5, n_failures=0).without_score


def test_measures_without_backbones_say_nothing_of_bf16(bench, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert not score(bench, metrics=["sharpness"], device="cpu", workers=1).notes
