"""How near to ideal a judge is kept busy: many clips, a dozen questions each, an endpoint that takes a second a call.

    python benchmarks/judge.py [--clips 1000] [--questions 12] [--latency 1.0] [--at-once 16]

Method: small clips are drawn once, each of another seed and prompt; an endpoint in a process of its own speaks the
chat protocol over loopback, takes `--latency` for each call and says that everything is seen. Ideal is calls x latency
/ calls at once, with one call a clip. The figure holds reading questions, decoding and packing frames, requests, the
journal of calls and the answers' rows. Processor time is that of the judging process and its children.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CARD = """
name: An endpoint that takes its time
vendor: {{name: none}}
adapter: openai
local: true
licence: {{weights: none}}
concurrency: {at_once}
frames: {{even: 6}}
options: {{base_url: "http://127.0.0.1:{port}/v1", model: m}}
"""


class _Judge(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    latency_s = 1.0

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = sent["messages"][1]["content"][-1]["text"]
        n = sum(line.startswith('{"id"') for line in asked.splitlines())
        one = {"verdict": "seen", "t_s": 0.5, "box": None, "confidence": 0.9, "reason": "it is there"}
        reply = json.dumps({"answers": [{"id": f"q{i + 1}", **one} for i in range(n)]})
        time.sleep(self.latency_s)
        usage = {"prompt_tokens": 1000, "completion_tokens": 100}
        answer = {"model": "m", "choices": [{"message": {"content": reply}, "finish_reason": "stop"}], "usage": usage}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Endpoint(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def serve(latency_s: float) -> None:
    """Answer until the process is ended; the port is the first line written."""
    _Judge.latency_s = latency_s
    server = _Endpoint(("127.0.0.1", 0), _Judge)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.latency)
    words = [sys.executable, __file__, "--serve", "--latency", str(options.latency)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as endpoint:
        try:
            assert endpoint.stdout is not None
            port = int(endpoint.stdout.readline())
            with tempfile.TemporaryDirectory(prefix="vbench-benchmark-") as name:
                print(json.dumps(measure(Path(name), port, options), indent=1))
        finally:
            endpoint.terminate()
    return None


def measure(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """Draw the clips, judge them, and hold the time against the ideal."""
    import numpy as np

    from vbench.bench import Bench
    from vbench.importing import import_folder
    from vbench.judge import judge
    from vbench.video import write_clip

    films = folder / "films" / "made"
    films.mkdir(parents=True)
    things = ["boat", "bird", "lamp", "tree", "cup", "dog", "car", "door", "cloud", "horse", "chair", "wheel", "fish"]
    lines = []
    for i in range(options.clips):
        draw = np.random.default_rng(i)
        picture = np.kron(draw.integers(0, 255, (9, 12, 3)), np.ones((10, 10, 1))).astype(np.uint8)
        frames = [np.roll(picture, step, axis=1) for step in range(12)]
        write_clip(frames, films / f"clip{i}-0.mp4", fps=12, preset="ultrafast")
        questions = [
            {"id": f"q{n}", "kind": "presence", "text": f"Is {things[n % len(things)]} number {n} seen?"}
            for n in range(options.questions)
        ]
        lines.append(json.dumps({"id": f"clip{i}", "text": f"scene number {i}", "questions": questions}))
    (folder / "films" / "prompts.jsonl").write_text("\n".join(lines))
    card = folder / "bench-judge.yaml"
    card.write_text(CARD.format(at_once=options.at_once, port=port))
    with Bench.open(folder / "bench") as bench:
        import_folder(bench, folder / "films", link=True)
        started, before = time.perf_counter(), _cpu_s()
        report = judge(bench, with_=[str(card)])
        seconds, cpu_s = time.perf_counter() - started, _cpu_s() - before
    ideal = report.n_requests * options.latency / options.at_once
    return {
        "clips": options.clips,
        "questions": report.n_questions,
        "requests": report.n_requests,
        "failures": dict(report.failures),
        "at_once": options.at_once,
        "seconds": round(seconds, 2),
        "ideal_s": round(ideal, 2),
        "ratio": round(seconds / ideal, 3),
        "cpu_ms_per_clip": round(1000 * cpu_s / options.clips, 1),
    }


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
