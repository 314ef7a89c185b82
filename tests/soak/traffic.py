"""Feedback whose meaning is known because it was made so: months of a busy account, in bursts, by seed.

What each notification must mean is written here from the text of DESIGN section 4, not taken from the product.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import Strike
from ses_feedback.domain.identities import Place
from ses_feedback.domain.policy import DEFAULT_POLICY, ENVIRONMENT, STREAM, Policy, Tier
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND, format_time

START: Final = 1_750_000_020_000  # 2025-06-15, a whole minute; so long past that listings need its months noted
PLACES: Final = (
    Place("example.com", "production", "transactional"),
    Place("news@example.com", "production", "marketing"),
    Place("shop.example.net", "production", "default"),
    Place("dev@example.com", "dev", "default"),
    Place("staging.example.org", "staging", "default"),
)
# Escalation, several tiers of a class, windows that many strikes fill, classes that the default policy leaves alone.
ESCALATING: Final[Policy] = {
    ev.HARD_BOUNCE: (Tier(1, None, 4 * DAY, ENVIRONMENT), Tier(3, None, None, ENVIRONMENT)),
    ev.COMPLAINT: (Tier(1, None, 10 * DAY, STREAM), Tier(2, 20 * DAY, 30 * DAY, ENVIRONMENT)),
    ev.UNSUBSCRIBE: (Tier(1, None, None, STREAM),),
    ev.ALREADY_SUPPRESSED: (Tier(1, None, DAY, ENVIRONMENT), Tier(3, 5 * DAY, 9 * DAY, STREAM)),
    ev.SOFT_BOUNCE: (Tier(2, DAY, 3 * DAY, STREAM), Tier(4, 6 * DAY, 30 * DAY, ENVIRONMENT)),
    ev.BLOCKED: (Tier(3, 2 * DAY, 2 * DAY, STREAM),),
    ev.MESSAGE_FAULT: (Tier(2, 9 * DAY, DAY, STREAM),),
}
POLICIES: Final = (DEFAULT_POLICY, ESCALATING)

DELIVERED, REPORTING, BOUNCED, COMPLAINED = "Delivered", "DeliveredReporting", "HardBounced", "Complained"
DEPLOYMENT: Final = "ses-feedback"
_ACTED_ON: Final = (ev.BOUNCE, ev.COMPLAINT)
COPIES: Final = 3
_SINGLE: Final = 0.2
_BURST: Final = 1_500
_BETWEEN: Final = 6 * HOUR
_LONG_AGO: Final = 20 * DAY  # longer ago than any metric may be

# type, sub type, status, action, diagnostic → class, whether it counts as a bounce
_BOUNCES: Final[dict[str, tuple[tuple[Any, ...], ...]]] = {
    ev.HARD_BOUNCE: (
        ("Permanent", "General", "5.1.1", "failed", "smtp; 550 5.1.1 user unknown", True),
        ("Permanent", "NoEmail", "5.1.2", "failed", None, True),
        ("Permanent", "Suppressed", None, None, "smtp; 550 5.1.1 on SES's global list", True),
        ("Permanent", "General", None, None, None, True),
        ("Transient", "General", "5.1.1", "failed", None, False),
    ),
    ev.SOFT_BOUNCE: (
        ("Transient", "MailboxFull", "5.2.2", "failed", "smtp; 552 5.2.2 mailbox full", False),
        ("Transient", "General", "4.4.7", "failed", None, False),
        ("Undetermined", "Undetermined", None, None, "smtp; something went wrong", False),
        ("Permanent", "General", "4.2.1", "delayed", None, True),
    ),
    ev.BLOCKED: (
        ("Transient", "General", "5.7.1", "failed", None, False),
        ("Permanent", "General", None, None, "smtp; 550 5.7.1 refused by policy", True),
    ),
    ev.ALREADY_SUPPRESSED: (("Permanent", "OnAccountSuppressionList", "5.1.1", "failed", None, False),),
    ev.UNSUBSCRIBE: (("Permanent", "UnsubscribedRecipient", None, None, None, False),),
    ev.MESSAGE_FAULT: (("Transient", "MessageTooLarge", "5.2.3", "failed", None, False),),
    ev.AUTO_REPLY: (("Transient", "General", None, None, None, False),),
}
_COMPLAINTS: Final = {
    ev.COMPLAINT: ("abuse", None),
    ev.NOT_SPAM: ("not-spam", None),
    ev.MESSAGE_FAULT: ("auth-failure", None),
    ev.ALREADY_SUPPRESSED: (None, "OnAccountSuppressionList"),
}
# What becomes of mail to four tempers of address, each outcome by its weight.
_B, _C = ev.BOUNCE, ev.COMPLAINT
_TEMPERS: Final[tuple[tuple[float, dict[tuple[str, str], float]], ...]] = (
    (
        0.90,
        {
            (ev.DELIVERY, ""): 88,
            (ev.SEND, ""): 3,
            (ev.OPEN, ""): 3,
            (ev.DELAY, ""): 1,
            (_B, ev.SOFT_BOUNCE): 2,
            (_B, ev.AUTO_REPLY): 1,
            (_B, ev.BLOCKED): 1,
            (_B, ev.HARD_BOUNCE): 0.3,
            (_C, ev.COMPLAINT): 0.2,
            (_C, ev.NOT_SPAM): 0.5,
        },
    ),
    (0.05, {(ev.DELIVERY, ""): 45, (_B, ev.SOFT_BOUNCE): 38, (_B, ev.BLOCKED): 15, (_B, ev.MESSAGE_FAULT): 2}),
    (0.03, {(ev.DELIVERY, ""): 20, (_B, ev.HARD_BOUNCE): 50, (_B, ev.ALREADY_SUPPRESSED): 30}),
    (
        0.02,
        {
            (ev.DELIVERY, ""): 50,
            (_C, ev.COMPLAINT): 30,
            (_B, ev.UNSUBSCRIBE): 10,
            (_C, ev.ALREADY_SUPPRESSED): 7,
            (_C, ev.MESSAGE_FAULT): 3,
        },
    ),
)

Who = tuple[str, str]


class Meaning(NamedTuple):
    """One event that a notification must be read as: a strike under its key, a delivery, or neither.

    ``delivered`` is the stream and the time by each channel.
    """

    who: Who
    key: str
    kind: str
    strike: Strike | None
    delivered: tuple[str, int, int] | None


class Counts(NamedTuple):
    """What a notification must add in a minute to the metrics of an identity, its environment and the deployment.

    ``blocked`` is what it adds to those of the environment alone.
    """

    identity: str
    environment: str
    minute: int
    values: tuple[tuple[str, int], ...]
    blocked: int


class Notice(NamedTuple):
    """A notification: the text of each of its copies, what it means and adds, and what must be quarantined of it."""

    texts: tuple[str, ...]
    acted_on: bool
    meanings: tuple[Meaning, ...]
    counts: Counts | None
    unreadable: bool


class Traffic:
    """Makes bursts of notifications, about ``events`` events in all. ``now`` is the time of the newest burst."""

    def __init__(self, chance: random.Random, events: int) -> None:
        self.now = START
        self.events = 0
        self.canaries: set[tuple[str, int, str]] = set()  # identity, round and piece of each that must be noted
        self.addresses = max(20, events // 10)
        self._chance = chance
        self._events = events
        self._number = 0
        tempers = [share for share, _ in _TEMPERS]
        outcomes = [(list(found), list(found.values())) for _, found in _TEMPERS]
        self._tempers = chance.choices(outcomes, tempers, k=self.addresses)

    def bursts(self) -> Iterator[list[Notice]]:
        """Yield bursts until there are events enough."""
        while self.events < self._events:
            self.now += _BETWEEN
            burst: list[Notice] = []
            while len(burst) < _BURST and self.events < self._events:
                burst.append(self._notice())
            yield burst

    def someone(self) -> Who:
        """Return an address, often one of the busiest, and an environment."""
        return self._chance.choice(PLACES).environment, self._address(self._index())

    def _index(self) -> int:
        return int(self.addresses * self._chance.random() ** 2)

    @staticmethod
    def _address(index: int) -> str:
        return f"user{index}@{('example.org', 'mail.example.net', 'example.edu')[index % 3]}"

    def _notice(self) -> Notice:
        self._number += 1
        chance = self._chance
        roll = chance.random()
        if roll < 0.01:
            self.events += 1
            return self._unreadable()
        if roll < 0.02:
            self.events += 1
            return self._canary()
        index = self._index()
        names, weights = self._tempers[index]
        ((kind, class_),) = chance.choices(names, weights)
        to = [index]
        if chance.random() < 0.3:
            to += [self._index() for _ in range(chance.randint(1, 12))]
        to = list(dict.fromkeys(to))
        # Within the minute before now, and so that a copy of a second later is still of the same minute.
        at = self.now - MINUTE + chance.randrange(58 * SECOND)
        if roll > 0.995:
            at -= _LONG_AGO
        sent = at - chance.choice((SECOND, MINUTE, 3 * HOUR))
        place = chance.choice(PLACES)
        message = f"0100-{self._number:x}" if roll < 0.99 else None
        own, class_, counts = self._own(kind, class_, [self._address(i) for i in to])
        addresses = [self._address(i) for i in to]
        # Most are delivered three times, some only once: what is lost of these, no copy makes good.
        copies = 1 if chance.random() < _SINGLE else COPIES
        # The copies: SNS repeats itself to the letter; SES's other channel has another dialect, and maybe another time.
        later = at + chance.choice((0, 0, 1, 900)) if message and copies > 1 else at
        mail = self._mail(place, message, sent, addresses)
        texts = [_text("notificationType" if kind in (_B, _C, ev.DELIVERY) else "eventType", kind, own, mail, at)]
        texts += [texts[0]] * (copies - 2)
        if copies > 1:
            texts.append(_text("eventType", kind, own, mail, later))
        self.events += len(to)
        meanings = tuple(self._meaning(place, kind, class_, message, a, (at, later), sent) for a in addresses)
        values = _values(kind, class_, counts, own, len(to))
        blocked = len(to) if class_ == ev.BLOCKED else 0
        counted = bool(values or blocked)
        told = Counts(place.identity, place.environment, at // MINUTE * MINUTE, values, blocked) if counted else None
        if at < self.now - _LONG_AGO + HOUR:
            told = None
        return Notice(tuple(texts), kind in _ACTED_ON, meanings, told, unreadable=False)

    def _own(self, kind: str, class_: str, addresses: list[str]) -> tuple[dict[str, Any], str, bool]:
        """Return the object of a kind, the class it must be read as, and whether it counts as a bounce."""
        spelt = [self._spelt(address) for address in addresses]
        if kind == ev.BOUNCE:
            type_, sub, status, action, diagnostic, counts = self._chance.choice(_BOUNCES[class_])
            about = {"status": status, "action": action, "diagnosticCode": diagnostic}
            about = {name: value for name, value in about.items() if value is not None}
            recipients = [{"emailAddress": address, **about} for address in spelt]
            return {"bounceType": type_, "bounceSubType": sub, "bouncedRecipients": recipients}, class_, counts
        if kind == ev.COMPLAINT:
            feedback, sub = _COMPLAINTS[class_]
            own = {"complaintFeedbackType": feedback, "complaintSubType": sub}
            return own | {"complainedRecipients": [{"emailAddress": a} for a in spelt]}, class_, False
        if kind == ev.DELIVERY:
            response = self._chance.choice(("250 2.0.0 OK", "250 2.0.0 OK 1769526 a640c23a62f3a-b0 - gsmtp"))
            return {"recipients": spelt, "smtpResponse": response}, kind, False
        if kind == ev.DELAY:
            return {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": a} for a in spelt]}, kind, False
        return {}, kind, False

    def _spelt(self, address: str) -> str:
        """Return an address as receivers and SES spell it now and then."""
        roll = self._chance.random()
        if roll > 0.05:
            return address
        return (address.upper(), f"<{address}>", f'"Doe, Jane" <{address}>', f"{address}>")[int(roll * 80)]

    @staticmethod
    def _mail(place: Place, message: str | None, sent: int, addresses: list[str]) -> dict[str, Any]:
        source = place.identity if "@" in place.identity else f"orders@{place.identity}"
        found = {
            "timestamp": _time(sent),
            "source": source,
            "sourceArn": f"arn:aws:ses:us-east-1:111122223333:identity/{place.identity}",
            "destination": addresses,
        }
        return found if message is None else found | {"messageId": message}

    @staticmethod
    def _meaning(
        place: Place, kind: str, class_: str, message: str | None, address: str, times: tuple[int, int], sent: int
    ) -> Meaning:
        at = max(times)
        strike = None
        if class_ in ev.STRIKABLE:
            strike = Strike(class_, place.stream, at, sent if class_ == ev.ALREADY_SUPPRESSED else at, message)
        delivered = (place.stream, *times) if kind == ev.DELIVERY else None
        return Meaning((place.environment, address), f"{message or at} {kind} {class_}", kind, strike, delivered)

    def _canary(self) -> Notice:
        """One answer to a round of three mails to SES's simulator: nothing may follow but that it is noted as back."""
        chance = self._chance
        place = chance.choice(PLACES)
        kind, local = chance.choice(((ev.BOUNCE, "bounce"), (ev.COMPLAINT, "complaint"), (ev.DELIVERY, "success")))
        started = self.now - MINUTE + self._number
        to = [f"{local}+{DEPLOYMENT}-canary-{started:x}@simulator.amazonses.com"]
        own, _, _ = self._own(kind, {ev.BOUNCE: ev.HARD_BOUNCE, ev.COMPLAINT: ev.COMPLAINT}.get(kind, kind), to)
        mail = self._mail(place, f"0100-{self._number:x}", started, to)
        text = _text("notificationType", kind, own, mail, started + SECOND)
        pieces = [f"count_{kind}"] + ([f"act_{kind}"] if kind in _ACTED_ON else [])
        self.canaries |= {(place.identity, started, piece) for piece in pieces}
        return Notice((text,) * COPIES, kind in _ACTED_ON, meanings=(), counts=None, unreadable=False)

    def _unreadable(self) -> Notice:
        number = self._number
        mail = self._mail(PLACES[0], f"0100-{number:x}", self.now, ["user0@example.org"])
        own = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": "nobody"}]}
        foreign = {**mail, "sourceArn": "", "source": "a@example.edu"}
        text = self._chance.choice(
            (
                _text("notificationType", ev.BOUNCE, own, mail, self.now)[: 60 + number % 50].rstrip(),
                f"no JSON, number {number}",
                _text("notificationType", ev.BOUNCE, own, mail, self.now),
                _text("notificationType", ev.COMPLAINT, {}, foreign, self.now),
                json.dumps({"notificationType": "Novelty", "mail": mail}),
            )
        )
        return Notice((text,) * COPIES, acted_on=True, meanings=(), counts=None, unreadable=True)


