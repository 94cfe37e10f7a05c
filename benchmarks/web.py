"""How soon the page answers: votes, many voters at once, a board, and a page of a large bench.

Method: benches of synthetic rows are made in a temporary folder, and `vbench ui` serves each in a process of its own on
the loopback address, as a person starts it; this process asks over HTTP. No media is fetched.

* Vote: from sending the request for a pair to having the answer to the vote on it, one voter at a time; and the same
  with 50 voters, each in a thread with a session of its own, casting votes as fast as the page takes them. An answer
  that is not 2xx counts as an error.
* Board: 40 tools x 20 prompts x `--metrics` metrics. *First* is asked for the moment the page is up, while the board
  is being made ahead; *later* is the median of five requests after it; *after change* the first once a clip was added.
* List: `--page` clips out of 10,000 from the middle, median of five. The files are not there, which the page looks at.

Run: `python -m benchmarks.web [--out FILE.json]`, on an idle machine; it takes about a minute. `--only votes` with
$VBENCH_DB set to an empty database of a server times voting there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.player import percentile
from tests.web.conftest import make_clip, many_clips
from vbench.bench import Bench
from vbench.bench.tables import ClipRow, ModelRow
from vbench.records import Clip, MetricInfo, Outcomes, Prompt, Score, ScoreKey

N_TOOLS, N_PROMPTS = 40, 20
N_VOTES, VOTES_A_VOTER = 100, 5
N_VOTERS = 50
LISTED = 10_000


@contextmanager
def page_over(root: Path) -> Iterator[httpx.Client]:
    """`vbench ui` in a process of its own, from the moment it answers."""
    words = [sys.executable, "-m", "vbench", "ui", "--bench", str(root), "--port", "0", "--no-open"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}) as process:
        assert process.stdout is not None
        found = re.search(r"localhost:(\d+)", process.stdout.readline())
        if found is None:
            raise RuntimeError("vbench ui did not say where it is")
        try:
            with visitor(f"http://127.0.0.1:{found[1]}") as client:
                for _ in range(600):
                    try:
                        client.get("/healthz")
                        break
                    except httpx.ConnectError:
                        time.sleep(0.01)
                yield client
        finally:
            process.terminate()


def visitor(address: str) -> httpx.Client:
    """Someone with cookies of their own."""
    return httpx.Client(base_url=address, headers={"origin": address}, timeout=60)


def vote(client: httpx.Client) -> float:
    """Seconds for one pair and its vote.

    Raises:
        httpx.HTTPStatusError: the page refused.
    """
    began = time.perf_counter()
    pair = client.get("/api/v1/arena/pair").raise_for_status().json()
    outcome = random.choice(("left", "right", "tie"))
    client.post("/api/v1/arena/vote", json={"token": pair["token"], "outcome": outcome}).raise_for_status()
    return time.perf_counter() - began


def time_votes(root: Path) -> dict[str, float]:
    """Votes one after the other, then of many voters at once."""
    root.mkdir()
    with Bench.open(root) as bench:
        for number in range(8 * 4):
            prompt = Prompt(id=f"p{number % 4}", text=f"prompt {number % 4}")
            make_clip(bench, f"m{number // 4}", prompt, 0, seed=number)
    with page_over(root) as first:
        address = str(first.base_url)
        vote(first)  # the first one pays for imports
        alone = []
        for _ in range(N_VOTES // VOTES_A_VOTER):
            with visitor(address) as client:
                alone += [vote(client) for _ in range(VOTES_A_VOTER)]
        together, errors = [], []
        at_once = threading.Barrier(N_VOTERS)

        def take_part(_number: int) -> None:
            with visitor(address) as client:
                at_once.wait()
                for _ in range(VOTES_A_VOTER):
                    try:
                        together.append(vote(client))
                    except httpx.HTTPError as error:
                        errors.append(str(error))

        began = time.perf_counter()
        with ThreadPoolExecutor(N_VOTERS) as voters:
            list(voters.map(take_part, range(N_VOTERS)))
        took_s = time.perf_counter() - began
    for error in sorted(set(errors))[:3]:
        print(error, file=sys.stderr)
    return {
        "vote_median_ms": 1000 * statistics.median(alone),
        "vote_p95_ms": 1000 * percentile(alone, 0.95),
        "voters": N_VOTERS,
        "voters_errors": len(errors),
        "voters_vote_median_ms": 1000 * statistics.median(together),
        "voters_vote_p95_ms": 1000 * percentile(together, 0.95),
        "voters_votes_per_s": len(together) / took_s,
    }


def fill_board(bench: Bench, n_metrics: int) -> None:
    """Rows of 40 tools on 20 prompts with random scores; one clip has a file."""
    draw = random.Random(0)
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}", tags=(f"tag{i % 4}",)) for i in range(N_PROMPTS)]
    template = make_clip(bench, "m0", prompts[0], 9, seed=0)
    bench.add_prompts(prompts)
    infos = [replace(INFO, name=f"metric_{i}") for i in range(n_metrics)]
    bench.add_metrics(infos)
    places = [(tool, prompt) for tool in range(N_TOOLS) for prompt in prompts]
    with bench.write() as session:
        session.add_all([ModelRow(id=f"m{i}", card={}) for i in range(1, N_TOOLS)])
        session.flush()
        session.add_all([_row(template, i, f"m{tool}", prompt) for i, (tool, prompt) in enumerate(places)])
    for i, (tool, _) in enumerate(places):
        scores = [
            Score(key=ScoreKey(clip=f"{i:016x}", metric=info.name, version=1), value=draw.gauss(tool / 10, 1))
            for info in infos
        ]
        bench.add_outcomes(Outcomes(clip=f"{i:016x}", scores=tuple(scores)))


INFO = MetricInfo(
    name="", version=1, unit="1", higher_is_better=True, bounds=(-1e9, 1e9), group="temporal", about="A number."
)


def _row(template: Clip, number: int, model: str, prompt: Prompt) -> ClipRow:
    return ClipRow(
        id=f"{number:016x}",
        model=model,
        prompt_key=prompt.key,
        sample=0,
        sha256=f"{number:064x}",
        media=f"clips/{number}.mp4",
        linked=False,
        probe=asdict(template.probe),
        provenance=asdict(template.provenance),
        added="2026-01-01T00:00:00Z",
    )


def timed(client: httpx.Client, address: str) -> float:
    """Milliseconds until the whole answer is there."""
    began = time.perf_counter()
    client.get(address).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def time_board(root: Path, n_metrics: int) -> dict[str, float]:
    """The first board of a page, a later one, and one after the bench has changed."""
    with Bench.open(root) as bench:
        fill_board(bench, n_metrics)
        with page_over(root) as client:
            first = timed(client, "/api/v1/board")
            later = statistics.median(timed(client, "/api/v1/board") for _ in range(5))
            make_clip(bench, "m1", bench.prompts()[0], 9, seed=1)
            changed = timed(client, "/api/v1/board")
    return {"board_first_ms": first, "board_later_ms": later, "board_after_change_ms": changed}


def time_list(root: Path, n_listed: int) -> dict[str, float]:
    """A page of a large bench."""
    with Bench.open(root) as bench:
        make_clip(bench, "m", Prompt(id="p", text="p"), 0, seed=0)
        many_clips(bench, LISTED)
    address = f"/api/v1/clips?offset={LISTED // 2}&limit={n_listed}"
    with page_over(root) as client:
        first = timed(client, address)
        return {"list_first_ms": first, "list_later_ms": statistics.median(timed(client, address) for _ in range(5))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", type=int, default=10)
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--only", choices=("votes", "board", "list"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vbench-web-") as folder:
        if options.only in (None, "votes"):
            found |= time_votes(Path(folder) / "votes")
        if options.only in (None, "board"):
            found |= time_board(Path(folder) / "board", options.metrics)
        if options.only in (None, "list"):
            found |= time_list(Path(folder) / "list", options.page)
    text = json.dumps({name: round(value, 1) for name, value in found.items()}, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
