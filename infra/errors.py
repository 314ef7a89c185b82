"""What can go wrong at synth. The text of each is the one clear line that its reader gets."""

from __future__ import annotations


class SynthError(Exception):
    """Synth cannot go on; ``str(error)`` says what, where and what would be right."""


class LockError(SynthError):
    """The lock file of cells cannot be read or written."""


class CellOverflow(SynthError):
    """A cell, or a single identity, has more resources than a stack can hold."""


class BundlingError(SynthError):
    """The code of the functions cannot be put together."""
