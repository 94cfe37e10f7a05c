"""Every error a user can meet; a message says what was found, what was expected, and what to do.

A message of the library names a parameter as a call has it, between single backticks and with its equals sign: raise
`max_cost=`, say `retry=crashed`, or with the verb, `budget(run=bench, max_cost=20)`. Whoever shows the message replaces
that by what their reader types or sees, with `spelled`; for a terminal, `as_typed` does: --max-cost, --retry crashed,
vbench budget --run bench --max-cost 20. Other backticks, such as those in what a tool has answered, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PARAMETER = r"[a-z_]+=(?!=)[^`]*"
_PARAMETERS = re.compile(rf"`(?:(?P<verb>[a-z_]+)\((?P<several>{_PARAMETER})\)|(?P<one>{_PARAMETER}))`")


def spelled(message: str, spell: Callable[[str, Mapping[str, str]], str]) -> str:
    """A message with its parameters as one kind of reader knows them.

    Args:
        message: Of the library; see the head of this module.
        spell: (verb or empty, parameter → value or empty) → what this reader types or sees.
    """

    def replaced(match: re.Match[str]) -> str:
        parts = match["several"].split(", ") if match["several"] else [match["one"]]
        return spell(match["verb"] or "", {name: value for name, _, value in (part.partition("=") for part in parts)})

    return _PARAMETERS.sub(replaced, message)


def as_typed(message: str) -> str:
    """A message as a person at a terminal needs it: ``max_cost=`` is typed ``--max-cost``."""
    return spelled(message, _typed)


def _typed(verb: str, parameters: Mapping[str, str]) -> str:
    words = [f"vbench {verb}"] if verb else []
    words += [f"--{name.replace('_', '-')} {value}".strip() for name, value in parameters.items()]
    return " ".join(words)


class VBenchError(Exception):
    """Base of all errors that carry a sentence for a person; anything else that escapes is a bug."""


class UserError(VBenchError):
    """You can fix it: the run stops, one line is printed, exit code 2."""


class CatalogError(UserError):
    """A suite or a model card says something that cannot be meant."""


class BenchError(UserError):
    """The workspace cannot be opened or is of another version."""


class OptionError(UserError):
    """A command line option, setting or argument is wrong."""


class WeightsError(UserError):
    """Model weights that a plan needs are not there, or are not what they should be."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message
        """Why, without saying again which and what to do."""


class AuthError(UserError):
    """A key is missing or was refused."""


class BudgetError(UserError):
    """The next step would pass a ceiling that the user set."""


class ItemError(VBenchError):
    """This item failed: it becomes a Failure row with this code, and the run goes on."""

    code = "failed"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class ClipError(ItemError):
    """A video file cannot be read or written."""

    code = "unreadable"


class MetricError(ItemError):
    """A metric is not defined for this clip (too short, no prompt, no sound)."""

    code = "undefined"


class JobError(ItemError):
    """A tool did not deliver; the code is one of `records.REASONS`."""

    code = "provider_error"


class NotStartedError(JobError):
    """The tool certainly did not start the job (connection refused, a rate limit): it may be sent again later."""

    def __init__(self, message: str, *, code: str = "rate_limited", retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s
        """How long the tool asks to wait; None: it did not say."""
