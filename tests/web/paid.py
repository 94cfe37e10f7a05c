"""A tool that costs money, in the catalogue of one's own folder: a hosted protocol played on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.hosted import Fake

CARD = """
name: Paid
vendor: {{name: none, country: DE}}
adapter: vertex
licence: {{weights: closed}}
capabilities: {{seed: true, negative_prompt: true}}
limits: {{seconds: [4, 8], concurrency: 1}}
defaults: {{seconds: 4, resolution: 720p, ratio: '16:9'}}
price: {{usd_per_clip: 0.5, source: none, checked_on: 2026-11-01}}
options:
  base_url: {url}
  project: fake-project
  location: us-central1
  model: veo-3.1-generate-001
  every_s: 0.2
"""


@contextmanager
def paid_tool(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """The tool `paid` ($0.50 a clip) for this process and those it starts; its clips come inside its answers."""
    with Fake("vertex") as fake:
        (folder / "models").mkdir(exist_ok=True)
        (folder / "models" / "paid.yaml").write_text(CARD.format(url=fake.base_url))
        monkeypatch.chdir(folder)
        monkeypatch.setenv(fake.spec.key_env, fake.key)
        yield fake
