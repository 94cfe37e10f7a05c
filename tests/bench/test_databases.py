"""Every verb of the command line and every route of the page, on SQLite and on a PostgreSQL server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import JSON, Boolean, Float, Integer, LargeBinary, insert, select
from typer.main import get_command
from typer.testing import CliRunner

from tests.bench.test_bench import make_clip
from tests.web.conftest import PROMPTS, moving_square, score_clip
from tests.web.conftest import make_clip as filmed_clip
from tests.web.routes import flat
from vbench import video
from vbench.bench import Bench
from vbench.bench.database import json_text
from vbench.bench.tables import Base
from vbench.cli import app
from vbench.records import Failure, Outcomes, Score, Select
from vbench.report import FORMATS
from vbench.web.server import build

INFINITE = float("inf")
INCONCLUSIVE = 101
"""Exit code of a gate with too few prompts."""
SUITE = (
    "- {id: one, text: a red circle moves right over blue, tags: ['camera:pan'], expects: {shot: wide}}\n"
    "- {id: two, text: a green square}\n"
)
LINES = ("--suite", "two.yaml", "--models", "synthetic-clean,synthetic-flicker", "--seconds", 1, "--samples", 2)
BENCHLESS = {"demo", "prompts", "models", "selftest", "doctor", "totals", "physics-iq"}
"""Verbs that read and write no bench of the caller's; the demo makes one of its own, and Physics-IQ takes a tool's
clips as files, by what the other verbs read too."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a suite, where commands find a new bench on either kind of database."""
    db = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    monkeypatch.setenv("VBENCH_DB", db)
    monkeypatch.setenv("VBENCH_HOME", str(tmp_path / "bench"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench").mkdir()
    (tmp_path / "two.yaml").write_text(SUITE)
    return tmp_path


@pytest.fixture
def bench(place: Path) -> Iterator[Bench]:
    with Bench.open() as opened:
        yield opened


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"bounds": [0.0, INFINITE]}, '{"bounds": [0.0, 1e999]}'),
        ([-INFINITE, {"a": INFINITE}], '[-1e999, {"a": 1e999}]'),
        ({"not known": float("nan")}, '{"not known": null}'),
        ({'Infinity and "NaN': [INFINITE, "-Infinity \\\\", "NaN"]}, None),
        ({"plain": [1, 0.1, "é", True, None]}, None),
    ],
)
def test_json_columns_hold_what_the_standard_allows(value: object, written: str | None) -> None:
    document = json_text(value)
    assert written is None or document == written

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    back = json.loads(document, parse_constant=refuse)
    assert back == ({"not known": None} if "not known" in document else value)


def test_a_number_without_end_can_stand_in_every_json_column(bench: Bench) -> None:
    value = {"high": INFINITE, "low": [-INFINITE, 0.25]}
    n_columns = 0
    for table in Base.metadata.sorted_tables:
        plain = {column.name: 1 if isinstance(column.type, Integer | Float) else "x" for column in table.columns}
        plain |= {column.name: b"x" for column in table.columns if isinstance(column.type, LargeBinary)}
        plain |= {column.name: True for column in table.columns if isinstance(column.type, Boolean)}
        own = [column.name for column in table.columns if isinstance(column.type, JSON)]
        with bench.write() as session:
            session.execute(insert(table).values(plain | dict.fromkeys(own, value)))
        with bench.session() as session:
            row = session.execute(select(table)).mappings().one()
        assert {name: row[name] for name in own} == dict.fromkeys(own, value), table.name
        n_columns += len(own)
    assert n_columns >= 12


def vbench(*words: object, code: int = 0) -> str:
    run = CliRunner().invoke(app, [str(word) for word in words])
    if run.exception is not None and not isinstance(run.exception, SystemExit):
        raise run.exception
    assert run.exit_code == code, run.output
    return run.stdout


def more_clips(bench: Bench, n: int) -> None:
    """Clips with the two scores that `calibrate` fits on."""
    from vbench.metrics import METRICS

    names = ("appearance_consistency", "motion_coherent")
    bench.add_metrics(METRICS[name].info for name in names)
    shown = bench.shown_params()
    kept = {score.key.metric: score.key for score in bench.score_records(metrics=names)}
    for number in range(n):
        clip = make_clip("drawn", sample=number, content=f"{number:02d}")
        bench.add_clip(clip)
        values = (0.5 + number / 100, 0.02 * (1 + number % 7))
        scores = tuple(
            Score(key=replace(kept[name], clip=clip.id), value=value) for name, value in zip(names, values, strict=True)
        )
        bench.add_outcomes(Outcomes(clip=clip.id, scores=scores))
    assert bench.shown_params() == shown


