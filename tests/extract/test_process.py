"""The one protocol of subprocesses: messages there and back, and how an end is noticed."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vbench.errors import MetricError
from vbench.extract.process import ChildProcess, UnreadableAnswerError, pack, records_in
from vbench.video.sandbox import MEMORY_BYTES, OPEN_FILES


def serve_echo(link: Any, setup: Any) -> None:
    """Sends back what comes, after what it was set up with; told to die, it does."""
    print("what is printed is no message")
    while True:
        message = link.receive()
        if message == "die":
            os._exit(3)
        link.send((setup, message))


def test_messages_go_there_and_back() -> None:
    process = ChildProcess(serve_echo, "set up")
    for message in (1, {"a": [2]}):
        process.send(message)
        assert process.receive() == ("set up", message)
    assert process.is_running
    process.close()
    assert process.wait() == 0


def test_a_death_is_an_end_of_messages() -> None:
    process = ChildProcess(serve_echo, None)
    process.send("die")
    with pytest.raises(EOFError):
        process.receive()
    assert process.wait() == 3


def test_variables_are_set_beside_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")
    process = ChildProcess(serve_variables, ("KEPT", "ADDED"), env={"ADDED": "2"})
    assert process.receive() == ["1", "2"]
    process.close()


def serve_variables(link: Any, names: Any) -> None:
    link.send([os.environ.get(name) for name in names])


# --- confined -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What a test process answers."""

    value: object


class Bomb:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/it-went-off",)


def serve_answers(link: Any, setup: Any) -> None:
    """Answers with what its words stand for."""
    while True:
        link.send(ANSWERS[link.receive()]())


ANSWERS = {
    "values": lambda: Said((1, 2.5, "é", None, [True, float("inf")], {3: np.arange(6, dtype=np.int16).reshape(2, 3)})),
    "scalar": lambda: Said(np.float32(0.1)),
    "error": lambda: Said(MetricError("no frame", code="too_short")),
    "limits": lambda: [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)],
    "key": lambda: [os.environ.get("SOME_API_KEY"), os.environ.get("VBENCH_DB"), os.environ.get("ADDED")],
}


@pytest.fixture
def confined(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("VBENCH_DB", "postgresql://me:secret@db/x")
    process = ChildProcess(serve_answers, None, env={"ADDED": "1"}, records=records_in([__name__]))
    yield process
    process.kill()
    process.close()


def ask(process: Any, word: Any) -> Any:
    process.send(word)
    return process.receive()


def test_values_come_out_of_a_confined_process_as_they_are(confined: Any) -> None:
    *plain, table = ask(confined, "values").value
    assert plain == [1, 2.5, "é", None, [True, float("inf")]]
    np.testing.assert_array_equal(table[3], [[0, 1, 2], [3, 4, 5]])
    assert (table[3].dtype, table[3].flags.writeable) == (np.int16, True)
    assert (ask(confined, "scalar").value, type(ask(confined, "scalar").value)) == (np.float32(0.1), np.float32)
    error = ask(confined, "error").value
    assert (type(error), str(error), error.code) == (MetricError, "no frame", "too_short")


def test_a_confined_process_has_bounds_and_no_keys(confined: Any) -> None:
    assert ask(confined, "limits") == [MEMORY_BYTES, OPEN_FILES]
    assert ask(confined, "key") == [None, None, "1"]


@pytest.mark.parametrize(
    "packed",
    [
        {"record": "os:system", "fields": []},
        {"record": "subprocess:Popen", "fields": [["args", "true"]]},
        {"record": "tests.extract.test_process:Said", "fields": [["value", 1], ["more", 2]]},
        {"array": "|O", "shape": [1], "scalar": False},
        {"array": "<f8", "shape": [4], "scalar": False},
        {"pickle": "x"},
        {"list": 3},
    ],
)
def test_an_answer_that_is_none_of_ours_is_refused(packed: dict[str, Any]) -> None:
    made = ChildProcess.__new__(ChildProcess)
    head = json.dumps(packed).encode()
    parts = [head, b"12345678"]
    data = struct.pack("<Q", 1) + b"".join(struct.pack("<Q", len(part)) + part for part in parts)
    made._records, made._incoming = records_in([__name__]), io.BytesIO(data)
    with pytest.raises(UnreadableAnswerError):
        made.receive()


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    made = ChildProcess.__new__(ChildProcess)
    made._records, made._incoming = records_in([__name__]), io.BytesIO(pickle.dumps(Bomb()))
    with pytest.raises((UnreadableAnswerError, EOFError)):
        made.receive()
    assert not os.path.exists("/tmp/it-went-off")


def test_what_is_no_value_does_not_leave() -> None:
    with pytest.raises(TypeError, match="Bomb is none of records"):
        pack([Bomb()], [])
