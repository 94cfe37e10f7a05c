"""A set of drawn clips whose order is known, scored and compared; what is done is not done again."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy import stats as scipy_stats
from typer.testing import CliRunner

from vbench.bench import Bench
from vbench.cli import app
from vbench.errors import OptionError
from vbench.selftest import textured_pan
from vbench.validate import validate
from vbench.validate.page import empty_page, write_page
from vbench.validate.run import across_prompts, first_prompts, within_prompts
from vbench.validate.sets import SETS
from vbench.video import write_clip

PROMPTS, MODELS = ("cat", "dog", "sea", "sun", "bus"), ("a", "b", "c")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen clips, more blurred by model; people like the sharp ones, but for one of them."""
    root = tmp_path_factory.mktemp("rated")
    rows = ["model,prompt_id,sample,quality_rater1,quality_rater2"]
    for (i, prompt), (k, model) in itertools.product(enumerate(PROMPTS), enumerate(MODELS)):
        frames = textured_pan(4, 96, 64, seed=i)
        (root / model).mkdir(exist_ok=True)
        blurred = [cv2.GaussianBlur(frame, (0, 0), 0.3 + 1.5 * k) for frame in frames]
        write_clip(blurred, root / model / f"{prompt}-0.mp4", fps=8, preset="ultrafast")
        liked = 5 - 2 * k if (prompt, model) != ("sun", "a") else 0
        rows.append(f"{model},{prompt},0,{liked},{liked + 0.5 * (i % 2)}")
    (root / "ratings.csv").write_text("\n".join(rows))
    return root


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


def run(bench: Bench, folder: Path, **choices: Any) -> Any:
    return validate(bench, "fetv", folder=folder, metrics=["sharpness"], device="cpu", workers=1, **choices)


def test_sharpness_agrees_with_people_who_like_it(bench: Bench, folder: Path) -> None:
    validation = run(bench, folder)
    (row,) = validation.rows
    sharpness = {
        (c.model, c.prompt.id): s.value for c in bench.clips() for s in bench.score_records() if s.key.clip == c.id
    }
    people = {
        (model, prompt): (5 - 2 * k if (prompt, model) != ("sun", "a") else 0) + 0.25 * (i % 2)
        for (i, prompt), (k, model) in itertools.product(enumerate(PROMPTS), enumerate(MODELS))
    }
    places = sorted(people)
    expected = scipy_stats.spearmanr([people[p] for p in places], [sharpness[p] for p in places]).statistic
    assert row.spearman == pytest.approx(expected)
    assert row.ci_low <= row.spearman <= row.ci_high
    assert (row.n_clips, row.n_prompts) == (15, 5)
    assert row.within_prompt == pytest.approx((1 + 1 + 1 + 1 - 0.5) / 5)
    assert row.pair_accuracy == pytest.approx(13 / 15)
    assert validation.ceiling["quality"].n_raters == 2


