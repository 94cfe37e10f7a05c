"""What leaves the bench with the chosen takes: folders, tables, timelines for editors, contact sheets, one video."""

from vbench.exports.kinds import FILES, QUICK, Kind, export
from vbench.exports.takes import Take, takes_of

__all__ = ["FILES", "QUICK", "Kind", "Take", "export", "takes_of"]
