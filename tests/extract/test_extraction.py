"""One extraction for scoring and for training loops: events in, features of whole clips out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records import PROBE
from vbench.contracts import DeviceFeature, Encoder, FileFeature, FrameRequest, Settings, TextFeature
from vbench.errors import MetricError
from vbench.extract.decode import Chunk, Decoded, NotDecoded
from vbench.extract.extraction import Extraction, Timing, Wanted, extract, extract_sharded, setup_of
from vbench.extract.pool import Idle
from vbench.features.frame_changes import StepsFeature
from vbench.records import Prompt
from vbench.selftest import textured_pan
from vbench.video import write_clip


class Sums(DeviceFeature):
    """The sum of each frame, by an encoder that is loaded once."""

    name = "sums"
    loads = 0

    def request(self) -> Any:
        return FrameRequest()

    def load(self) -> Any:
        type(self).loads += 1
        return SumEncoder()


class SumEncoder(Encoder):
    batch = 8

    def encode(self, frames: Any) -> Any:
        return frames.float().flatten(1).sum(dim=1)

    def collect(self, source: Any, prompt: Any) -> Any:
        if prompt.id == "refused":
            raise MetricError("not this one")
        return Gathered()


class Gathered:
    def __init__(self) -> None:
        self.rows = []

    def add(self, t_s: Any, frame: Any, rows: Any, frames: Any) -> None:
        self.rows += rows.tolist()

    def close(self) -> Any:
        return self.rows


class Words(TextFeature):
    name = "words"

    def encode(self, prompt: Any) -> Any:
        if not prompt.text:
            raise MetricError("no prompt")
        return prompt.text.split()


class Size(FileFeature):
    """Of the file in bytes, or a reason why not."""

    name = "size"

    def read(self, source: Any) -> Any:
        if source.path.name.startswith("odd"):
            raise MetricError("an odd file")
        return source.path.stat().st_size


def wanted(text: str = "a b", *, prompt: str = "p") -> Any:
    return Wanted(path=Path("memory"), probe=PROBE, prompt=Prompt(id=prompt, text=text))


def chunk(clip: Any, *values: Any) -> Any:
    frames = np.stack([np.full((2, 2, 3), value, np.uint8) for value in values])
    index = np.arange(len(values))
    return Chunk(clip=clip, request=0, probe=PROBE, t_s=index / 8, frame=index, frames=frames)


def decoded(clip: Any) -> Any:
    return Decoded(clip=clip, values={"own": clip}, probe=PROBE, decode_s=1.0, feature_s=2.0, n_frames=3)


def taken(extraction: Any, *events: Any) -> Any:
    return [extracted for event in events for extracted in extraction.take(event)]


def test_values_of_a_clip_come_out_together_and_backbones_load_once() -> None:
    Sums.loads = 0
    extraction = Extraction([Sums(Settings()), Words(Settings())])
    for clip in (0, 1):
        extraction.expect(clip, wanted())
    (first,) = taken(extraction, chunk(0, 1), chunk(1, 5), chunk(0, 2), decoded(0))
    assert (first.number, dict(first.values)) == (0, {"own": 0, "sums": [12.0, 24.0], "words": ["a", "b"]})
    (second,) = taken(extraction, decoded(1))
    assert second.values["sums"] == [60.0]
    assert not list(extraction.finish())
    assert Sums.loads == 1
    assert (extraction.timing.decode_s, extraction.timing.n_frames) == (2.0, 6)


def test_part_batches_wait_for_more_clips_until_there_is_time() -> None:
    extraction = Extraction([Sums(Settings())], batch_clips=3)
    for clip in range(4):
        extraction.expect(clip, wanted())
    assert not taken(extraction, chunk(0, 1), decoded(0), chunk(1, 1), decoded(1))
    assert [extracted.number for extracted in taken(extraction, Idle())] == [0, 1]
    assert not taken(extraction, chunk(2, 1), decoded(2))
    assert [extracted.number for extracted in extraction.finish()] == [2]


def test_a_clip_that_cannot_be_decoded_leaves_nothing_behind() -> None:
    extraction = Extraction([Sums(Settings())])
    failure = NotDecoded(clip=0, code="crashed", message="gone")
    extraction.expect(0, wanted())
    (extracted,) = taken(extraction, chunk(0, 7), failure)
    assert extracted.failure is failure
    extraction.expect(0, wanted())
    (extracted,) = taken(extraction, chunk(0, 1), decoded(0))
    assert extracted.values["sums"] == [12.0]


def test_a_number_may_be_used_again_after_a_pass_that_broke_off() -> None:
    extraction = Extraction([Sums(Settings())])
    extraction.expect(0, wanted())
    taken(extraction, chunk(0, 9))
    extraction.expect(0, wanted())
    (extracted,) = taken(extraction, chunk(0, 1), decoded(0))
    assert extracted.values["sums"] == [12.0]


def test_reasons_stand_where_a_value_cannot() -> None:
    extraction = Extraction([Sums(Settings()), Words(Settings())])
    extraction.expect(0, wanted("", prompt="refused"))
    (extracted,) = taken(extraction, decoded(0))
    assert {name: str(extracted.values[name]) for name in ("sums", "words")} == {
        "sums": "not this one",
        "words": "no prompt",
    }


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("clips")
    for name in ("good", "odd", "also-good"):
        write_clip(textured_pan(6, 64, 48, seed=0), folder / f"{name}.mp4", fps=12, preset="ultrafast")
    (folder / "text.mp4").write_text("no video")
    return folder


def files(clips: Any, *names: Any) -> Any:
    return [Wanted(path=clips / f"{name}.mp4", probe=None, prompt=Prompt(id="p", text="")) for name in names]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_feature_of_the_file_is_read_beside_the_decoder(clips: Any, workers: int) -> None:
    features = [Size(Settings()), StepsFeature(Settings())]
    assert len(setup_of(features).features) == 2
    found = {
        extracted.number: extracted for extracted in extract(files(clips, "good", "odd"), features, workers=workers)
    }
    assert found[0].values["size"] == (clips / "good.mp4").stat().st_size
    assert str(found[1].values["size"]) == "an odd file"
    assert found[1].values["steps"].n_frames == 6


def test_shards_give_what_one_process_gives(clips: Any) -> None:
    features = [StepsFeature(Settings())]
    todo = files(clips, "good", "text", "also-good")
    alone = {extracted.number: extracted for extracted in extract(todo, features, workers=0)}
    timing = Timing()
    shared = extract_sharded(todo, features, devices=["cpu", "cpu"], workers=2, note=print, timing=timing)
    two = {extracted.number: extracted for extracted in shared}
    assert two.keys() == alone.keys() == {0, 1, 2}
    assert two[1].failure is not None
    for number in (0, 2):
        assert np.array_equal(two[number].values["steps"].change, alone[number].values["steps"].change)
    assert timing.n_frames == 12
