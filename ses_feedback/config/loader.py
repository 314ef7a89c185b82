"""From the file to a checked configuration: every problem of it at once, each with its path and what would be right."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.config import (
    archives,
    arns,
    canaries,
    changes,
    consistency,
    destinations,
    endpoints,
    https_endpoint,
    identities,
    lookups,
    names,
    schema,
    ses_lists,
    thresholds,
    tiers,
)
from ses_feedback.config.model import RUNBOOKS, AlarmsPer, Config, Deployment, Destination, Identity, OnCall, Team
from ses_feedback.config.problems import ConfigError, Problems, describe, join, quote, shown
from ses_feedback.config.table import Table

DEFAULT_NAME: Final = "ses-feedback"
# Not the environment's region: the same file means the same deployment, whoever runs it.
DEFAULT_REGION: Final = "us-east-1"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_LONGEST_NAME: Final = 32
# `Bucket naming rules` of the S3 user guide.
_LONGEST_BUCKET_NAME: Final = 63
# What names of ours may not begin with, because AWS keeps it for itself: SSM API reference, `PutParameter`, and S3 user
# guide, `Bucket naming rules` (where `xn--` is one more, which a deployment's name cannot have).
_RESERVED: Final[Mapping[str, str]] = {
    "aws": "SSM parameters",
    "ssm": "SSM parameters",
    "sthree-": "buckets",
    "amzn-s3-demo-": "buckets",
}
_ALARMS: Final = ("identity", "environment")
_SMALLEST: Final = "the smallest file has on_call.page and one identity"


def load(path: Path) -> Config:
    """Return the configuration in a file. Raises ``ConfigError`` with all its problems."""
    where = shown(str(path))[1:-1]
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            [f"{where}: no such file; name one with --config, or copy the example feedback.toml"], path
        ) from None
    except IsADirectoryError:
        raise ConfigError([f"{where}: is a directory; name the file in it"], path) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{where}: cannot be read: {reason}"], path) from None
    try:
        # Editors on Windows begin a file with a byte order mark.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"{where}: line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError([problem], path) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{where}: {_malformed(str(error), text)}"], path) from None
    except RecursionError:
        raise ConfigError([f"{where}: not TOML that can be read: nested too deeply"], path) from None
    except ValueError:
        # Python refuses decimal integers of more than 4,300 digits (int_max_str_digits).
        raise ConfigError([f"{where}: not TOML that can be read: a number has too many digits"], path) from None
    if not values:
        raise ConfigError([f"{where}: is empty; {_SMALLEST}"], path)
    return parse(values, path)


def _malformed(message: str, text: str) -> str:
    found = re.fullmatch(r"(?s)(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    what, line, column = found.groups() if found else (message, None, None)
    if line is None:
        lines = text.rstrip().split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return f"line {line}, column {column}: not TOML: {quote(what[:1].lower() + what[1:])[1:-1]}"


def parse(values: Mapping[str, Any], path: Path | None = None) -> Config:
    """Return the configuration that a TOML document holds, given as ``tomllib`` returns it.

    Raises ``ConfigError`` with all its problems; nothing else, whatever the values are.
    """
    problems = Problems()
    table = Table(problems, "", values, schema.FILE)
    deployment = _read_deployment(
        problems, table.table("deployment"), named="deployment" in values or "deployment" in table.misspelt
    )
    region = deployment.region or None
    on_call = _read_on_call(problems, table, region)
    stated = table.table("teams") or {}
    teams = _read_teams(problems, stated, region)
    of_all = thresholds.read(problems, "thresholds", table.table("thresholds") or {})
    before = len(problems.lines)
    found = _read_identities(problems, table, tuple(teams), of_all)
    if len(problems.lines) == before:  # else nobody knows what the identities were meant to be
        consistency.check_kinds(problems, stated, found)
        consistency.check_names(problems, deployment.name, found)
    consistency.check_breakers(problems, deployment.alarms, found)
    consistency.check_thresholds(problems, deployment.alarms, found)
    given = table.table("policy") or {}
    policy = tiers.read(problems, given)
    tiers.check_sum(problems, policy, given, Counter(e for e, _ in {(i.environment, i.stream) for i in found.values()}))
    canary = canaries.read(problems, table.table("canary") or {})
    archive = archives.read(problems, table.table("archive") or {})
    endpoint = https_endpoint.read(problems, table.table("endpoint"), found)
    ses_list = ses_lists.read(problems, table.table("ses_list"), found)
    lookup = lookups.read(problems, table.table("lookup") or {})
    followed = changes.read(problems, table.table("changes"), region, found)
    if problems.lines:
        raise ConfigError(problems.lines, path)
    return Config(
        deployment,
        on_call,
        MappingProxyType(teams),
        MappingProxyType(found),
        policy,
        path,
        canary,
        of_all.complete(),
        archive,
        endpoint,
        ses_list=ses_list,
        lookup=lookup,
        changes=followed,
    )


def _read_deployment(problems: Problems, values: Mapping[str, Any] | None, *, named: bool) -> Deployment:
    """Return the deployment; its region is empty where the file gives none that is right.

    ``named``: whether the file has such a table, if only a misspelt or otherwise wrong one, already reported.
    """
    if values is None and named:
        return Deployment(DEFAULT_NAME, "", ())
    table = Table(problems, "deployment", values or {}, schema.DEPLOYMENT)
    region = table.string("region") or ("" if "region" in table.values else DEFAULT_REGION)
    if isinstance(table.values.get("region"), str):
        reason = _region_reason(region)
        if reason:
            table.problem("region", reason)
            region = ""
    name = table.string("name")
    if name is not None:
        _check_name(table, name, region)
    regions = _read_regions(table, region)
    alarms: AlarmsPer = "environment" if table.choice("alarms", _ALARMS) == "environment" else "identity"
    return Deployment(name or DEFAULT_NAME, region, regions, alarms, table.boolean("overwrite") or False)


def _region_reason(text: str) -> str | None:
    return None if arns.REGION.fullmatch(text) else f"{shown(text)} is not an AWS region such as us-east-1"


def _check_name(table: Table, name: str, region: str) -> None:
    right = f"right is up to {_LONGEST_NAME} lower-case letters, digits and single hyphens, a letter first"
    if _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        bucket = naming.quarantine_bucket_name(name, "0" * 12, region or "us-east-1")
        over = len(bucket) - _LONGEST_BUCKET_NAME
        reserved = next((prefix for prefix in _RESERVED if name.startswith(prefix)), None)
        if reserved:
            table.problem(
                "name",
                f"{shown(name)} begins with {quote(reserved)}, which AWS keeps for itself in names of "
                f"{_RESERVED[reserved]}; right is any other beginning, such as {quote('my-' + reserved.rstrip('-'))}",
            )
        elif over > 0:
            limit = f"{_LONGEST_BUCKET_NAME} letters"
            table.problem(
                "name", f"{shown(name)} is {over} too long: with it the bucket {bucket} outgrows S3's {limit}"
            )
        return
    meant = re.sub(r"[^a-z0-9]+", "-", name[:100].lower()).strip("-")
    good = _NAME.fullmatch(meant) and len(meant) <= _LONGEST_NAME
    suggestion = f"; did you mean {quote(meant)}?" if good else ""
    underscore = '"_" is not allowed, since it parts the name from the rest in topic names; ' if "_" in name else ""
    table.problem("name", f"{shown(name)} cannot name a deployment; {underscore}{right}{suggestion}")


def _read_regions(table: Table, region: str) -> tuple[str, ...]:
    regions = table.strings("regions")
    if regions is None:
        return (region,)
    for number, text in enumerate(regions):
        reason = _region_reason(text)
        if not reason and region and arns.partition_of(text) != arns.partition_of(region):
            reason = (
                f"{text} is in another partition of AWS than deployment.region {region}, and needs other credentials"
            )
        if reason:
            table.problems.add(f"deployment.regions[{number}]", reason)
    if region and region not in regions:
        table.problem("regions", f"must include deployment.region {quote(region)}")
    return regions


def _read_on_call(problems: Problems, file: Table, region: str | None) -> OnCall:
    values = file.table("on_call")
    if values is None:
        if "on_call" not in file.values and "on_call" not in file.misspelt:
            example = next(key.example for key in schema.ON_CALL if key.name == "page")
            problems.add("on_call.page", f"missing; say whom alarms wake, such as {example}")
        return OnCall((), ())
    table = Table(problems, "on_call", values, schema.ON_CALL)
    if "page" not in values:
        table.missing("page")
    page = table.array("page")
    paged = destinations.read(problems, "on_call.page", page, region, team=False) if page is not None else ()
    warn = table.array("warn")
    runbooks = _read_runbooks(table)
    if warn is None:
        return OnCall(paged, paged, runbooks)
    if not warn:
        table.problem("warn", "empty; name at least one destination, or leave warn out: it then goes where page goes")
        return OnCall(paged, paged, runbooks)
    return OnCall(paged, destinations.read(problems, "on_call.warn", warn, region, team=False), runbooks)


def _read_runbooks(table: Table) -> str:
    given = table.string("runbooks")
    if given is None:
        return RUNBOOKS
    reason = endpoints.address_reason(given)
    if reason:
        table.problem("runbooks", reason)
    return given.rstrip("/")


def _read_teams(problems: Problems, values: Mapping[str, Any], region: str | None) -> dict[str, Team]:
    """Return every team the file names, also those with problems, so that no identity is blamed for them."""
    teams = {}
    for name, value in values.items():
        path = join("teams", name)
        notify: tuple[Destination, ...] = ()
        try:
            names.plain(name)
        except ValueError as error:
            problems.add(path, str(error))
        if isinstance(value, dict):
            table = Table(problems, path, value, schema.TEAM)
            if "notify" not in value:
                table.missing("notify")
            given = table.array("notify")
            if given is not None:
                notify = destinations.read(problems, table.at("notify"), given, region, team=True)
        else:
            problems.add(path, f"must be a table, written [{path}], not {describe(value)}")
        teams[name] = Team(name, notify)
    return teams


def _read_identities(
    problems: Problems, file: Table, teams: tuple[str, ...], of_all: thresholds.Sourced
) -> dict[str, Identity]:
    values = file.table("identities")
    if values is not None and values:
        return identities.read(problems, values, teams, of_all)
    if values is not None or ("identities" not in file.values and "identities" not in file.misspelt):
        state = "empty" if values is not None else "missing"
        problems.add(
            "identities", f'{state}; name at least one domain or address of SES, such as [identities."example.com"]'
        )
    return {}
