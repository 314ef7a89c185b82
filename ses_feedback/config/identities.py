"""The identities of the file: which domains and addresses, and in which environment, stream and team each belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ses_feedback.config import names, schema, thresholds
from ses_feedback.config.model import NOTIFIED_KINDS, SET_KINDS, ConfigurationSet, Identity, Thresholds
from ses_feedback.config.problems import Problems, choices, describe, join, key, shown
from ses_feedback.config.table import Table, article
from ses_feedback.domain.events import BOUNCE, COMPLAINT, DEFAULT_ENVIRONMENT, DEFAULT_STREAM

# Inner tables of an identity that are no part of its name.
_TABLES: Final = tuple(key.name for key in schema.IDENTITY if "table" in key.type)


def read(
    problems: Problems, values: Mapping[str, Any], teams: Sequence[str], of_all: thresholds.Sourced
) -> dict[str, Identity]:
    """Return the identities that are right by normalised name, in file order; the rest is added to ``problems``.

    ``of_all`` are the thresholds of those without their own.
    """
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
            found[normal] = _read_one(problems, path, normal, value, teams, of_all)
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
        (f"{name}.{inner}", table)
        for inner, table in value.items()
        if inner not in _TABLES and isinstance(table, dict) and _is_label(inner)
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


def _read_one(
    problems: Problems,
    path: str,
    name: str,
    values: Mapping[str, Any],
    teams: Sequence[str],
    of_all: thresholds.Sourced,
) -> Identity:
    table = Table(problems, path, values, schema.IDENTITY)
    team = table.string("team")
    if team is not None and team not in teams:
        if teams:
            table.problem("team", f"no team {shown(team)}; {choices(team, teams)}")
        else:
            table.problem(
                "team", f"no team {shown(team)}; the file has none: add [{join('teams', team)}] or leave team out"
            )
    environment = _plain(table, "environment") or DEFAULT_ENVIRONMENT
    canary = table.boolean("canary")
    own_set = _configuration_set(table, "configuration_set")
    return Identity(
        name=name,
        environment=environment,
        stream=_plain(table, "stream") or DEFAULT_STREAM,
        team=team,
        configuration_set=own_set,
        create=table.boolean("create") or False,
        # A canary is billed mail: where nobody depends on the loop, it has to be asked for.
        canary=environment == DEFAULT_ENVIRONMENT if canary is None else canary,
        breaker=_breaker(table),
        thresholds=_own_thresholds(table, of_all),
    )


def _own_thresholds(table: Table, of_all: thresholds.Sourced) -> Thresholds | None:
    given = table.table("thresholds")
    if given is None:
        return None
    own = thresholds.read(table.problems, table.at("thresholds"), given, of_all)
    return own.complete() if own.stated else None


def _breaker(table: Table) -> bool:
    """Return whether a page pauses the identity; that needs a configuration set, whatever else is wrong with it."""
    wanted = table.boolean("breaker") or False
    if wanted and table.values.get("configuration_set", False) is False:
        table.problem("breaker", "has nothing to pause: add configuration_set = true, or leave breaker out")
    return wanted


def _configuration_set(table: Table, name: str) -> ConfigurationSet | None:
    """Return the set that ``true`` or a table of options asks for."""
    given = table.values.get(name, False)
    if isinstance(given, bool):
        return ConfigurationSet() if given else None
    if not isinstance(given, dict):
        known = table.keys[name]
        table.problem(name, f"must be {article(known.type)} such as {known.example}, not {describe(given)}")
        return None
    options = Table(table.problems, table.at(name), given, schema.CONFIGURATION_SET)
    tls = options.choice("tls", ("optional", "require"))
    return ConfigurationSet(
        events=options.strings("events", SET_KINDS, empty=True, explain=_always_told) or (),
        tls="require" if tls == "require" else "optional",
        suppress=options.strings("suppress", (BOUNCE, COMPLAINT), empty=True),
    )


def _always_told(kind: str) -> str | None:
    if kind in NOTIFIED_KINDS:
        return f"{kind} comes from every identity, with or without a configuration set; leave it out"
    return None


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
