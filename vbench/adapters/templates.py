"""Fills a card's templates with typed values, and reads values out of a tool's answers."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vbench.adapters.values import image_bytes, image_sha256
from vbench.catalog.cards import ModelCard
from vbench.catalog.wishes import Granted
from vbench.errors import CatalogError, JobError
from vbench.records import Request
from vbench.registry import did_you_mean

PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)(?::([a-z_0-9]+))?(\?)?\}")
FILES = ("data_url", "base64", "upload")
"""Types that stand for a picture's bytes; a mark holds their place, so that pictures stay out of the journal."""
TYPES = ("str", "int", "float", "bool", "mime", *FILES)
NAMES = (
    "prompt",
    "negative",
    "seed",
    "seconds",
    "width",
    "height",
    "size",
    "resolution",
    "tier",
    "ratio",
    "fps",
    "frames",
    "audio",
    "image",
    "last_image",
    "reference",
    "sample",
)
"""What a body may ask for, besides the card's own tables; an item of a list that asks for ``reference`` stands there
once for each reference picture."""
_BROKEN = re.compile(r"(?<!\$)\{\s*[A-Za-z_][A-Za-z0-9_]*\s*[:?]?[A-Za-z0-9_ ?]*(\}|$)|(?<!\$)\{\s*\}")
"""A placeholder that is misspelt; ``${NAME}`` is the environment's."""
_STEP = re.compile(r"\.([A-Za-z0-9_\-]+)|\[(\d+|\*)\]")


Table = tuple[str, Mapping[str, Any]]
"""(placeholder it is looked up by, value of that placeholder → what is sent)."""


