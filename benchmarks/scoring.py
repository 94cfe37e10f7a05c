"""How fast clips are scored, against the decoding of the same files.

Method: `--clips` files are made once (moving texture and shapes with grain, H.264 CRF 18, 5 s at 24 fps, 1280 x 720
unless said otherwise), or the video files of `--folder` are taken. A *decode-only* pass reads every frame of every file
and touches no pixel, in as many processes as scoring uses, by the decoder that scores (`decode.backend`; torchcodec
converts to RGB as it decodes, which PyAV leaves out here); then a fresh bench scores them with the given preset. Both
passes are timed from before their processes start to after they end, twice in turns, and the faster of each counts.
Shares are process seconds summed over decode processes; what neither decodes nor computes features (start of
processes, metrics, database) is the rest. Peak memory is the largest sum of the resident sets of this process and its
children, sampled every 50 ms while scoring.

The floor is the decode-only time where no backbone runs. With a backbone it is the longer of decode-only and FLOPs /
measured matmul rate (4096 x 4096, in the precision that is used); FLOPs are counted on the loaded models by
`torch.utils.flop_counter`.

`--host-only` leaves the device out: every backbone answers at once with what it gave for the first frame of that size,
and texts are left out, so that what remains is what the scoring process itself spends per clip, on the thread that
feeds the device and in all. It bounds the clips per second of any device.

`--threads` looks fifty times a second where each thread of the scoring process stands, and gives the seconds by place.

`--weights random` builds CLIP ViT-B/32, DINOv2-base and RAFT large from their configurations with random weights: as
fast as the published ones, since no kernel looks at the values, while the scores mean nothing. Nothing is downloaded.

    python benchmarks/scoring.py --clips 8 --workers 2
    python benchmarks/scoring.py --preset standard --weights random --device cuda
    python benchmarks/scoring.py --preset standard --set clip.model=PATH --set dino.model=PATH --device cuda
    python benchmarks/scoring.py --preset standard --weights random --set flow.backend=raft --host-only
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import vbench
from vbench.bench import Bench
from vbench.contracts import Settings
from vbench.extract.decode import backend_of, decode_on
from vbench.importing import import_folder
from vbench.records import Probe
from vbench.score import ScoreSpec, score
from vbench.score.spec import cores, devices
from vbench.selftest import textured_pan
from vbench.video import write_clip

DECODE = """
import pickle, sys
from vbench.video import read_frames
from vbench.video.device_frames import read_device_frames

clips, device = pickle.load(sys.stdin.buffer)
if device is None:
    print(sum(1 for path, _ in clips for _ in read_frames(path, threads=1)))
else:
    print(sum(1 for path, facts in clips for _ in read_device_frames(path, facts, device=device)))
