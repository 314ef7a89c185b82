"""The suppression table as an application reads it before it sends: with little patience, and its own credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.suppression_table import SuppressionTable, Who
from ses_feedback.adapters.troubles import Lost, Place, Trouble, is_missing, plainly
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.usecases.ports import Stored

_TRIES: Final = 2


class SendingReader:
    """Reads suppressions, eventually consistent: late by less than a second, at half the price. Raises ``Trouble``."""

    def __init__(self, table: SuppressionTable, place: Place) -> None:
        self._table = table
        self._place = place

    def get_many(self, wanted: Sequence[Who]) -> Mapping[Who, Stored]:
        """See ``Reader``."""
        with plainly(self._place):
            return self._table.look_up(wanted)


def open_reader(place: Place, session: Any = None, timeout_s: float = 1.0) -> SendingReader:
    """Read the address key and check that the table was filled under it. Raises ``Trouble`` or ``FeedbackError``.

    ``session`` is a session of boto3 or botocore; without one, credentials come from where the AWS SDKs look for them.
    ``timeout_s`` bounds each of the two tries of a call, to connect and to answer.
    """
    with plainly(place):
        table = SuppressionTable(
            _client(session, "dynamodb", place.region, timeout_s),
            naming.table_name(place.deployment),
            Keys(_address_key(_client(session, "secretsmanager", place.region, timeout_s), place)),
            DEFAULT_POLICY,  # decides only what is written: nothing is written here
            tries=_TRIES,
        )
        table.verify()
    return SendingReader(table, place)


def _client(session: Any, service: str, region: str, timeout_s: float) -> Any:
    session = session or botocore.session.get_session()
    make = session.create_client if hasattr(session, "create_client") else session.client
    config = Config(
        parameter_validation=False,
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        max_pool_connections=50,  # as many threads may send at once
    )
    try:
        return make(service, region_name=region, config=config)
    except ValueError as error:
        raise Trouble(f"{error}: AWS_ENDPOINT_URL must be a URL such as http://127.0.0.1:4566") from error


def _address_key(secrets: Any, place: Place) -> str:
    name = naming.secret_name(place.deployment)
    try:
        secret = secrets.get_secret_value(SecretId=name).get("SecretString")
    except ClientError as error:
        if is_missing(error):
            raise Lost(
                f'no secret {name} in {place.region}: is "{place.deployment}" deployed in the account and region of '
                "these credentials?"
            ) from error
        raise
    if not secret:
        raise Lost(f"secret {name} in {place.region} holds no text: restore its former value")
    return str(secret)
