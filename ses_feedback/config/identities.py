"""The identities of the file: which domains and addresses, and in which environment, stream and team each belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ses_feedback.config import names, schema
from ses_feedback.config.model import Identity
from ses_feedback.config.problems import Problems, choices, describe, join, key, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.events import DEFAULT_ENVIRONMENT, DEFAULT_STREAM


def read(problems: Problems, values: Mapping[str, Any], teams: Sequence[str]) -> dict[str, Identity]:
    """Return the identities that are right by normalised name, in file order; the rest is added to ``problems``."""
    spelt: dict[str, str] = {}
    found: dict[str, Identity] = {}
    spelling = _Spelling(problems)
    for name, value in values.items():
        path = join("identities", name)
        dotted = list(_unquoted(name, value))
        if dotted:
            for meant in dotted:
                right = join("identities", meant)
                problems.add(f"identities.{meant}", f"a name with dots needs quotes: write [{right}]")
            continue
        try:
            normal = names.identity(name)
        except ValueError as error:
            problems.add(path, str(error))
            normal = name
        first = spelt.setdefault(normal, path)
        if first != path:
            problems.add(path, f"the same identity as {first}; keep one of them")
        if isinstance(value, dict):
            found[normal] = _read_one(problems, path, normal, value, teams)
            spelling.check(path, found[normal])
        else:
            problems.add(path, f"must be a table, written [{path}], not {describe(value)}")
    return found


def _unquoted(name: str, value: object) -> Iterator[str]:
    """Yield what ``[identities.example.com]`` was meant to name: a dot begins an inner table."""
    if "." in name or "@" in name or not isinstance(value, dict) or not _is_label(name):
        return
    fields = schema.names(schema.IDENTITY)
    pending = [
        (f"{name}.{inner}", table) for inner, table in value.items() if isinstance(table, dict) and _is_label(inner)
    ]
    while pending:
        dotted, table = pending.pop(0)
        deeper = [
            (f"{dotted}.{i}", t) for i, t in table.items() if i not in fields and isinstance(t, dict) and _is_label(i)
        ]
        pending.extend(deeper)
        if not deeper:
            yield dotted


def _is_label(text: str) -> bool:
    return key(text) == text


def _read_one(problems: Problems, path: str, name: str, values: Mapping[str, Any], teams: Sequence[str]) -> Identity:
    table = Table(problems, path, values, schema.IDENTITY)
    team = table.string("team")
    if team is not None and team not in teams:
        if teams:
            table.problem("team", f"no team {shown(team)}; {choices(team, teams)}")
        else:
            table.problem(
                "team", f"no team {shown(team)}; the file has none: add [{join('teams', team)}] or leave team out"
            )
    return Identity(
        name=name,
        environment=_plain(table, "environment") or DEFAULT_ENVIRONMENT,
        stream=_plain(table, "stream") or DEFAULT_STREAM,
        team=team,
        configuration_set=table.boolean("configuration_set") or False,
    )


class _Spelling:
    """Reports environments and streams that differ in case only: two worlds by law, one by mistake."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.first: dict[tuple[str, ...], str] = {}

    def check(self, path: str, identity: Identity) -> None:
        """Compare the names of an identity with those before it."""
        environment = identity.environment
        self._check(join(path, "environment"), environment, ("environment", environment.lower()))
        # Streams of different environments have nothing to do with each other.
        self._check(join(path, "stream"), identity.stream, ("stream", environment.lower(), identity.stream.lower()))

    def _check(self, path: str, name: str, folded: tuple[str, ...]) -> None:
        first = self.first.setdefault(folded, name)
        if first != name:
            self.problems.add(path, f"{shown(name)} differs from {shown(first)} in case only; write both alike")


def _plain(table: Table, name: str) -> str | None:
    text = table.string(name)
    if text is not None:
        try:
            return names.plain(text)
        except ValueError as error:
            table.problem(name, str(error))
    return None
