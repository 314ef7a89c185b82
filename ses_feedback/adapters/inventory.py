"""Opens what doctor and routes ask of AWS: SES one call a second, everything else at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.aws_inventory import AwsInventory
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.own_pace import OwnSlots
from ses_feedback.adapters.ses import SesIdentities
from ses_feedback.adapters.ses_inventory import SesInventory
from ses_feedback.adapters.troubles import Place, Trouble
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases.doctor import Inventory
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.wiring import Wiring

_LONGEST: Final = 60_000
TRIES: Final = 5  # of whatever is not paced: SNS takes 30 calls a second, CloudFormation fewer


def open_inventory(place: Place, client_of: Callable[[str, str, int], Any]) -> Inventory:
    """Return what doctor works with. ``client_of`` returns the client of a service, in a region, with so many tries.

    Raises ``Trouble`` where the interval of SES calls is no number.

    An operator does not take turns with the functions: that would need write access to the wiring table only to look.
    Who comes first in a second is answered, the other is throttled and tries again.
    """
    clock = SystemClock()
    pacer = Pacer(OwnSlots(), clock, interval=ses_interval(), until=clock.now() + HOUR)
    # One try each: the pacer decides when a call may be repeated.
    v1, v2 = client_of("ses", place.region, 1), client_of("sesv2", place.region, 1)
    memory = WiringTable(client_of("dynamodb", place.region, TRIES), naming.wiring_table_name(place.deployment))
    tags = {naming.TAG_DEPLOYMENT: place.deployment}
    return Inventory(
        ses=SesInventory(place.deployment, v1, v2),
        aws=AwsInventory(place, lambda service, region: client_of(service, region, TRIES)),
        pacer=pacer,
        wiring=Wiring(SesIdentities(v1, v2, tags), memory, pacer),
    )


def ses_interval() -> int:
    """Return the ms between two calls of SES: a second, unless the variable that the functions have says otherwise."""
    text = os.environ.get(naming.ENV_SES_INTERVAL, "") or str(naming.DEFAULT_SES_INTERVAL_MS)
    if not (text.isascii() and text.isdigit() and int(text) <= _LONGEST):
        raise Trouble(f"{naming.ENV_SES_INTERVAL}: {text[:40]!r} is not a number of milliseconds from 0 to {_LONGEST}")
    return int(text)
