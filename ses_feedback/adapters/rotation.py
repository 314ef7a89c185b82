"""How far the hourly check got, in one item of the wiring table: key ``check``, a text for each unfinished round."""

from __future__ import annotations

from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors

KEY: Final = {naming.ATTRIBUTE_KEY: {"S": "check"}}


class TableRotation:
    """Implements ``Rotation`` over a botocore client of ``dynamodb``.

    Needs ``dynamodb:GetItem`` and ``dynamodb:UpdateItem``.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def last(self) -> dict[str, str]:
        """See ``Rotation``."""
        with aws_errors("reading how far the check got"):
            item = self._client.get_item(TableName=self._table, Key=KEY, ConsistentRead=True).get("Item", {})
        return {name: value["S"] for name, value in item.items() if name != naming.ATTRIBUTE_KEY}

    def keep(self, round_: str, last: str | None) -> None:
        """See ``Rotation``."""
        change: dict[str, Any] = {"UpdateExpression": "REMOVE #round"}
        if last is not None:
            change = {
                "UpdateExpression": "SET #round = :last",
                "ExpressionAttributeValues": {":last": {"S": last}},
            }
        with aws_errors("keeping how far the check got"):
            self._client.update_item(
                TableName=self._table, Key=KEY, ExpressionAttributeNames={"#round": round_}, **change
            )
