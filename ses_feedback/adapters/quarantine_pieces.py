"""The quarantine bucket as an operator works with it: look through it, and take pieces out without losing one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.adapters.quarantine_bucket import PREFIX
from ses_feedback.domain.errors import InvalidTime
from ses_feedback.domain.times import parse_time
from ses_feedback.usecases.ports import Kept, Piece

RETRYING: Final = "retrying/"
_NAME: Final = re.compile(rf"({PREFIX}|{RETRYING})([0-9a-f]{{64}})\.json")
_AT_ONCE: Final = 10  # as many connections as a client of botocore keeps
_MOST_FOUND: Final = 1_000
# `DeleteObject`, If-Match: the object is another one by now, is gone, or is being written at this moment.
_NOT_OURS: Final = {"PreconditionFailed", "NoSuchKey", "404", "412", "ConditionalRequestConflict"}

T = TypeVar("T")
R = TypeVar("R")


class QuarantinePieces:
    """Implements ``QuarantineStore`` over a low-level S3 client.

    What a retry has begun lies under ``retrying/``, named as it was, until it is sent. Needs ``s3:ListBucket`` and
    ``s3:GetObject``, a retry also ``s3:PutObject`` and ``s3:DeleteObject``, and the key's ``kms:Decrypt`` and
    ``kms:GenerateDataKey``.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def pages(self) -> Iterator[Sequence[Kept]]:
        """See ``QuarantineStore``. What lies in the bucket under other names is none of ours."""
        for prefix in (PREFIX, RETRYING):
            token: dict[str, str] = {}
            while True:
                with aws_errors("listing the quarantine"):
                    page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **token)
                yield _kept(page)
                if not page.get("IsTruncated"):
                    break
                token = {"ContinuationToken": page["NextContinuationToken"]}

    def find(self, prefix: str) -> Sequence[Kept]:
        """See ``QuarantineStore``."""
        found: list[Kept] = []
        for place in (PREFIX, RETRYING):
            with aws_errors("listing the quarantine"):
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{place}{prefix}", MaxKeys=_MOST_FOUND)
            found += _kept(page)
        return found

    def read(self, wanted: Sequence[Kept]) -> Sequence[Piece]:
        """See ``QuarantineStore``."""
        return [piece for piece in self._each(self._read, wanted) if piece is not None]

    def hold(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """See ``QuarantineStore``."""
        return self._each(self._hold, pieces)

    def withdraw(self, pieces: Sequence[Piece]) -> None:
        """See ``QuarantineStore``."""
        self._each(self._delete, pieces)

    def let_go(self, held: Sequence[Piece]) -> None:
        """See ``QuarantineStore``."""
        self._each(self._delete, held)

    def _each(self, action: Callable[[T], R], things: Sequence[T]) -> list[R]:
        if len(things) < 2:
            return [action(thing) for thing in things]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(action, things))

    def _read(self, kept: Kept) -> Piece | None:
        try:
            with aws_errors("reading the quarantine"):
                answer = self._client.get_object(Bucket=self._bucket, Key=_key(kept))
                stored = bytes(answer["Body"].read())
        except Exception as error:
            if _code(error) == "NoSuchKey":
                return None
            raise
        return _piece(kept, stored, str(answer["ETag"]))

    def _hold(self, piece: Piece) -> Piece:
        if piece.kept.retrying:
            return piece
        held = piece.kept._replace(retrying=True)
        with aws_errors("holding a piece of the quarantine for its retry"):
            answer = self._client.put_object(
                Bucket=self._bucket, Key=_key(held), Body=piece.stored, ContentType="application/json"
            )
        return piece._replace(kept=held, version=str(answer["ETag"]))

    def _delete(self, piece: Piece) -> None:
        """Delete an object, if it is the one that was read: a later one of the same text has news of its own."""
        try:
            with aws_errors("taking a piece out of the quarantine"):
                self._client.delete_object(Bucket=self._bucket, Key=_key(piece.kept), IfMatch=piece.version)
        except Exception as error:
            if _code(error) not in _NOT_OURS:
                raise


def _key(kept: Kept) -> str:
    return f"{RETRYING if kept.retrying else PREFIX}{kept.id}.json"


def _kept(page: dict[str, Any]) -> list[Kept]:
    found = []
    for entry in page.get("Contents", []):
        name = _NAME.fullmatch(entry["Key"])
        if name is not None:
            at = int(entry["LastModified"].timestamp() * 1_000)
            found.append(Kept(name[2], at, int(entry["Size"]), name[1] == RETRYING))
    return found


def _piece(kept: Kept, stored: bytes, version: str) -> Piece:
    try:
        found = json.loads(stored)
        at, why, topic, raw = (found[name] for name in ("quarantined_at", "why", "topic", "raw"))
        if isinstance(why, str) and isinstance(raw, str) and (topic is None or isinstance(topic, str)):
            return Piece(kept, parse_time(at), why, topic, raw, stored, version)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError, InvalidTime):
        pass
    return Piece(kept, kept.at, "this object was not written by ses-feedback", None, None, stored, version)


def _code(error: Exception) -> str | None:
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code")) if isinstance(cause, ClientError) else None
