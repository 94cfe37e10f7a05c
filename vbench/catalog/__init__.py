"""Where suites and model cards lie: those that ship with the package, and a user's own beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vbench.errors import CatalogError
from vbench.files import home_expanded
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    from vbench.catalog.suites import Suite

SUITE_SUFFIXES = (".yaml", ".yml", ".jsonl", ".json", ".csv", ".txt")

_PACKAGE = Path(__file__).resolve().parents[1]


def folders(kind: Literal["prompts", "models"]) -> list[Path]:
    """The folders that are read for `kind`: the built-in one, then `./prompts` or `./models` where there is one.

    The built-in folder is at the top of a checkout, and `vbench/data` in an installed wheel.
    """
    shipped, checkout, own = _PACKAGE / "data" / kind, _PACKAGE.parent / kind, Path.cwd() / kind
    built_in = shipped if shipped.is_dir() else checkout
    return [built_in, own] if own.is_dir() and own.resolve() != built_in.resolve() else [built_in]


def suite_files() -> dict[str, Path]:
    """Name → file of every suite that is found by name, the built-in ones first.

    Raises:
        CatalogError: two files bear one name.
    """
    files: dict[str, Path] = {}
    for folder in folders("prompts"):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() not in SUITE_SUFFIXES or path.name.startswith("."):
                continue
            if path.stem in files:
                raise CatalogError(f"{path}: {files[path.stem]} is also the suite {path.stem!r}; rename one")
            files[path.stem] = path
    return files


def find_suite(name_or_path: str | Path) -> Suite:
    """The suite of that name, or in that file.

    Anything with a suffix that suites have, or with a path separator, is a file; all else is a name.

    Raises:
        CatalogError: there is none, or it says something that cannot be meant.
    """
    from vbench.catalog.suites import load_suite  # here, so that a list of names needs no pydantic

    path = home_expanded(name_or_path)
    if path.suffix.lower() in SUITE_SUFFIXES or len(path.parts) > 1:
        return load_suite(path)
    files = suite_files()
    if str(name_or_path) not in files:
        raise CatalogError(f"no suite {str(name_or_path)!r}; {did_you_mean(str(name_or_path), list(files))}")
    return load_suite(files[str(name_or_path)])
