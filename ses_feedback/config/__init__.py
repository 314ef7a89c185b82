"""The configuration: ``load`` the file for synth and the command line; ``runtime`` is what Lambdas read of it.

Names are looked up when first used, so that a Lambda, which imports ``config.runtime``, pays for no TOML and no checks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ses_feedback.config.loader import load, parse
    from ses_feedback.config.model import Config, Deployment, Destination, Identity, OnCall, Team
    from ses_feedback.config.problems import ConfigError
    from ses_feedback.config.runtime import directory

__all__ = [
    "Config",
    "ConfigError",
    "Deployment",
    "Destination",
    "Identity",
    "OnCall",
    "Team",
    "directory",
    "load",
    "parse",
]

_HOME: Final = {
    "ConfigError": "problems",
    "directory": "runtime",
    "load": "loader",
    "parse": "loader",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME.get(name, 'model')}"), name)
    globals()[name] = value
    return value
