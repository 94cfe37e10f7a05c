"""What a diffusers pipeline will be asked for, a warning for each wish it cannot honour, and all that changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vbench.adapters.diffusers.options import DiffusersOptions
from vbench.adapters.values import image_sha256
from vbench.errors import JobError
from vbench.records import Request

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard

LIBRARIES = ("diffusers", "torch", "transformers", "accelerate", "ftfy")
"""Versions that can change the picture; ftfy cleans prompts in some pipelines where it is installed."""
TOLERANCE = 0.05
"""A clip whose length is off by less than this share of the wish is the length that was asked for."""


class DiffusersPlan:
    """A card's way from wishes to a call."""

    def __init__(self, card: ModelCard, options: DiffusersOptions) -> None:
        self.card, self.options = card, options
        self._known_settings: dict[str, Any] | None = None

    def body(self, request: Request) -> tuple[dict[str, Any], list[str]]:
        """The call and all around it, and the warnings.

        Raises:
            JobError: the pipeline starts from a first frame and the prompt has none, or its image is not there.
        """
        o = self.options
        warnings: list[str] = []
        fps = self._fps(request, warnings)
        width, height = self._size(request, warnings)
        call: dict[str, Any] = {**o.call, o.arguments.prompt: request.text}
        frames = self.n_frames(request, fps)
        warnings += self._frames_told(request, fps, frames)
        a = o.arguments
        named = ((a.width, width), (a.height, height), (a.frames, frames), (a.fps, fps))
        call |= {name: value for name, value in named if name is not None}
        takes_negative = self.card.capabilities.negative_prompt and o.arguments.negative
        if takes_negative and (negative := request.negative or o.negative):
            call[str(o.arguments.negative)] = negative
        elif request.negative:
            warnings.append("takes no negative prompt; it is left out")
        if request.audio and o.audio is None:
            warnings.append("makes no sound; the clip is silent")
        body: dict[str, Any] = {
            "repo": o.repo,
            "revision": o.revision,
            "call": call,
            "fps": fps,
            "width": width,
            "height": height,
            "seed": request.seed,
        }
        if o.audio is not None:
            body["audio"] = request.audio is not False if o.arguments.audio is None else bool(request.audio)
        if o.arguments.audio is not None:
            call[o.arguments.audio] = body["audio"]
        body |= self._pictures(request, warnings)
        if not o.revision and not Path(o.repo).expanduser().is_dir():
            warnings.append("its card pins no revision; the weights may change under you")
        return body, warnings

    def settings(self) -> dict[str, Any]:
        """All but the call that changes the picture.

        The GPU is not part of it, though it may change the last bits: machines that share a bench would else make
        every clip once each. It is in the provenance.
        """
        if self._known_settings is not None:  # the same for every prompt; looking at large folders takes a while
            return self._known_settings
        skipped = {"repo", "revision", "call", "defaults", "trust_remote_code", "seconds_per_clip", "frames"}
        skipped |= {"negative", "settings_from"}
        settings = self.options.model_dump(mode="json", exclude=skipped, exclude_defaults=True)
        weights = weights_digest(self.options.repo, self.options.revision)
        self._known_settings = {"settings": settings, "weights": weights, "versions": dict(versions())}
        return self._known_settings

    def _fps(self, request: Request, warnings: list[str]) -> float:
        native = self.options.defaults.fps
        if request.fps is None or request.fps == native:
            return native
        if self.card.capabilities.fps and self.options.arguments.fps is not None:
            return request.fps
        warnings.append(f"makes {native:g} frames per second, {request.fps:g} asked for")
        return native

    def _size(self, request: Request, warnings: list[str]) -> tuple[int, int]:
        o, m = self.options, self.options.size_multiple
        wish = (request.width or o.defaults.width, request.height or o.defaults.height)
        if o.arguments.width is None or o.arguments.height is None:
            wish_possible = (o.defaults.width, o.defaults.height)
        else:
            wish_possible = (max(m, round(wish[0] / m) * m), max(m, round(wish[1] / m) * m))
        if wish_possible != wish:
            made = f"{wish_possible[0]}x{wish_possible[1]}"
            warnings.append(f"makes {made} (multiples of {m}), {wish[0]}x{wish[1]} asked for")
        return wish_possible

    def n_frames(self, request: Request, fps: float) -> int:
        """What the pipeline will make: the permitted number nearest to what is asked for."""
        o = self.options
        if request.seconds is None:
            return o.frames.nearest(o.defaults.frames)
        if o.arguments.frames is None:
            return o.defaults.frames
        return o.frames.nearest(request.seconds * fps)

    def _frames_told(self, request: Request, fps: float, frames: int) -> list[str]:
        o = self.options
        if request.seconds is None:
            return []
        if o.arguments.frames is None:
            return [f"always makes {o.defaults.frames} frames; {request.seconds:g} s asked for"]
        if abs(frames / fps - request.seconds) <= TOLERANCE * request.seconds:
            return []
        return [
            f"makes {frames} frames = {frames / fps:.2f} s ({o.frames.rule} frames"
            f"{f', at most {o.frames.max}' if o.frames.max else ''}), {request.seconds:g} s asked for"
        ]

    def _pictures(self, request: Request, warnings: list[str]) -> dict[str, Any]:
        """The prompt's pictures, as far as the pipeline takes them, with what they show."""
        a, can = self.options.arguments, self.card.capabilities
        takes = can.i2v and (a.image is not None or a.video is not None)
        if not request.image and takes and not can.t2v:
            raise JobError(
                f"{self.card.id} starts from a first frame; give prompt {request.prompt.id!r} an image",
                code="bad_request",
            )
        body: dict[str, Any] = {}
        if request.image and takes:
            body |= {"image": str(request.image), "image_sha256": image_sha256(request.image)}
            body["image_fit"] = "centre crop"
        elif request.image:
            warnings.append("takes no first frame; the prompt's image is left out")
        if request.last_image and can.last_image and (a.last_image or a.video):
            body |= {"last_image": str(request.last_image), "last_image_sha256": image_sha256(request.last_image)}
        elif request.last_image:
            warnings.append("takes no last frame; the prompt's is left out")
        references = request.references[: can.references] if a.references else ()
        if references:
            body["references"] = [str(path) for path in references]
            body["references_sha256"] = [image_sha256(path) for path in references]
        if len(references) < len(request.references):
            n_out = len(request.references) - len(references)
            warnings.append(f"takes {len(references)} reference pictures; {n_out} of the prompt's are left out")
        return body


PATHS = ("image", "last_image", "references")
"""Of a body: where pictures lie, which is not what they show."""


@cache
def versions() -> Mapping[str, str]:
    """Installed versions of the libraries that can change the picture, without importing them; looked up once, since
    that takes as long as a small clip.
    """
    installed = {}
    for library in LIBRARIES:
        try:
            installed[library] = version(library)
        except PackageNotFoundError:
            continue
    return MappingProxyType(installed)


def weights_digest(repo: str, revision: str = "") -> str:
    """What the weights are: a folder's names, sizes and times, or the commit of the repository on this machine.

    Empty where a repository is not here yet.
    """
    if not (folder := Path(repo).expanduser()).is_dir():
        from huggingface_hub import try_to_load_from_cache

        for index in ("model_index.json", "modular_model_index.json"):
            index_path = try_to_load_from_cache(repo, index, revision=revision or None)
            if isinstance(index_path, str):
                return Path(index_path).parent.name
        return ""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder).as_posix()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
