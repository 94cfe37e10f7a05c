"""A tool that is a program on this machine: an argument list with placeholders, run in a process group of its own."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from vbench.adapters.contract import Adapter, Missing
from vbench.adapters.program import Programs, tail
from vbench.adapters.secrets import remember
from vbench.adapters.values import FrameRule, image_sha256, local_setting, local_values
from vbench.catalog.wishes import Granted, grant
from vbench.errors import JobError, OptionError
from vbench.files import VIDEO_SUFFIXES
from vbench.records import Handle, Plan, Provenance, Request, Setting, Status
from vbench.schema import Strict

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "CUDA_VISIBLE_DEVICES", "HF_HOME")
"""Environment that every program gets; anything else, keys above all, only where the card names it."""
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
PICTURES = ("image", "last_image", "reference")
HERE = ("out", "out_dir", "prompt_file", "negative_file")
"""Placeholders whose value is known only when the program starts."""


class CommandOptions(Strict):
    """The `options` of a card whose adapter is ``command``."""

    argv: list[str | list[str]] = Field(min_length=1)
    """The program and its arguments; an inner list is left out where one of its placeholders has no value.

    ``{prompt} {negative} {seed} {seconds} {frames} {fps} {width} {height} {image} {last_image} {reference} {out}
    {out_dir} {prompt_file} {negative_file}``. A prompt may begin with a dash: prefer ``--prompt={prompt}`` or
    ``{prompt_file}``. An inner list with ``{reference}`` stands there once for each reference picture.
    """
    cwd: str = ""
    """Folder it is started in."""
    env: list[str] = Field(default_factory=list)
    """Further environment variables that are passed on."""
    set_env: dict[str, str] = Field(default_factory=dict)
    version: str = ""
    """Of the program and its weights: part of a job's identity."""
    frames: FrameRule = Field(default_factory=FrameRule)
    timeout_s: float = Field(default=3600.0, gt=0)


