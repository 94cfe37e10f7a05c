"""What a same-seed regression costs beside decoding its clips: at most twice the time to decode both to RGB.

Run: python -P benchmarks/regression.py [pairs of 5 s of 720p; default 4]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from vbench.score.difference import differences
from vbench.video import read_frames, write_clip


def scene(path: Path, crf: int) -> Path:
    """Five seconds of 720p: soft shapes that drift."""
    rng = np.random.default_rng(3)
    wide = cv2.GaussianBlur(rng.uniform(0, 255, (720, 1400, 3)).astype(np.float32), (0, 0), 9)
    wide = ((wide - wide.min()) / np.ptp(wide) * 255).astype(np.uint8)
    write_clip((np.ascontiguousarray(wide[:, i : i + 1280]) for i in range(120)), path, fps=24, crf=crf)
    return path


def main() -> None:
    """Print CPU seconds of both, which other work on the machine does not move."""
    n_pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        a, b = scene(Path(folder) / "a.mp4", 16), scene(Path(folder) / "b.mp4", 30)
        begun = time.process_time()
        for _ in range(n_pairs):
            for path in (a, b):
                for frame in read_frames(path, threads=1):
                    frame.rgb()
        decoded = time.process_time() - begun
        begun = time.process_time()
        for _ in range(n_pairs):
            differences(a, [b])
        measured = time.process_time() - begun
    print(
        f"{n_pairs} pairs: decode {decoded:.1f} s, regression {measured:.1f} s of CPU: {measured / decoded:.2f} times"
    )


if __name__ == "__main__":
    main()
