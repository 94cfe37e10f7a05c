"""What crosses a border as JSON: the strict base of all that is read from outside, and records to JSON and back."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict

Record = TypeVar("Record")


class Strict(BaseModel):
    """Read from outside: a name that is not known, and a number that is not finite, are mistakes and are told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def to_json(record: Any) -> dict[str, Any]:
    """A frozen record as JSON values, by the names of its fields; records inside it too."""
    return asdict(record)


def from_json(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """A record from what `to_json` gave, perhaps by an earlier or a later version.

    Lists become tuples and objects become records where the fields say so. A field that is not there has its default;
    a value for a field that this version does not know is left out.

    Raises:
        KeyError: a field without a default is missing.
        TypeError: `values` is no object.
    """
    known: dict[str, Any] = {}
    for name, field_type, is_needed in _fields(cast(Hashable, kind)):
        if name in values:
            known[name] = _value(field_type, values[name])
        elif is_needed:
            raise KeyError(f"{kind.__name__}.{name}")
    return kind(**known)


@lru_cache(maxsize=256)
def _fields(kind: Hashable) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (field.name, hints[field.name], field.default is MISSING and field.default_factory is MISSING)
        for field in fields(cast(Any, kind))
        if field.init
    )


def _value(field_type: Any, value: Any) -> Any:
    kind = get_origin(field_type)
    if kind in (Union, types.UnionType):
        options = [option for option in get_args(field_type) if option is not type(None)]
        return value if value is None or len(options) != 1 else _value(options[0], value)
    if kind is tuple and isinstance(value, list | tuple):
        inner = get_args(field_type)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_value(inner[0], item) for item in value)
        return tuple(_value(option, item) for option, item in zip(inner, value, strict=True))
    if isinstance(field_type, type) and is_dataclass(field_type) and isinstance(value, Mapping):
        return from_json(field_type, value)
    return value
