"""Synth takes seconds: each configuration is synthesised once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.node import use_packaged_node

use_packaged_node()

from tests.infra import configs  # noqa: E402

if TYPE_CHECKING:
    from ses_feedback.config import Config
    from tests.infra.synthesis import Assembly

Synthesise = Callable[["Config"], "Assembly"]


@pytest.fixture(scope="session")
def _synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    from tests.infra.synthesis import synthesise

    def run(config: Config) -> Assembly:
        folder: Path = tmp_path_factory.mktemp("assembly")
        return synthesise(config, folder)

    return run


@pytest.fixture(scope="session")
def small(_synthesise: Synthesise) -> Assembly:
    return _synthesise(configs.small())


@pytest.fixture(scope="session")
def full(_synthesise: Synthesise) -> Assembly:
    return _synthesise(configs.full())


@pytest.fixture(scope="session")
def thirty(_synthesise: Synthesise) -> Assembly:
    return _synthesise(configs.many(30))


@pytest.fixture(scope="session")
def per_environment(_synthesise: Synthesise) -> Assembly:
    return _synthesise(configs.many(30, alarms="environment"))
