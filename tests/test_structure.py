"""The house as it stands: no circle between modules, rooms and names as `docs/architecture.md` says."""

from __future__ import annotations

import ast
import graphlib
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vbench"


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    paths = [path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def target(name: str) -> str | None:
    """The module that a dotted name is of: itself, or the nearest above it."""
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name or None


def names_imported(tree: ast.AST) -> set[str]:
    """Dotted names that a module imports anywhere: at its top, in functions, for type checkers, and by a string."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"vbench(\.\w+)+:\w+", str(node.value)):
            names.add(str(node.value).partition(":")[0])
    return {name for name in names if name == "vbench" or name.startswith("vbench.")}


@cache
def edges() -> dict[str, set[str]]:
    """Module → the modules it imports; the packages that it lies in do not count."""
    graph: dict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        for name in names_imported(ast.parse(path.read_text(encoding="utf-8"))):
            to = target(name)
            if to is not None and to != module and not f"{module}.".startswith(f"{to}."):
                graph[module].add(to)
    return graph


def test_a_lazy_a_string_and_a_type_checking_import_are_seen() -> None:
    code = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from vbench.bench import Bench\n"
        "def f():\n    import vbench.doctor\nX = 'vbench.metrics.motion:MOTION_P95'\n"
    )
    assert names_imported(ast.parse(code)) == {"vbench.bench.Bench", "vbench.doctor", "vbench.metrics.motion"}


def test_no_circle_between_modules() -> None:
    try:
        list(graphlib.TopologicalSorter(edges()).static_order())
    except graphlib.CycleError as error:
        raise AssertionError("a circle of imports: " + " -> ".join(reversed(error.args[1]))) from None


def test_no_module_is_named_by_a_gerund() -> None:
    gerunds = [name for name in modules() if re.fullmatch(r"[a-z_]*[a-z]{2}ing", name.rpartition(".")[2])]
    nouns = ("vbench.importing", "vbench.training")  # what is done there is what the field calls it
    assert [name for name in gerunds if name not in nouns] == []


def test_no_public_class_name_stands_for_two_things() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_no_function_takes_more_than_eight_parameters() -> None:
    trains = []
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len([name for name in names if name not in ("self", "cls")]) > 8:
                    trains.append(f"{module}:{node.name}")
    assert trains == []
