"""Checks an http card before anything is sent, and says which wishes its body has no place for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vbench.adapters.http.options import Call, HttpOptions
from vbench.adapters.http.reader import is_pattern
from vbench.adapters.templates import NAMES, check_path, check_placeholders, placeholders
from vbench.catalog.cards import ModelCard
from vbench.records import Request


def check_protocol(card: ModelCard, options: HttpOptions) -> None:
    """Refuse templates without a value and paths that are none.

    Raises:
        CatalogError: with file, line, and what to write instead.
    """
    for name, table in options.tables.items():
        if name in NAMES:
            raise card.complaint(f"table {name!r} hides a value of that name; rename it", "options", "tables", name)
        if table.by not in NAMES:
            raise card.complaint(
                f"table {name!r} is looked up by {table.by!r}, which is no value", "options", "tables", name, "by"
            )
    ours = (*NAMES, *options.tables)
    check_placeholders(card, options.create.body, ours, "options", "create", "body")
    bodies: list[Any] = [options.create.body]
    check_placeholders(card, options.create.path, (), "options", "create", "path")
    if (frames := options.create.with_frames) is not None:
        bodies.append(frames.body)
        check_placeholders(card, frames.body, ours, "options", "create", "with_frames", "body")
        check_placeholders(card, frames.path, (), "options", "create", "with_frames", "path")
    later = ("id", "create_path", *options.create.keep, *options.poll.keep)
    calls: dict[str, Call | None] = {"poll": options.poll, "cancel": options.cancel, "result": options.result.hop}
    for name, call in calls.items():
        if call is not None:
            check_placeholders(card, [call.path, call.body], later, "options", name)
    for call in (options.create, *filter(None, calls.values())):
        check_placeholders(card, [options.headers, call.headers], ("uuid",), "options", "headers")
    if options.upload is None and any(kind == "upload" for _, kind, _ in placeholders([*bodies])):
        raise card.complaint("a picture is to be uploaded and the card does not say where; add upload", "options")
    _check_patterns(card, options)
    if not placeholders_of(options.poll):
        raise card.complaint("poll names no job; write {id} into its path or body", "options", "poll", "path")
    for needed, place in ((options.create.id, ("create", "id")), (options.poll.state, ("poll", "state"))):
        if not needed:
            raise card.complaint("a path into the answer is needed here, such as $.id", "options", *place)
    if "succeeded" not in options.poll.states.values():
        raise card.complaint("no word means succeeded; a job would never be done", "options", "poll", "states")
    if not options.result.url and options.result.hop is None:
        raise card.complaint("result needs url or hop", "options", "result")
    for where, paths in _paths(options.model_dump()):
        for path in paths:
            check_path(card, path, "options", *where)


def placeholders_of(call: Call) -> set[str]:
    """The names of the values that a call is filled in with."""
    return {name for name, _, _ in placeholders([call.path, call.body])}


def _check_patterns(card: ModelCard, options: HttpOptions) -> None:
    for key in options.errors.reasons:
        if not is_pattern(key):
            continue
        try:
            re.compile(key[1:-1], re.IGNORECASE)
        except (re.error, RecursionError, OverflowError) as error:
            raise card.complaint(
                f"{key} is no regular expression ({error}); correct it, or write a code without slashes",
                "options",
                "errors",
                "reasons",
                key,
            ) from None


def left_out(request: Request, dropped: Mapping[str, str]) -> list[str]:
    """A sentence for each optional part without a value, unless nobody wished for one."""
    unwished = {
        "negative": not request.negative,
        "image": not request.image,
        "last_image": not request.last_image,
        "reference": not request.references,
    }
    return [
        f"no value for {place}: it is left out, the tool's own default applies"
        for name, place in dropped.items()
        if not unwished.get(name, False)
    ]


def unsaid(card: ModelCard, request: Request, used: set[str]) -> list[str]:
    """A sentence for each wish that the card's body has no place for."""
    size = {"width", "height", "size", "resolution", "tier", "ratio"}
    wishes = {
        "clip length": (request.seconds is not None, {"seconds", "frames"}),
        "picture size": (request.width is not None, size),
        "sound": (bool(request.audio) and card.capabilities.audio not in {"no", "always"}, {"audio"}),
        "negative prompt": (bool(request.negative) and card.capabilities.negative_prompt, {"negative"}),
        "seed": (card.capabilities.seed, {"seed"}),
        "first frame": (bool(request.image) and card.capabilities.i2v, {"image"}),
        "last frame": (bool(request.last_image) and card.capabilities.last_image, {"last_image"}),
        "reference pictures": (bool(request.references) and card.capabilities.references > 0, {"reference"}),
        "frame rate": (request.fps is not None and card.capabilities.fps, {"fps", "frames"}),
    }
    return [
        f"the card's body has no place for the {wish}: it is not sent"
        for wish, (is_wished, names) in wishes.items()
        if is_wished and not names & used
    ]


def _paths(options: Any, where: tuple[int | str, ...] = ()) -> list[tuple[tuple[int | str, ...], list[str]]]:
    """Every place of the options that holds paths into answers."""
    create, poll, result = options["create"], options["poll"], options["result"]
    places: dict[tuple[int | str, ...], Any] = {
        ("create", "id"): create["id"],
        ("upload", "id"): (options["upload"] or {}).get("id", ()),
        ("poll", "state"): poll["state"],
        ("poll", "progress"): poll["progress"],
        ("result", "url"): result["url"],
        ("errors", "code"): options["errors"]["code"],
        ("errors", "message"): options["errors"]["message"],
        ("result", "hop", "url"): (result["hop"] or {}).get("url", ()),
        ("cost", "units"): (options["cost"] or {}).get("units", ()),
    }
    places |= {("create", "keep", name): paths for name, paths in create["keep"].items()}
    places |= {("poll", "keep", name): paths for name, paths in poll["keep"].items()}
    places |= {("refused", i, "path"): [rule["path"]] for i, rule in enumerate(options["refused"])}
    meta = result["meta"]
    places |= {("result", "meta", name): paths for name, paths in {**meta, **meta["extra"]}.items() if name != "extra"}
    return [(place, list(paths)) for place, paths in places.items()]
