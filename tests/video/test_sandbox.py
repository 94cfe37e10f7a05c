"""The process for files nobody vouches for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vbench.bench import Bench
from vbench.errors import ClipError
from vbench.video import sandbox
from vbench.video.sandbox import Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def test_a_late_call_is_ended_and_the_next_one_works(box: Sandbox, bench: Bench) -> None:
    source = str(bench.clip_path(bench.clips()[0]))
    with pytest.raises(ClipError, match="not done after 0 s") as late:
        box.call("probe", {"source": source}, limit_s=0.0)
    assert late.value.code == "timeout"
    assert box.call("probe", {"source": source}, limit_s=30)["probe"]["n_frames"] == 12


def test_a_crash_of_the_decoder_is_a_sentence(box: Sandbox, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"source": str(bench.clip_path(bench.clips()[0]))}
    crashed = box._running()
    crashed.kill()
    crashed.wait()
    with monkeypatch.context() as patch:
        patch.setattr(box, "_running", lambda: crashed)  # it died after it was found alive
        with pytest.raises(ClipError, match="the decoder died on this file") as died:
            box.call("probe", call, limit_s=30)
    assert died.value.code == "crashed"
    assert box.call("probe", call, limit_s=30)["probe"]["n_frames"] == 12


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from vbench.video import sandbox_child as sandboxed\n"
        "sandboxed.MEMORY_BYTES = 2 * 2**30\n"
        "sandboxed.limit()\n"
        "try:\n    bytearray(3 * 2**30)\nexcept MemoryError:\n    print('bounded')\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "bounded"


def test_keys_of_tools_do_not_reach_the_sandbox(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "secret")
    box = Sandbox()
    try:
        box.call("probe", {"source": str(bench.clip_path(bench.clips()[0]))}, limit_s=30)
        assert box._child is not None
        environment = Path(f"/proc/{box._child.pid}/environ")
        if environment.exists():
            assert b"EXAMPLE_API_KEY" not in environment.read_bytes()
    finally:
        box.close()
    assert "EXAMPLE_API_KEY" not in sandbox.PASSED_ON


def test_one_that_is_closed_fails_calls_under_way_and_starts_nothing_more(tmp_path: Path) -> None:
    """As when the page stops while a copy is being made: the call gets a sentence, and no process is left."""
    closed = Sandbox()
    said: list[ClipError] = []

    def ask() -> None:
        with pytest.raises(ClipError) as error:
            closed.call("probe", {"source": str(tmp_path / "no.mp4")}, limit_s=60)
        said.append(error.value)

    asking = threading.Thread(target=ask)
    asking.start()
    while closed._child is None:  # it takes a while from here until it can answer
        pass
    closed.close()
    asking.join(timeout=60)
    assert [error.code for error in said] in (["crashed"], ["stopped"])
    with pytest.raises(ClipError, match="stopped with the page"):
        closed.call("probe", {"source": str(tmp_path)}, limit_s=60)
    assert closed._child is None
