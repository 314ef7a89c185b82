"""A running embedded AWS, seen from outside its process: start, talk to it, stop."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from local import lifeline
from local.emulator import HOST
from ses_feedback import naming

ACCOUNT: Final = "000000000000"
_KEY: Final = "test"
# What would lead an SDK, the CDK or a Lambda worker somewhere else than to this emulator.
_FOREIGN: Final = ("AWS_", "SES_FEEDBACK_", "CDK_", "BOTO_", "MINISTACK_", "LAMBDA_")
PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")


class CloudError(Exception):
    """The embedded AWS did not start; ``str(error)`` is one line that says why."""


class Cloud:
    """The emulator's process. ``port`` 0 takes a free one.

    ``settings``: variables of ``local/README.md``, in place of this process's own.
    """

    def __init__(self, state: Path, *, region: str, port: int = 0, settings: Mapping[str, str] | None = None) -> None:
        self.region = region
        environment = {**clean_environment(), **(settings or {})}
        self.ses_interval_ms = int(environment.get("LOCAL_SES_INTERVAL_MS") or 0)
        self._log = (state / "emulator.log").open("wb")
        command = [
            sys.executable,
            "-m",
            "local.emulator",
            "--port",
            str(port),
            "--region",
            region,
            "--state",
            str(state),
        ]
        self._process = lifeline.spawn(command, env=environment, stdout=lifeline.PIPE, stderr=self._log)
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self.stop()
            lines = (state / "emulator.log").read_text().strip().splitlines() or ["it ended without a word"]
            raise CloudError(f"the embedded AWS did not start: {lines[-1]}")
        self.port = int(json.loads(line)["port"])
        self.endpoint = f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        """Return itself: the emulator already runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @property
    def process(self) -> int:
        """The emulator's process id."""
        return self._process.pid

    def stop(self) -> None:
        """End the emulator and its workers."""
        lifeline.stop(self._process, grace=3.0)
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()

    def running(self) -> bool:
        """Say whether the emulator still runs."""
        return self._process.poll() is None

    def exports(self) -> dict[str, str]:
        """Return what an AWS SDK needs in its environment to talk to this emulator, and the pace of its SES."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            naming.ENV_SES_INTERVAL: str(self.ses_interval_ms),
        }

    def environment(self) -> dict[str, str]:
        """Return a whole environment for a child that talks to this emulator and to nothing else."""
        return {**clean_environment(), **self.exports()}

    @cache  # noqa: B019 - a handful of clients, for as long as the emulator lives
    def client(self, service: str) -> Any:
        """Return a boto3 client of this emulator."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_KEY,
            config=Config(proxies={}, retries={"max_attempts": 3}, max_pool_connections=20),
        )


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what points at another AWS, and without proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name.lower() not in PROXIES
    }
    kept["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    kept["PYTHONUNBUFFERED"] = "1"
    return kept
