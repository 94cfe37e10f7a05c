"""Name → "module:attribute", imported when used; third parties add names through entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from vbench.errors import OptionError


def did_you_mean(name: str, known: Mapping[str, object] | list[str]) -> str:
    """A sentence that helps with a wrong name: near matches, or all there are where nothing is near."""
    near = get_close_matches(name, list(known), n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are: {', '.join(sorted(known))}" if known else "there are none yet"


class Registry(Mapping[str, Any]):
    """A table of names whose objects are imported at first use.

    Args:
        group: Entry-point group third parties register under, e.g. ``vbench.metrics``.
        kind: The noun for messages, e.g. ``metric``.
        table: Built-in names → ``"module:attribute"``.
    """

    def __init__(self, group: str, kind: str, table: Mapping[str, str]) -> None:
        self._group, self._kind, self._table = group, kind, dict(table)

    @cached_property
    def _targets(self) -> dict[str, EntryPoint]:
        ours = {name: EntryPoint(name, target, self._group) for name, target in self._table.items()}
        theirs = {point.name: point for point in entry_points(group=self._group)}
        if clash := sorted(ours.keys() & theirs.keys()):
            owners = ", ".join(f"{name} ({theirs[name].value})" for name in clash)
            raise OptionError(
                f"installed plug-ins redefine the built-in {self._kind} {owners}; rename or uninstall them"
            )
        return ours | theirs

    def __getitem__(self, name: str) -> Any:
        """Import and return the object called `name`.

        Raises:
            OptionError: no such name; the message lists near ones.
        """
        if name not in self._targets:
            raise OptionError(f"no {self._kind} {name!r}; {did_you_mean(name, list(self._targets))}")
        point = self._targets[name]
        module, _, attribute = point.value.partition(":")
        return getattr(import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)

    def __contains__(self, name: object) -> bool:
        return name in self._targets
