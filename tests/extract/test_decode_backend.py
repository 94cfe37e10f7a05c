"""Scores by another decoder: near those of the default one, kept apart from them, or refused."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.fakes.tiny_models import save_dino
from tests.video import clips
from vbench.bench import Bench
from vbench.cli import app
from vbench.contracts import Settings
from vbench.errors import OptionError
from vbench.extract.decode import decode_on
from vbench.extract.extraction import Wanted, extract
from vbench.features import FEATURES
from vbench.importing import import_folder
from vbench.records import Prompt
from vbench.score import ScoreSpec, score
from vbench.score.plan import make_plan
from vbench.selftest import made_samples, textured_pan
from vbench.video import write_clip

NEAR = {
    "appearance_evenness": 0.05,
    "appearance_gated": 0.05,
    "banding": 0.01,
    "blockiness": 0.03,
    "colour_cast": 0.5,
    "definition": 0.02,
    "flicker": 0.2,
    "flicker_hf": 0.1,
    "motion_jerk": 0.1,
    "noise": 0.2,
    "overall": 1.0,
    "overall_motion": 1.5,
    "overall_picture": 1.5,
    "overall_temporal": 1.5,
    "sharpness": 0.02,
    "warp_residual": 0.2,
}
"""How far a metric may move, in its unit; 0.005 where it is not named. The decoders round colours differently, and
differ by some levels at the edges of colours."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Plain files: a pan, a freeze, black, a cut. Odd ones: late unequal frames, 10 bit, turned, no whole blocks."""
    root = tmp_path_factory.mktemp("import")
    pan, discs = (sample.frames[:32] for sample in made_samples())
    made = {
        "pan": pan,
        "frozen": [*discs[:10], *[discs[10]] * 16, *discs[10:16]],
        "black": [*[np.zeros_like(pan[0])] * 6, *discs[:24]],
        "cut": [*pan[:16], *textured_pan(16, pan[0].shape[1], pan[0].shape[0], seed=9)],
    }
    (root / "plain").mkdir()
    for name, frames in made.items():
        write_clip(frames, root / "plain" / f"{name}-0.mp4", fps=24, crf=12, preset="ultrafast")
    odd, quick = root / "odd", {"crf": "12", "preset": "veryfast"}
    odd.mkdir()
    ticks = np.cumsum([5000, *([40, 60, 20] * 11)])[: len(pan)].tolist()
    clips.encode(odd / "late-0.mkv", pan, fps=25, pts=ticks, time_base=Fraction(1, 1000), options=quick | {"bf": "2"})
    deep = quick | {"x265-params": "log-level=none:keyint=1"}
    clips.encode(odd / "deep-0.mp4", discs, codec="libx265", pix_fmt="yuv420p10le", options=deep, tagged=False)
    turn = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    turned = [np.rot90(frame) for frame in pan]
    clips.encode(odd / "turned-0.mp4", turned, options=quick, prepare=lambda stream: stream.set_display_matrix(turn))
    uneven = [frame[:-2, :-4] for frame in made["cut"]]
    clips.encode(odd / "uneven-0.mp4", uneven, options=quick)
    prompts = [{"id": name, "text": f"the clip {name}"} for name in (*made, "late", "deep", "turned", "uneven")]
    (root / "prompts.jsonl").write_text("\n".join(json.dumps(prompt) for prompt in prompts))
    return root


def scored(folder: Any, place: Any, backend: Any) -> Any:
    """Failures by code, values, moments, and the parameters of each metric."""
    with Bench.open(place) as bench:
        import_folder(bench, folder, link=True)
        report = score(bench, preset="offline", workers=2, settings={"decode.backend": backend})
        names = {clip.id: f"{clip.model}/{clip.prompt.id}" for clip in bench.clips()}
        values = {(names[found.key.clip], found.key.metric): found.value for found in bench.score_records()}
        moments = {(names[event.clip], event.kind, event.frame) for event in bench.events()}
        params = {found.key.metric: found.key.params for found in bench.score_records()}
    assert len(names) == 8
    return report.failures, values, moments, params


