"""The takes of a prompt as a notebook shows them: the page's player in a frame where one runs, and a table."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from vbench.bench import Bench
from vbench.errors import ClipError, OptionError
from vbench.records import Clip
from vbench.registry import did_you_mean
from vbench.tasks.copies import POSTER
from vbench.video.sandbox import Sandbox

MOST_TAKES = 9
"""That the player shows at once."""
FRAME_HEIGHT = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTake:
    """One take in a notebook."""

    clip: Clip
    overall: float | None
    state: str
    poster: bytes
    """A WebP; empty: none could be made."""
    problem: str = ""
    """Why there is no picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPrompt:
    """What `Bench.show` gives."""

    text: str
    takes: tuple[ShownTake, ...]
    page: str
    """Address of a running page; empty: none."""

    def _repr_html_(self) -> str:
        rows = "".join(_row(take) for take in self.takes)
        heads = "".join(f"<th>{head}</th>" for head in ("", "tool", "take", "seconds", "overall", "choice"))
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        ids = ",".join(take.clip.id for take in self.takes[:MOST_TAKES])
        frame = (
            f'<iframe src="{escape(self.page)}/ui/compare?takes={quote(ids, safe=",")}" width="100%" '
            f'height="{FRAME_HEIGHT}" title="vbench"></iframe>'
            if self.page
            else ""
        )
        return f"<p>{escape(self.text)}</p>{frame}{table}"


def show(bench: Bench, prompt: str, *, page: str = "") -> ShownPrompt:
    """The takes of a prompt.

    Args:
        bench: Where they are.
        prompt: Id of the prompt.
        page: Address of a page over this bench that may be framed (``vbench ui --framed-by ADDRESS-OF-THE-NOTEBOOK``);
            empty: a table with pictures alone.

    Raises:
        OptionError: no take is of such a prompt, or the address is none.
    """
    if page and not page.startswith(("http://", "https://")):
        raise OptionError(f"`page=` is {page!r}; expected an address, such as http://localhost:7860")
    clips = bench.clips(prompt_ids=[prompt])
    if not clips:
        known = sorted({clip.prompt.id for clip in bench.clips()})
        raise OptionError(f"`prompt=` is {prompt!r}, of which there is no take; {did_you_mean(prompt, known)}")
    overall = {score.key.clip: score.value for score in bench.score_records(metrics=["overall"])}
    choices = bench.last_selects()
    sandbox = Sandbox()
    try:
        takes = []
        for clip in clips:
            poster, problem = _poster(bench, clip, sandbox)
            state = choices[clip.id].state if clip.id in choices else ""
            value = overall.get(clip.id)
            takes.append(ShownTake(clip=clip, overall=value, state=state, poster=poster, problem=problem))
    finally:
        sandbox.close()
    return ShownPrompt(text=clips[0].prompt.text, takes=tuple(takes), page=page.rstrip("/"))


def _poster(bench: Bench, clip: Clip, sandbox: Sandbox) -> tuple[bytes, str]:
    """The picture of a take, made where it is not there; or none, and why."""
    out = bench.media.derived(clip.sha256, "poster.webp")
    try:
        if not out.exists():
            arguments = {"source": str(bench.clip_path(clip)), "out": str(out)}
            sandbox.call(POSTER.operation, arguments, limit_s=POSTER.limit_s)
        return out.read_bytes(), ""
    except FileNotFoundError:
        return b"", "the file is gone"
    except ClipError as error:
        return b"", str(error)


def _row(take: ShownTake) -> str:
    picture = escape(take.problem)
    if take.poster:
        data = base64.b64encode(take.poster).decode()
        picture = f'<img src="data:image/webp;base64,{data}" height="90" alt="">'
    overall = "" if take.overall is None else f"{take.overall:.1f}"
    seconds = f"{take.clip.probe.duration_s:.2f}"
    cells = (take.clip.model, str(take.clip.sample), seconds, overall, take.state)
    return f"<tr><td>{picture}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
