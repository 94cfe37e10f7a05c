"""Decode processes that crash, hang or refuse cost their own clip only."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import pytest

from vbench.contracts import Settings, StreamFeature
from vbench.extract import pool as pool_module
from vbench.extract.decode import Decoded, NotDecoded, ToDecode
from vbench.extract.pool import DecodePool, DecodeSetup, Idle
from vbench.selftest import textured_pan
from vbench.video import write_clip


class Trap(StreamFeature):
    """Dies or hangs on files whose name says so."""

    name = "trap"

    def open(self, source: Any) -> Any:
        if "crash" in source.path.name:
            os._exit(9)
        if "hang" in source.path.name:
            time.sleep(600)
        return self

    def add(self, frame: Any) -> None:
        pass

    def close(self, end_s: Any) -> Any:
        return end_s


class Product(StreamFeature):
    """Processor seconds spent for each second that matrix products take; above 1 several threads are at it."""

    name = "product"

    def open(self, source: Any) -> Any:
        return self

    def add(self, frame: Any) -> None:
        pass

    def close(self, end_s: Any) -> Any:
        a, b = np.ones((6000, 64), np.float32), np.ones((64, 64), np.float32)
        started, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - started < 0.3:
            a @ b
        return (time.process_time() - cpu) / (time.perf_counter() - started)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("clips")
    frames = textured_pan(6, 64, 48, seed=0)
    for name in ("good", "crash", "hang", "also-good"):
        write_clip(frames, folder / f"{name}.mp4", fps=12, preset="ultrafast")
    (folder / "text.mp4").write_text("no video")
    return folder


def outcomes(clips: Any, names: Any, *, workers: int = 2, stall_s: float = 120.0) -> Any:
    todo = [ToDecode(number=i, path=clips / f"{name}.mp4") for i, name in enumerate(names)]
    setup = DecodeSetup(features=(Trap(Settings()),), requests=())
    with DecodePool(setup, workers=workers, stall_s=stall_s) as pool:
        return {names[event.clip]: event for event in pool.run(todo) if not isinstance(event, Idle)}


def test_a_crash_fails_its_clip_and_the_run_goes_on(clips: Any) -> None:
    found = outcomes(clips, ["crash", "good", "text", "also-good"], workers=1)
    assert isinstance(found["crash"], NotDecoded)
    assert found["crash"].code == "crashed"
    assert isinstance(found["text"], NotDecoded)
    assert found["text"].code == "unreadable"
    assert isinstance(found["good"], Decoded)
    assert isinstance(found["also-good"], Decoded)
    assert found["good"].values["trap"] == pytest.approx(0.5)


def test_a_decode_process_keeps_to_one_core(clips: Any) -> None:
    with DecodePool(DecodeSetup(features=(Product(Settings()),), requests=()), workers=1) as pool:
        (done,) = [
            event for event in pool.run([ToDecode(number=0, path=clips / "good.mp4")]) if not isinstance(event, Idle)
        ]
    assert done.values["product"] < 1.2


def test_a_hang_is_ended(clips: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "START_S", 30.0)  # a new process is given that much more
    found = outcomes(clips, ["hang", "good"], workers=1, stall_s=3.0)
    assert found["hang"].code == "timeout"
    assert isinstance(found["good"], Decoded)


class Lame(StreamFeature):
    """Shows signs of life, and takes for ever."""

    name = "lame"

    def open(self, source: Any) -> Any:
        return self

    def add(self, frame: Any) -> None:
        time.sleep(0.5)  # a sign of life comes every two seconds

    def close(self, end_s: Any) -> Any:
        return end_s


def test_a_clip_that_takes_too_long_in_all_is_ended(clips: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "LIMIT_S", 0.0)
    monkeypatch.setattr(pool_module, "LIMIT_PER_S", 0.0)
    with DecodePool(DecodeSetup(features=(Lame(Settings()),), requests=()), workers=1) as pool:
        (late,) = [e for e in pool.run([ToDecode(number=0, path=clips / "good.mp4")]) if not isinstance(e, Idle)]
    assert isinstance(late, NotDecoded)
    assert (late.code, "in all" in late.message) == ("timeout", True)


class Whose(StreamFeature):
    """The process that decodes."""

    name = "whose"

    def open(self, source: Any) -> Any:
        return self

    def add(self, frame: Any) -> None:
        pass

    def close(self, end_s: Any) -> Any:
        return os.getpid()


def test_processes_stay_from_one_list_of_clips_to_the_next(clips: Any) -> None:
    setup = DecodeSetup(features=(Whose(Settings()),), requests=())
    seen = []
    with DecodePool(setup, workers=2) as pool:
        for names in (("good", "also-good"), ("good",), ("good", "also-good", "text")):
            todo = [ToDecode(number=i, path=clips / f"{name}.mp4") for i, name in enumerate(names)]
            seen.append([e for e in pool.run(todo) if not isinstance(e, Idle)])
    assert [len(events) for events in seen] == [2, 1, 3]
    assert len({event.values["whose"] for events in seen for event in events if isinstance(event, Decoded)}) <= 2
