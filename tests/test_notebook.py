"""What a notebook shows: a board's rows and a prompt's takes, with the player where a page runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.numbered import Kind, add_clip
from vbench import Bench
from vbench.errors import OptionError
from vbench.records import MetricInfo, Outcomes, Prompt, Score, ScoreKey

FLICKER = MetricInfo(
    name="flicker", version=1, unit="levels", higher_is_better=False, bounds=(0.0, 255.0), group="temporal", about="x"
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        opened.add_metrics([FLICKER])
        for n, model in enumerate(("a<b>", "plain")):
            prompt = Prompt(id="one", text="<i>one</i>", suite="t")
            clip = add_clip(opened, Kind(model=model, hue=0.3 * n, n_frames=12, size=(64, 48)), prompt)
            key = ScoreKey(clip=clip.id, metric="flicker", version=1)
            opened.add_outcomes(Outcomes(clip=clip.id, scores=(Score(key=key, value=1.5 + n),)))
        yield opened


def test_a_board_is_a_table_of_its_rows_and_notes(bench: Bench) -> None:
    html = bench.board()._repr_html_()
    assert html.count("<tr>") == 3
    assert "a&lt;b&gt;" in html
    assert "<b>" not in html, "a tool's name is text"
    assert "<p>Below the line" in html


def test_takes_are_shown_with_pictures_and_the_player_where_a_page_runs(bench: Bench) -> None:
    still = bench.show("one")._repr_html_()
    assert still.count("data:image/webp;base64,") == 2
    assert "&lt;i&gt;one" in still
    assert "<iframe" not in still
    ids = ",".join(clip.id for clip in bench.clips())
    framed = bench.show("one", page="http://localhost:7860/")._repr_html_()
    assert f'src="http://localhost:7860/ui/compare?takes={ids}"' in framed


def test_a_take_that_is_gone_says_so_and_a_wrong_word_is_a_sentence(bench: Bench) -> None:
    bench.clip_path(bench.clips()[0]).unlink()
    assert "the file is gone" in bench.show("one")._repr_html_()
    with pytest.raises(OptionError, match="did you mean one"):
        bench.show("oen")
    with pytest.raises(OptionError, match="expected an address"):
        bench.show("one", page="localhost")
