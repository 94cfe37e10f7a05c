"""What every command shares: exit codes, sentences instead of tracebacks, a quick start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from vbench import doctor


def vbench(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vbench", *words], capture_output=True, text=True, **options)


def test_help_loads_nothing_heavy() -> None:
    heavy = "('torch', 'numpy', 'cv2', 'diffusers', 'gradio', 'sqlalchemy', 'pydantic', 'pandas', 'av')"
    code = (
        f"import sys; from vbench.cli import app; from typer.testing import CliRunner;"
        f"r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0;"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_what_you_can_fix_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    run = vbench("board", "--bench", str(tmp_path / "none"))
    assert run.returncode == 2
    assert run.stderr.startswith("vbench: ")
    assert len(run.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "none").exists(), "looking does not make a bench"


def test_a_sentence_names_what_was_typed(tmp_path: Path) -> None:
    run = vbench("import", str(tmp_path), "--pattern", "{model}", "--dry-run", "--bench", str(tmp_path / "none"))
    assert run.stderr.startswith("vbench: --pattern '{model}' lacks {prompt}; write something like ")


def test_a_wrong_option_is_exit_code_2() -> None:
    run = vbench("board", "--metrik", "x")
    assert run.returncode == 2
    assert "--metric" in run.stderr


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    code = (
        "from vbench import cli; from vbench.cli import system\n"
        "def broken(*a, **k): raise ZeroDivisionError('a bug')\n"
        "import vbench.doctor; vbench.doctor.examine = broken\n"
        "import sys; sys.argv = ['vbench', 'doctor']; cli.main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "Traceback" in run.stderr


def test_ctrl_c_says_that_nothing_is_lost() -> None:
    code = (
        "from vbench import cli\nimport vbench.doctor, time\n"
        "def slow(*a, **k):\n    print('started', flush=True); time.sleep(60)\n"
        "vbench.doctor.examine = slow\nimport sys; sys.argv = ['vbench', 'doctor']; cli.main()"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "started\n"
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=20)
    assert run.returncode == 130
    assert "Traceback" not in errors


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run([sys.executable, "-m", "vbench", "prompts"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert "Traceback" not in run.stderr


def test_doctor_tells_as_json() -> None:
    checks = json.loads(vbench("doctor", "--json").stdout)["checks"]
    assert {"versions", "gpu", "codecs", "weights", "keys", "disk"} == {check["topic"] for check in checks}
    assert all(check.keys() == {"topic", "name", "state", "detail"} for check in checks)


def test_doctor_says_which_decoders_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoders() -> Any:
        return {check.name: check for check in doctor.examine() if check.name in ("torchcodec", "nvdec")}

    assert decoders()["torchcodec"].state == "ok"
    assert "decode.backend=torchcodec" in decoders()["torchcodec"].detail
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    checks = decoders()
    assert {check.state for check in checks.values()} == {"missing"}
    assert all("pip install 'vbench-studio[nvdec]'" in check.detail for check in checks.values())


def test_doctor_never_shows_a_key(tmp_path: Path) -> None:
    environment = os.environ | {"KLING_API_KEY": "sk-very-secret-value"}
    shown = vbench("doctor", env=environment).stdout
    assert "KLING_API_KEY" in shown
    assert "very-secret" not in shown


@pytest.mark.parametrize("is_there", [True, False])
def test_doctor_sees_the_package_that_bears_our_name(monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    def version(name: str) -> str:
        if name == "vbench" and is_there:
            return "0.1.5"
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    (check,) = doctor._name_clash()
    assert check.state == ("problem" if is_there else "ok")