"""


def make_clips(folder: Path, n: int, width: int, height: int, seconds: float) -> None:
    """Files in the layout of an import."""
    (folder / "made").mkdir(parents=True)
    with ProcessPoolExecutor(cores()) as pool:
        list(pool.map(partial(make_clip, folder / "made", width, height, seconds), range(n)))
    prompts = [{"id": f"clip{i}", "text": f"texture number {i}"} for i in range(n)]
    (folder / "prompts.jsonl").write_text("\n".join(json.dumps(prompt) for prompt in prompts))


def make_clip(folder: Path, width: int, height: int, seconds: float, i: int) -> None:
    """One of the files, always the same."""
    grain = np.random.default_rng(i).normal(0, 2, (height, width, 1))
    frames = textured_pan(round(seconds * 24), width, height, seed=i, speed=2.0)
    noisy = (np.clip(f + np.roll(grain, (7 * k, 3 * k), (0, 1)), 0, 255).astype(np.uint8) for k, f in enumerate(frames))
    write_clip(noisy, folder / f"clip{i}-0.mp4", fps=24, crf=18, preset="fast")


def random_weights(folder: Path) -> dict[str, str]:
    """Backbones of the standard preset at their real size, and the settings that point to them."""
    import torch
    from torchvision.models.optical_flow import raft_large
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, Dinov2Config, Dinov2Model

    from vbench.features.raft import RAFT

    torch.manual_seed(0)
    # the tokenizer of the small CLIP in the package; texts are a negligible part
    clip, tiny = folder / "clip", Path(vbench.__file__).parent / "data" / "tiny-clip"
    special = json.loads((tiny / "config.json").read_text())["text_config"]
    ids = {name: special[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in special}
    CLIPModel(CLIPConfig(text_config=ids)).save_pretrained(clip)
    CLIPImageProcessor().save_pretrained(clip)
    for file in tiny.glob("*token*"):
        shutil.copy(file, clip)
    Dinov2Model(Dinov2Config(image_size=518)).save_pretrained(folder / "dino")
    torch.save(raft_large(weights=None).state_dict(), folder / RAFT.name)
    return {"clip.model": str(clip), "dino.model": str(folder / "dino"), "raft.model": str(folder / RAFT.name)}


def decode_only(clips: list[tuple[Path, Probe]], workers: int, device: str | None) -> tuple[float, int]:
    """Seconds and frames of reading all files in `workers` processes, by PyAV or by torchcodec on a device."""
    started = time.perf_counter()
    processes = []
    for i in range(min(workers, len(clips))):
        process = subprocess.Popen([sys.executable, "-c", DECODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        pickle.dump((clips[i::workers], device), process.stdin)
        process.stdin.close()
        processes.append(process)
    n_frames = 0
    for process in processes:
        assert process.stdout is not None
        n_frames += int(process.stdout.read())
        process.wait()
    return time.perf_counter() - started, n_frames


class PeakMemory:
    """Largest resident memory of this process and its children, in bytes."""

    def __enter__(self) -> PeakMemory:
        self.peak, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, sum(resident(pid) for pid in tree(os.getpid())))


class ThreadStands:
    """Where the threads of this process stand, by looking fifty times a second: seconds by thread and place."""

    def __init__(self, wanted: bool) -> None:
        self.seconds: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._wanted = wanted

    def __enter__(self) -> ThreadStands:
        if self._wanted:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._wanted:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            names = {thread.ident: thread.name.rstrip("0123456789_-") for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if ident != threading.get_ident():
                    self.seconds[f"{names.get(ident, 'ended')}: {place(frame)}"] += 0.02

    def most(self, n: int = 20) -> dict[str, float]:
        """The longest stands of the main thread, then those of all others."""
        rows = [(name, round(seconds, 2)) for name, seconds in self.seconds.most_common()]
        main = [row for row in rows if row[0].startswith("MainThread")]
        others = [row for row in rows if not row[0].startswith("MainThread")]
        return dict(main[:n] + others[:n])


def place(frame: FrameType | None) -> str:
    """The function a thread is in, and the innermost of ours that called it."""
    assert frame is not None
    inner = f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"
    while frame is not None and "vbench" not in Path(frame.f_code.co_filename).parts:
        frame = frame.f_back
    return inner if frame is None else f"{inner} < {Path(frame.f_code.co_filename).stem}:{frame.f_lineno}"


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    processes = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                processes += tree(int(child))
        except OSError:
            continue
    return processes


def resident(pid: int) -> int:
    """Bytes; 0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def matmul_rate(device: str, precision: str) -> float:
    """FLOP/s of a large matrix product."""
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    n = 4096 if device != "cpu" else 2048
    a = torch.randn(n, n, device=device, dtype=dtype)
    for _ in range(2):
        a @ a
    if device != "cpu":
        torch.cuda.synchronize()
    started, n_runs = time.perf_counter(), 20 if device != "cpu" else 5
    for _ in range(n_runs):
        a @ a
    if device != "cpu":
        torch.cuda.synchronize()
    return 2 * n**3 * n_runs / (time.perf_counter() - started)