def walk_verbs(place: Path) -> set[str]:
    """Every verb over one bench, from its first clip to its page; the verbs that ran."""
    (place / "clips" / "own").mkdir(parents=True)
    video.write_clip(moving_square(3), place / "clips" / "own" / "one-0.mp4", fps=8, crf=23, preset="ultrafast")
    (place / "clips" / "prompts.jsonl").write_text('{"id": "one", "text": "a square moves"}\n')
    ran: set[str] = set()

    def typed(*words: object, code: int = 0) -> str:
        ran.add(str(words[0]))
        return vbench(*words, code=code)

    assert "1 " in typed("import", place / "clips", "--link")
    assert json.loads(typed("plan", *LINES, "--json"))["new"] == 8
    typed("plan", *LINES)
    typed("generate", *LINES, "--max-jobs", 1, "--max-cost", 5, code=3)
    assert json.loads(typed("budget", "--json"))["ceilings"]
    typed("budget", "--max-jobs", 20)
    assert json.loads(typed("status", "--json"))["tools"]
    typed("status")
    typed("cancel", "--models", "synthetic-flicker")
    typed("run", *LINES, "--retry", "cancelled", "--max-jobs", 20)
    assert json.loads(typed("score", "--preset", "offline", "--json"))["n_scores"] == 0, "run has measured all"
    assert len(typed("scores").splitlines()) > 9 * 10
    assert len(json.loads(typed("scores", "--format", "json"))["rows"]) > 9 * 10
    typed("scores", "--format", "parquet", "--out", place / "scores.parquet")
    with Bench.open(create=False) as bench:
        clip = bench.clips(models=["own"])[0]
        bench.add_failure(Failure(stage="import", subject="/x.mp4", code="empty", message="0 bytes"))
    assert json.loads(typed("show", clip.id, "--json"))["scores"]
    typed("show", clip.id)
    for format in FORMATS:
        typed("board", "--format", format, "--out", place / f"board.{format}")
    board = json.loads((place / "board.json").read_text())
    assert {row["model"] for row in board["rows"]} == {"own", "synthetic-clean", "synthetic-flicker"}
    assert any(info["bounds"][1] is None for info in board["metrics"].values()), "one of them has no upper bound"
    assert json.loads(typed("board", "--by", "camera", "--metric", "flicker", "--json"))["rows"]
    ratings = ["model,prompt_id,sample,rating"]
    ratings += [
        f"synthetic-{kind},{id},0,{n}" for n, (kind, id) in enumerate(product(("clean", "flicker"), ("one", "two")))
    ]
    (place / "ratings.csv").write_text("\n".join(ratings) + "\n")
    assert json.loads(typed("agreement", place / "ratings.csv", "--metric", "flicker", "--json"))
    typed(
        "distance", "--a", "synthetic-clean", "--b", "synthetic-flicker", "--features", "appearance", "--device", "cpu"
    )
    two = ("synthetic-clean", "synthetic-flicker")
    assert json.loads(typed("compare", *two, "--json"))["rows"]
    assert json.loads(typed("power", "--effect", 1, "--metric", "flicker", "--sd", 2, "--prompts", 10, "--json"))[
        "rows"
    ]
    assert json.loads(typed("regress", *two, "--json"))["rows"]
    typed("gate", *two, "--fail-if", "appearance_consistency drop>0.1 p<0.05", code=INCONCLUSIVE)
    assert json.loads(typed("efficiency", "--metric", "appearance_consistency", "--json"))["rows"]
    assert json.loads(typed("route", "--like", "camera:pan", "--metric", "appearance_consistency", "--json"))["schema"]
    assert json.loads(typed("judge", "--json"))["schema"]
    assert "wide" in typed("sheet")
    with Bench.open(create=False) as bench:
        first, second = bench.clips(prompt_ids=["one"], models=["synthetic-clean"])
        bench.set_select(Select(clip=first.id, state="selected", ranges=((0.0, 0.5),)))
        bench.set_select(Select(clip=second.id, state="reject", reason="melts"))
    assert [row["state"] for row in json.loads(typed("selects", "--json"))["rows"]] == ["selected", "reject"]
    link = json.loads(typed("review", "create", "--json"))["review"]
    assert json.loads(typed("review", "list", "--json"))["rows"][0]["url"] == link["url"]
    typed("review", "revoke", link["url"])
    typed("cut", "fill", "rough", "--suite", "two")
    assert json.loads(typed("cut", "check", "rough", "--json"))["problems"] == []
    typed("votes", "export", place / "votes.csv")
    typed("votes", "import", place / "votes.csv")
    typed("bundle", "pack", place / "bench.tar")
    assert json.loads(vbench("bundle", "verify", place / "bench.tar", "--json"))["problems"] == []
    typed("publish", place / "site")
    assert (place / "site" / "index.html").is_file()
    rated = ("--folder", place / "bench" / "clips", "--metrics", "appearance_consistency", "--json")
    assert json.loads(typed("validate", place / "ratings.csv", *rated))["n_clips"] == 4
    with Bench.open(create=False) as bench:
        more_clips(bench, 25)
    typed("calibrate", "--out", place / "gated.json")
    assert json.loads((place / "gated.json").read_text())["references"]
    return ran


