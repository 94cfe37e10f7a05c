"""What several test modules need: a real PostgreSQL server, the folder of real clips, a CUDA device."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.s3 import Gate, moto_program, moto_server

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

POSTGRES_FOLDERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/bin")]


def _postgres_tool(name: str) -> str | None:
    for folder in POSTGRES_FOLDERS:
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A private PostgreSQL server on a Unix socket, started for this test run and stopped after it."""
    initdb, postgres = _postgres_tool("initdb"), _postgres_tool("postgres")
    if initdb is None or postgres is None:
        if os.environ.get("VBENCH_REQUIRE_POSTGRES") == "1":
            pytest.fail("VBENCH_REQUIRE_POSTGRES=1, but there is no initdb or postgres; install postgresql")
        pytest.skip("no PostgreSQL server installed")
    folder = Path(tempfile.mkdtemp(prefix="vbench-pg-", dir="/tmp"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    data = str(folder / "data")
    subprocess.run(
        [*as_user, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-N"], check=True, capture_output=True
    )
    server = subprocess.Popen(
        [*as_user, postgres, "-D", data, "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(folder)
        yield str(folder)
    finally:
        server.send_signal(signal.SIGINT)  # at SIGTERM it would wait for every connection that a test left open
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(folder: Path) -> None:
    import time

    import psycopg

    for _ in range(100):
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the PostgreSQL server did not start in 10 s")


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The address of a new, empty database."""
    import psycopg

    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(host=postgres_server, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://postgres@/{name}?host={postgres_server}"


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """The port of moto's S3 server, started for this test run and stopped after it."""
    if (program := moto_program()) is None:
        if os.environ.get("VBENCH_REQUIRE_S3") == "1":
            pytest.fail("VBENCH_REQUIRE_S3=1, but there is no moto_server; `make .tools/moto/installed` installs it")
        pytest.skip("no S3 server; `make .tools/moto/installed` installs moto's")
    with moto_server(program) as port:
        yield port


@pytest.fixture
def s3_gate(moto_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """S3 behind a gate that has faults on demand; what is opened as `s3://` leads there."""
    gate = Gate(moto_port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", gate.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield gate
    gate.close()


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real clips of real tools beside the checkout, where there is one."""
    folder = Path(os.environ.get("VBENCH_REAL_CLIPS") or Path(__file__).parents[2] / "shared" / "clips")
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder}")
    return folder


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A `gpu` test is skipped where there is no CUDA device, unless VBENCH_REQUIRE_GPU=1 says that there is one."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    if not torch.cuda.is_available():
        if os.environ.get("VBENCH_REQUIRE_GPU") == "1":
            pytest.fail("VBENCH_REQUIRE_GPU=1, but torch sees no CUDA device")
        pytest.skip("no CUDA device")
