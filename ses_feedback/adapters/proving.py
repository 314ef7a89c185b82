"""Opens what ``prove`` works with, for the command line: with the operator's credentials, in the configured region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.inventory import TRIES, open_inventory
from ses_feedback.adapters.probe_mail import ProbeMail
from ses_feedback.adapters.proving_ear import QueueEar
from ses_feedback.adapters.proving_reads import ArchiveShelf, DrillAlarm, ProvedMetrics
from ses_feedback.adapters.troubles import Place
from ses_feedback.usecases.ports import AccountLists
from ses_feedback.usecases.proving.ports import Parts, ProvingStore

_NO_RETRY: Final = 1


class NoLists:
    """Implements ``AccountLists`` where no probe can be on one.

    `The mailbox simulator email address isn't placed on the Amazon SES suppression list` (SES developer guide, `Using
    the mailbox simulator`); and an account in the sandbox may not take anything off it.
    """

    def remove(self, address: str) -> Mapping[str, str | None]:
        """See ``AccountLists``."""
        return {}


def open_proving(
    place: Place,
    account: str,
    client_of: Callable[[str, str, int], Any],
    *,
    store: ProvingStore,
    lists: AccountLists,
    by: str,
) -> Parts:
    """Return the parts. ``client_of`` returns the client of a service, in a region, with so many tries."""
    region, clock = place.region, SystemClock()
    ses, aws, pacer, _ = open_inventory(place, client_of)
    cloudwatch = client_of("cloudwatch", region, TRIES)
    bucket = naming.archive_bucket_name(place.deployment, account, region)
    return Parts(
        ses=ses,
        aws=aws,
        pacer=pacer,
        store=store,
        lists=lists,
        # One try each: a mail whose answer was lost would go out twice, and the run decides when one goes again.
        mailer=ProbeMail(client_of("sesv2", region, _NO_RETRY), place),
        ear=QueueEar(client_of("sqs", region, TRIES), client_of("sns", region, TRIES), place, clock),
        shelf=ArchiveShelf(client_of("s3", region, TRIES), place, bucket, clock),
        counts=ProvedMetrics(cloudwatch, place),
        bell=DrillAlarm(cloudwatch, place),
        clock=clock,
        by=by,
    )
