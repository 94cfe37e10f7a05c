"""How much time and memory the bench adds to making clips.

    python benchmarks/generation.py hosted       200 jobs on 6 tools of 2 s each, 5 at once per tool
    python benchmarks/generation.py diffusers    beside the bare pipeline call

`hosted` answers over loopback HTTP, so that requests, polling, downloads and the journal are all in the figure.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BLOCKS = 4
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


class _Tool(BaseHTTPRequestHandler):
    """Six tools on one port: the first part of the path is the tool."""

    protocol_version = "HTTP/1.1"
    ready: dict[str, float] = {}  # noqa: RUF012  one table for the server's life
    posts: list[str] = []  # noqa: RUF012
    clip = b""
    work_s = 2.0

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        job = uuid.uuid4().hex
        self.ready[job] = time.monotonic() + self.work_s
        self.posts.append(self.path)
        self._send(json.dumps({"id": job}).encode(), "application/json")

    def do_GET(self) -> None:
        job = self.path.rpartition("/")[2]
        if "/files/" in self.path:
            self._send(self.clip, "video/mp4")
            return
        done = time.monotonic() >= self.ready[job]
        host = self.headers["Host"]
        answer = {"status": "done" if done else "running", "url": f"http://{host}/files/{job}"}
        self._send(json.dumps(answer).encode(), "application/json")

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def hosted(n_jobs: int, n_tools: int, work_s: float, concurrency: int) -> dict[str, float]:
    """Run the jobs in a process of its own and measure its time and peak memory."""
    import subprocess

    from tests.fakes.billable import tiny_clip

    _Tool.clip, _Tool.work_s = tiny_clip(), work_s
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tool)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [sys.executable, __file__, "hosted-child", "--url", f"http://127.0.0.1:{server.server_port}"]
    command += ["--jobs", str(n_jobs), "--tools", str(n_tools), "--work-s", str(work_s)]
    command += ["--concurrency", str(concurrency)]
    child = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    server.shutdown()
    found: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    per_tool = [len(range(i, n_jobs, n_tools)) for i in range(n_tools)]
    ideal = max(math.ceil(n / concurrency) for n in per_tool) * work_s
    assert len(_Tool.posts) == n_jobs, f"{len(_Tool.posts)} requests for {n_jobs} jobs"
    return found | {"ideal_s": ideal, "ratio": found["elapsed_s"] / ideal, "requests": len(_Tool.posts)}


def hosted_child(url: str, n_jobs: int, n_tools: int, concurrency: int) -> None:
    """The run itself."""
    at_start = _rss_mb()
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard
    from vbench.generate import generate
    from vbench.records import Prompt

    cards = [
        ModelCard.model_validate(
            {
                "id": f"tool-{i}",
                "name": f"Tool {i}",
                "vendor": {"name": "none"},
                "adapter": "http",
                "local": True,
                "licence": {"weights": "closed"},
                "limits": {"concurrency": concurrency},
                "options": {
                    "base_url": f"{url}/tool-{i}",
                    "create": {"path": "/videos", "body": {"prompt": "{prompt}"}, "id": "$.id"},
                    "poll": {
                        "path": "/videos/{id}",
                        "every_s": 0.25,
                        "state": "$.status",
                        "states": {"running": "running", "done": "succeeded"},
                    },
                    "result": {"url": "$.url"},
                },
            }
        )
        for i in range(n_tools)
    ]
    n_each = [len(range(i, n_jobs, n_tools)) for i in range(n_tools)]
    prompts = [Prompt(id=f"p{i}", text=f"a fox number {i}") for i in range(max(n_each))]
    with tempfile.TemporaryDirectory() as folder, Bench.open(folder) as bench:
        full = [card for card, n in zip(cards, n_each, strict=True) if n == len(prompts)]
        fewer = [card for card, n in zip(cards, n_each, strict=True) if n < len(prompts)]
        started = time.perf_counter()
        reports: list[Any] = []
        threads = [
            threading.Thread(target=lambda c, p: reports.append(generate(bench, models=c, prompts=p)), args=pair)
            for pair in ((full, prompts), (fewer, prompts[:-1]))
            if pair[0]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - started
        assert sum(report.made for report in reports) == n_jobs, [report.states for report in reports]
    print(json.dumps({"elapsed_s": elapsed, "cpu_s": time.process_time(), "memory_mb": _rss_mb() - at_start}))


def diffusers(n_clips: int, steps: int) -> dict[str, float]:
    """Seconds per clip of a tiny pipeline, bare and through generate, in blocks that take turns."""
    import torch
    from diffusers import DiffusionPipeline

    from tests.fakes import tiny_pipelines
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard
    from vbench.generate import generate
    from vbench.generate.plan import make_adapter
    from vbench.records import Prompt

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = tiny_pipelines.save("wan", folder / "weights")
        options = dict(tiny_pipelines.OPTIONS["wan"]) | {"repo": str(weights), "dtypes": {"default": "float32"}}
        options["defaults"] = {"width": 128, "height": 128, "frames": 17, "fps": 16}
        options["call"] = options["call"] | {"num_inference_steps": steps}
        card = ModelCard.model_validate(
            {
                "id": "tiny",
                "name": "Tiny",
                "vendor": {"name": "none"},
                "adapter": "diffusers",
                "local": True,
                "licence": {"weights": "none"},
                "options": options,
            }
        )
        bare = DiffusionPipeline.from_pretrained(weights)
        bare.scheduler = type(bare.scheduler).from_config(bare.scheduler.config, flow_shift=3.0)
        bare.set_progress_bar_config(disable=True)
        call = options["call"] | {"width": 128, "height": 128, "num_frames": 17, "output_type": "np"}

        def call_bare(prompt: Prompt, seed: int) -> float:
            started = time.perf_counter()
            bare(prompt=prompt.text, generator=torch.Generator("cpu").manual_seed(seed), **call)
            return time.perf_counter() - started

        adapter: Any = make_adapter(card)
        close, adapter.close = adapter.close, lambda: None  # loaded once, as in one long run
        with Bench.open(folder / "bench") as bench:
            generate(bench, models=[card], prompts=[Prompt(id="warm", text="warm up")], make=lambda _card: adapter)
            call_bare(Prompt(id="warm", text="warm up"), 0)
            ours, theirs = [], []
            for block in range(BLOCKS):
                prompts = [Prompt(id=f"p{block}-{i}", text=f"a red fox {block} {i}") for i in range(n_clips)]
                theirs.append(sum(call_bare(prompt, block) for prompt in prompts) / n_clips)
                started = time.perf_counter()
                generate(bench, models=[card], prompts=prompts, seeds=[block], make=lambda _card: adapter)
                ours.append((time.perf_counter() - started) / n_clips)
            clips = [clip for clip in bench.clips() if clip.prompt.id != "warm"]
            parts = {
                part: min(clip.provenance.extra[part] for clip in clips)
                for part in ("encode_s", "denoise_s", "decode_s", "write_s")
            }
        close()
    bare_s, bench_s = min(theirs), min(ours)  # what else runs on the machine only ever adds
    pipeline_s = parts["encode_s"] + parts["denoise_s"] + parts["decode_s"]
    return {
        "bare_s": bare_s,
        "bench_s": bench_s,
        "overhead_s": bench_s - bare_s,
        "overhead": bench_s / bare_s - 1,
        "pipeline_inside_the_bench": pipeline_s / bare_s - 1,
        "write_s": parts["write_s"],
    }


def _rss_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["hosted", "hosted-child", "diffusers"])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--tools", type=int, default=6)
    parser.add_argument("--work-s", type=float, default=2.0)
    parser.add_argument("--concurrency", type=int, default=5)
    parser.add_argument("--clips", type=int, default=4, help="per block")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--url", default="")
    args = parser.parse_args()
    if args.what == "hosted-child":
        hosted_child(args.url, args.jobs, args.tools, args.concurrency)
        return
    if args.what == "hosted":
        found = hosted(args.jobs, args.tools, args.work_s, args.concurrency)
    else:
        found = diffusers(args.clips, args.steps)
    for name, value in found.items():
        print(f"{name:<28}{value:.4g}")


if __name__ == "__main__":
    main()