def test_every_verb(place: Path) -> None:
    ran = walk_verbs(place)
    every = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert ran | {"ui", "mcp"} | BENCHLESS == every, "a verb that is new has a line here"
    start_and_stop_the_page()
    assert ask_as_an_agent("clips")


def ask_as_an_agent(tool: str) -> list[Any]:
    """Rows that `vbench mcp` answers with, over standard input and output."""
    from mcp import Client, StdioServerParameters

    served = StdioServerParameters(command=sys.executable, args=["-m", "vbench", "mcp"], env=dict(os.environ))

    async def go() -> Any:
        async with Client(served) as client:
            return await client.call_tool(tool, {})

    return asyncio.run(go()).structured_content["rows"]


def start_and_stop_the_page() -> None:
    page = subprocess.Popen(
        [sys.executable, "-m", "vbench", "ui", "--port", "0"], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert page.stdout is not None
        assert "vbench shows" in page.stdout.readline()
    finally:
        page.send_signal(signal.SIGINT)
        page.communicate(timeout=60)


def test_every_route_that_is_read(bench: Bench) -> None:
    clips = [
        filmed_clip(bench, model, PROMPTS[0], 0, seed=seed) for seed, model in enumerate(("alpha", "beta", "gamma"))
    ]
    for number, clip in enumerate(clips):
        score_clip(bench, clip, 1.0 + number)
    address = "http://127.0.0.1:7860"
    with TestClient(build(bench), base_url=address, headers={"origin": address}) as page:
        note = {"clip": clips[0].id, "start_s": 0.5, "text": "here"}
        assert page.post("/api/v1/notes", json=note).status_code == 201
        drawn = page.get("/api/v1/arena/pair").json()
        file = drawn["left"]["url"].rpartition("/")[2].removesuffix(".mp4")
        assert page.get(drawn["left"]["url"]).status_code == 200
        assert page.post("/api/v1/arena/vote", json={"token": drawn["token"], "outcome": "left"}).status_code == 200
        task = bench.add_task("score", {"preset": "offline"})
        link = page.post("/api/v1/reviews", json={"clips": [clip.id for clip in clips]}).json()
        page.post(link["path"], data={"name": "Maya", "password": link["password"]})
        take = page.get(f"{link['path']}/api/clips").json()["clips"][0]["id"]
        values = {
            "token": link["token"],
            "take": take,
            "clip": clips[0].id,
            "sha256": clips[0].sha256,
            "name": "poster.webp",
            "task": task,
            "file": file,
        }
        queries = {
            "/api/v1/board/drill": "?metric=flicker&model=alpha",
            "/api/v1/cuts/fill": f"?suite={PROMPTS[0].suite}",
            "/api/v1/cuts/joins": "?cut=rough",
            "/api/v1/sheet/answers": f"?clip={clips[0].id}&question={'0' * 16}",
        }
        shots = [{"clip": clip.id, "in_s": 0, "out_s": 1} for clip in clips]
        assert page.put("/api/v1/cuts", json={"name": "rough", "shots": shots}).json()["revision"] == 1
        assert page.put("/api/v1/cuts", json={"name": "rough", "shots": shots}).status_code == 409
        answers = {}
        for method, path in flat(page.app.routes):  # type: ignore[attr-defined]
            if method == "GET" and ":path}" not in path:
                asked = path.format(**values) + queries.get(path, "")
                answers[path] = page.get(asked).status_code
    unlike = {path: status for path, status in answers.items() if status != 200}
    assert unlike == {"/api/v1/exports/{task}": 404}, "that task exports nothing"
    assert len(answers) > 20
