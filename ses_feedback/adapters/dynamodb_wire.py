"""DynamoDB for the functions: botocore's signer and its HTTP session, without the client around them.

Making a botocore client (models, loaders, endpoint rules, event hooks) costs a cold start 250 ms of CPU, more than
everything else it does before its first write. DynamoDB's protocol is the JSON of the very arguments a client takes, so
what is left to do is addressing, and trying again. Arguments, answers and errors are those of botocore's client.
"""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.httpsession import URLLib3Session

_TARGET: Final = "DynamoDB_20120810"
# To connect, and to wait for an answer: DynamoDB's takes milliseconds, and three tries must end within an invocation.
TIMEOUT_S: Final = 3
# As botocore's client does. Headers and body go out in two pieces, and without this the second would wait until the
# first was acknowledged, which a receiver may put off for 40 ms.
_AT_ONCE: Final = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
_FIRST_PAUSE_S: Final = 0.05
# DynamoDB Developer Guide, "Error handling": worth another try at once. HTTP 5xx is as well.
_TRANSIENT: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException", "ThrottlingError"}
)
# AWS SDKs and tools reference guide, `Dual-stack and FIPS endpoints`, and what botocore's rules call them.
_OTHERWISE: Final = {"UseFIPS": "AWS_USE_FIPS_ENDPOINT", "UseDualStack": "AWS_USE_DUALSTACK_ENDPOINT"}
# By what a region's name begins with; a test compares them with botocore's endpoints.
_SUFFIXES: Final = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


class _Credentials(NamedTuple):
    """What the signer reads. Lambda keeps these in the environment for as long as a container lives."""

    access_key: str
    secret_key: str
    token: str | None


class DynamoDbWire:
    """The calls of a DynamoDB client that the functions make. ``attempts`` counts the first one."""

    def __init__(self, region: str, *, attempts: int = 3, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = endpoint(region)
        self._attempts = attempts
        self._sleep = sleep
        self._http = URLLib3Session(timeout=TIMEOUT_S, socket_options=_AT_ONCE)
        environ = os.environ
        credentials = _Credentials(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN")
        )
        self._signer = SigV4Auth(credentials, "dynamodb", region)

    def put_item(self, **request: Any) -> Any:
        """Write an item."""
        return self._call("PutItem", request)

    def update_item(self, **request: Any) -> Any:
        """Change an item."""
        return self._call("UpdateItem", request)

    def get_item(self, **request: Any) -> Any:
        """Read an item."""
        return self._call("GetItem", request)

    def batch_get_item(self, **request: Any) -> Any:
        """Read up to 100 items."""
        return self._call("BatchGetItem", request)

    def batch_write_item(self, **request: Any) -> Any:
        """Write or delete up to 25 items."""
        return self._call("BatchWriteItem", request)

    def query(self, **request: Any) -> Any:
        """Read items of one partition, in their order."""
        return self._call("Query", request)

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ``ClientError``, or another ``BotoCoreError`` where nothing answers."""
        body = json.dumps(request, separators=(",", ":")).encode()
        for attempt in range(1, self._attempts + 1):
            try:
                status, headers, answer = self._post(operation, body)
            except (HTTPClientError, NoConnectionError):
                if attempt == self._attempts:
                    raise
            else:
                if status == 200:
                    return {**answer, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}
                code = str(answer.get("__type", status)).rpartition("#")[2]
                if attempt == self._attempts or (status < 500 and code not in _TRANSIENT):
                    message = answer.get("message", answer.get("Message", ""))
                    raise ClientError({**answer, "Error": {"Code": code, "Message": message}}, operation)
            # "Full jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter").
            self._sleep(random.random() * _FIRST_PAUSE_S * 2**attempt)  # noqa: S311 - spreads tries, guards nothing
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _post(self, operation: str, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"{_TARGET}.{operation}"}
        request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
        self._signer.add_auth(request)
        response = self._http.send(request.prepare())
        try:
            answer = json.loads(response.content)
        except ValueError as error:
            if response.status_code == 200:  # cut short, or somebody else's: nobody knows what became of the request
                raise ConnectionClosedError(endpoint_url=self._url) from error
            answer = {}  # a proxy's page: its status says enough
        names = {str(name).lower(): str(value) for name, value in response.headers.items()}
        return response.status_code, names, answer if isinstance(answer, dict) else {}


def endpoint(region: str) -> str:
    """Return where DynamoDB answers for a region, unless the environment names another place, as botocore reads it.

    Where FIPS and dual-stack endpoints are, botocore's rules say, whose reading costs a cold start: who asks pays.
    """
    named = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ.get("AWS_ENDPOINT_URL")
    if named:
        return named.rstrip("/") + "/"
    asked = {rule: os.environ.get(name, "").lower() == "true" for rule, name in _OTHERWISE.items()}
    if any(asked.values()):
        return _by_rule(region, asked)
    suffix = next((found for start, found in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"https://dynamodb.{region}.{suffix}/"


def _by_rule(region: str, asked: dict[str, bool]) -> str:
    import botocore.session  # noqa: PLC0415 - few ask for it
    from botocore.endpoint_provider import EndpointProvider  # noqa: PLC0415

    loader = botocore.session.get_session().get_component("data_loader")
    rules = loader.load_service_model("dynamodb", "endpoint-rule-set-1")
    provider = EndpointProvider(rules, loader.load_data("partitions"))
    return f"{provider.resolve_endpoint(Region=region, **asked).url}/"
