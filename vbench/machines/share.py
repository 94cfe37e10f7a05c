"""What each of several processes does, wherever it runs: it opens the bench and works until nothing is left.

None is told which clips or jobs are its own. All claim them from the bench, with leases, as two terminals would: one
that dies leaves claims that others take over, and nothing is done twice.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vbench._version import __version__
from vbench.bench import Bench
from vbench.errors import BenchError, UserError
from vbench.generate import GenerateReport, RunSpec
from vbench.generate import generate as make_clips
from vbench.score import ScoreReport
from vbench.score import score as measure
from vbench.score.spec import ScoreSpec

SAID = ("VBENCH_TRUST_REMOTE_CODE",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run that others are to do."""

    work: ScoreSpec | RunSpec
    root: str
    db: str
    """Address of the database, password and all."""
    media: str
    cores: int | None = None
    """That each process may use; None: as many as it finds."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that hold what was said on the command line, and no key."""
    version: str = __version__
    """Of the code that gave it."""

    @classmethod
    def of(cls, bench: Bench, work: ScoreSpec | RunSpec) -> Order:
        """A run in this very bench."""
        db = bench.database.engine.url.render_as_string(hide_password=False)
        said = {name: os.environ[name] for name in SAID if name in os.environ}
        return cls(work=work, root=str(bench.root), db=db, media=bench.media.url, environment=said)

    def check_place(self, elsewhere: Sequence[str]) -> None:
        """Refuse a bench on this machine's disk where others would take part.

        Args:
            elsewhere: The other machines' names.

        Raises:
            BenchError: its database is a file here.
        """
        if elsewhere and self.db.startswith("sqlite"):
            raise BenchError(
                f"{self.root}: the database is a file on this machine, and {', '.join(elsewhere[:3])} cannot write to "
                "it; use a server with --db postgresql://... and --media s3://..., or a folder that all machines share"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one process did."""

    host: str
    report: ScoreReport | GenerateReport | None
    """None: it could do nothing."""
    problem: str = ""
    """Why, as a sentence for a person."""


def work_off(order: Order) -> Contribution:
    """Open the bench and work until nothing is left."""
    host = socket.gethostname()
    try:
        return Contribution(host=host, report=_report(order))
    except UserError as error:
        return Contribution(host=host, report=None, problem=str(error))


def _report(order: Order) -> ScoreReport | GenerateReport:
    if order.version != __version__:
        raise BenchError(f"vbench is {__version__} here and {order.version} where the run began; install the same")
    os.environ.update(order.environment)
    with Bench.open(order.root, db=order.db, media=order.media, create=False) as bench:
        if isinstance(order.work, RunSpec):
            return make_clips(bench, order.work)
        clips = bench.clips()
        if clips and not clips[0].linked and not bench.media.exists(clips[0].media):
            raise BenchError(
                f"{bench.media.url}: the clip {clips[0].media} is not there; every machine must see the same media: "
                "give a bucket with --media s3://..., or a folder that all of them share"
            )
        return measure(bench, replace(order.work, workers=order.work.workers or order.cores))
