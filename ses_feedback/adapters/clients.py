"""AWS clients, made once each: botocore alone, because importing boto3 costs every cold start another 100 ms."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.config import Config


@lru_cache(maxsize=1)
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@lru_cache(maxsize=32)
def client(service: str, region: str | None = None, attempts: int = 3) -> Any:
    """Return the low-level client of a service, always the same one, in a region (else the environment's).

    ``attempts`` counts the first one: 1 is for a caller that paces its own repetitions.

    Requests are built by this package's own code and proven against AWS's models in tests, so botocore does not
    validate them again at every call: that is a third of the client's time on a DynamoDB write.
    """
    where = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    config = Config(
        parameter_validation=False,
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return _session().create_client(service, region_name=where, config=config)