def _values(kind: str, class_: str, counts: bool, own: dict[str, Any], recipients: int) -> tuple[tuple[str, int], ...]:
    if kind == ev.DELIVERY:
        reports = not own["smtpResponse"].endswith("gsmtp")
        return ((DELIVERED, recipients), (REPORTING, recipients if reports else 0))
    if counts:
        return ((BOUNCED, recipients),)
    return ((COMPLAINED, 1),) if class_ == ev.COMPLAINT else ()


_NAMES: Final = {
    ev.BOUNCE: ("Bounce", "bounce"),
    ev.COMPLAINT: ("Complaint", "complaint"),
    ev.DELIVERY: ("Delivery", "delivery"),
    ev.DELAY: ("DeliveryDelay", "deliveryDelay"),
    ev.SEND: ("Send", "send"),
    ev.OPEN: ("Open", "open"),
}


def _text(dialect: str, kind: str, own: dict[str, Any], mail: dict[str, Any], at: int) -> str:
    name, field = _NAMES[kind]
    return json.dumps({dialect: name, field: {**own, "timestamp": _time(at)}, "mail": mail})


@lru_cache(maxsize=64)
def _minute(ms: int) -> str:
    return format_time(ms)[:17]


def _time(ms: int) -> str:
    """Return what ``format_time`` does, sooner."""
    return f"{_minute(ms // MINUTE * MINUTE)}{ms % MINUTE // SECOND:02d}.{ms % SECOND:03d}Z"
