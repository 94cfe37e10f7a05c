"""A real small program as a tool: arguments, environment, logs, timeouts, and everything it starts."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.billable import tiny_clip
from vbench.adapters.command import CommandAdapter
from vbench.catalog.cards import ModelCard
from vbench.errors import CatalogError, JobError, OptionError
from vbench.records import Prompt, Request

SCRIPT = """
import json, os, pathlib, subprocess, sys, time
args = dict(a.split("=", 1) for a in sys.argv[1:] if "=" in a)
print("started", sys.argv[1:], flush=True)
if "--sleep" in args:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    pathlib.Path(args["--pids"]).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(float(args["--sleep"]))
if "--fail" in args:
    print(args["--fail"]); sys.exit(3)
out = pathlib.Path(args["--out"])
(out.parent / "notes.json").write_text(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}))
if "--copy" in args:
    pathlib.Path(args["--copy"]).write_text((out.parent / "notes.json").read_text())
if "--nothing" not in args:
    (out.parent / "old.mp4").write_bytes(b"an intermediate result")
    os.utime(out.parent / "old.mp4", (1, 1))
    out.write_bytes(pathlib.Path(args["--clip"]).read_bytes())
print(os.environ.get("SECRET_TOKEN", "no token here"))
"""


@pytest.fixture
def make(tmp_path: Path) -> Any:
    (tmp_path / "tool.py").write_text(SCRIPT)
    (tmp_path / "clip.mp4").write_bytes(tiny_clip())

    def adapter(*more: Any, argv: list[Any] | None = None, **options: Any) -> CommandAdapter:
        base = [sys.executable, str(tmp_path / "tool.py"), "--out={out}", f"--clip={tmp_path / 'clip.mp4'}"]
        return CommandAdapter(
            ModelCard.model_validate(
                {
                    "id": "script",
                    "name": "Script",
                    "vendor": {"name": "none"},
                    "adapter": "command",
                    "licence": {"weights": "none"},
                    "capabilities": {"seed": True, "negative_prompt": True},
                    "limits": {"resolutions": ["1280x720", "640x360"], "seconds": [5]},
                    "defaults": {"seconds": 5, "resolution": "640x360", "fps": 16},
                    "options": {"argv": argv or [*base, *more]} | options,
                }
            )
        )

    return adapter


def fetch(adapter: CommandAdapter, out: Path, **wishes: Any) -> Any:
    prompt = wishes.pop("prompt", Prompt(id="p", text='a fox; rm -rf "$HOME" {out} `id`'))
    return adapter.fetch(adapter.submit(adapter.plan(Request(prompt=prompt, seed=7, **wishes))), out)


def test_the_plan_tells_the_length_of_the_frames_that_can_be_made(make: Any) -> None:
    request = Request(prompt=Prompt(id="p", text="x"))
    adapter = make("--frames={frames}", "{prompt}", frames={"rule": "4k+1"})
    assert adapter.plan(request).sends.seconds == 81 / 16
    assert make("--seconds={seconds}", "{prompt}", frames={"rule": "4k+1"}).plan(request).sends.seconds is None


def test_runs_with_every_value_and_no_shell(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_API_KEY", "must-not-be-passed-on")
    monkeypatch.setenv("MY_SETTING", "passed")
    notes = tmp_path / "copied.json"
    adapter = make(
        "--prompt={prompt}",
        "{prompt}",
        "--seed={seed}",
        "--size={width}*{height}",
        "--frames={frames}",
        "--fps={fps}",
        "--seconds={seconds}",
        "--text={prompt_file}",
        ["--neg={negative}"],
        ["--image={image}"],
        f"--copy={notes}",
        frames={"rule": "4k+1"},
        env=["MY_SETTING"],
        set_env={"MODE": "fast"},
        cwd=str(tmp_path),
    )
    path, facts = fetch(adapter, tmp_path / "job")
    import json

    seen = json.loads(notes.read_text())
    text = 'a fox; rm -rf "$HOME" {out} `id`'
    assert text in seen["argv"]
    assert f"--prompt={text}" in seen["argv"]
    for expected in ("--seed=7", "--size=640*360", "--frames=81", "--fps=16", "--seconds=5"):
        assert expected in seen["argv"]
    assert not [arg for arg in seen["argv"] if arg.startswith(("--neg", "--image"))]
    assert (seen["env"]["MY_SETTING"], seen["env"]["MODE"]) == ("passed", "fast")
    assert "KLING_API_KEY" not in seen["env"]
    assert seen["cwd"] == str(tmp_path)
    assert path == tmp_path / "job.mp4"
    assert path.read_bytes() == tiny_clip()  # the newest, not the intermediate one
    assert facts.seed == 7
    assert facts.work_s > 0
    assert "started" in (tmp_path / "job.log").read_text()
    assert not list(tmp_path.glob("vbench-*"))


def test_optional_arguments_appear_with_their_value(make: Any) -> None:
    adapter = make(["--neg", "{negative}"])
    with_it = adapter.plan(Request(prompt=Prompt(id="p", text="x"), negative="blur")).body["argv"]
    assert with_it[-2:] == ["--neg", "blur"]
    assert "--neg" not in adapter.plan(Request(prompt=Prompt(id="p", text="x"))).body["argv"]


def test_wrong_cards_are_told_so(make: Any, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no value is called \{promt\}"):
        make("--p={promt}")
    with pytest.raises(CatalogError, match="mixes a prompt and a path"):
        make("--p={prompt}{out}")
    with pytest.raises(OptionError, match=r"argv needs \{image\}"):
        make("--image={image}").plan(Request(prompt=Prompt(id="p", text="x")))
    with pytest.raises(OptionError, match="cannot be started"):
        fetch(make(argv=["/no/such/program", "{out}"]), tmp_path / "job")


@pytest.mark.parametrize(
    ("argument", "code", "said"),
    [
        ("--fail=bad weights", "crashed", "exit code 3. It said: .*bad weights"),
        ("--fail=CUDA out of memory", "out_of_memory", "out of memory"),
        ("--nothing=1", "empty_result", "left no video"),
    ],
)
def test_failures_say_what_the_program_said(make: Any, tmp_path: Path, argument: str, code: str, said: str) -> None:
    with pytest.raises(JobError, match=f"(?s){said}") as failure:
        fetch(make(argument), tmp_path / "job")
    assert failure.value.code == code
    assert (tmp_path / "job.log").exists()
    assert not (tmp_path / "job.mp4").exists()


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_timeout_and_cancel_end_all_that_it_started(make: Any, tmp_path: Path, how: str) -> None:
    pids = tmp_path / "pids"
    adapter = make("--sleep=50", f"--pids={pids}", timeout_s=1.0 if how == "timeout" else 60.0)
    handle = adapter.submit(adapter.plan(Request(prompt=Prompt(id="p", text="x"))))

    def cancel() -> None:
        while not pids.exists() or not pids.read_text():
            time.sleep(0.01)
        adapter.cancel(handle)

    if how == "cancel":
        threading.Thread(target=cancel, daemon=True).start()
    with pytest.raises(JobError) as failure:
        adapter.fetch(handle, tmp_path / "job")
    assert failure.value.code == ("timeout_local" if how == "timeout" else "crashed")
    assert "no token here" not in (tmp_path / "job.log").read_text(), "it did not come to its own end"
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_key_that_the_card_passes_on_is_struck_from_the_log(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "tok-1234567890abcdef")
    fetch(make(env=["SECRET_TOKEN"]), tmp_path / "job")
    log = (tmp_path / "job.log").read_text()
    assert "tok-1234567890abcdef" not in log
    assert "***" in log


def test_identity_covers_arguments_and_version_but_no_paths(make: Any) -> None:
    request = Request(prompt=Prompt(id="p", text="x"))

    def identity(adapter: CommandAdapter) -> Any:
        return adapter.plan(request).identity

    assert identity(make()) == identity(make(timeout_s=5.0))
    assert identity(make()) != identity(make(version="2"))
    assert identity(make()) != identity(make("--more=1"))
    assert identity(make()) != identity(make(set_env={"A": "1"}))
    assert "{out}" in " ".join(identity(make())["argv"])
