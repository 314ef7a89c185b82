"""The three functions that handle feedback, loaded as Lambda loads them, over an AWS in memory."""

from __future__ import annotations

import importlib
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from ses_feedback import naming
from ses_feedback.adapters import clients, suppression_table
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.adapters.runtime import Runtime
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.keys import Keys
from tests.soak.baton import Baton
from tests.soak.cloud import BUCKET, CALM, TABLE, Cloud

KEYS: Final = Keys("a secret for tests")
HANDLERS: Final = (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)

Handler = Callable[[dict[str, Any], object], Any]
_current = threading.local()


def calm_cloud(now: int) -> Cloud:
    """Return an AWS where nothing goes wrong."""
    chance = random.Random(0)
    return Cloud(chance, CALM, Baton(chance, 0), now)


class Lines:
    """A logger that keeps nothing but what it was told last."""

    def __init__(self) -> None:
        self.last: tuple[str, dict[str, Any]] = ("", {})

    def info(self, message: str, **fields: Any) -> None:
        self.last = message, fields

    warning = info


class Container(Runtime):
    """The composition root with AWS in memory; a new one for each container that Lambda starts."""

    def __init__(self, cloud: Cloud, rules: RuntimeConfig) -> None:
        self.cloud = cloud
        self.rules = rules
        self.keys = KEYS
        self.logger: Any = Lines()
        self.meter = EmfMeter(cloud.logs)  # type: ignore[arg-type]
        self.store = SuppressionTable(cloud.dynamo, TABLE, KEYS, rules.policy)

    @property
    def quarantine(self) -> QuarantineBucket:  # type: ignore[override]
        """Where unreadable input goes."""
        return QuarantineBucket(lambda: self.cloud.s3, BUCKET)

    def canary_returned(self, identity: str, round_: int, piece: str, at: int) -> None:
        """Note that a canary came back, in as bad a weather as any write."""
        noted = (identity, round_, piece)
        self.cloud.call("UpdateItem", lambda: self.cloud.canaries.add(noted))

    @property
    def now(self) -> int:
        """The clock of the cloud."""
        return self.cloud.now

    def invoke(self, handler: Handler, event: dict[str, Any]) -> Any:
        """Invoke a handler in this container."""
        _current.container = self
        return handler(event, object())


class _Container:
    """What a handler takes for its runtime: whichever container invokes it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_current.container, name)


@contextmanager
def loaded() -> Iterator[Mapping[str, Handler]]:
    """Load the handlers, by function; within, what they need of their process is there, and nobody really sleeps."""
    modules = {function: naming.handler_of(function).rpartition(".")[0] for function in HANDLERS}
    quiet = SimpleNamespace(**vars(suppression_table.time) | {"sleep": lambda _seconds: None})
    queue = {naming.ENV_RETRY_QUEUE_URL: "https://sqs.us-east-1.amazonaws.com/111122223333/ses-feedback-retry"}
    with (
        patch.dict(os.environ, queue),
        patch.dict(sys.modules),
        patch.object(composition, "Runtime", _Container),
        patch.object(clients, "client", lambda service: getattr(_current.container.cloud, service)),
        patch.object(suppression_table, "time", quiet),
    ):
        for module in modules.values():
            sys.modules.pop(module, None)
        yield {function: importlib.import_module(module).handler for function, module in modules.items()}
