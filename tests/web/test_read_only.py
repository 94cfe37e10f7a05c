"""A bench that may not be written to can be looked at, by every verb and on the page; a full disk is a sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import MODELS
from vbench.bench import Bench

RUN = """
import contextlib, io, json, sys
from vbench import cli

def typed(*words):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["vbench", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}

told = {line: typed(*line.split()) for line in json.loads(sys.argv[1])}
"""
LOOK = (
    RUN
    + """
from fastapi.testclient import TestClient
from vbench.web.server import build
from tests.web.routes import flat

address = "http://127.0.0.1:7860"
answers = {}
with TestClient(build("bench"), base_url=address, headers={"origin": address}) as page:
    bench = page.get("/api/v1/bench").json()
    clip = page.get("/api/v1/clips").json()["clips"][0]
    values = {"clip": clip["id"], "sha256": clip["sha256"], "name": "poster.webp", "task": "0" * 16, "file": "x" * 22,
        "job": "0" * 32, "note": "0" * 16, "cut": "rough", "token": "x" * 43, "take": "0" * 16,
        "review": "0" * 16}
    bodies = {"/api/v1/notes": {"clip": clip["id"], "start_s": 0.5, "text": "x"},
        "/api/v1/tasks": {"kind": "score"},
        "/api/v1/exports": {"kind": "csv", "clips": [clip["id"]]},
        "/api/v1/selects/{clip}": {"stars": 3}}
    for method, path in flat(page.app.routes):
        if method in ("GET", "POST", "PUT", "DELETE") and ":path}" not in path:
            asked = path.format(**values) + ("?metric=flicker&model=alpha" if path.endswith("/drill") else "")
            body = {} if method == "GET" else {"json": bodies.get(path, {})}
            answer = page.request(method, asked, **body)
            answers[f"{method} {path}"] = [answer.status_code, answer.text[:300] if answer.status_code >= 400 else ""]