def count_flops(settings: dict[str, str], device: str, preset: str) -> dict[str, float]:
    """FLOPs of each backbone of a preset per second of a 16:9 clip at 24 fps."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from vbench.contracts import AllFrames, DeviceFeature, Every
    from vbench.score.plan import make_plan

    plan, flops = make_plan(ScoreSpec(preset=preset, settings=settings), device=device), {}
    for feature in plan.features.values():
        if not isinstance(feature, DeviceFeature):
            continue
        encoder, request = feature.load(), feature.request()
        width, height = (request.crop, request.crop) if request.crop else request.size(1280, 720)
        n, window = (1, 1) if encoder.window == 1 else (8, encoder.window)  # windows share what is done per frame
        frames = torch.zeros((encoder.hop * (n - 1) + window, 3, height, width), dtype=torch.uint8, device=device)
        starts = torch.arange(n, device=device)[:, None] * encoder.hop
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            if window == 1:
                encoder.encode(frames)
            else:
                encoder.encode_windows(frames, starts + torch.arange(window, device=device))
        sampling = request.sampling
        rate = 1 / sampling.seconds if isinstance(sampling, Every) else 24.0 if isinstance(sampling, AllFrames) else 0.2
        flops[feature.name] = counter.get_total_flops() / n * rate / encoder.hop
    return flops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--preset", default="offline")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--weights", choices=["random"], help="models of real size instead of published weights")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--host-only", action="store_true", help="backbones that take no time")
    parser.add_argument("--threads", action="store_true", help="where the scoring process's threads stood, in seconds")
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    settings = dict(pair.split("=", 1) for pair in options.set)
    with tempfile.TemporaryDirectory(prefix="vbench-benchmark-") as name:
        folder = options.folder or Path(name) / "clips"
        if options.folder is None:
            width, height = map(int, options.size.split("x"))
            make_clips(folder, options.clips, width, height, options.seconds)
        if options.weights:
            settings = random_weights(Path(name) / "weights") | settings
        measured = host_only if options.host_only else compare
        print(json.dumps(measured(folder, Path(name), options, settings), indent=1))


def compare(folder: Path, scratch: Path, options: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """Both passes, and what comes of them."""
    best: dict[str, float] = {}
    report = None
    where: dict[str, float] = {}
    chosen = Settings(settings, devices(options.device)[0])
    spec = ScoreSpec(
        preset=options.preset,
        device=options.device,
        workers=options.workers,
        settings=settings,
        precision=options.precision,
        compile=options.compile,
    )
    for run in range(options.runs):
        with Bench.open(scratch / f"bench{run}") as bench:
            import_folder(bench, folder, link=True)
            clips = bench.clips()
            files = [(bench.clip_path(clip), clip.probe) for clip in clips]
            seconds, n_frames = decode_only(files, options.workers, decode_on(chosen))
            best["decode_only_s"] = min(seconds, best.get("decode_only_s", seconds))
            with PeakMemory() as memory, ThreadStands(options.threads) as stands:
                started = time.perf_counter()
                scored = score(bench, spec)
                seconds = time.perf_counter() - started
            best["peak_mb"] = max(memory.peak / 2**20, best.get("peak_mb", 0.0))
            if report is None or seconds < best["score_s"]:
                best["score_s"], report, where = seconds, scored, stands.most()
    assert report is not None
    busy = best["score_s"] * min(options.workers, len(files))
    result: dict[str, Any] = {
        "preset": options.preset,
        "load_average": round(os.getloadavg()[0], 1),
        "device": options.device,
        "decoder": backend_of(chosen),
        "precision": precision_of(options),
        "workers": options.workers,
        "clips": len(files),
        "clip_seconds": round(sum(clip.probe.duration_s for clip in clips), 2),
        "frames": n_frames,
        **{name: round(value, 2) for name, value in best.items()},
        "clips_per_s": round(len(files) / best["score_s"], 3),
        "ratio_to_decode_only": round(best["score_s"] / best["decode_only_s"], 2),
        "share_decode": round(report.timing.decode_s / busy, 3),
        "share_features": round(report.timing.feature_s / busy, 3),
        "device_s": round(report.timing.device_s, 2),
        "scores": report.n_scores,
        **({"threads": where} if options.threads else {}),
    }
    if options.preset != "offline":
        device = "cuda:0" if options.device.startswith("cuda") else "cpu"
        per_s = count_flops(settings, device, options.preset)
        flops = sum(per_s.values()) * result["clip_seconds"]
        rate = matmul_rate(device, precision_of(options))
        result |= {
            "gflop_per_clip_second": {name: round(value / 1e9, 1) for name, value in per_s.items()},
            "backbone_tflop": round(flops / 1e12, 3),
            "matmul_tflops": round(rate / 1e12, 3),
            "backbone_floor_s": round(flops / rate, 2),
            "share_of_matmul_rate": round(flops / rate / max(report.timing.device_s, 1e-9), 3),
        }
    return result


def precision_of(options: argparse.Namespace) -> str:
    """What `auto` means on the device."""
    if options.precision != "auto":
        return str(options.precision)
    return "bf16" if options.device.startswith("cuda") else "fp32"


class Instant:
    """An encoder that gives for every frame what it gave for the first of its size."""

    def __init__(self, encoder: Any) -> None:
        self._encoder, self._made = encoder, {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, frames: Any) -> Any:
        shape = tuple(frames.shape[1:])
        if shape not in self._made:
            self._made[shape] = self._encoder.encode(frames[:1])
        return self._made[shape].expand(len(frames), *self._made[shape].shape[1:])

    def encode_windows(self, frames: Any, windows: Any) -> Any:
        shape = tuple(frames.shape[1:])
        if shape not in self._made:
            self._made[shape] = self._encoder.encode_windows(frames, windows[:1])
        return self._made[shape].expand(len(windows), *self._made[shape].shape[1:])


def host_only(folder: Path, scratch: Path, options: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """What the scoring process spends per clip where backbones take no time."""
    from vbench.contracts import DeviceFeature, TextFeature
    from vbench.extract.extraction import Timing, Wanted, extract
    from vbench.score.plan import make_plan

    with Bench.open(scratch / "bench") as bench:
        import_folder(bench, folder, link=True)
        wanted = [Wanted(path=bench.clip_path(clip), probe=clip.probe, prompt=clip.prompt) for clip in bench.clips()]
    plan = make_plan(ScoreSpec(preset=options.preset, settings=settings))
    features = [feature for feature in plan.features.values() if not isinstance(feature, TextFeature)]
    for feature in features:
        if isinstance(feature, DeviceFeature):
            encoder = Instant(feature.load())
            feature.load = lambda encoder=encoder: encoder  # type: ignore[method-assign]
    list(extract(wanted[:1], features, workers=1))  # the first frame of each size
    timing, started, cpu = Timing(), time.perf_counter(), time.process_time()
    list(extract(wanted, features, workers=options.workers, timing=timing))
    return {
        "preset": options.preset,
        "load_average": round(os.getloadavg()[0], 1),
        "workers": options.workers,
        "clips": len(wanted),
        "seconds_per_clip": round((time.perf_counter() - started) / len(wanted), 3),
        "feeding_thread_s_per_clip": round(timing.device_s / len(wanted), 3),
        "process_cpu_s_per_clip": round((time.process_time() - cpu) / len(wanted), 3),
        "decode_processes_s_per_clip": round((timing.decode_s + timing.feature_s) / len(wanted), 3),
    }


if __name__ == "__main__":
    main()
