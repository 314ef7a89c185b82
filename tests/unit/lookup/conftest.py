"""The lookup API of a deployment, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.lookup.gateway import Gateway, load


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Gateway:
    return Gateway(load(monkeypatch, tmp_path), monkeypatch)
