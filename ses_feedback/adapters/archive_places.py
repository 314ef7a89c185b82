"""Where an archive lies: a folder, a file, or a bucket. Lists its objects by hour and hands their bytes over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol, cast

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.troubles import code_of
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.archive import Hours

S3: Final = "s3://"
_HOUR: Final = re.compile(r"(?:^|/)(\d{4}/\d\d/\d\d/\d\d)/", re.ASCII)
_ELSEWHERE: Final = ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
# What lies beside the feedback in an archive's bucket: what Firehose failed on, and Athena's answers.
_BESIDE: Final = (naming.ARCHIVE_ERRORS, naming.ARCHIVE_ANSWERS)
UNREADABLE: Final = "objects that could not be read"
COLD: Final = "objects in cold storage, to be restored before they can be read"
DENIED: Final = "objects that AWS does not let these credentials read"
GONE: Final = "objects that are gone by now"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


class Piece(NamedTuple):
    """One object: its name below the root, its size in bytes, and its hour of arrival where its name tells one."""

    name: str
    size: int
    hour: str | None


class Unread(Exception):
    """One object cannot be read and all others may be; ``str(error)`` says of how many of its like one speaks."""


class Place(Protocol):
    """A folder or a bucket."""

    def pieces(self, hours: Hours) -> Iterator[Piece]:
        """Yield the objects that may hold lines of these hours. May raise ``FeedbackError``."""

    def read(self, name: str) -> bytes:
        """Return an object. May raise ``Unread``, or ``FeedbackError`` where no other could be read either."""

    def open(self, name: str) -> BinaryIO:
        """Return an object to read from. May raise ``Unread``; reading may raise ``OSError`` or botocore's errors."""


class Folder:
    """A folder on this computer, or a single file in it."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise PermanentError(f'--from: there is no folder or file "{path}"; a bucket is named s3://BUCKET')
        self._root = path.parent if path.is_file() else path
        self._only = path.name if path.is_file() else None

    def pieces(self, hours: Hours) -> Iterator[Piece]:
        """Yield the files of these hours, and those whose path tells no hour."""
        for folder, folders, files in os.walk(self._root):
            below = Path(folder).relative_to(self._root).as_posix()
            folders[:] = [] if self._only else sorted(f for f in folders if below != "." or f not in _BESIDE)
            for file in sorted(files if self._only is None else [self._only]):
                path = Path(folder, file)
                name = path.relative_to(self._root).as_posix()
                if _passed_over(name) or not path.is_file():
                    continue
                # The folders above a single file, or above a part of an archive, tell its hour as well.
                hour = hour_in(path.resolve().as_posix())
                if hour is None or hours.include(hour):
                    yield Piece(name, path.stat().st_size, hour)

    def read(self, name: str) -> bytes:
        """Return a file."""
        try:
            return (self._root / name).read_bytes()
        except OSError:
            raise Unread(UNREADABLE) from None

    def open(self, name: str) -> BinaryIO:
        """Return a file to read from."""
        try:
            return (self._root / name).open("rb")
        except FileNotFoundError:
            raise Unread(GONE) from None
        except OSError:
            raise Unread(UNREADABLE) from None


class Bucket:
    """A bucket, or what lies in it below a prefix."""

    def __init__(self, s3: Any, bucket: str, prefix: str = "", *, named: str = "the archive") -> None:
        self._s3 = s3
        self.name = bucket
        self._named = named
        self._prefix = prefix

    def pieces(self, hours: Hours) -> Iterator[Piece]:
        """Yield the objects of these hours. Of an archive's own prefix, hours before and after are not even listed."""
        base = self._dated_base()
        request: dict[str, Any] = {"Bucket": self.name, "Prefix": self._prefix}
        if base is not None:
            request |= {"Prefix": base, "StartAfter": base + hours.first}
        while True:
            answer = self._call("list_objects_v2", **request)
            for found in answer.get("Contents", ()):
                key = str(found["Key"])
                below = key[len(self._prefix) :].lstrip("/")
                if key.endswith("/") or _passed_over(below):
                    continue
                piece = Piece(key, int(found["Size"]), hour_in(key))
                if piece.hour is None or hours.include(piece.hour):
                    yield piece
                elif base is not None and piece.hour > hours.last:
                    return
            if not answer.get("IsTruncated"):
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]

    def read(self, name: str) -> bytes:
        """Return an object."""
        try:
            return bytes(self._call("get_object", Bucket=self.name, Key=name)["Body"].read())
        except ClientError as error:
            if code_of(error) == "InvalidObjectState":
                raise Unread(COLD) from error
            if code_of(error) == "NoSuchKey":
                raise Unread(UNREADABLE) from error
            raise

    def open(self, name: str) -> BinaryIO:
        """Return an object to read from. That the bucket lets these credentials in, listing it has shown."""
        try:
            return cast("BinaryIO", self._s3.get_object(Bucket=self.name, Key=name)["Body"])
        except ClientError as error:
            known = {"InvalidObjectState": COLD, "NoSuchKey": GONE, "404": GONE}
            denied = DENIED if "AccessDenied" in code_of(error) or code_of(error) == "403" else UNREADABLE
            raise Unread(known.get(code_of(error), denied)) from error

    def _dated_base(self) -> str | None:
        """Return the prefix right below which folders by hour begin, where this is an archive of ours."""
        if self._prefix in ("", naming.ARCHIVE_FEEDBACK, f"{naming.ARCHIVE_FEEDBACK}/"):
            base = f"{naming.ARCHIVE_FEEDBACK}/"
            found = self._call("list_objects_v2", Bucket=self.name, Prefix=base, MaxKeys=1)
            return base if found.get("KeyCount") or found.get("Contents") else None
        return None

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._s3, operation)(**request)
        except ClientError as error:
            code = code_of(error)
            if code in ("NoSuchBucket", "404", "InvalidBucketName"):
                raise PermanentError(
                    f'{self._named}: there is no bucket "{self.name}": deploy first (cdk deploy), or is this the wrong '
                    "account (AWS_PROFILE) or name?"
                ) from None
            if code in _ELSEWHERE:
                raise PermanentError(
                    f'{self._named}: bucket "{self.name}" is in another region than deployment.region says ({code}): '
                    "copy what you need to a folder (aws s3 cp --recursive) and read that"
                ) from None
            if code in ("AccessDenied", "AllAccessDisabled", "403"):
                raise PermanentError(
                    f'{self._named}: bucket "{self.name}" does not let these credentials in ({code}): is it of another '
                    "account? Allow them s3:ListBucket, s3:GetObject and kms:Decrypt, or choose AWS_PROFILE"
                ) from None
            raise


def place_of(text: str, s3: Any) -> Place:
    """Return the place that ``--from`` names; ``s3`` makes the client where it is a bucket."""
    if not text.startswith(S3):
        if "://" in text:
            raise PermanentError(f'--from: "{text}" is neither a folder nor s3://BUCKET/PREFIX')
        return Folder(Path(text).expanduser())
    bucket, _, prefix = text.removeprefix(S3).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise PermanentError(f'--from: "{text}" names no bucket: s3://BUCKET/PREFIX')
    return Bucket(s3(), bucket, prefix, named="--from")


def _passed_over(name: str) -> bool:
    """Return whether readers of an archive pass an object over, as Athena does, by its name below the root."""
    parts = name.split("/")
    return parts[0] in _BESIDE or any(part.startswith((".", "_")) for part in parts)


def hour_in(path: str) -> str | None:
    """Return the hour of arrival that a path tells."""
    found = _HOUR.search(path)
    return found[1] if found else None
