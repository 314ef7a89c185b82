"""SES's own account-level suppression lists, one in each region."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.adapters.clients import client
from ses_feedback.adapters.troubles import Place, code_of, describe, one_line

ClientOf = Callable[[str, str], Any]


class SesAccountLists:
    """Implements ``AccountLists``. ``spellings`` are further ways the address may be written on a list.

    SES matches by exact case (`Using the Amazon SES account-level suppression list`) and keeps an address as the mail
    that bounced spelled it: whoever knows that spelling should say it. Needs ``ses:DeleteSuppressedDestination``.
    """

    def __init__(
        self, deployment: str, regions: Iterable[str], spellings: Iterable[str] = (), client_of: ClientOf = client
    ) -> None:
        self._deployment = deployment
        self._regions = tuple(regions)
        self._spellings = tuple(spellings)
        self._client_of = client_of

    def remove(self, address: str) -> Mapping[str, str | None]:
        """See ``AccountLists``. An address that is not on a list counts as removed from it."""
        return {region: self._remove(region, address) for region in self._regions}

    def _remove(self, region: str, address: str) -> str | None:
        try:
            ses = self._client_of("sesv2", region)
            for spelling in dict.fromkeys((address, *self._spellings)):
                try:
                    ses.delete_suppressed_destination(EmailAddress=spelling)
                except ClientError as error:
                    if code_of(error) != "NotFoundException":
                        raise
        except (BotoCoreError, ClientError) as error:
            return describe(error, Place(self._deployment, region))
        except ValueError as error:
            # What botocore raises for an endpoint in AWS_ENDPOINT_URL_SESV2 that is not a URL.
            return one_line(str(error))
        return None
