"""Who decides: kept with each decision, for whoever looks at the address later."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ses_feedback.cli.session import quoted
from ses_feedback.domain.errors import PermanentError

if TYPE_CHECKING:
    from ses_feedback.cli.session import Deployment

_LONGEST: Final = 200

By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who decides, where the AWS credentials alone would not tell."),
]


def said_by(text: str | None) -> str:
    """Return a name as it is stored, empty for none. Raises ``PermanentError`` where it cannot be shown on one line."""
    if text is None:
        return ""
    name = text.strip()
    if not name or not name.isprintable():
        raise PermanentError(f"--by: {quoted(text)} must be one line of readable text")
    if len(name) > _LONGEST:
        raise PermanentError(f"--by: {len(name)} letters are too long; at most {_LONGEST}")
    return name


def signed(deployment: Deployment, name: str) -> str:
    """Return who decides: the name, and the ARN of the credentials in any case; else who is logged in here."""
    arn = deployment.signature
    if name and arn:
        return f"{name} ({arn})"
    return name or arn or _login()


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in a container; Python 3.13 knows only the first
        return ""
