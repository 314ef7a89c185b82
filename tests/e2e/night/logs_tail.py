"""`aws logs tail`, which only version 2 of the AWS CLI has, as a plug-in of version 1, the one that PyPI has.

The CLI itself parses its arguments, from the synopsis in https://docs.aws.amazon.com/cli/latest/reference/logs/tail.html,
`--follow` left out: what stays in the foreground has no place in a runbook. Its output is its own.
"""

from __future__ import annotations

import re
import sys
import time
from typing import Any, ClassVar

from awscli.customizations.commands import BasicCommand

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Tail(BasicCommand):
    """Show what a log group was told since some time, and end."""

    NAME = "tail"
    DESCRIPTION = "Tails the logs for a CloudWatch Logs group."
    ARG_TABLE: ClassVar = [
        {"name": "group_name", "positional_arg": True},
        {"name": "since", "default": "10m"},
        {"name": "filter-pattern"},
    ]

    def _run_main(self, parsed_args: Any, parsed_globals: Any) -> int:
        since = re.fullmatch(r"(\d+)([smhdw])", parsed_args.since)
        if since is None:
            raise ValueError(f"--since {parsed_args.since}: not a number and one unit (s, m, h, d, w)")
        logs = self._session.create_client(
            "logs", region_name=parsed_globals.region, endpoint_url=parsed_globals.endpoint_url
        )
        asked = {
            "logGroupName": parsed_args.group_name,
            "startTime": int(time.time() - int(since[1]) * _SECONDS[since[2]]) * 1_000,
            **({"filterPattern": parsed_args.filter_pattern} if parsed_args.filter_pattern else {}),
        }
        for page in logs.get_paginator("filter_log_events").paginate(**asked):
            for event in page["events"]:
                sys.stdout.write(f"{event['timestamp']} {event['logStreamName']} {event['message'].rstrip()}\n")
        return 0


def awscli_initialize(cli: Any) -> None:
    """Add the command. The AWS CLI calls this function of each module that its configuration names as a plug-in."""
    cli.register("building-command-table.logs", _add)


def _add(command_table: dict[str, Any], session: Any, **_: object) -> None:
    command_table[Tail.NAME] = Tail(session)
