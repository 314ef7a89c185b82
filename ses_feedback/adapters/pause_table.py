"""Pauses in the wiring table: one item ``pause#IDENTITY``, so that what was decided outlives deployments.

Attributes: ``version`` (S, a random token, new at each write) and ``pauses`` (L of M, the newest first): ``id``,
``by``, ``why``, ``alarm`` (S), ``at`` (N, ms since 1970), ``told`` (BOOL), and once it is over ``end`` (M: ``at``,
``by``, ``why``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.pauses import History, Pause, Resumption
from ses_feedback.usecases.pausing import Kept

PREFIX: Final = "pause#"
_WHAT: Final = "why an identity is paused"
_AT_ONCE: Final = 100  # keys of one BatchGetItem
_READS: Final = 5


class PauseTable:
    """Implements ``PauseBook``. ``client`` is a botocore client of ``dynamodb``, or makes its calls as that does.

    Needs ``dynamodb:BatchGetItem``, ``dynamodb:PutItem``, and the table's key.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, identity: str) -> Kept:
        """See ``PauseBook``."""
        return self._get([identity], consistent=True).get(identity, Kept())

    def histories(self, identities: Collection[str]) -> Mapping[str, History]:
        """Return the pauses of those identities that had any, read eventually consistently for half the price."""
        names = sorted(identities)
        found: dict[str, History] = {}
        for start in range(0, len(names), _AT_ONCE):
            kept = self._get(names[start : start + _AT_ONCE], consistent=False)
            found.update({identity: one.history for identity, one in kept.items()})
        return found

    def write(self, identity: str, history: History, version: str | None) -> bool:
        """See ``PauseBook``."""
        condition: dict[str, Any] = {"ConditionExpression": f"attribute_not_exists({naming.ATTRIBUTE_KEY})"}
        if version is not None:
            condition = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"S": version}},
            }
        item = {
            naming.ATTRIBUTE_KEY: {"S": PREFIX + identity},
            "version": {"S": uuid4().hex},
            "pauses": {"L": [_marshal(pause) for pause in history]},
        }
        with aws_errors(f"keeping {_WHAT}"):
            try:
                self._client.put_item(TableName=self._table, Item=item, **condition)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _get(self, identities: Collection[str], *, consistent: bool) -> dict[str, Kept]:
        keys = [{naming.ATTRIBUTE_KEY: {"S": PREFIX + identity}} for identity in identities]
        found: dict[str, Kept] = {}
        for _ in range(_READS):
            with aws_errors(f"reading {_WHAT}"):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": keys, "ConsistentRead": consistent}}
                )
            for item in answer.get("Responses", {}).get(self._table, ()):
                identity = item[naming.ATTRIBUTE_KEY]["S"].removeprefix(PREFIX)
                found[identity] = Kept(tuple(_unmarshal(one["M"]) for one in item["pauses"]["L"]), item["version"]["S"])
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found
        raise RetryableError(f"reading {_WHAT}: some are still unread after {_READS} tries")


def _marshal(pause: Pause) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": {"S": pause.id},
        "at": {"N": str(pause.at)},
        "by": {"S": pause.by},
        "why": {"S": pause.why},
        "told": {"BOOL": pause.told},
    }
    if pause.alarm is not None:
        values["alarm"] = {"S": pause.alarm}
    if pause.end is not None:
        end = pause.end
        values["end"] = {"M": {"at": {"N": str(end.at)}, "by": {"S": end.by}, "why": {"S": end.why}}}
    return {"M": values}


def _unmarshal(values: Mapping[str, Any]) -> Pause:
    end = values["end"]["M"] if "end" in values else None
    return Pause(
        values["id"]["S"],
        int(values["at"]["N"]),
        values["by"]["S"],
        values["why"]["S"],
        values["alarm"]["S"] if "alarm" in values else None,
        values["told"]["BOOL"],
        None if end is None else Resumption(int(end["at"]["N"]), end["by"]["S"], end["why"]["S"]),
    )
