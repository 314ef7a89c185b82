"""Canaries in the wiring table: one item ``canary#IDENTITY`` holds the newest round of each.

Attributes: ``started``, ``sent``, ``unsent_since`` (N, ms since 1970), ``refused`` (S), ``failed`` (S, pieces with
commas between), ``timed`` (BOOL), and each of ``canary.PIECES`` that is back (N, ms). A round begins by one write that
leaves nothing of an older one; whatever is noted later is noted on condition that the round is still there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.canary import PIECES, Round
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.pauses import History

PREFIX: Final = "canary#"
_AT_ONCE: Final = 100  # keys of one BatchGetItem
_READS: Final = 5
_WHAT: Final = "a canary"
# What a round begins without: everything an older one may have left.
_LATER: Final = ("sent", "refused", "timed", *PIECES)


class CanaryTable:
    """``client`` is a botocore client of ``dynamodb``, or what makes its calls as ``DynamoDbWire`` does."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def returned(self, identity: str, round_: int, piece: str, at: int) -> None:
        """Note when a piece was back first. What belongs to no round any more changes nothing."""
        self._update(
            identity,
            "SET #piece = :at",
            "started = :round AND attribute_not_exists(#piece)",
            {":at": _number(at), ":round": _number(round_)},
            {"#piece": piece},
        )

    # --- for whoever sends them ---------------------------------------------------------------------------------------

    def wired(self, identities: Collection[str]) -> set[str]:
        """Return those that the wiring's own items call wired."""
        from ses_feedback.adapters.wiring_table import IDENTITY_PREFIX  # noqa: PLC0415 - not where canaries come back
        from ses_feedback.usecases.wiring_ports import WIRED  # noqa: PLC0415

        found = self._get(IDENTITY_PREFIX, sorted(identities))
        return {identity for identity, item in found.items() if item.get("status", {}).get("S") == WIRED}

    def newest(self, identities: Collection[str]) -> Mapping[str, Round]:
        """Return the newest round of each identity that has had any."""
        return {identity: _round(item) for identity, item in self._get(PREFIX, sorted(identities)).items()}

    def pauses(self, identities: Collection[str]) -> Mapping[str, History]:
        """Return the noted pauses of each identity that has had any."""
        from ses_feedback.adapters.pause_table import PauseTable  # noqa: PLC0415 - not where canaries come back

        return PauseTable(self._client, self._table).histories(identities)

    def begin(self, identity: str, before: Round | None, new: Round) -> bool:
        """Put a round in place of the one before, unless another run was faster."""
        values = {":started": _number(new.started)}
        changes = ["started = :started"]
        gone = list(_LATER)
        for name, value in (
            ("failed", {"S": ",".join(new.failed)} if new.failed else None),
            ("unsent_since", None if new.unsent_since is None else _number(new.unsent_since)),
        ):
            if value is None:
                gone.append(name)
            else:
                values[f":{name}"] = value
                changes.append(f"{name} = :{name}")
        condition = "attribute_not_exists(started)"
        if before is not None:
            condition = "started = :before"
            values[":before"] = _number(before.started)
        return self._update(identity, f"SET {', '.join(changes)} REMOVE {', '.join(gone)}", condition, values)

    def sent(self, identity: str, started: int, at: int) -> None:
        """Note that SES has taken all of a round."""
        self._note(identity, started, "sent", _number(at))

    def refused(self, identity: str, started: int, why: str) -> None:
        """Note that SES did not take a round."""
        self._note(identity, started, "refused", {"S": why})

    def timed(self, identity: str, started: int) -> None:
        """Note that a round's time was measured."""
        self._note(identity, started, "timed", {"BOOL": True})

    def _note(self, identity: str, started: int, name: str, value: Mapping[str, Any]) -> None:
        values = {":value": value, ":started": _number(started)}
        self._update(identity, "SET #name = :value", "started = :started", values, {"#name": name})

    def _update(
        self,
        identity: str,
        change: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Change an item under a condition; return whether it held."""
        more: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        with aws_errors(f"writing {_WHAT}"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={naming.ATTRIBUTE_KEY: {"S": PREFIX + identity}},
                    UpdateExpression=change,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    **more,
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _get(self, prefix: str, identities: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(identities), _AT_ONCE):
            for item in self._read([prefix + identity for identity in identities[start : start + _AT_ONCE]]):
                found[item[naming.ATTRIBUTE_KEY]["S"].removeprefix(prefix)] = item
        return found

    def _read(self, keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        # Eventually consistent, for half the price: what was written in the last second decides nothing, and whoever
        # begins a round does so on condition that nobody else has.
        wanted = {self._table: {"Keys": [{naming.ATTRIBUTE_KEY: {"S": key}} for key in keys]}}
        for _ in range(_READS):
            with aws_errors(f"reading {_WHAT}"):
                answer = self._client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self._table, ())
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return
        raise RetryableError(f"reading {_WHAT}: some keys are still unread after {_READS} tries")


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _round(item: Mapping[str, Any]) -> Round:
    def time(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    return Round(
        started=int(item["started"]["N"]),
        sent=time("sent"),
        refused=item["refused"]["S"] if "refused" in item else None,
        returned={name: int(item[name]["N"]) for name in PIECES if name in item},
        failed=tuple(item["failed"]["S"].split(",")) if "failed" in item else (),
        unsent_since=time("unsent_since"),
        timed="timed" in item,
    )