print(json.dumps({"told": told, "bench": bench, "answers": answers}))
"""
)
TOLD = RUN + "\nprint(json.dumps(told))"
READING = (
    "status --json", "board --json", "board --format html --out {out}/board.html", "scores", "budget --json",
    "show {clip} --json", "agreement {out}/ratings.csv --json", "plan --suite {out}/two.yaml --models synthetic-clean",
)  # fmt: skip
WRITING = (
    "import {out}/clips", "generate --suite {out}/two.yaml --models synthetic-clean", "score --preset offline",
    "budget --max-jobs 3", "run --suite {out}/two.yaml --models synthetic-clean", "cancel --all",
)  # fmt: skip


def in_a_mount(script: str) -> list[str]:
    """A command that runs a shell script with mounts of its own, which end with it."""
    words = ["unshare", "-rm", "sh", "-e", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("this system lets no user make mounts of their own (unshare -rm)")
    return [*words, script]


@pytest.fixture
def place(made_bench: Path, tmp_path: Path) -> Path:
    """A folder with a bench in it and what verbs are given."""
    root = tmp_path
    shutil.copytree(made_bench, root / "bench")
    out = root / "out"
    (out / "clips" / "own").mkdir(parents=True)
    shutil.copy(next((root / "bench" / "clips").rglob("*.mp4")), out / "clips" / "own" / "one-0.mp4")
    (out / "clips" / "prompts.jsonl").write_text('{"id": "one", "text": "a square moves"}\n')
    (out / "two.yaml").write_text("- {id: one, text: a red circle}\n")
    rows = [f"{model},{prompt},0,{n}" for n, model in enumerate(MODELS) for prompt in ("boat", "cat")]
    (out / "ratings.csv").write_text("\n".join(["model,prompt_id,sample,rating", *rows]) + "\n")
    return root


def words(place: Path, lines: tuple[str, ...]) -> str:
    with Bench.open(place / "bench", create=False) as bench:
        clip = bench.clips()[0].id
    return json.dumps([line.format(out=place / "out", clip=clip) for line in lines])


def environment() -> dict[str, str]:
    names = ("VBENCH_HOME", "VBENCH_DB", "VBENCH_MEDIA")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    here = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    return kept | {"PYTHONPATH": here, "HF_HUB_OFFLINE": "1", "HOME": "/nonexistent", "COLUMNS": "300"}


def outcome(command: list[str], place: Path, **options: Any) -> Any:
    run = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, **options)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def by_mount(place: Path, lines: str) -> Any:
    """Root may write whatever its bits; a mount that is read only stops everybody."""
    mount = 'mount --bind bench bench; mount -o remount,ro,bind bench; cd .; exec "$0" -c "$1" "$2"'
    return outcome([*in_a_mount(mount), sys.executable, LOOK, lines], place)


def by_bits(place: Path, lines: str) -> Any:
    """Files and folders without write bits."""
    with without_write_bits(place / "bench") as prefix:
        return outcome([*prefix, sys.executable, "-c", LOOK, lines], place)


@contextmanager
def without_write_bits(bench: Path) -> Iterator[list[str]]:
    """What a command begins with so that the bits count for root too."""
    paths = [bench, *bench.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("look", [by_mount, by_bits])
def test_a_read_only_bench_can_be_looked_at(place: Path, look: Callable[[Path, str], Any]) -> None:
    lines = words(place, (*READING, *WRITING))
    before = sorted((path, path.stat().st_mtime_ns) for path in (place / "bench").rglob("*"))
    seen = look(place, lines)
    told = list(seen["told"].items())
    for line, run in told[: len(READING)]:
        assert run["code"] == 0, (line, run["err"])
    assert "data:image/webp" in (place / "out" / "board.html").read_text(), "pictures are made, outside of the bench"
    for line, run in told[len(READING) :]:
        if line == "cancel --all":  # nothing is open, so nothing has to be written
            continue
        assert run["code"] == 2, (line, run)
        (sentence,) = [row for row in run["err"].splitlines() if row.startswith("vbench: ")]
        assert "read only" in sentence or "may not be written" in sentence, (line, sentence)
        assert "Traceback" not in run["err"], line
    assert seen["bench"]["read_only"] is True
    assert {name for name, may in seen["bench"]["permissions"].items() if may} == {"export"}
    wrong = {route: answer for route, answer in seen["answers"].items() if answer[0] >= 500}
    assert wrong == {}
    refused = {route for route, (status, text) in seen["answers"].items() if status == 403 and "read only" in text}
    assert {"POST /api/v1/notes", "POST /api/v1/tasks", "GET /api/v1/arena/pair"} <= refused
    assert seen["answers"]["POST /api/v1/exports"][0] == 200, "what is chosen can be taken along"
    assert seen["answers"]["GET /media/{sha256}/{name}"][0] == 200, "a poster is made, outside of the bench"
    assert sorted((path, path.stat().st_mtime_ns) for path in (place / "bench").rglob("*")) == before


def test_a_journal_of_a_writer_is_read_too(place: Path) -> None:
    """A colleague's page is at work on the bench, and what it has stored stands in the journal only."""
    with Bench.open(place / "bench") as writer:
        writer.add_model("delta")
        assert (place / "bench" / "bench.db-wal").stat().st_size > 0
        code = (
            "from vbench.bench import Bench; import json\n"
            "with Bench.open('bench') as bench: print(json.dumps([bench.is_read_only, *bench.models()]))"
        )
        with without_write_bits(place / "bench") as prefix:
            seen = outcome([*prefix, sys.executable, "-c", code], place)
    assert set(seen) == {True, *MODELS, "delta"}


def test_a_full_disk_is_a_sentence_at_the_start_of_every_verb(place: Path) -> None:
    lines = words(
        place, (*WRITING, "status --json", "board --json", "calibrate --out small/ref.json", "scores --out small/s.csv")
    )
    full = (
        "mkdir small; mount -t tmpfs -o size=2m none small; cp -r bench small/bench; "
        "cat /dev/zero > small/fill 2>/dev/null || true;"
        ' cd .; export VBENCH_HOME=small/bench; exec "$0" -c "$1" "$2"'
    )
    told = outcome([*in_a_mount(full), sys.executable, TOLD, lines], place)
    for line, run in told.items():
        assert run["code"] == 2, (line, run)
        assert "Traceback" not in run["err"], line
        assert any("full" in row for row in run["err"].splitlines() if row.startswith("vbench: ")), (line, run["err"])
