"""SES: how often an account may ask. A setting of the emulator, so it has one of its own."""

from __future__ import annotations

import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.loop import until
from local.pace import JITTER
from tests.e2e.gaps.ses import TEXT
from tests.e2e.gaps.template import REGION


def test_second_call_within_a_second_is_throttled_and_sending_is_not(tmp_path: Path) -> None:
    """`Throttling: Rate exceeded` for any two actions that send nothing; AWS/Usage counts both kinds of answers."""
    with Cloud(tmp_path, region=REGION, settings={"LOCAL_SES_INTERVAL_MS": "1000"}) as cloud:
        ses = boto3.client(
            "ses",
            endpoint_url=cloud.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        began = time.monotonic()
        ses.verify_domain_identity(Domain="example.com")
        with pytest.raises(ClientError, match=r"\(Throttling\).*Rate exceeded"):
            ses.get_identity_notification_attributes(Identities=["example.com"])
        for _ in range(3):
            ses.send_email(Source="a@example.com", Destination={"ToAddresses": ["a@example.org"]}, Message=TEXT)

        def answered() -> bool:
            try:
                return bool(ses.list_identities()["Identities"])
            except ClientError:
                return False

        until("the next answer", answered, seconds=5, every=0.05)
        assert time.monotonic() - began >= 1 - JITTER
        metrics = cloud.client("cloudwatch").list_metrics(Namespace="AWS/Usage")["Metrics"]
        assert {m["MetricName"] for m in metrics} == {"CallCount", "ThrottleCount"}