def test_a_second_run_scores_nothing(bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(bench, folder)
    monkeypatch.setattr("vbench.video.probe", lambda *_, **__: pytest.fail("probed again"))
    assert run(bench, folder).rows == first.rows


def test_pairs_are_compared_as_they_stand(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """The same clips as UVE-Bench has them: one pair is judged against the sharper clip, one is a tie of the same."""
    entries = [
        {"video_a": f"a/{p}-0.mp4", "video_b": f"c/{p}-0.mp4", "prompt": p, "aspect": "quality", "preference": says}
        for p, says in zip(PROMPTS, ["A is better"] * 4 + ["B is better"], strict=True)
    ]
    (tmp_path / "uve").mkdir()
    for model in MODELS:
        (tmp_path / "uve" / model).symlink_to(folder / model)
    (tmp_path / "uve" / "uve_bench.json").write_text(json.dumps(entries))
    assert not list((tmp_path / "uve").rglob("*.mp4")), "links to folders are not followed"
    copied = tmp_path / "copied"
    copied.mkdir()
    (copied / "uve_bench.json").write_text(json.dumps(entries))
    for path in folder.rglob("*.mp4"):
        (copied / path.parent.name).mkdir(exist_ok=True)
        (copied / path.parent.name / path.name).write_bytes(path.read_bytes())
    validation = validate(bench, "uve-bench", folder=copied, metrics=["sharpness"], device="cpu", workers=1)
    (row,) = validation.rows
    assert (row.spearman, row.pair_accuracy) == (None, pytest.approx(0.8))
    assert row.n_clips == 10


def test_a_limit_keeps_whole_prompts(folder: Path) -> None:
    rated = SETS["fetv"].read(folder)
    few = first_prompts(rated, 4)
    assert len(few.clips) == 6
    assert len({place[1] for place in few.clips}) == 2
    assert few.notes[-1] == "6 of 15 clips, as `limit=4` asks"
    assert first_prompts(rated, None) is rated


def test_missing_and_broken_clips_are_told(bench: Bench, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in folder.rglob("*.*"):
        if path.name != "cat-0.mp4" or path.parent.name != "a":
            target = copy / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (copy / "b" / "dog-0.mp4").write_bytes(b"no video")
    (copy / "c" / "sea-0.mp4").write_bytes((copy / "b" / "sea-0.mp4").read_bytes())
    validation = run(bench, copy)
    assert validation.rows[0].n_clips == 13
    assert any("1 rated clips are not in" in note for note in validation.notes)
    assert "1 clips: same file as another clip" in validation.notes
    assert [failure.subject.endswith("b/dog-0.mp4") for failure in bench.failures()] == [True]


def test_within_and_across_prompts_of_known_numbers() -> None:
    people = np.array([1.0, 2, 3, 1, 2, 3, 5, 6, 7, 5, 6, 9])
    prompts = np.repeat(np.arange(4), 3)
    numbers = np.concatenate([people[:3], -people[3:6], people[6:]])
    assert within_prompts(people, numbers, prompts) == pytest.approx((1 - 1 + 1 + 1) / 4)
    expected = scipy_stats.spearmanr([2, 2, 6, 20 / 3], [2, -2, 6, 20 / 3]).statistic
    assert across_prompts(people, numbers, prompts) == pytest.approx(expected)
    assert within_prompts(people[:2], numbers[:2], np.array([0, 1])) is None
    assert across_prompts(people[:6], numbers[:6], prompts[:6]) is None


def test_the_page_is_empty_until_somebody_fills_it(bench: Bench, folder: Path, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "docs" / "agreement.md"
    assert shipped.read_text(encoding="utf-8") == empty_page()
    page = tmp_path / "page.md"
    page.write_text(empty_page(), encoding="utf-8")
    write_page(page, run(bench, folder))
    text = page.read_text(encoding="utf-8")
    assert text.count("Nobody has run this set yet") == len(SETS) - 1
    assert "| `sharpness` | 15 |" in text
    write_page(page, run(bench, folder))
    assert page.read_text(encoding="utf-8") == text


def test_the_command_prints_the_contract(folder: Path, tmp_path: Path) -> None:
    line = ["validate", "fetv", "--folder", str(folder), "--bench", str(tmp_path / "b"), "--metrics", "sharpness"]
    result = CliRunner().invoke(app, [*line, "--limit", "9", "--json"], catch_exceptions=False)
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert document["set"] == "fetv"
    contract = {"metric", "n_clips", "n_prompts", "spearman", "ci_low", "ci_high", "within_prompt", "across_prompts"}
    assert contract | {"pair_accuracy", "vbench_published"} <= document["rows"][0].keys()
    assert document["ceiling"]["quality"]["n_raters"] == 2
    table = CliRunner().invoke(app, line, catch_exceptions=False).stdout
    assert "sharpness" in table


def test_no_such_set_and_no_pinned_commit(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no set 'nothing'"):
        validate(bench, "nothing")
    with pytest.raises(OptionError, match="no commit of lyx97/UVE-Bench is pinned"):
        validate(bench, "uve-bench")
    with pytest.raises(OptionError, match="not on the hub"):
        validate(bench, "fetv")
