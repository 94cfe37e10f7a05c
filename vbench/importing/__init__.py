"""Folders of clips made elsewhere: which file is which prompt's, and how it comes into a Bench."""

from vbench.importing.guess import Guess, guess_from_name
from vbench.importing.import_folder import ImportReport, import_folder
from vbench.importing.store import FileOutcome

__all__ = ["FileOutcome", "Guess", "ImportReport", "guess_from_name", "import_folder"]
