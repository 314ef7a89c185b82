"""Typer's commands, made quick to start and plain to read.

Typer has pydantic check every value, and importing pydantic takes longer than all the rest together. Our commands take
texts and flags only and check them themselves (an error names the option and what would be right), so values may pass
as they were typed. Where another version of typer goes about it otherwise, nothing breaks: it is slower, and a test
says so.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _AsTyped:
    """Stands in for typer's pydantic adapter."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a text or flag as it was typed, several texts as a list."""
        return list(value) if isinstance(value, tuple) else value


def _quick(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if parameter.type_descriptor.annotation in (bool, str, list[str]):
            parameter._runtime_param = _AsTyped()
    return parameters


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments, to be taken as typed."""
        return _quick(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands in the usage line: arguments by the names help gives them."""
        return ["[OPTIONS]", *(name for name, _ in self._arguments(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the lists of arguments and options."""
        arguments = self._arguments(ctx)
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        options = [parameter.get_help_record(ctx) for parameter in self.get_params(ctx) if _is_option(parameter)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in options if record is not None])

    def _arguments(self, ctx: Any) -> list[tuple[str, str]]:
        return [(p.metavar, p.help) for p in self.get_params(ctx) if not _is_option(p)]


class Group(TyperGroup):
    """The whole command line."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, to be taken as typed."""
        return _quick(super().get_params(ctx))


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")
