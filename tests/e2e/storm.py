"""Notifications about people whose fate is known, in any order and many of them twice; and what follows from them all
when nothing breaks, by the domain's own reading and joining.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from local import simulator
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain import events as ev
from ses_feedback.domain.history import History, Strike, Suppression, copy_key, join, strike_of, suppressions
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.reading import read

SHOP, NEWS, DEV = "example.com", "news.example.com", "dev@example.com"
HARD, SOFT, REFUSED = "5.1.1", "4.2.2", "5.7.1"
_DUPLICATES: Final = 0.35
Who = tuple[str, str]


class Notice(NamedTuple):
    """One notification as SES publishes it to a topic. ``kind``: ``bounce``, ``complaint`` or ``delivery``."""

    kind: str
    identity: str
    text: str


class State(NamedTuple):
    """What decides about an address: its strikes by key, and the suppressions that follow."""

    strikes: Mapping[str, Strike]
    suppressions: tuple[Suppression, ...]


class Storm:
    """What happens to ``people`` recipients. All of it is days ago, so that no alarm of the present hears of it."""

    def __init__(self, name: str, people: int, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._name = name
        self._began = datetime.now(UTC) - timedelta(days=9)
        self.notices: list[Notice] = []
        self.suppressed: set[str] = set()
        fates = (self._gone, self._full, self._forgiven, self._complains, self._refuses, self._all_at_once, self._twice)
        for number in range(people):
            address = f"{name}-{number}@example.net"
            if fates[number % len(fates)](address):
                self.suppressed.add(address)
        self._together([f"{name}-group-{n}@example.net" for n in range(3)])

    @property
    def strikes(self) -> list[Notice]:
        """Bounces and complaints, shuffled, a third of them twice."""
        return self._stormy([notice for notice in self.notices if notice.kind != "delivery"])

    @property
    def deliveries(self) -> list[Notice]:
        """Deliveries, shuffled, a third of them twice."""
        return self._stormy([notice for notice in self.notices if notice.kind == "delivery"])

    def everything(self) -> list[Notice]:
        """All of it, in no order, a third of it twice."""
        return self._stormy(self.notices)

    def _stormy(self, notices: Sequence[Notice]) -> list[Notice]:
        found = [*notices, *(notice for notice in notices if self._random.random() < _DUPLICATES)]
        self._random.shuffle(found)
        return found

    # --- fates; each says whether the address must not be mailed any more, in some stream

    def _gone(self, address: str) -> bool:
        self._bounce(SHOP, [address], HARD, hours=1)
        return True

    def _full(self, address: str) -> bool:
        for hours in range(5):
            self._bounce(SHOP if hours % 2 else NEWS, [address], SOFT, hours=hours)
        return True

    def _forgiven(self, address: str) -> bool:
        for hours in (0, 1, 2, 3, 30):
            self._bounce(SHOP, [address], SOFT, hours=hours)
        self._deliver(NEWS, address, hours=20)
        return False

    def _complains(self, address: str) -> bool:
        self._notice("Complaint", NEWS, [address], 2, {"complainedRecipients": [{"emailAddress": address}]})
        return True

    def _refuses(self, address: str) -> bool:
        """Refused five times in one stream; a delivery in another forgives nothing."""
        for hours in range(5):
            self._bounce(NEWS, [address], REFUSED, hours=hours)
        self._deliver(SHOP, address, hours=20)
        return True

    def _all_at_once(self, address: str) -> bool:
        self._deliver(DEV, address, hours=5)
        for hours in (1, 2, 10):
            self._bounce(DEV, [address], SOFT, hours=hours)
        self._bounce(DEV, [address], HARD, hours=3)
        return True

    def _twice(self, address: str) -> bool:
        """Both of SES's channels are on: the same news in both dialects is one strike, and four are not five."""
        for hours in range(4):
            self._bounce(SHOP, [address], SOFT, hours=hours, both=True)
        return False

    def _together(self, addresses: list[str]) -> None:
        """One mail to several, gone all together."""
        self._bounce(NEWS, addresses, HARD, hours=4)
        self.suppressed.update(addresses)

    # --- notifications

    def _bounce(self, identity: str, recipients: list[str], status: str, *, hours: int, both: bool = False) -> None:
        permanent = status == HARD
        bounced = [
            {"emailAddress": who, "action": "failed", "status": status, "diagnosticCode": f"smtp; 550 {status} no"}
            for who in recipients
        ]
        body = {
            "bounceType": "Permanent" if permanent else "Transient",
            "bounceSubType": "General",
            "bouncedRecipients": bounced,
        }
        self._notice("Bounce", identity, recipients, hours, body, both=both)

    def _deliver(self, identity: str, recipient: str, *, hours: int) -> None:
        self._notice("Delivery", identity, [recipient], hours, {"recipients": [recipient], "smtpResponse": "250 ok"})

    def _notice(
        self,
        kind: str,
        identity: str,
        recipients: list[str],
        hours: int,
        body: dict[str, Any],
        *,
        both: bool = False,
    ) -> None:
        at = self._began + timedelta(hours=hours, seconds=len(self.notices))
        mail = simulator.mail(
            message_id=f"0100{uuid.UUID(int=self._random.getrandbits(128)).hex[:16]}-000000",
            source=identity if "@" in identity else f"hello@{identity}",
            identity_arn=f"arn:aws:ses:eu-west-1:000000000000:identity/{identity}",
            account="000000000000",
            destination=recipients,
            at=at,
            headers=None,
        )
        body = {**body, "timestamp": simulator.timestamp(at)}
        dialects = [simulator.identity_notification(kind, body, mail)]
        if both:
            dialects.append(simulator.published_event(kind, body, mail, {}))
        self.notices += [Notice(kind.lower(), identity, json.dumps(dialect)) for dialect in dialects]


def undisturbed(notices: Iterable[Notice], rules: RuntimeConfig, keys: Keys) -> dict[Who, State]:
    """Return what every address must come to: everything read, strikes and deliveries joined, nothing in between."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    known: dict[Who, History] = {}
    for notice in notices:
        reading = read(notice.text, rules.directory, now)
        assert reading.events and not reading.faults, reading
        for event in reading.events:
            who = (event.environment, event.recipient)
            news = (
                History(deliveries={event.stream: event.occurred_at})
                if event.kind == ev.DELIVERY
                else History(strikes={copy_key(keys.strike(event), strike := strike_of(event)): strike})
            )
            known[who] = join(known.get(who, History()), news, rules.policy)
    return {who: state_of(history, rules) for who, history in known.items()}


def state_of(history: History, rules: RuntimeConfig) -> State:
    """Return what counts of a history. Which deliveries it remembers does not: only those that forgave are written."""
    return State(dict(history.strikes), tuple(suppressions(history, rules.policy)))
