"""What `compare`, `regress` and `gate` are given: a tool of a bench, another bench, a bundle, or a folder of clips."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.files import home_expanded
from vbench.importing import import_folder
from vbench.importing.scan import scan_folder
from vbench.publish.bundle import opened_bundle
from vbench.records import Prompt
from vbench.registry import did_you_mean

BENCH_FILE = "bench.db"


@contextmanager
def opened_side(text: str, *, bench: Path | None = None, tool: str = "") -> Iterator[tuple[Bench, str]]:
    """The bench and the tool that a word of a command means, open while the block runs.

    Args:
        text: The folder of a bench, a bundle, a folder of clips, or the label of a tool of `bench`.
        bench: Where tools are looked up; as for `Bench.open`.
        tool: Which, where a bench or folder holds several.

    Raises:
        OptionError: it is none of these, or holds several tools and `tool` names none of them.
    """
    path = home_expanded(text)
    with ExitStack() as stack:
        if path.is_dir():
            opened = stack.enter_context(_bench_at(path) if (path / BENCH_FILE).is_file() else _bench_of_folder(path))
            yield opened, _only_tool(opened, text, tool)
        elif path.is_file():
            opened = stack.enter_context(opened_bundle(path))
            yield opened, _only_tool(opened, text, tool)
        else:
            if not Bench.exists(bench):
                raise OptionError(
                    f"{text!r} is no folder or bundle, and there is no bench whose tool it could be; see `bench=`"
                )
            opened = stack.enter_context(Bench.open(bench, create=False))
            if text not in (known := opened.models()):
                near = did_you_mean(text, sorted(known))
                raise OptionError(f"{text!r} is no folder or bundle, and {opened.root} has no such tool; {near}")
            yield opened, text


def _bench_at(path: Path) -> Bench:
    """The bench in a folder, whatever database the environment names for others."""
    return Bench.open(path, db=f"sqlite:///{path.resolve() / BENCH_FILE}", media=str(path.resolve()), create=False)


@contextmanager
def _bench_of_folder(folder: Path) -> Iterator[Bench]:
    """A bench for as long as the block runs, over the clips of a folder where they lie.

    A `prompts.*` beside them says what they were made for; without one, a file's name is its prompt, so that
    ``fox-0.mp4`` of one folder is paired with ``fox-0.mp4`` of another.
    """
    has_suite = any(folder.glob("prompts.*"))
    prompts = None if has_suite else _prompts_by_name(folder)
    with tempfile.TemporaryDirectory(prefix="vbench-side-") as root, _bench_at_new(Path(root)) as bench:
        report = import_folder(bench, folder, prompts=prompts, link=True)
        if not bench.n_clips():
            why = next((item.reason for item in report.items if item.reason), "it holds no video file")
            raise OptionError(f"{folder}: no clip could be read there ({why})")
        yield bench


def _bench_at_new(root: Path) -> Bench:
    return Bench.open(root, db=f"sqlite:///{root / BENCH_FILE}", media=str(root))


def _prompts_by_name(folder: Path) -> list[Prompt]:
    names = {re.sub(r"-[0-9]{1,6}$", "", file.parts[-1]) for file in scan_folder(folder.resolve()).clips}
    return [Prompt(id=name, text=name, suite="names") for name in sorted(names)]


def _only_tool(bench: Bench, text: str, tool: str) -> str:
    known = sorted({clip.model for clip in bench.ranked_clips()})
    if tool:
        if tool not in known:
            raise OptionError(f"{text} has no clip of {tool!r}; {did_you_mean(tool, known)}")
        return tool
    if len(known) != 1:
        raise OptionError(f"{text} has clips of {len(known)} tools ({', '.join(known[:6])}); say which with `tool=`")
    return known[0]
