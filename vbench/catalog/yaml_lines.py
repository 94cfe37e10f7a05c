"""Reads YAML with line numbers and checks it against a pydantic model; complaints name file, line and what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from vbench.errors import CatalogError
from vbench.registry import did_you_mean

Where = tuple[int | str, ...]
"""The place of a value in a document: keys and indices from the top."""
Lines = dict[Where, int]
MAX_BYTES = 64 * 2**20
"""Of a list of prompts, one a line or a row: a hundred thousand take half of it."""
MAX_YAML_BYTES = 4 * 2**20
MAX_DEPTH = 200
SPARE_VALUES = 10_000
"""More values than a text has letters come of aliases alone."""
M = TypeVar("M", bound=BaseModel)


def read_text(path: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """The text of a catalogue file.

    Raises:
        CatalogError: it is not there, cannot be read, is too large, or is not UTF-8.
    """
    try:
        if (n_bytes := path.stat().st_size) > max_bytes:
            raise CatalogError(
                f"{path}: {n_bytes:,} bytes, at most {max_bytes:,} are read of such a file; check that it is the right "
                f"one, or divide it{' or write it as JSONL' if max_bytes < MAX_BYTES else ''}"
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CatalogError(f"{path}: no such file; check the path") from None
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def read_yaml(path: Path) -> tuple[Any, Lines]:
    """A YAML document and the 1-based line of each value in it.

    Raises:
        CatalogError: not YAML, too large, nested too deep, a key stands twice, an alias refers to itself, or aliases
            multiply.
    """
    text = read_text(path, max_bytes=MAX_YAML_BYTES)
    if _depth(text) > MAX_DEPTH:
        raise CatalogError(f"{path}: nested too deep; write it flatter")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogError(f"{path}:{line}: not valid YAML: {error.problem}; fix the line") from None
    except yaml.YAMLError as error:
        raise CatalogError(f"{path}: not valid YAML: {error}; fix it") from None
    except RecursionError:
        raise CatalogError(f"{path}: nested too deep; write it flatter") from None
    lines: Lines = {}
    if root is None:
        return None, lines
    return _value(path, root, (), lines, frozenset(), len(text) + SPARE_VALUES), lines


def _depth(text: str) -> int:
    """How many brackets are open at most: the parser looks at all of them again at each one."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _value(path: Path, node: yaml.Node, where: Where, lines: Lines, open_nodes: frozenset[int], most: int) -> Any:
    line = node.start_mark.line + 1
    lines[where] = line
    if len(lines) > most:
        raise CatalogError(
            f"{path}:{line}: aliases of aliases make more values than the file has letters; write them out"
        )
    if id(node) in open_nodes:
        raise CatalogError(f"{path}:{line}: an alias refers to itself; write the value out")
    inside = open_nodes | {id(node)}
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            is_plain = isinstance(key_node, yaml.ScalarNode)
            key = yaml.SafeLoader("").construct_object(key_node, deep=True) if is_plain else key_node.tag
            if not is_plain or not isinstance(key, str | int | float | bool):
                raise CatalogError(f"{path}:{key_node.start_mark.line + 1}: a key must be plain text; found {key!r}")
            if key in mapping:
                raise CatalogError(f"{path}:{key_node.start_mark.line + 1}: {key!r} stands twice; keep one")
            mapping[key] = _value(path, value_node, (*where, str(key)), lines, inside, most)
            lines[(*where, str(key))] = key_node.start_mark.line + 1
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_value(path, child, (*where, i), lines, inside, most) for i, child in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        raise CatalogError(f"{path}:{line}: cannot be read as a value: {error}; quote it") from None


def check(model: type[M], data: object, *, path: Path, lines: Mapping[Where, int], at: Where = ()) -> M:
    """Validate `data` as `model`.

    Args:
        model: What the document must be.
        data: The document, as `read_yaml` gives it.
        path: For the message.
        lines: For the message.
        at: Where `data` lies in the document.

    Raises:
        CatalogError: the first thing that is wrong, with its line and what to write instead.
    """
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        where = (*at, *error["loc"])
        raise CatalogError(f"{path}:{_line(where, lines)}: {_sentence(model, error)}") from None


def _line(where: Where, lines: Mapping[Where, int]) -> int:
    for end in range(len(where), -1, -1):
        if (line := lines.get(where[:end])) is not None:
            return line
    return 1


def _sentence(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"]) or "the document"
    if error["type"] == "extra_forbidden":
        known = _fields_at(model, tuple(error["loc"][:-1]))
        return f"unknown key {place!r}; {did_you_mean(str(error['loc'][-1]), known)}"
    if error["type"] == "missing":
        return f"{place!r} is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}; found {error.get('input')!r}"[:400]


def _fields_at(model: type[BaseModel], where: Where) -> list[str]:
    """Field names of the model that a place inside `model` is validated as; those of `model` where that is unclear."""
    for part in where:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        inner = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if inner:
            model = inner[0]
    return [f.alias or name for name, f in model.model_fields.items()]
