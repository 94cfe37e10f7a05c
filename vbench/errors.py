"""Every error a user can meet; a message says what was found, what was expected, and what to do."""

from __future__ import annotations


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
