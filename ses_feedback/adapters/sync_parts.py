"""Opens what a sync with SES's own list needs, for the command line: SES one call a second, in each region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.inventory import ses_interval
from ses_feedback.adapters.own_pace import OwnSlots
from ses_feedback.adapters.put_notes import PutNotes
from ses_feedback.adapters.ses_list import SesList
from ses_feedback.adapters.sync_rounds import SyncRounds
from ses_feedback.adapters.troubles import Place
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.lists.comparing import Parts
from ses_feedback.usecases.pacing import Pacer

_LONGEST: Final = 7 * DAY
_TRIES: Final = 3


def open_parts(
    place: Place, regions: Sequence[str], account: str, keys: Keys, client_of: Callable[[str, str, int], Any]
) -> Parts:
    """Return the parts. ``client_of`` returns the client of a service, in a region, with so many tries.

    Like doctor, an operator takes no turns with the functions: whoever is throttled tries again.
    """
    deployment, region = place
    clock = SystemClock()
    wiring, bucket = naming.wiring_table_name(deployment), naming.archive_bucket_name(deployment, account, region)
    return Parts(
        lists=[SesList(deployment, client_of("sesv2", where, 1)) for where in regions],
        notes=PutNotes(client_of("dynamodb", region, _TRIES), wiring, keys),
        rounds=SyncRounds(client_of("s3", region, _TRIES), bucket),
        pacer=Pacer(OwnSlots(), clock, interval=ses_interval(), until=clock.now() + _LONGEST),
    )