class CommandAdapter(Adapter):
    """Runs the program in an empty folder and takes the newest video it left there."""

    is_local = True
    lane = "device"
    options_model = CommandOptions

    def __init__(self, card: ModelCard) -> None:
        """Check the card's argument list.

        Raises:
            CatalogError: a placeholder has no value, or an argument mixes a prompt and a path.
        """
        super().__init__(card)
        self.options = card.options_as(CommandOptions)
        known = {*HERE, *PICTURES, "prompt", "negative", "seed", "seconds", "frames", "fps", "width", "height"}
        for text in _flat(self.options.argv):
            names = PLACEHOLDER.findall(text)
            if {"prompt", "negative", *PICTURES} & set(names) and set(HERE) & set(names):
                raise card.complaint(
                    f"options.argv: {text!r} mixes a prompt and a path; make two arguments of it", "options", "argv"
                )
            for name in names:
                if name not in known:
                    raise card.complaint(
                        f"options.argv: no value is called {{{name}}}; there are {', '.join(sorted(known))}",
                        "options",
                        "argv",
                    )
        self._programs = Programs(card.id)

    @classmethod
    def missing(cls, card: ModelCard) -> tuple[Missing, ...]:
        """Keys, and the program itself."""
        argv = card.options.get("argv") or [""]
        lacks = super().missing(card)
        if isinstance(argv, list) and "{" not in str(argv[0]) and shutil.which(str(argv[0])) is None:
            lacks += (Missing(kind="program", message=f"no program {argv[0]!r} on the path"),)
        return lacks

    def plan(self, request: Request) -> Plan:
        """The argument list, but for paths.

        Raises:
            OptionError: a placeholder has no value, neither from the request nor from the card's defaults.
        """
        granted = grant(self.card, request)
        values = self._values(request, granted)
        argv, with_paths = self._filled(values)
        body = {
            "argv": argv,
            "with_paths": with_paths,
            "prompt": granted.text,
            "negative": granted.negative,
            "cwd": self.options.cwd,
            "set_env": dict(self.options.set_env),
            "timeout_s": self.options.timeout_s,
        }
        shown = {str(path.resolve()): image_sha256(path) for path in self._pictures(request)}
        identity = {name: value for name, value in body.items() if name != "timeout_s"}
        identity["argv"] = [_with_paths(arg, shown) for arg in argv]  # what pictures show, not where they lie
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body,
            identity=identity | {"version": self.options.version},
            warnings=granted.warnings,
            cost_usd=0.0,
            sends=local_setting(values) if "{frames}" in str(self.options.argv) else Setting(),
        )

    def submit(self, plan: Plan) -> Handle:
        """A handle that holds the whole call: the program runs in `fetch`, again where a run was killed."""
        data = {"body": dict(plan.body), "seed": plan.request.seed, "warnings": list(plan.warnings)}
        return Handle(id=uuid.uuid4().hex, data=data)

    def poll(self, handle: Handle) -> Status:
        """Always ready: the work is done in `fetch`."""
        return Status(state="succeeded")

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Run the program; its output goes to a log beside the clip.

        Raises:
            JobError: it cannot be started, fails, takes too long, or leaves no video.
        """
        body = handle.data["body"]
        log = out.with_name(out.name + ".log")
        with tempfile.TemporaryDirectory(prefix="vbench-", dir=out.parent) as folder:
            started = time.perf_counter()
            self._run(handle.id, body, Path(folder), log)
            work_s = time.perf_counter() - started
            video = newest_video(Path(folder) / "out")
            if video is None:
                raise JobError(
                    f"{self.card.id}: left no video in its folder; does argv pass {{out}} or {{out_dir}}? "
                    f"It said: {tail(log)}",
                    code="empty_result",
                )
            path = out.with_name(out.name + video.suffix.lower())
            video.replace(path)
        return path, Provenance(
            origin="generated",
            source=str(body["argv"][0]),
            prompt_sent=body["prompt"],
            seed=handle.data["seed"],
            seed_honoured=self.card.capabilities.seed or None,
            body=body,
            tool_version=self.options.version,
            queue_s=0.0,
            work_s=work_s,
            latency_s=work_s,
            cost_usd=0.0,
            licence=self.card.licence.weights,
            warnings=tuple(handle.data["warnings"]),
        )

    def cancel(self, handle: Handle) -> bool:
        """End the program and everything it started."""
        self._programs.stop(handle.id)
        return True

    def close(self) -> None:
        """End what is still running."""
        self._programs.close()

    # --- the call -------------------------------------------------------------------------------------------------

    def _pictures(self, request: Request) -> list[Path]:
        """Those of the prompt that the tool takes: first frame, last frame, references."""
        can = self.card.capabilities
        frames = ((request.image, can.i2v), (request.last_image, can.last_image))
        return [*(path for path, takes in frames if path and takes), *request.references[: can.references]]

    def _values(self, request: Request, granted: Granted) -> dict[str, Any]:
        values, can = local_values(self.card, request, granted, self.options.frames), self.card.capabilities
        image, last_image = request.image if can.i2v else None, request.last_image if can.last_image else None
        return {
            **values,
            "seconds": None if values["seconds"] is None else f"{values['seconds']:g}",
            "fps": None if values["fps"] is None else f"{values['fps']:g}",
            "image": image and str(image.resolve()),
            "last_image": last_image and str(last_image.resolve()),
            "reference": None,
            "references": [str(path.resolve()) for path in request.references[: can.references]],
            "negative_file": "{negative_file}" if granted.negative else None,
            **{name: "{" + name + "}" for name in HERE if name != "negative_file"},
        }

    def _filled(self, given: Mapping[str, Any]) -> tuple[list[str], list[int]]:
        """The arguments, and which of them still hold placeholders: a prompt may hold braces of its own."""
        argv: list[str] = []
        with_paths: list[int] = []
        for part, values in self._parts(given):
            texts = part if isinstance(part, list) else [part]
            missing = [n for text in texts for n in PLACEHOLDER.findall(text) if values[n] in (None, "")]
            if missing and isinstance(part, list):
                continue
            if missing:
                raise OptionError(
                    f"{self.card.id}: argv needs {{{missing[0]}}}, and neither the request nor the card's defaults "
                    "give it; add it to defaults, ask for it, or make it optional: an inner list"
                )
            for text in texts:
                if set(HERE) & set(PLACEHOLDER.findall(text)):
                    with_paths.append(len(argv))
                argv.append(PLACEHOLDER.sub(_from(values), text))
        return argv, with_paths

    def _parts(self, values: Mapping[str, Any]) -> Iterator[tuple[str | list[str], Mapping[str, Any]]]:
        """The parts of the argument list with their values; one for references, once for each of them."""
        for part in self.options.argv:
            if isinstance(part, list) and values["references"] and "{reference}" in "".join(part):
                yield from ((part, {**values, "reference": path}) for path in values["references"])
            else:
                yield part, values

    def _run(self, job: str, body: Mapping[str, Any], folder: Path, log: Path) -> None:
        out = folder / "out"
        out.mkdir()
        (folder / "prompt.txt").write_text(body["prompt"], encoding="utf-8")
        (folder / "negative.txt").write_text(body["negative"], encoding="utf-8")
        here = {
            "{out}": str(out / "clip.mp4"),
            "{out_dir}": str(out),
            "{prompt_file}": str(folder / "prompt.txt"),
            "{negative_file}": str(folder / "negative.txt"),
        }
        argv = [_with_paths(arg, here) if i in body["with_paths"] else arg for i, arg in enumerate(body["argv"])]
        environment = self._environment(body)
        self._programs.run(job, argv, cwd=body["cwd"], environment=environment, log=log, timeout_s=body["timeout_s"])

    def _environment(self, body: Mapping[str, Any]) -> dict[str, str]:
        names = [*PASSED_ON, *self.options.env]
        for name in self.options.env:
            if re.search(r"KEY|TOKEN|SECRET|PASSWORD", name, re.IGNORECASE):
                remember(os.environ.get(name, ""))  # should the program print it
        return {name: os.environ[name] for name in names if name in os.environ} | dict(body["set_env"])


def newest_video(folder: Path) -> Path | None:
    """The video file written last, at any depth."""
    videos = [path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES]
    return max(videos, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _flat(argv: list[str | list[str]]) -> list[str]:
    return [text for part in argv for text in (part if isinstance(part, list) else [part])]


def _from(values: Mapping[str, Any]) -> Callable[[re.Match[str]], str]:
    return lambda match: str(values[match[1]])


def _with_paths(text: str, here: Mapping[str, str]) -> str:
    for name, path in here.items():
        text = text.replace(name, path)
    return text