class _Absent(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


def values(card: ModelCard, request: Request, granted: Granted, tables: Mapping[str, Table]) -> dict[str, Any]:
    """Every placeholder's value for one request; None: there is none."""
    size = f"{granted.width}x{granted.height}" if granted.width and granted.height else None
    frames = round(granted.seconds * granted.fps) if granted.seconds and granted.fps else None
    can = card.capabilities
    known: dict[str, Any] = {
        "prompt": granted.text,
        "negative": granted.negative or None,
        "seed": granted.seed,
        "seconds": granted.seconds,
        "width": granted.width,
        "height": granted.height,
        "size": size,
        "resolution": granted.resolution or None,
        "tier": granted.tier or None,
        "ratio": granted.ratio or None,
        "fps": granted.fps,
        "frames": frames,
        "audio": granted.audio,
        "image": str(request.image) if request.image and can.i2v else None,
        "last_image": str(request.last_image) if request.last_image and can.last_image else None,
        "references": tuple(map(str, request.references[: can.references])),
        "sample": request.sample,
    }
    for name, (by, table) in tables.items():
        if known.get(by) is None:
            known[name] = None
        elif (key := _text(known[by])) in table:
            known[name] = table[key]
        else:
            raise card.complaint(
                f"table {name!r} has no entry for {by} {key!r}; {did_you_mean(key, list(table))}", "options", "tables"
            )
    return known


def placeholders(template: Any) -> Iterator[tuple[str, str, bool]]:
    """(name, type, optional) of every placeholder in a template."""
    if isinstance(template, str):
        for match in PLACEHOLDER.finditer(template):
            yield match[1], match[2] or "", match[3] is not None
    elif isinstance(template, Mapping):
        for key, value in template.items():
            yield from placeholders(key)
            yield from placeholders(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from placeholders(value)


def check_placeholders(card: ModelCard, template: Any, known: tuple[str, ...], *where: int | str) -> None:
    """Refuse a template that names a value nobody gives.

    Raises:
        CatalogError: unknown placeholder or type; file, line and near names.
    """
    for name, kind, _ in placeholders(template):
        if name not in known:
            raise card.complaint(f"no value is called {{{name}}}; {did_you_mean(name, list(known))}", *where)
        if kind and kind not in TYPES:
            raise card.complaint(f"{{{name}:{kind}}}: no such type; {did_you_mean(kind, list(TYPES))}", *where)
    for text in _texts(template):
        if (broken := _BROKEN.search(PLACEHOLDER.sub("", text))) is not None:
            raise card.complaint(
                f"{broken[0]!r} in {text[:60]!r} would be sent as it stands; a value is written {{name}} or "
                "{name:type?}, in small letters",
                *where,
            )


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for key, value in template.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from _texts(value)


def fill(template: Any, known: Mapping[str, Any], *, card: ModelCard) -> tuple[Any, dict[str, str]]:
    """A template with its values, and the optional parts left out of it: placeholder → where it stood.

    A string that is one placeholder becomes a value of its type; in a longer string it becomes text. An optional
    placeholder (``{seed:int?}``) without a value removes the innermost list item that holds it, else its key.

    Raises:
        CatalogError: a placeholder that is not optional has no value.
    """
    dropped: dict[str, str] = {}
    try:
        return _fill(template, known, "", dropped), dropped
    except _Absent as absent:
        raise CatalogError(
            f"{card.path}: the card needs a value for {{{absent.name}}}, and neither the request nor the card's "
            f"defaults give one; add it to defaults, or write {{{absent.name}?}} where it may be left out"
        ) from None


def _fill(template: Any, known: Mapping[str, Any], where: str, dropped: dict[str, str]) -> Any:
    if isinstance(template, str):
        return _string(template, known, where, dropped)
    if isinstance(template, Mapping):
        filled = {}
        for key, value in template.items():
            place = f"{where}.{key}" if where else str(key)
            before = len(dropped)
            inner = _fill(value, known, place, dropped)
            if inner is _GONE:
                if "[" in where:
                    return _GONE
                continue
            if inner in ({}, []) and value and len(dropped) > before:
                continue
            filled[key] = inner
        return filled
    if isinstance(template, list | tuple):
        items = [
            _fill(item, named, f"{where}[{i}]", dropped)
            for i, item in enumerate(template)
            for named in _each_reference(item, known)
        ]
        return [item for item in items if item is not _GONE]
    return template


def _each_reference(item: Any, known: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The values to fill an item of a list in with, once for each time that it stands there."""
    if not known.get("references") or not _asks_for_reference(item):
        return [known]
    return [{**known, "reference": path} for path in known["references"]]


_GONE = object()


def _string(template: str, known: Mapping[str, Any], where: str, dropped: dict[str, str]) -> Any:
    for name, _, optional in placeholders(template):
        if known.get(name) is None:
            if not optional:
                raise _Absent(name)
            dropped[name] = where
            return _GONE
    if (whole := PLACEHOLDER.fullmatch(template)) is not None:
        return _typed(known[whole[1]], whole[2] or "", whole[1])
    return PLACEHOLDER.sub(lambda m: str(_typed(known[m[1]], m[2] or "str", m[1])), template)


def _typed(value: Any, kind: str, name: str) -> Any:
    if kind in FILES:
        return {f"${kind}": str(value), "sha256": image_sha256(Path(value))}
    if kind == "mime":
        return mime_of(Path(value))
    if kind == "int":
        return round(float(value))
    if kind == "float":
        return float(value)
    if kind == "bool":
        return bool(value)
    return _text(value) if kind == "str" else value


def _text(value: Any) -> str:
    """As a person writes it: 5 rather than 5.0, true rather than True."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _file_of(body: Mapping[str, Any]) -> str | None:
    """The type of file that a mapping is the mark of; None: it is none."""
    return next((kind for kind in FILES if f"${kind}" in body), None)


def mime_of(path: Path) -> str:
    """Of a picture, by the suffix of its name."""
    return mimetypes.guess_type(path.name)[0] or "image/png"


def _asks_for_reference(item: Any) -> bool:
    """Whether an item of a list is to stand there for each reference; what is in a list of its own is not."""
    if isinstance(item, Mapping):
        return any(_asks_for_reference(value) for value in item.values())
    return isinstance(item, str) and any(name == "reference" for name, _, _ in placeholders(item))


def with_files(body: Any, upload: Callable[[Path], Any]) -> Any:
    """A body in which each mark of a file is the file's bytes, or what the tool calls the file after `upload`.

    Raises:
        JobError: a file cannot be read or has changed, or the tool does not take it.
    """
    if isinstance(body, Mapping):
        kind = _file_of(body)
        if kind is None:
            return {key: with_files(value, upload) for key, value in body.items()}
        path = Path(body[f"${kind}"])
        if image_sha256(path) != body["sha256"]:
            raise JobError(f"{path}: changed since the job was planned; put it back, or plan again", code="bad_request")
        if kind == "upload":
            return upload(path)
        data = base64.b64encode(image_bytes(path)).decode()
        return f"data:{mime_of(path)};base64,{data}" if kind == "data_url" else data
    return [with_files(item, upload) for item in body] if isinstance(body, list) else body


def without_paths(body: Any) -> Any:
    """A body in which each mark of a file says what the file shows, and not where it lies."""
    if isinstance(body, Mapping):
        if (kind := _file_of(body)) is not None:
            return {f"${kind}": body["sha256"]}
        return {key: without_paths(value) for key, value in body.items()}
    return [without_paths(item) for item in body] if isinstance(body, list) else body


def laid_over(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A body with changes: mappings are merged, null removes a value, anything else takes its place."""
    merged = dict(body)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = laid_over(merged[key], value)
        else:
            merged[key] = value
    return merged


def check_path(card: ModelCard, path: str, *where: int | str) -> None:
    """Refuse a path that `read` would not understand.

    Raises:
        CatalogError: with file and line.
    """
    if not path.startswith("$") or "".join(m[0] for m in _STEP.finditer(path)) != path[1:]:
        raise card.complaint(f"{path!r} is no path into an answer; write it as $.data.items[0].url", *where)


def read(path: str, document: Any) -> Any:
    """The value at ``$.a.b[0].c`` (``[*]``: a list of all), or None where there is none."""
    hits = [document]
    many = False
    for step in _STEP.finditer(path):
        key, index = step[1], step[2]
        if index == "*":
            many = True
            hits = [item for value in hits if isinstance(value, list) for item in value]
        elif index is not None:
            hits = [v[int(index)] for v in hits if isinstance(v, list) and len(v) > int(index)]
        else:
            hits = [v[key] for v in hits if isinstance(v, Mapping) and key in v]
    if many:
        return hits or None
    return hits[0] if hits else None


def first(paths: tuple[str, ...], document: Any) -> Any:
    """The first value there is at any of the paths."""
    return next((value for path in paths if (value := read(path, document)) not in (None, "", [])), None)
