"""When each team was last told, in the wiring table: one item ``digest#TEAM`` with ``told_at`` (N, ms since 1970)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError

PREFIX: Final = "digest#"
_AT_ONCE: Final = 100  # keys of one BatchGetItem
_READS: Final = 5
_WHAT: Final = "when teams were told"


class DigestTurns:
    """Implements ``Turns``. ``client`` is what makes DynamoDB's calls, such as ``DynamoDbWire``."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def last(self, teams: Sequence[str]) -> Mapping[str, int]:
        """See ``Turns``."""
        found: dict[str, int] = {}
        for start in range(0, len(teams), _AT_ONCE):
            keys = [_key(team) for team in teams[start : start + _AT_ONCE]]
            for _ in range(_READS):
                with aws_errors(f"reading {_WHAT}"):
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
                    )
                for item in answer.get("Responses", {}).get(self._table, ()):
                    found[item[naming.ATTRIBUTE_KEY]["S"].removeprefix(PREFIX)] = int(item["told_at"]["N"])
                keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if not keys:
                    break
            else:
                raise RetryableError(f"reading {_WHAT}: some are still unread after {_READS} tries")
        return found

    def take(self, team: str, before: int | None, now: int) -> bool:
        """See ``Turns``: a conditional write.

        Where its answer is lost and it is tried again, it finds what it wrote itself, and gives the turn up: the team
        is told one turn later, and never twice.
        """
        values = {":now": {"N": str(now)}}
        condition = "attribute_not_exists(told_at)"
        if before is not None:
            condition = "told_at = :before"
            values[":before"] = {"N": str(before)}
        with aws_errors(f"writing {_WHAT}"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(team),
                    UpdateExpression="SET told_at = :now",
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                    return False
                raise
        return True


def _key(team: str) -> dict[str, dict[str, str]]:
    return {naming.ATTRIBUTE_KEY: {"S": PREFIX + team}}
