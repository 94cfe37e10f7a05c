"""Cuts: kept whole, within their takes, and never over somebody else's change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import a_clip
from vbench.bench import Bench, CutChangedError
from vbench.errors import BenchError
from vbench.records import Cut, Prompt, Shot

PROMPT = Prompt(id="cat", text="a cat walks")
CLIP = a_clip("tool", PROMPT).id
SHOTS = (Shot(clip=CLIP, in_s=0.5, out_s=1.0), Shot(clip=CLIP, in_s=0.0, out_s=0.25))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path) as opened:
        opened.add_clip(a_clip("tool", PROMPT))
        yield opened


def test_a_cut_comes_back_in_its_order(bench: Bench) -> None:
    kept = bench.set_cut(Cut(name="开场", shots=SHOTS))
    assert (kept.shots, kept.revision, kept.seconds) == (SHOTS, 1, 0.75)
    bench.set_cut(Cut(name="b"))
    assert [cut.name for cut in bench.cuts()] == ["b", "开场"]
    assert bench.cut("开场") == kept
    assert bench.delete_cut("b")
    assert not bench.delete_cut("b")
    with pytest.raises(BenchError, match=r"no cut 'b'.*there are: 开场"):
        bench.cut("b")


def test_a_shot_is_of_a_take_and_within_it(bench: Bench) -> None:
    with pytest.raises(BenchError, match=r"shot 2 ends at 1\.200 s, its take ends at 1\.000 s"):
        bench.set_cut(Cut(name="a", shots=(SHOTS[0], Shot(clip=CLIP, in_s=0.5, out_s=1.2))))
    with pytest.raises(BenchError, match="shot 1 is of take 'f'"):
        bench.set_cut(Cut(name="a", shots=(Shot(clip="f", in_s=0, out_s=1),)))
    with pytest.raises(ValueError, match="to a later one"):
        Shot(clip=CLIP, in_s=1.0, out_s=1.0)
    with pytest.raises(BenchError, match="a name of 1 to 100 letters"):
        bench.set_cut(Cut(name=" "))
    assert bench.cuts() == []


def test_of_two_who_change_a_cut_the_second_is_told(bench: Bench) -> None:
    first = bench.set_cut(Cut(name="a", shots=SHOTS))
    bench.set_cut(replace(first, shots=SHOTS[:1]))
    with pytest.raises(CutChangedError, match="changed or taken away meanwhile"):
        bench.set_cut(replace(first, shots=()))
    with pytest.raises(CutChangedError, match="changed or taken away meanwhile"):
        bench.set_cut(Cut(name="a"))
    assert bench.cut("a").shots == SHOTS[:1]