@pytest.mark.parametrize("backend", ["torchcodec", pytest.param("nvdec", marks=pytest.mark.gpu)])
def test_offline_scores_are_near_those_of_the_default_decoder(folder: Any, tmp_path: Path, backend: str) -> None:
    failures, wanted, happened, default = scored(folder, tmp_path / "pyav", "pyav")
    found, values, moments, params = scored(folder, tmp_path / backend, backend)
    assert found == failures
    assert values.keys() == wanted.keys()
    far = {
        key: (wanted[key], values[key]) for key in values if abs(values[key] - wanted[key]) > NEAR.get(key[1], 0.005)
    }
    assert not far
    cut = {"plain/cut", "odd/uneven"}  # without one, the worst moment is one of many nearly alike
    assert {m for m in moments if m[1] != "worst" or m[0] in cut} == {
        m for m in happened if m[1] != "worst" or m[0] in cut
    }
    assert {kind for _, kind, _ in moments} == {"worst", "cut", "freeze", "black"}
    assert params["flicker"] == {**default["flicker"], "decoder": backend}
    assert params["sound_present"] == default["sound_present"]
    assert params["overall"]["of"] != default["overall"]["of"]


def test_the_default_is_no_part_of_the_parameters() -> None:
    named, plain = (
        make_plan(ScoreSpec(preset="offline", settings={"decode.backend": "pyav"})),
        make_plan(ScoreSpec(preset="offline")),
    )
    assert named.params == plain.params
    assert all("decoder" not in params for params in plain.params.values())


def test_every_metric_of_frames_says_its_decoder() -> None:
    plan = make_plan(ScoreSpec(preset="offline", settings={"decode.backend": "torchcodec"}))
    silent = {m.name for m in plan.plain if "decoder" not in plan.params[m.name]}
    assert silent == {m.name for m in plan.plain if not plan.features_of(m) or plan.features_of(m) == ("sound",)}


def test_nvdec_decodes_on_the_device_of_the_run() -> None:
    assert decode_on(Settings({"decode.backend": "nvdec"}, "cuda:1")) == "cuda:1"
    assert decode_on(Settings({"decode.backend": "torchcodec"}, "cuda:1")) == "cpu"
    assert decode_on(Settings({}, "cuda:1")) is None


@pytest.mark.parametrize("workers", [0, 1])
def test_backbones_get_their_frames_from_it_too(tmp_path: Path, workers: int) -> None:
    path = clips.encode(tmp_path / "c.h264", clips.moving(12, 96, 64), container="h264")  # it refuses this
    settings = Settings({"decode.backend": "torchcodec", "dino.model": str(save_dino(tmp_path / "dino"))})
    wanted = [Wanted(path=path, probe=None, prompt=Prompt(id="", text=""))]
    (found,) = extract(wanted, [FEATURES["dino"](settings)], workers=workers)
    assert found.failure is not None
    assert found.failure.code == "decoder"


@pytest.mark.parametrize(
    ("preset", "backend", "reason"),
    [
        ("offline", "cuda", "decode.backend is 'cuda'; expected pyav, torchcodec, nvdec"),
        ("offline", "nvdec", "the device of this run is cpu; use --device cuda where there is one"),
        ("vbench", "torchcodec", "vbench.subject_consistency is defined on the pixels that OpenCV gives"),
    ],
)
def test_a_decoder_that_cannot_serve_stops_the_plan(preset: str, backend: str, reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        make_plan(ScoreSpec(preset=preset, settings={"decode.backend": backend}))
    assert reason in str(caught.value)


def test_a_clip_it_reads_otherwise_is_a_failure_and_the_run_goes_on(tmp_path: Path) -> None:
    made = clips.moving(12, 96, 64)
    (tmp_path / "in" / "tool").mkdir(parents=True)
    clips.encode(tmp_path / "in" / "tool" / "a-0.mp4", made)
    clips.encode(tmp_path / "in" / "tool" / "b-0.h264", made, container="h264").rename(tmp_path / "in/tool/b-0.mp4")
    (tmp_path / "in" / "prompts.jsonl").write_text('{"id": "a", "text": "a"}\n{"id": "b", "text": "b"}')
    with Bench.open(tmp_path / "bench") as bench:
        import_folder(bench, tmp_path / "in", link=True)
        score(bench, metrics=["flicker"], workers=1, settings={"decode.backend": "torchcodec"})
        assert [found.key.metric for found in bench.score_records()] == ["flicker"]
        (failure,) = bench.failures()
    assert failure.code == "decoder"
    assert "decode.backend=pyav" in failure.message


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench"):
        pass
    told = CliRunner().invoke(
        app, ["score", "--bench", str(tmp_path / "bench"), "--device", "cpu", "--set", "decode.backend=nvdec"]
    )
    assert told.exit_code != 0
    assert isinstance(told.exception, OptionError) or "decode.backend is nvdec" in told.output
