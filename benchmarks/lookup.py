"""What the lookup API asks of the table, and its CPU time against one bare ``GetItem`` over the functions' own wire.

The real function, loaded as Lambda loads it, gets events as API Gateway makes them; the table is the stand-in for
DynamoDB in another process. Questions about one address and a hundred take turns with the bare read, in another order
each time; CPU time of this process alone.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from typing import Final

from benchmarks import corpus, dynamodb, functions
from benchmarks.figure import Figure
from benchmarks.turns import cpu_s
from ses_feedback import naming
from ses_feedback.adapters.dynamodb_wire import DynamoDbWire
from ses_feedback.domain.keys import Keys

TARGET: Final = 1.25
AT_ONCE: Final = 100
_ROUTE: Final = next(key for key, operation in naming.LOOKUP_ROUTES.items() if operation == "check")
_CALLER: Final = {"authorizer": {"iam": {"userArn": f"arn:aws:iam::{corpus.ACCOUNT}:user/crm"}}}


def measure() -> list[Figure]:
    """Return the figures of a question about one address, and about a hundred."""
    with functions.loaded(naming.ANSWER_LOOKUPS) as loaded:
        handler = loaded.handlers[naming.ANSWER_LOOKUPS]
        environment, stream = next(iter(corpus.IDENTITIES.values()))
        numbers = itertools.count()

        def ask(count: int) -> None:
            addresses = [f"jane.{next(numbers)}@example.net" for _ in range(count)]
            body = json.dumps({"addresses": addresses, "stream": stream})
            event = {
                "routeKey": _ROUTE,
                "pathParameters": {"environment": environment},
                "requestContext": _CALLER,
                "body": body,
            }
            assert handler(event, None)["statusCode"] == 200

        wire, keys = DynamoDbWire(os.environ["AWS_REGION"]), Keys(os.environ[naming.ENV_ADDRESS_KEY])

        def bare() -> None:
            key = {naming.ATTRIBUTE_KEY: {"S": keys.address(environment, f"jane.{next(numbers)}@example.net")}}
            wire.get_item(TableName=functions.TABLE, Key=key)

        one = _calls(loaded.url, lambda: ask(1))
        many = _calls(loaded.url, lambda: ask(AT_ONCE))
        cpu = cpu_s({"one": lambda: ask(1), "bare": bare})
    one_s, bare_s = cpu["one"], cpu["bare"]
    reference = f"{bare_s * 1e6:,.0f} µs: one bare GetItem"
    return [
        Figure(
            "lookup, reads for one address", one, "1 call: one GetItem", float(one == "1 GetItem"), 1, at_least=True
        ),
        Figure(
            "lookup, reads for a hundred",
            many,
            "1 call: a BatchGetItem",
            float(many == "1 BatchGetItem"),
            1,
            at_least=True,
        ),
        Figure("lookup, CPU of a check", f"{one_s * 1e6:,.0f} µs", reference, one_s / bare_s, TARGET),
    ]


def _calls(url: str, ask: Callable[[], None]) -> str:
    before = dynamodb.meter(url)
    ask()
    made = dynamodb.meter(url) - before
    return ", ".join(
        f"{made[name]} {name}" for name in ("GetItem", "BatchGetItem", "PutItem", "UpdateItem") if made[name]
    )
