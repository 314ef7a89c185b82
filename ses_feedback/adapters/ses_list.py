"""SES's own suppression list in one region, read and written a request at a time; pacing belongs to the caller.

Contract: SES API v2, ``ListSuppressedDestinations``, ``PutSuppressedDestination``, ``DeleteSuppressedDestination``,
``CreateImportJob``, ``GetImportJob``. The client must be made with ``attempts=1``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from ses_feedback.adapters.troubles import Place, code_of, describe
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.lists.ses_list import Entry
from ses_feedback.usecases.lists.sync_ports import JobState, Refused, Row, StaleToken, TooManyJobs
from ses_feedback.usecases.pacing import Throttled

_PAGE: Final = 1_000  # the most it gives
_THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_OPEN: Final = frozenset({"CREATED", "PROCESSING"})
_ERRORS: Final[Mapping[str, type[FeedbackError]]] = {
    "InvalidNextTokenException": StaleToken,
    "LimitExceededException": TooManyJobs,
    "BadRequestException": Refused,
}


class SesList:
    """Implements ``SesListGateway`` over a botocore client of ``sesv2``."""

    def __init__(self, deployment: str, client: Any) -> None:
        self._client = client
        self._place = Place(deployment, client.meta.region_name)

    @property
    def region(self) -> str:
        """The region."""
        return self._place.region

    def page(self, token: str | None) -> tuple[Sequence[Entry], str | None]:
        """See ``SesListGateway``. Needs ``ses:ListSuppressedDestinations``."""
        more = {"NextToken": token} if token else {}
        try:
            answer = self._call("ListSuppressedDestinations", PageSize=_PAGE, **more)
        except Refused as error:
            if token:  # some regions say so of a token that is too old
                raise StaleToken(str(error)) from error
            raise
        found = answer.get("SuppressedDestinationSummaries", ())
        return [_entry(one) for one in found], answer.get("NextToken") or None

    def put(self, row: Row) -> None:
        """See ``SesListGateway``. Needs ``ses:PutSuppressedDestination``."""
        self._call("PutSuppressedDestination", EmailAddress=row.address, Reason=row.reason)

    def remove(self, address: str) -> None:
        """See ``SesListGateway``. Needs ``ses:DeleteSuppressedDestination``."""
        try:
            self._call("DeleteSuppressedDestination", EmailAddress=address)
        except _Missing:
            return

    def start(self, action: str, url: str) -> str:
        """See ``SesListGateway``. Needs ``ses:CreateImportJob``; SES itself reads the object."""
        answer = self._call(
            "CreateImportJob",
            ImportDestination={"SuppressionListDestination": {"SuppressionListImportAction": action}},
            ImportDataSource={"S3Url": url, "DataFormat": "JSON"},
        )
        return str(answer["JobId"])

    def job(self, id_: str) -> JobState:
        """See ``SesListGateway``. Needs ``ses:GetImportJob``."""
        try:
            answer = self._call("GetImportJob", JobId=id_)
        except _Missing:
            return JobState(done=True)
        status = str(answer.get("JobStatus"))
        if status in _OPEN:
            return JobState(done=False)
        error = "" if status == "COMPLETED" else str((answer.get("FailureInfo") or {}).get("ErrorMessage") or status)
        return JobState(True, int(answer.get("FailedRecordsCount") or 0), error)

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, xform_name(operation))(**parameters)
        except ClientError as error:
            raise _translated(error)(_without(describe(error, self._place), parameters.get("EmailAddress"))) from error
        except (HTTPClientError, NoConnection) as error:
            raise RetryableError(describe(error, self._place)) from error
        except BotoCoreError as error:
            raise PermanentError(describe(error, self._place)) from error
        return answer


class _Missing(PermanentError):
    """SES does not know what was asked for."""


def _translated(error: ClientError) -> type[FeedbackError]:
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLES or status == 429:
        return Throttled
    if code == "NotFoundException":
        return _Missing
    if code in _ERRORS:
        return _ERRORS[code]
    return RetryableError if status >= 500 else PermanentError


def _without(text: str, address: str | None) -> str:
    """Return an error that tells no address: it is counted, and logged."""
    return text.replace(address, "the address") if address else text


def _entry(found: Mapping[str, Any]) -> Entry:
    at: datetime = found["LastUpdateTime"]
    return Entry(str(found["EmailAddress"]), str(found["Reason"]), int(at.timestamp()) * SECOND)
