"""The machines that share a run, as a person asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from vbench.errors import OptionError

Engine = Literal["ray", "slurm"]
Note = Callable[[str], None]
"""Takes what there is to know on the way."""
SETTINGS: Mapping[Engine, Mapping[str, str]] = MappingProxyType(
    {
        "ray": {
            "cpus": "cores of each process; default: its share of a node's",
            "gpus": "GPUs of each process; default: 1 where the cluster has any",
        },
        "slurm": {
            "cluster": "slurm, or local: processes on this machine, to try it",
            "partition": "of Slurm",
            "account": "of Slurm",
            "minutes": "after which Slurm ends a job; default: 240. What is left then is taken up by the same line",
            "cpus": "cores of each job; default: 8",
            "gpus": "GPUs of each job; default: 0",
            "mem_gb": "memory of each job; default: 16",
        },
    }
)
"""Engine → setting → what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The machines that share a run.

    Raises:
        OptionError: one of its settings is none of the engine's, or the count cannot be meant.
    """

    engine: Engine
    machines: int | None = None
    """Processes that share the work; None: with Ray one for each GPU or node, with Slurm one."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """As in `SETTINGS`."""

    def __post_init__(self) -> None:
        if self.machines is not None and self.machines < 1:
            raise OptionError(f"`machines=` is {self.machines}; give 1 or more")
        known = SETTINGS[self.engine]
        for name in self.settings:
            if name not in known:
                there_are = "; ".join(f"{each} ({about})" for each, about in known.items())
                raise OptionError(f"`engine_set=`: {self.engine} has no setting {name!r}; there are: {there_are}")

    def number(self, name: str, *, default: int) -> int:
        """A setting as a whole number.

        Raises:
            OptionError: it is none.
        """
        text = self.settings.get(name, str(default))
        if not text.isdigit():
            raise OptionError(f"`engine_set=` {name} is {text!r}; give a whole number")
        return int(text)
