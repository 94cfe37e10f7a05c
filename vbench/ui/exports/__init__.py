"""What leaves the bench with the chosen takes: folders, tables, timelines for editors, contact sheets, one video."""

from vbench.ui.exports.kinds import FILES, QUICK, Kind, export
from vbench.ui.exports.takes import Take, takes_of

__all__ = ["FILES", "QUICK", "Kind", "Take", "export", "takes_of"]
