"""What a user installs: the wheel holds the data it needs, and works without the checkout."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder), str(ROOT)]
    built = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("vbench_studio-*.whl"))


def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    code = (
        "import json, vbench; from vbench.catalog import suite_files; from vbench.catalog.cards import cards\n"
        "from vbench.synthetic import tiny_clip_path; from vbench.bench import Bench; Bench.open('b').close()\n"
        "print(json.dumps([vbench.__file__, sorted(suite_files()), len(cards()), tiny_clip_path().exists()]))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    where, suites, n_cards, has_clip = json.loads(run.stdout)
    assert where.startswith(str(tmp_path))
    assert suites == sorted(path.stem for path in (ROOT / "prompts").iterdir())
    assert n_cards == len(list((ROOT / "models").glob("*.yaml")))
    assert has_clip


def test_pages_and_templates_ship(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    kept = {
        path.relative_to(ROOT).as_posix()
        for folder in ("web/static", "report/templates")
        for path in (ROOT / "vbench" / folder).iterdir()
        if path.is_file()
    }
    assert len(kept) > 20
    assert kept <= shipped


def test_every_core_dependency_has_a_lower_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [line for line in project["dependencies"] if ">=" not in line] == []


def test_every_package_has_a_version_that_the_tests_passed_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    for line in needed:
        requirement = Requirement(line)
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), (line, version)
    assert "://" not in "".join(lines)


def test_the_space_installs_the_versions_that_passed() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert installs
    assert all("--constraint constraints.txt" in line for line in installs)
    assert f"FROM python:{sys.version_info.major}." in "\n".join(lines)


@pytest.mark.parametrize(
    ("code", "said", "ends", "words"),
    [
        (0, "No known vulnerabilities found", 0, "no known vulnerability"),
        (1, "Found 2 known vulnerabilities in 1 package\nName Version ID", 1, "Found 2 known vulnerabilities in 1"),
        (1, "requests.exceptions.ConnectionError: HTTPSConnectionPool(...): Max retries exceeded", 0, "out of reach"),
        (1, "Found 1 known vulnerability in 1 package\nConnectionError later", 1, "Found 1 known vulnerability"),
        (2, "No module named pip_audit", 1, "ended with 2"),
    ],
)
def test_known_vulnerabilities_fail_the_check_and_silence_does_not(code: int, said: str, ends: int, words: str) -> None:
    told, sentence = runpy.run_path(str(ROOT / "tools" / "audit.py"))["verdict"](code, said)
    assert told == ends
    assert words in sentence
