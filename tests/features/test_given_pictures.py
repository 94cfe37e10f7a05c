"""Pictures of prompts and thumbnails of clips, as metrics get them; through the scorer from file to number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes.tiny_models import save_dino
from vbench.contracts import Settings
from vbench.errors import MetricError
from vbench.features.given_pictures import PicturesDinoFeature, PicturesFeature, PicturesLookFeature
from vbench.records import Prompt
from vbench.score import measure_file
from vbench.score.plan import presets
from vbench.synthetic.render import render
from vbench.synthetic.scene import parse_scene
from vbench.synthetic.stills import still
from vbench.video import extract_frame, write_clip


@pytest.fixture
def prompt(tmp_path: Path) -> Prompt:
    read, _ = parse_scene("a red star moves from left to right over a blue checkerboard")
    scene = replace(read, seconds=2.0)
    for moment in ("start", "end", "object"):
        Image.fromarray(still(scene, moment, width=320, height=180)).save(tmp_path / f"{moment}.png")
    write_clip(
        render(scene, width=320, height=180, fps=12, seed=1, seconds=2.0),
        tmp_path / "clip.mp4",
        fps=12,
    )
    return Prompt(
        id="star",
        text="a red star moves",
        image=str(tmp_path / "start.png"),
        last_image=str(tmp_path / "end.png"),
        references=(str(tmp_path / "object.png"),),
    )


def test_a_clip_is_measured_against_its_pictures(prompt: Prompt, tmp_path: Path) -> None:
    names = ("first_frame_fidelity", "last_frame_landing", "reference_drift")
    _, outcomes = measure_file(tmp_path / "clip.mp4", prompt, metrics=names, workers=0)
    values = {score.key.metric: score.value for score in outcomes.scores}
    assert values["first_frame_fidelity"] > 0.95
    assert values["last_frame_landing"] > 0.7  # the last frame lies a twelfth of a second before the scene's end
    assert abs(values["reference_drift"]) < 0.1
    assert {line.key.metric for line in outcomes.timelines} == set(names)
    (last,) = [line for line in outcomes.timelines if line.key.metric == "last_frame_landing"]
    assert last.t_s[-1] == pytest.approx(23 / 12, abs=1e-3)
    assert last.value[-1] > last.value[0]
    turned = replace(prompt, image=prompt.last_image, last_image=prompt.image)
    _, outcomes = measure_file(tmp_path / "clip.mp4", turned, metrics=names, workers=0)
    assert {s.key.metric: s.value for s in outcomes.scores}["first_frame_fidelity"] < values["first_frame_fidelity"]


def test_a_prompt_without_pictures_has_nothing_to_measure(prompt: Prompt, tmp_path: Path) -> None:
    words = Prompt(id="star", text="a red star moves")
    _, outcomes = measure_file(tmp_path / "clip.mp4", words, metrics=("first_frame_fidelity",), workers=0)
    assert [failure.code for failure in outcomes.failures] == ["not_applicable"]


def test_a_picture_that_is_gone_is_a_failure_that_names_it(prompt: Prompt) -> None:
    Path(prompt.image).unlink()
    for feature in (PicturesFeature(Settings()), PicturesLookFeature(Settings())):
        with pytest.raises(MetricError, match=r"start\.png: the prompt's picture cannot be read .No such file"):
            feature.encode(prompt)


def test_rows_by_dino_are_those_of_frames(prompt: Prompt, tmp_path: Path) -> None:
    settings = {"dino.model": str(save_dino(tmp_path / "dino"))}
    rows = PicturesDinoFeature(Settings(settings)).encode(prompt)
    assert rows.first is not None
    assert np.linalg.norm(rows.first) == pytest.approx(1, abs=1e-5)
    assert rows.references.shape == (1, len(rows.first))
    Image.fromarray(extract_frame(tmp_path / "clip.mp4", index=0)).save(prompt.image)
    _, outcomes = measure_file(
        tmp_path / "clip.mp4", prompt, metrics=("first_frame_fidelity_dino",), settings=settings, workers=0
    )
    (score,) = outcomes.scores
    assert score.value == pytest.approx(1, abs=1e-4)


def test_what_needs_no_weights_is_offline() -> None:
    offline = presets()["offline"]
    assert {"first_frame_fidelity", "last_frame_landing", "reference_drift"} <= set(offline)
    assert not [name for name in offline if name.endswith("_dino")]
