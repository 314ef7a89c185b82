"""The folder of the archive's bucket into which Firehose puts what it could not make lines of.

An object there holds a JSON text for each record, with the record itself in base64 (Data Firehose developer guide,
`Handle failure in data transformation`).
"""

from __future__ import annotations

import binascii
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.streams import cut
from ses_feedback.usecases.ports import Letter
from ses_feedback.usecases.redrive import ATTRIBUTE_FIREHOSE

_AT_ONCE: Final = 10
_PREFIX: Final = f"{naming.ARCHIVE_ERRORS}/"
_GZIP: Final = b"\x1f\x8b"
_LONGEST_CODE: Final = 64


class ArchiveErrors:
    """Implements ``LetterSource`` over a low-level S3 client: each record is a letter, deleted with its object's last.

    Needs ``s3:ListBucket``; to be emptied ``s3:GetObject`` and ``s3:DeleteObject``. An object that was emptied in part
    is sent again as a whole the next time: the archive's readers take a line that is there twice as one.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._letters: Iterator[Letter] | None = None
        self._left: dict[str, set[str]] = {}  # by object, the letters that are not moved

    @property
    def name(self) -> str:
        """The bucket and folder."""
        return f"{self._bucket}/{naming.ARCHIVE_ERRORS}"

    def waiting(self) -> int:
        """Return how many objects there are, of a thousand at most."""
        with aws_errors(f"listing {self.name}"):
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=_PREFIX)
        return len(answer.get("Contents", ()))

    def depth(self) -> int:
        """See ``LetterSource``: every object is read, as none tells how many records it holds."""
        return sum(len(self._read(key, sent_at)) for key, sent_at in self._objects())

    def receive(self, most: int, hidden_s: int) -> Sequence[Letter]:
        """See ``LetterSource``."""
        if self._letters is None:
            self._letters = self._all()
        return list(islice(self._letters, min(most, _AT_ONCE)))

    def delete(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """See ``LetterSource``."""
        stayed: dict[str, str] = {}
        for letter in letters:
            key = str(letter.receipt)
            left = self._left[key]
            left.discard(letter.id)
            if not left:
                try:
                    with aws_errors(f"deleting from {self.name}"):
                        self._client.delete_object(Bucket=self._bucket, Key=key)
                except RetryableError as error:
                    stayed[letter.id] = str(error)
        return stayed

    def show_again(self, letters: Sequence[Letter]) -> None:
        """See ``LetterSource``: nothing was hidden, and the next to look sees all of it."""
        self._letters = None
        self._left.clear()

    def _all(self) -> Iterator[Letter]:
        for key, sent_at in self._objects():
            letters = self._read(key, sent_at)
            self._left[key] = {letter.id for letter in letters}
            yield from letters

    def _objects(self) -> Iterator[tuple[str, int]]:
        request = {"Bucket": self._bucket, "Prefix": _PREFIX}
        while True:
            with aws_errors(f"listing {self.name}"):
                answer = self._client.list_objects_v2(**request)
            for found in answer.get("Contents", ()):
                if not found["Key"].endswith("/"):
                    yield str(found["Key"]), int(found["LastModified"].timestamp() * 1_000)
            if not answer.get("IsTruncated"):
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]

    def _read(self, key: str, sent_at: int) -> list[Letter]:
        """Return the records of an object. One that cannot be read has no body: it is refused, and so stays."""
        with aws_errors(f"reading from {self.name}"):
            data = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        if data.startswith(_GZIP):
            try:
                data = gzip.decompress(data)
            except (EOFError, OSError, zlib.error):
                data = b"broken"
        pieces = [piece.value for piece in cut(data.decode("utf-8", "replace"))]
        return [_letter(f"{key}#{number}", key, piece, sent_at) for number, piece in enumerate(pieces)]


def _letter(id_: str, key: str, record: object, sent_at: int) -> Letter:
    body, attributes = "", {}
    if isinstance(record, dict):
        try:
            decoded = binascii.a2b_base64(str(record.get("rawData")), strict_mode=True)
        except binascii.Error:
            decoded = b""
        body = decoded.decode("utf-8", "surrogateescape")
        code = str(record.get("errorCode") or record.get("ErrorCode") or "unknown")[:_LONGEST_CODE]
        attributes = {ATTRIBUTE_FIREHOSE: {"StringValue": code}}
    return Letter(id_, body, attributes, receipt=key, sent_at=sent_at, receives=1)
