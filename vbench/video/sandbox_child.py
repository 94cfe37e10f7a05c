"""What runs inside the sandbox: a loop over JSON lines that looks into, shows or converts one file at a time."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vbench import video
from vbench.errors import ClipError, ItemError, OptionError
from vbench.files import write_text
from vbench.schema import to_json
from vbench.video.pictures import take_picture
from vbench.video.sandbox import FILE_BYTES, MEMORY_BYTES, OPEN_FILES
from vbench.video.stills import save_picture, sprite_sheet

EDIT_CRF = 12
"""Of copies for editing programs: what is graded and encoded again must not show a second time."""


def probe(source: str) -> dict[str, Any]:
    """The facts of a file (`records.Probe`) and the texts a tool wrote into it."""
    return {"probe": to_json(video.probe(Path(source))), "tags": video.text_tags(Path(source))}


def poster(source: str, out: str) -> None:
    """A picture for the wall."""
    video.poster(Path(source), Path(out))


def sprite(source: str, out: str) -> None:
    """A sheet for scrubbing, and beside it, as JSON, where its tiles lie; the sheet comes last."""
    sheet, info = sprite_sheet(Path(source))
    write_text(Path(out).with_suffix(".json"), json.dumps(to_json(info)))
    save_picture(sheet, Path(out))


def waveform(source: str, out: str) -> None:
    """Peaks of the sound and its loudness, as JSON."""
    write_text(Path(out), json.dumps(to_json(video.waveform(Path(source)))))


def picture(source: str, folder: str, name: str) -> dict[str, Any]:
    """Check a picture for tools and keep it in a folder; its name there, its size, and what was changed about it."""
    try:
        taken = take_picture(Path(source), Path(folder), name=name)
    except OptionError as error:
        raise ClipError(str(error), code="no_picture") from None
    return {"picture": taken.path.name, "width": taken.width, "height": taken.height, "notes": list(taken.notes)}


def proxy(source: str, out: str, height: int, silent: bool = False) -> None:
    """What browsers play and step through, without a word of who made it."""
    video.proxy(Path(source), Path(out), height=height, silent=silent)


def conform(source: str, out: str, fps: float) -> None:
    """A copy in full size whose frames an editing program can count, with what the original says of itself."""
    height = video.probe(Path(source)).height
    video.proxy(Path(source), Path(out), height=height + height % 2, fps=fps, strip=False, crf=EDIT_CRF)


def frame(source: str, out: str, t_s: float) -> None:
    """One frame as a PNG, in full size."""
    save_picture(video.extract_frame(Path(source), t_s=t_s), Path(out))


def moments(source: str, folder: str, moments_s: list[float], size: tuple[int, int]) -> None:
    """The frames on screen at some moments as `0.png`, `1.png` and so on, all of one size, in one pass."""
    for number, pixels in enumerate(video.frames_at(Path(source), moments_s, size=(size[0], size[1]))):
        save_picture(pixels, Path(folder) / f"{number}.png")


def side_by_side(sources: list[str], labels: list[str], out: str, height: int, columns: int) -> None:
    """Takes next to each other in one file."""
    paths = [Path(source) for source in sources]
    video.side_by_side(paths, labels, Path(out), height=height, columns=columns)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "probe": probe,
    "poster": poster,
    "sprite": sprite,
    "waveform": waveform,
    "picture": picture,
    "proxy": proxy,
    "conform": conform,
    "frame": frame,
    "moments": moments,
    "side_by_side": side_by_side,
}


def limit() -> None:
    """Bound what this process may take; a memory bomb fails here instead of ending the page."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (soft, soft))
    os.nice(5)  # the page comes first


def main() -> None:
    """Answer calls until the page goes away."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a codec library prints must not look like an answer
    limit()
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"value": OPERATIONS[call["operation"]](**call["arguments"])}
        except ItemError as error:
            answer = {"error": str(error), "code": error.code}
        except MemoryError:
            answer = {"error": "the file needs more memory than is allowed; re-encode it smaller", "code": "memory"}
        except OSError as error:
            answer = {"error": f"{error.strerror or error}; free space or check permissions", "code": "io"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
