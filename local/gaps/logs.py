"""CloudWatch Logs: filter patterns over JSON are honoured; a function writes where there is a group, or may make one.

The emulator takes each pattern for one that everything matches, and makes a group that a deployment has just deleted
anew for the last words of a function, so that the next deployment finds its name taken. On AWS that takes
``logs:CreateLogGroup`` (Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from ministack.services import cloudwatch_logs, iam, lambda_svc

from local.log_patterns import matcher


def install() -> None:
    """Replace how patterns are read, and what becomes of a function's words."""
    terms = cloudwatch_logs._compile_filter_pattern
    emit = lambda_svc._emit_lambda_logs

    def compile_pattern(raw: str) -> Callable[[str], bool]:
        pattern = (raw or "").strip()
        return matcher(pattern) if pattern.startswith("{") else terms(raw)

    def emit_where_it_may(function: dict[str, Any], *rest: Any, **named: Any) -> None:
        config = function.get("config") or function
        name = config.get("FunctionName", "")
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        is_there = group in cloudwatch_logs._log_groups
        if is_there or (name in lambda_svc._functions and _may_create_groups(config.get("Role", ""))):
            emit(function, *rest, **named)

    cloudwatch_logs._compile_filter_pattern = compile_pattern
    lambda_svc._emit_lambda_logs = emit_where_it_may


def _may_create_groups(role: str) -> bool:
    """Say whether a role's own policies allow it; the emulator runs functions under roles that never were, too."""
    found = iam._roles.get(role.rpartition("/")[2])
    if found is None:
        return True
    for document in found["InlinePolicies"].values():
        policy = json.loads(document) if isinstance(document, str) else document
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if statement["Effect"] == "Allow" and any(fnmatchcase("logs:CreateLogGroup", a) for a in actions):
                return True
    return False
