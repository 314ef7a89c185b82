"""What the tests of the endpoint share."""

from __future__ import annotations

import pytest

from .world import World


@pytest.fixture
def world() -> World:
    """A fresh endpoint."""
    return World()
