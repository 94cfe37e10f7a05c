"""Batches across clips: order, shapes, windows, and a device that runs out of memory."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest
import torch

from tests.fakes.tiny_models import save_dino
from vbench.contracts import DeviceFeature, Encoder, FrameRequest, Settings, SourceFile
from vbench.errors import ItemError
from vbench.extract.batcher import LANE_BACKLOG, Batcher, Lanes
from vbench.extract.decode import Chunk
from vbench.features.dino import DinoFeature
from vbench.records import Prompt

PROMPT = Prompt(id="p", text="x")


class Means(Encoder):
    """The mean of each frame or window; remembers the sizes of its batches."""

    def __init__(self, *, window: int = 1, hop: int = 1, batch: int = 4, limit: Any = None) -> None:
        self.window, self.hop, self.batch, self.limit = window, hop, batch, limit
        self.sizes = []

    def encode(self, frames: Any) -> Any:
        if self.limit is not None and len(frames) > self.limit:
            raise torch.OutOfMemoryError("no memory")
        self.sizes.append(len(frames))
        return frames.float().flatten(1).mean(dim=1)

    def collect(self, source: Any, prompt: Any) -> Any:
        return Rows()


class Rows:
    def __init__(self) -> None:
        self.rows = []

    def add(self, t_s: Any, frame: Any, rows: Any, frames: Any) -> None:
        self.rows += list(zip(t_s.tolist(), frame.tolist(), rows.tolist(), strict=True))

    def close(self) -> Any:
        return self.rows


class Feature(DeviceFeature):
    name = "means"

    def request(self) -> Any:
        return FrameRequest()

    def load(self) -> Any:
        raise NotImplementedError


def batcher(encoder: Any, notes: Any = None, lanes: Any = None) -> Any:
    return Batcher(Feature(Settings()), encoder, note=(notes if notes is not None else []).append, lanes=lanes)


def chunk(values: Any, *, clip: int = 0, first: int = 0, shape: tuple[int, int, int] = (4, 6, 3)) -> Any:
    n = len(values)
    frames = np.stack([np.full(shape, value, np.uint8) for value in values])
    index = np.arange(first, first + n)
    return Chunk(clip=clip, request=0, probe=None, t_s=index / 8, frame=index, frames=frames)


def run(batches: Any, chunks: Any) -> None:
    for clip in dict.fromkeys(clip for clip, _ in chunks):
        batches.open(clip, SourceFile(path=None, probe=None), PROMPT)
    for clip, part in chunks:
        batches.add(replace(part, clip=clip))
    batches.flush()


def test_clips_share_batches_and_get_their_own_rows_in_order() -> None:
    encoder = Means()
    batches = batcher(encoder)
    run(batches, [(0, chunk([1, 2, 3])), (1, chunk([10, 20])), (0, chunk([4], first=3))])
    assert encoder.sizes == [4, 2]
    assert [row[2] for row in batches.close(0)] == [1, 2, 3, 4]
    assert [row[:2] for row in batches.close(1)] == [(0.0, 0), (0.125, 1)]


def test_shapes_do_not_mix() -> None:
    encoder = Means()
    batches = batcher(encoder)
    run(batches, [(0, chunk([1, 2])), (1, chunk([3], shape=(6, 4, 3)))])
    assert sorted(encoder.sizes) == [1, 2]


def test_windows_overlap_by_hop() -> None:
    batches = batcher(Means(window=2, hop=1))
    run(batches, [(0, chunk([0, 10, 20]))])
    assert [row[2] for row in batches.close(0)] == [5, 15]


def test_out_of_memory_halves_the_batch_and_says_so() -> None:
    encoder, notes = Means(batch=8, limit=3), []
    batches = batcher(encoder, notes)
    run(batches, [(0, chunk(list(range(11))))])
    assert [row[2] for row in batches.close(0)] == list(range(11))
    assert max(encoder.sizes) == 2
    assert [note for note in notes if "batches of 4" in note]
    assert [note for note in notes if "batches of 2" in note]


def test_no_memory_for_one_frame_fails_the_clip_only() -> None:
    batches = batcher(Means(batch=2, limit=0))
    run(batches, [(0, chunk([1]))])
    found = batches.close(0)
    assert isinstance(found, ItemError)
    assert found.code == "out_of_memory"


def test_a_dropped_clip_leaves_the_others() -> None:
    batches = batcher(Means())
    batches.open(0, None, PROMPT)
    batches.open(1, None, PROMPT)
    batches.add(chunk([1, 2], clip=0))
    batches.add(chunk([3], clip=1))
    batches.drop(0)
    batches.flush()
    assert [row[2] for row in batches.close(1)] == [3]


def test_what_waits_is_counted_until_it_is_run_or_dropped() -> None:
    batches = batcher(Means(batch=4, window=2))
    batches.open(0, None, PROMPT)
    batches.open(1, None, PROMPT)
    batches.add(chunk([1, 2, 3], clip=0))
    batches.add(chunk([4, 5], clip=1))
    assert batches._waiting_bytes == 3 * 2 * 4 * 6 * 3
    batches.drop(0)
    assert batches._waiting_bytes == 2 * 4 * 6 * 3
    batches.flush()
    assert batches._waiting_bytes == 0


def test_frames_come_back_with_their_rows() -> None:
    seen = []

    class Keeping(Rows):
        def add(self, t_s: Any, frame: Any, rows: Any, frames: Any) -> None:
            seen.append(frames.copy())

    encoder = Means(window=2, batch=8)
    encoder.collect = lambda source, prompt: Keeping()
    batches = batcher(encoder)
    run(batches, [(0, chunk([1, 2, 3])), (1, chunk([7, 8]))])
    assert [part[..., 0, 0, 0].tolist() for part in seen] == [[[1, 2], [2, 3]], [[7, 8]]]


def test_one_array_given_twice_is_two_rows() -> None:
    frame = np.full((4, 6, 3), 9, np.uint8)
    part = Chunk(
        clip=0, request=0, probe=None, t_s=np.arange(3) / 8, frame=np.arange(3), frames=[frame, frame + 1, frame]
    )
    batches = batcher(Means())
    run(batches, [(0, part)])
    assert [row[2] for row in batches.close(0)] == [9, 10, 9]


class Slow(Rows):
    """Takes its time; remembers which thread it ran in."""

    def __init__(self, threads: Any) -> None:
        super().__init__()
        self.threads = threads

    def add(self, t_s: Any, frame: Any, rows: Any, frames: Any) -> None:
        time.sleep(0.002)
        self.threads.add((int(rows[0]) // 50, threading.current_thread().name))
        super().add(t_s, frame, rows, frames)


def test_lanes_keep_the_order_of_each_clip() -> None:
    threads = set()
    encoder = Means(batch=1)
    encoder.collect = lambda source, prompt: Slow(threads)
    with Lanes(3) as lanes:
        batches = batcher(encoder, lanes=lanes)
        values = {clip: list(range(50 * clip, 50 * clip + 3 * LANE_BACKLOG)) for clip in range(4)}
        run(batches, [(clip, chunk(row)) for clip, row in values.items()])
        assert {clip: [row[2] for row in batches.close(clip)] for clip in values} == values
        assert all(batches.is_settled(clip) for clip in values)
    assert len({name for _, name in threads}) == 3
    assert len(threads) == 4, "each clip in one thread"


@pytest.mark.parametrize("error", [ItemError("no", code="undefined"), ZeroDivisionError("a bug")])
def test_an_error_in_a_lane_reaches_its_clip(error: Any) -> None:
    class Failing(Rows):
        def add(self, t_s: Any, frame: Any, rows: Any, frames: Any) -> Never:
            raise error

    encoder = Means()
    encoder.collect = lambda source, prompt: Failing()
    with Lanes(2) as lanes:
        batches = batcher(encoder, lanes=lanes)
        run(batches, [(0, chunk([1, 2]))])
        if isinstance(error, ItemError):
            assert batches.close(0) is error
        else:
            with pytest.raises(ZeroDivisionError):
                batches.close(0)


def test_a_full_lane_holds_the_feeder_back() -> None:
    gate = threading.Event()
    with Lanes(1) as lanes:
        futures = [lanes.put(0, gate.wait) for _ in range(LANE_BACKLOG)]
        feeder = threading.Thread(target=lambda: futures.append(lanes.put(0, gate.wait)))
        feeder.start()
        feeder.join(0.1)
        assert feeder.is_alive()
        gate.set()
        feeder.join(5)
        assert not feeder.is_alive()


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="torch.compile needs a C++ compiler")
def test_a_compiled_backbone_gives_the_same_rows(tmp_path: Path) -> None:
    values = {}
    for compiled in (False, True):
        settings = Settings({"dino.model": str(save_dino(tmp_path / "dino"))}, compile=compiled)
        feature = DinoFeature(settings)
        encoder = feature.load()
        encoder.batch = 3  # and a part batch of another size
        batches = Batcher(feature, encoder, note=print)
        pictures = np.random.default_rng(0).integers(0, 256, (4, 70, 84, 3), np.uint8)
        batches.open(0, None, PROMPT)
        torch._dynamo.utils.counters.clear()
        batches.add(Chunk(clip=0, request=0, probe=None, t_s=np.arange(4) / 8, frame=np.arange(4), frames=pictures))
        batches.flush()
        assert (torch._dynamo.utils.counters["frames"]["ok"] > 0) is compiled
        values[compiled] = batches.close(0).rows
    assert values[True] == pytest.approx(values[False], abs=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_batch_size_does_not_matter(batch: int) -> None:
    batches = batcher(Means(batch=batch))
    run(batches, [(clip, chunk([clip, clip + 1, clip + 2])) for clip in range(3)])
    assert [[row[2] for row in batches.close(clip)] for clip in range(3)] == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
