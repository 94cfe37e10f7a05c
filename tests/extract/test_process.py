"""The one protocol of subprocesses: messages there and back, and how an end is noticed."""

from __future__ import annotations

import os

import pytest

from vbench.extract.process import ChildProcess


def serve_echo(link, setup):
    """Sends back what comes, after what it was set up with; told to die, it does."""
    print("what is printed is no message")
    while True:
        message = link.receive()
        if message == "die":
            os._exit(3)
        link.send((setup, message))


def test_messages_go_there_and_back():
    process = ChildProcess(serve_echo, "set up")
    for message in (1, {"a": [2]}):
        process.send(message)
        assert process.receive() == ("set up", message)
    assert process.is_running
    process.close()
    assert process.wait() == 0


def test_a_death_is_an_end_of_messages():
    process = ChildProcess(serve_echo, None)
    process.send("die")
    with pytest.raises(EOFError):
        process.receive()
    assert process.wait() == 3


def test_variables_are_set_beside_those_of_this_process(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    process = ChildProcess(serve_variables, ("KEPT", "ADDED"), env={"ADDED": "2"})
    assert process.receive() == ["1", "2"]
    process.close()


def serve_variables(link, names):
    link.send([os.environ.get(name) for name in names])
