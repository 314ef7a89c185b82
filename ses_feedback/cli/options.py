"""The options that commands share, and how help shows examples."""

from __future__ import annotations

from typing import Annotated, Final

import typer

PROGRAM: Final = "ses-feedback"
DEFAULT_CONFIG: Final = "feedback.toml"
CONFIG_VARIABLE: Final = "SES_FEEDBACK_CONFIG"

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON lines: one object a line, nothing else on standard output.")
]
ConfigFile = Annotated[
    str, typer.Option("--config", metavar="FILE", envvar=CONFIG_VARIABLE, help="The configuration file.")
]
Environment = Annotated[
    str | None,
    typer.Option("--environment", metavar="E", help="The environment; may be left out where there is only one."),
]
Stream = Annotated[
    str | None,
    typer.Option("--stream", metavar="S", help="The stream of mail; left out: default, or the only one there is."),
]
Scope = Annotated[str, typer.Option("--stream", metavar="S", help="The stream it shall hold for; * is every stream.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for whoever looks at this address later.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An e-mail address.")]


def examples(*lines: str) -> str:
    """Return the end of a command's help: examples, one a line, that the formatter leaves as they are."""
    heading = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(("\b", heading, *(f"  {PROGRAM} {line}" for line in lines)))
