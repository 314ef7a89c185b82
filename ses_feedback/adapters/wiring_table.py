"""The wiring table: one item of SES call slots, and one item of former settings for each identity.

Items, by partition key ``pk``: ``slots`` with ``next_at`` (N, ms since 1970: the first slot nobody has), and
``identity#NAME`` with ``former`` (M), ``ours`` (SS), ``former_set`` (S or NULL), ``ours_sets`` (SS), ``status`` (S),
``refused`` (S).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from ses_feedback import naming
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.settings import NOTIFICATION_TYPES, Settings
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases.wiring_ports import FormerSet, NotPermitted, Record

SLOTS_KEY: Final = "slots"
IDENTITY_PREFIX: Final = "identity#"
# No function lives longer than 15 minutes, so no honest slot is further ahead than that: beyond an hour it is a broken
# clock's work, and starting again from now mends it.
FURTHEST_AHEAD_MS: Final = HOUR
_TRIES: Final = 100
_LOST: Final = "ConditionalCheckFailedException"
_RETRYABLE: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionConflictException",
    }
)


class WiringTable:
    """Slots and memory in one table. ``client`` is a botocore client of ``dynamodb``."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    # --- slots --------------------------------------------------------------------------------------------------------

    def take(self, now: int, interval: int, latest: int) -> int | None:
        """Return a point in time (ms) from ``now`` to ``latest`` that nobody else is given; ``None`` if none is left.

        Each slot is given by one conditional update that moves ``next_at`` on by ``interval``, so two callers can never
        get the same. Nothing is held: a function that dies wastes its slot and delays nobody. While others wait the
        slot is the next in line; otherwise it is ``now``. Raises ``RetryableError`` and ``PermanentError``.
        """
        values = {
            ":interval": {"N": str(interval)},
            ":now": {"N": str(now)},
            ":latest": {"N": str(latest)},
            ":absurd": {"N": str(now + FURTHEST_AHEAD_MS)},
            ":next": {"N": str(now + interval)},
        }
        for _ in range(_TRIES):
            old = self._slot("next_at = next_at + :interval", "next_at BETWEEN :now AND :latest", values)
            if old is not None:
                return int(old["next_at"]["N"])
            idle = "attribute_not_exists(next_at) OR next_at < :now OR next_at > :absurd"
            if self._slot("next_at = :next", idle, values) is not None:
                return now
            taken = self._get(SLOTS_KEY)
            next_at = int(taken["next_at"]["N"]) if taken else now
            if latest < next_at <= now + FURTHEST_AHEAD_MS:
                return None
        raise RetryableError(f"table {self._table}: no SES call slot after {_TRIES} tries")

    def _slot(self, change: str, condition: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Change ``next_at`` under a condition; return what it was, ``None`` where the condition does not hold."""
        used = {name: value for name, value in values.items() if name in f"{change} {condition}".split()}
        try:
            answer = self._call(
                "update_item",
                Key=_key(SLOTS_KEY),
                UpdateExpression=f"SET {change}",
                ConditionExpression=condition,
                ExpressionAttributeValues=used,
                ReturnValues="UPDATED_OLD",
            )
        except _ConditionFailed:
            return None
        old: Mapping[str, Any] = answer.get("Attributes", {})
        return old

    # --- memory -------------------------------------------------------------------------------------------------------

    def recall(self, identity: str) -> Record | None:
        """Return what is remembered of an identity, read consistently."""
        item = self._get(IDENTITY_PREFIX + identity)
        return None if item is None else _record(item)

    def remember(self, identity: str, former: Settings, ours: Collection[str], *, again: bool = False) -> Record:
        """Keep the former settings unless some are kept already, add to the topics that are ours; one atomic write.

        ``again`` keeps them in any case.
        """
        return self._update(
            identity,
            f"SET former = {_kept('former', again=again)} ADD ours :ours",
            {":former": _marshal(former), ":ours": {"SS": sorted(ours)}},
        )

    def remember_set(self, identity: str, former: str | None, ours: str, *, again: bool = False) -> Record:
        """Do the same for the default configuration set."""
        return self._update(
            identity,
            f"SET former_set = {_kept('former_set', again=again)} ADD ours_sets :ours",
            {":former": {"NULL": True} if former is None else {"S": former}, ":ours": {"SS": [ours]}},
        )

    def forget_set(self, identity: str) -> None:
        """Forget the default configuration set that was there before ours, and which were ours."""
        self._update(identity, "REMOVE former_set, ours_sets", {})

    def note(self, identity: str, status: str) -> None:
        """Keep an identity's status."""
        self._update(identity, "SET #status = :status", {":status": {"S": status}}, {"#status": "status"})

    def refuse(self, identity: str, properties: str | None) -> None:
        """Keep the fingerprint of the properties of a failed Update, or forget it."""
        if properties is None:
            self._update(identity, "REMOVE refused", {})
        else:
            self._update(identity, "SET refused = :refused", {":refused": {"S": properties}})

    def forget(self, identity: str) -> None:
        """Forget an identity."""
        self._call("delete_item", Key=_key(IDENTITY_PREFIX + identity))

    def _update(
        self, identity: str, expression: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> Record:
        more: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        if values:
            more["ExpressionAttributeValues"] = values
        answer = self._call(
            "update_item",
            Key=_key(IDENTITY_PREFIX + identity),
            UpdateExpression=expression,
            ReturnValues="ALL_NEW",
            **more,
        )
        return _record(answer["Attributes"])

    def _get(self, key: str) -> Mapping[str, Any] | None:
        item: Mapping[str, Any] | None = self._call("get_item", Key=_key(key), ConsistentRead=True).get("Item")
        return item

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(TableName=self._table, **parameters)
        except ClientError as error:
            raise self._translated(error, operation) from error
        except (HTTPClientError, NoConnection) as error:
            raise RetryableError(f"table {self._table}: no answer to {operation} ({type(error).__name__})") from error
        except BotoCoreError as error:
            raise PermanentError(f"table {self._table}: {operation} cannot be sent: {error}") from error
        return answer

    def _translated(self, error: ClientError, operation: str) -> FeedbackError:
        code = str(error.response["Error"].get("Code", ""))
        action = "".join(part.capitalize() for part in operation.split("_"))
        if code == _LOST:
            return _ConditionFailed(code)
        if code == "AccessDeniedException":
            said = str(error.response["Error"].get("Message", ""))
            missing = "kms:Decrypt on its key" if "KMS" in said else f"dynamodb:{action} on it"
            return NotPermitted(f"table {self._table}: allow the function's role {missing}")
        if code == "ResourceNotFoundException":
            return PermanentError(
                f"table {self._table} does not exist in {self._client.meta.region_name}: deploy the data stack"
            )
        if code in _RETRYABLE or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return RetryableError(f"table {self._table}: {action} failed ({code})")
        return PermanentError(f"table {self._table}: {action} is refused ({code})")


class _ConditionFailed(PermanentError):
    """The item is not as the condition asks."""


def _key(key: str) -> dict[str, Any]:
    return {naming.ATTRIBUTE_KEY: {"S": key}}


def _kept(attribute: str, *, again: bool) -> str:
    return ":former" if again else f"if_not_exists({attribute}, :former)"


def _marshal(settings: Settings) -> dict[str, Any]:
    topics = {t: {"S": topic} for t, topic in settings.topics.items() if topic is not None}
    headers = {t: {"BOOL": on} for t, on in settings.headers.items()}
    return {"M": {"topics": {"M": topics}, "headers": {"M": headers}, "forwarding": {"BOOL": settings.forwarding}}}


def _unmarshal(former: Mapping[str, Any]) -> Settings:
    topics, headers = former["M"]["topics"]["M"], former["M"]["headers"]["M"]
    return Settings(
        topics={t: topics[t]["S"] if t in topics else None for t in NOTIFICATION_TYPES},
        headers={t: headers[t]["BOOL"] for t in NOTIFICATION_TYPES},
        forwarding=former["M"]["forwarding"]["BOOL"],
    )


def _record(item: Mapping[str, Any]) -> Record:
    former_set = item.get("former_set")
    return Record(
        former=_unmarshal(item["former"]) if "former" in item else None,
        ours=frozenset(item["ours"]["SS"]) if "ours" in item else frozenset(),
        former_set=(None if former_set is None else FormerSet(former_set.get("S"), frozenset(item["ours_sets"]["SS"]))),
        status=item["status"]["S"] if "status" in item else None,
        refused=item["refused"]["S"] if "refused" in item else None,
    )
