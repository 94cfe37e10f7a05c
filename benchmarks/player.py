"""How well takes stay together, how exactly frames step, and how soon a long wall and a large board are there.

Method: benches of synthetic clips that carry their frame number as a bar code are served in this process, and a
headless Chromium drives the real page by its keys.

* Spread: `currentTime` of every take at every frame of the screen, over a looping play from 0.3 s after its start;
  only moments at which all are moving count, and the loop's restarts are in it.
* Step: from the key press to the first frame of the screen on which the pixels of the take show the wanted number;
  forwards and backwards, 60 steps a rate.
* Join: twenty ranges of a second each, some from a take's first frame, played as a sequence; at every frame of the
  screen the pixels of the take on top are read. The gap of a join is how much longer than one frame a picture stands
  there; how many frames off its first one the next shot begins is counted too.
* Wall: navigation start to the first poster in the document, and bytes over the network up to a second after, cold
  browser cache.
* Board: navigation start to the first row in the document, when nobody has asked for the board before, and again.

Run: `python -m benchmarks.player [--out FILE.json]`, on an idle machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.web.browser import READ_FRAMES, SPREAD, chromium
from tests.web.numbered import BLOCK, N_BITS, Kind, fill
from tests.web.served import serving
from vbench.bench import Bench
from vbench.records import MetricInfo, Outcomes, Prompt, Score, ScoreKey, Select

RATES = (8.0, 16.0, 23.976, 24.0, 25.0, 30.0, 60.0)
STEPS = 60
WIDE = (832, 480)
PLAY_MS = 6000

STEP = f"""async ([key, want]) => {{
  const read = {READ_FRAMES};
  const begin = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
  for (;;) {{
    await new Promise(requestAnimationFrame);
    const [shown] = read();
    if (shown === want) return performance.now() - begin;
    if (performance.now() - begin > 3000) return null;
  }}
}}"""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def open_takes(browser: Any, url: str, ids: Sequence[str]) -> Any:
    """A window with takes ready to play."""
    window = browser.new_page(viewport={"width": 1440, "height": 900})
    window.goto(f"{url}/ui/compare?takes={','.join(ids)}")
    window.wait_for_selector("[data-ready='1']", timeout=180_000)
    return window


def spread_row(browser: Any, url: str, ids: Sequence[str]) -> dict[str, Any]:
    """Spread of the clock over a play, in milliseconds."""
    window = open_takes(browser, url, ids)
    window.keyboard.press("Space")
    window.wait_for_timeout(300)
    spreads = [1000 * value for value in window.evaluate(SPREAD, PLAY_MS)]
    window.close()
    return {
        "takes": len(ids),
        "n": len(spreads),
        "median_ms": round(statistics.median(spreads), 2),
        "p95_ms": round(percentile(spreads, 0.95), 2),
        "max_ms": round(max(spreads), 2),
    }


def step_row(browser: Any, url: str, fps: float, clip: str) -> dict[str, Any]:
    """Exact steps of one rate, half forwards and half backwards, and their times."""
    window = open_takes(browser, url, [clip])
    times, at = [], 0
    for number in range(STEPS):
        forward = number < STEPS // 2
        at += 1 if forward else -1
        times.append(window.evaluate(STEP, ["ArrowRight" if forward else "ArrowLeft", at]))
    window.close()
    exact = [time for time in times if time is not None]
    return {
        "fps": fps,
        "exact": f"{len(exact)} of {STEPS}",
        "median_ms": round(statistics.median(exact), 1),
        "p95_ms": round(percentile(exact, 0.95), 1),
        "max_ms": round(max(exact), 1),
    }


JOINS = """() => new Promise((resolve) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: BITS * EDGE, height: EDGE });
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  const [seen, videos] = [[], []];
  const tick = () => {
    const video = document.querySelector(".cut-stage .on-top video");
    paper.drawImage(video, 0, 0);
    const row = paper.getImageData(0, EDGE / 2, BITS * EDGE, 1).data;
    let number = 0;
    for (let bit = 0; bit < BITS; bit += 1) number = number * 2 + (row[4 * (bit * EDGE + EDGE / 2) + 1] > 128);
    if (!videos.includes(video)) videos.push(video);
    seen.push([performance.now(), videos.indexOf(video), number]);
    const isPlaying = [...document.querySelectorAll("video")].some((one) => !one.paused);
    if (isPlaying || seen.length < 60) requestAnimationFrame(tick); else resolve(seen);
  };
  tick();
})""".replace("BITS", str(N_BITS)).replace("EDGE", str(BLOCK))
"""Time in ms, shot and frame number on top, at every frame of the screen until nothing plays."""


def join_row(browser: Any, url: str, ids: Sequence[str], *, fps: float) -> dict[str, Any]:
    """How long pictures stand around the joins of a sequence, in frames more than one."""
    window = browser.new_page(viewport={"width": 1440, "height": 900})
    window.goto(f"{url}/ui/cut?add={','.join(ids)}")
    window.wait_for_selector("[data-ready='1']", timeout=180_000)
    window.keyboard.press("Home")
    window.wait_for_timeout(1500)
    window.keyboard.press("Space")
    seen = window.evaluate(JOINS)
    window.close()
    runs: list[list[float]] = []  # begin, end in ms, shot, frame
    for at, shot, number in seen:
        if runs and runs[-1][2:] == [shot, number]:
            runs[-1][1] = at
        else:
            if runs:
                runs[-1][1] = at
            runs.append([at, at, shot, number])
    gaps: list[float] = []
    off: list[int] = []
    for at, (before, after) in enumerate(itertools.pairwise(runs)):
        if before[2] != after[2]:
            around = runs[max(0, at - 2) : at + 4]
            gaps.append(max((end - begin) * fps / 1000 - 1 for begin, end, *_ in around))
            off.append(abs(int((after[3] + fps / 2) % fps - fps / 2)))  # shots begin at whole seconds
    return {
        "joins": len(gaps),
        "median_frames": round(statistics.median(gaps), 2),
        "max_frames": round(max(gaps), 2),
        "most_off": max(off),
    }


def first_paint(browser: Any, url: str, path: str, wanted: str) -> dict[str, Any]:
    """Milliseconds to an element, megabytes over the network, and live videos, with a cold cache."""
    window = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    received = [0.0]
    wire = window.context.new_cdp_session(window)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda done: received.__setitem__(0, received[0] + done["encodedDataLength"]))
    window.add_init_script(
        f"new MutationObserver((_, watch) => {{ if (document.querySelector({json.dumps(wanted)}))"
        " { window.seenAt = performance.now(); watch.disconnect(); } })"
        ".observe(document, {childList: true, subtree: true})"
    )
    window.goto(f"{url}{path}")
    window.wait_for_function("window.seenAt", timeout=60_000)
    window.wait_for_timeout(1000)
    row = {
        "first_paint_ms": round(window.evaluate("window.seenAt")),
        "received_mb": round(received[0] / 1e6, 2),
        "live_videos": window.locator("video").count(),
    }
    window.context.close()
    return row


def large_board(bench: Bench, *, n_models: int = 40, n_metrics: int = 20) -> None:
    """Scores of many tools and metrics on the clips that are there, under invented names."""
    from dataclasses import replace

    from vbench.records import clip_id

    template = bench.clips()[0]
    infos = [
        MetricInfo(
            name=f"measure_{number}",
            version=1,
            unit="points",
            higher_is_better=bool(number % 3),
            bounds=(0.0, 1.0),
            group=("temporal", "motion", "picture", "text")[number % 4],
            about="A synthetic measure.",
        )
        for number in range(n_metrics)
    ]
    bench.add_metrics(infos)
    for model in range(n_models):
        for row in range(4):
            prompt = Prompt(id=f"board-{row}", text=f"Board prompt {row}", suite="bench")
            name = f"tool-{model:02d}"
            id = clip_id(name, prompt.text, 0, template.sha256)
            bench.add_clip(replace(template, id=id, model=name, prompt=prompt))
            values = [(info, (model * 7 + row * 3 + number) % 40 / 40) for number, info in enumerate(infos)]
            bench.add_outcomes(
                Outcomes(
                    clip=id,
                    scores=tuple(Score(key=ScoreKey(clip=id, metric=i.name, version=1), value=v) for i, v in values),
                )
            )


def long_wall(bench: Bench, n: int) -> None:
    """Many clips that share a few files, as far as the wall can tell."""
    from dataclasses import replace

    from vbench.records import clip_id

    templates = bench.clips()
    for number in range(n):
        template = templates[number % len(templates)]
        prompt = Prompt(id=f"wall-{number // 10:03d}", text=f"Wall prompt {number // 10}", suite="bench")
        name = f"tool-{number % 10}"
        bench.add_clip(
            replace(template, id=clip_id(name, prompt.text, 0, template.sha256), model=name, prompt=prompt, sample=0)
        )


def measure(work: Path) -> dict[str, Any]:
    """All rows of the table."""
    wide = [
        Kind(model=f"wide-{n}", hue=n / 9, size=WIDE, n_frames=64 if n == 3 else 96, fps=16 if n == 3 else 24)
        for n in range(9)
    ]
    rates = [Kind(model=f"rate-{fps:g}", fps=fps, n_frames=64, size=WIDE) for fps in RATES]
    found: dict[str, Any] = {}
    with chromium() as browser:
        with Bench.open(work / "player") as bench:
            clips = fill(bench, wide, [Prompt(id="wide", text="Nine takes", suite="bench")])
            steps = fill(bench, rates, [Prompt(id="rates", text="Every rate", suite="bench")])
            with serving(bench) as url:
                open_takes(browser, url, [clip.id for clip in clips]).close()  # proxies are made here, once
                found["spread"] = [spread_row(browser, url, [clip.id for clip in clips[:n]]) for n in (4, 9)]
                found["step"] = [step_row(browser, url, fps, clip.id) for fps, clip in zip(RATES, steps, strict=True)]
                starts = (0.0, 1.0, 2.0, 0.0, 1.0)
                for clip, start in zip((clip for clip in clips if clip.probe.fps == 24), starts * 2, strict=False):
                    bench.set_select(Select(clip=clip.id, state="selected", ranges=((start, start + 1),)))
                used = [clip.id for clip in clips if clip.probe.fps == 24]
                found["join"] = join_row(browser, url, [used[n % len(used)] for n in range(20)], fps=24)
                long_wall(bench, 1000)
                found["wall_1000"] = first_paint(browser, url, "/ui/", ".card .poster")
        with Bench.open(work / "board") as bench:
            fill(bench, [Kind(model="base", n_frames=24)], [Prompt(id="base", text="Base", suite="bench")])
            large_board(bench)
            with serving(bench) as url:
                found["board_40x20_first"] = first_paint(browser, url, "/ui/boards?metric=measure_1", ".board tbody tr")
                found["board_40x20"] = first_paint(browser, url, "/ui/boards?metric=measure_1", ".board tbody tr")
    return found


def line(what: str, row: dict[str, Any], more: str) -> str:
    """One line of the table."""
    return f"| {what} | {row['median_ms']} | {row['p95_ms']} | {row['max_ms']} | {more} |"


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| what | median ms | p95 ms | max ms | |", "|---|---|---|---|---|"]
    lines += [line(f"spread of {row['takes']} takes", row, f"{row['n']} moments") for row in found["spread"]]
    lines += [line(f"frame step at {row['fps']:g} fps", row, f"exact {row['exact']}") for row in found["step"]]
    row = found["join"]
    what = f"| longest stand at {row['joins']} joins, in frames beyond one | {row['median_frames']} | "
    lines.append(f"{what}| {row['max_frames']} | {row['most_off']} frames off at most |")
    for key in ("wall_1000", "board_40x20_first", "board_40x20"):
        row = found[key]
        more = f"{row['received_mb']} MB, {row['live_videos']} live videos"
        lines.append(f"| {key.replace('_', ' ')} | {row['first_paint_ms']} | | | {more} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the figures as JSON too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vbench-player-") as work:
        found = measure(Path(work))
    print(table(found))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
