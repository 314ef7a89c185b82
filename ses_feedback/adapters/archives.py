"""Opens archives for the command line: the deployment's own on AWS, or any other by where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ses_feedback import naming
from ses_feedback.adapters.archive_places import Bucket, place_of
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.troubles import Place, plainly
from ses_feedback.config.model import Config
from ses_feedback.usecases.archive import Archive


@contextmanager
def open_archive(config: Config, source: str | None) -> Iterator[Archive]:
    """Open the archive at ``source``, a folder, file or ``s3://BUCKET/PREFIX``; ``None``: the deployment's own."""
    deployment, region = config.deployment.name, config.deployment.region
    with plainly(Place(deployment, region)):
        s3 = partial(client, "s3", region)
        if source is None:
            # Each needs what the other does without, and what takes a while to import.
            from ses_feedback.adapters.archive_athena import AthenaArchive  # noqa: PLC0415

            account = str(client("sts", region).get_caller_identity()["Account"])
            bucket = Bucket(s3(), naming.archive_bucket_name(deployment, account, region))
            yield AthenaArchive(client("athena", region), bucket, deployment)
        else:
            from ses_feedback.adapters.archive_duckdb import DuckArchive  # noqa: PLC0415

            yield DuckArchive(place_of(source, s3))
