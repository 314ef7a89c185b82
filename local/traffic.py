"""An hour of SES feedback as it really comes: every class, both dialects, duplicates, out of order, setup and garbage.

Deterministic by seed. Most of it is mass; the *cast* are the addresses whose fate is known beforehand, so that
whoever plays the stream can check what became of them. All addresses are under the domains that RFC 2606 reserves.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from local import simulator
from ses_feedback.config.model import Identity
from ses_feedback.domain import events as ev

Notification = dict[str, Any]
SPAN_S: Final = 50 * 60  # the fast rate alarms look at one hour
_BATCH: Final = 10  # the most SNS takes in one PublishBatch

_FIRST: Final = (
    "ada",
    "ben",
    "chloe",
    "dev",
    "emil",
    "fatou",
    "gus",
    "hana",
    "ivo",
    "jun",
    "kofi",
    "lena",
    "mia",
    "nils",
)
_LAST: Final = (
    "adler",
    "brandt",
    "costa",
    "diaz",
    "eriksen",
    "fischer",
    "garcia",
    "haddad",
    "ito",
    "jensen",
    "kim",
    "lopez",
)
_HOSTS: Final = ("example.org", "example.net", "mail.example.org", "post.example.net")


class Message(NamedTuple):
    """One notification on its way: which topic of which identity, and its text."""

    kind: str
    identity: str
    text: str


@dataclass(frozen=True, slots=True)
class Fate:
    """An address of the cast, what happens to it, and the reason it ends suppressed for (``None``: not at all)."""

    address: str
    environment: str
    stream: str
    story: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the bounce alarms go off: fractions of the mail, and the least bad events."""

    warn: float
    page: float
    warn_floor: int
    page_floor: int


@dataclass(frozen=True, slots=True)
class Play:
    """Three acts of messages, each in the order of publication, and the cast.

    ``messages``: an ordinary hour, with the beginning of a campaign to a bad list: ``culprit`` is above the warning.
    ``campaign``: the rest of it, far above the page. ``remedy``: the mail after the list was cleaned, below both.
    """

    messages: tuple[Message, ...]
    cast: tuple[Fate, ...]
    culprit: Identity
    campaign: tuple[Message, ...]
    remedy: tuple[Message, ...]


def count(messages: Sequence[Message], *kinds: str) -> int:
    """Return how many messages go to topics of these kinds."""
    return sum(message.kind in kinds for message in messages)


def batches(messages: Sequence[Message], size: int = _BATCH) -> Iterator[list[Message]]:
    """Group messages for one topic each, as PublishBatch wants them, keeping the order within a topic."""
    open_batches: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        batch = open_batches.setdefault((message.kind, message.identity), [])
        batch.append(message)
        if len(batch) == size:
            yield open_batches.pop((message.kind, message.identity))
    yield from open_batches.values()


def play(
    identities: Sequence[Identity],
    *,
    region: str,
    seed: int,
    deliveries: int,
    now: datetime,
    lines: Lines,
    shared: bool = False,
) -> Play:
    """Return three acts of feedback for verified identities, ``deliveries`` of them for the busiest in the first.

    SES sends from ``region``.

    One identity is the culprit; the others stay far below every alarm. Its bounces cross the ``lines`` of its own rate,
    or, where that is ``shared``, of its environment's.
    """
    culprit = culprit_of(identities)
    together = [i for i in identities if i.environment == culprit.environment] if shared else [culprit]
    scene = _Scene(random.Random(seed), now, region)  # noqa: S311 - repeatable, not secret
    for identity in identities:
        busy = deliveries if identity in (culprit, identities[0]) else deliveries // 8
        scene.everyday(identity, busy, hard=0 if identity is culprit else busy // 250)
    scene.cast_of(culprit)
    scene.nonsense(identities[0])
    between = lines.warn + 0.4 * (lines.page - lines.warn)
    scene.bad_list(culprit, together, rate=between, least=lines.warn_floor + 3)
    first = scene.in_order()
    scene.bad_list(culprit, together, rate=1.4 * lines.page, least=lines.page_floor + 8)
    second = scene.in_order()
    scene.good_mail(culprit, together, rate=0.85 * lines.warn)
    return Play(first, tuple(scene.cast), culprit, second, scene.in_order())


def culprit_of(identities: Sequence[Identity]) -> Identity:
    """Return who has the bad campaign: whoever has a circuit breaker, to be seen at work; else a marketing stream."""
    return max(identities, key=lambda i: (i.breaker, i.stream == "marketing"))


class _Scene:
    """Builds messages; a time is given in seconds before now."""

    def __init__(self, chance: random.Random, now: datetime, region: str) -> None:
        self._chance = chance
        self._region = region
        self._now = now.timestamp()
        self._placed: list[tuple[float, Message]] = []
        self._people = 0
        self._good: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()
        self.cast: list[Fate] = []

    # --- mass

    def everyday(self, identity: Identity, deliveries: int, *, hard: int) -> None:
        """Deliveries with their usual share of everything else, and ``hard`` hard bounces."""
        for _ in range(deliveries):
            self._add(identity, "Delivery", self._person(), gmail=self._chance.random() < 0.4)
        for number in range(hard):
            self._gone(identity, number)
        for number in range(max(1, deliveries // 60)):
            kind, subtype, status, text = _USUAL[number % len(_USUAL)]
            self._bounce(identity, [self._person()], kind, subtype, status, text)
        for number in range(max(1, deliveries // 1500)):
            self._complain(identity, self._person(), _COMPLAINTS[number % len(_COMPLAINTS)])

    def bad_list(self, identity: Identity, together: Sequence[Identity], *, rate: float, least: int) -> None:
        """Hard bounces of one identity until those of all ``together`` are ``least``, and this ``rate`` of the mail."""
        number = 0
        while self._badly(together) < max(least, math.ceil(rate * (self._badly(together) + self._well(together)))):
            self._gone(identity, number)
            number += 1

    def good_mail(self, identity: Identity, together: Sequence[Identity], *, rate: float) -> None:
        """Deliveries of one identity until no more than this ``rate`` of the mail of all ``together`` is bad."""
        for _ in range(math.ceil(self._badly(together) / rate) - self._badly(together) - self._well(together)):
            self._add(identity, "Delivery", self._person(), gmail=self._chance.random() < 0.4)

    def _badly(self, identities: Sequence[Identity]) -> int:
        return sum(self._bad[identity.name] for identity in identities)

    def _well(self, identities: Sequence[Identity]) -> int:
        return sum(self._good[identity.name] for identity in identities)

    def _gone(self, identity: Identity, number: int) -> None:
        # A bad list is mailed in batches: some notifications name several recipients.
        people = [self._person() for _ in range(3 if number % 12 == 0 else 1)]
        self._bounce(identity, people, "Permanent", "General", *_GONE[number % len(_GONE)])

    # --- cast

    def cast_of(self, identity: Identity) -> None:
        """The addresses whose fate is known, one for each thing that can happen to an address."""
        place = (identity.environment, identity.stream)

        def fate(address: str, story: str, reason: str | None) -> str:
            self.cast.append(Fate(address, *place, story, reason))
            return address

        gone = fate("gone@example.net", "does not exist any more (550 5.1.1)", ev.HARD_BOUNCE)
        self._bounce(identity, [gone], "Permanent", "General", *_GONE[0], ago=2400)
        angry = fate("angry@example.net", "pressed the spam button", ev.COMPLAINT)
        self._complain(identity, angry, "abuse", ago=1500)
        full = fate("full@example.net", "mailbox full, five times", ev.SOFT_BOUNCE)
        holiday = fate("holiday@example.net", "mailbox full four times, then a delivery: forgiven", None)
        for number in range(5):
            self._bounce(identity, [full], "Transient", "MailboxFull", *_FULL, ago=2500 - 400 * number)
            if number < 4:
                self._bounce(identity, [holiday], "Transient", "MailboxFull", *_FULL, ago=2500 - 400 * number)
        self._add(identity, "Delivery", holiday, ago=300)
        walled = fate("walled@example.net", "refused by policy (5.7.1), five times", ev.BLOCKED)
        for number in range(5):
            self._bounce(identity, [walled], "Permanent", "General", *_BLOCKED, ago=2600 - 400 * number)
        leaver = fate("leaver@example.net", "unsubscribed", ev.UNSUBSCRIBE)
        self._bounce(identity, [leaver], "Permanent", "UnsubscribedRecipient", None, None, ago=900)
        known = fate("known@example.net", "on the account's own list already", ev.ALREADY_SUPPRESSED)
        self._bounce(
            identity, [known], "Permanent", "OnAccountSuppressionList", "5.1.1", "Amazon SES did not send", ago=800
        )
        big = fate("big@example.net", "the message was too large: not the address's fault", None)
        self._bounce(
            identity, [big], "Transient", "MessageTooLarge", "5.3.4", "smtp; 552 5.3.4 Message too big", ago=700
        )
        away = fate("away@example.net", "an out-of-office reply", None)
        self._bounce(identity, [away], "Transient", "General", None, None, ago=600)
        fond = fate("fond@example.net", 'said "not spam"', None)
        self._complain(identity, fond, "not-spam", ago=500)

    # --- what is no feedback

    def nonsense(self, identity: Identity) -> None:
        """Setup messages, which leave no trace, and what can only be quarantined."""
        name = identity.name
        good = self._notification(identity, "Bounce", ["cut@example.net"], 1000, _bounced("cut@example.net"))
        future = self._notification(identity, "Bounce", ["later@example.net"], -3 * 3600, _bounced("later@example.net"))
        nobody = self._notification(identity, "Complaint", [], 1100, {"complainedRecipients": []})
        mangled = self._notification(identity, "Bounce", ["ok@example.net"], 1200, _bounced("not an address"))
        texts = (
            ("bounce", json.dumps(simulator.setup_message(f"arn:aws:sns:::{name}", "Bounce", name))),
            ("delivery", "Successfully validated SNS topic for Amazon SES event publishing."),
            ("bounce", json.dumps(good)[:200]),
            ("bounce", "Undelivered Mail Returned to Sender"),
            ("bounce", json.dumps(future)),
            ("complaint", json.dumps(nobody)),
            ("bounce", json.dumps(mangled)),
            ("complaint", "[" * 300),
        )
        for kind, text in texts:
            self._placed.append((self._chance.uniform(0, SPAN_S), Message(kind, name, text)))

    # --- building

    def in_order(self) -> tuple[Message, ...]:
        """Return the messages since the last call as they arrive: roughly by time, 3% twice, 2% minutes late."""
        arriving = []
        placed, self._placed = self._placed, []
        for ago, message in placed:
            late = self._chance.uniform(60, 600) if self._chance.random() < 0.02 else self._chance.uniform(0, 20)
            arriving.append((-ago + late, message))
            if self._chance.random() < 0.03:
                arriving.append((-ago + late + self._chance.uniform(0, 300), message))
        return tuple(message for _, message in sorted(arriving, key=lambda pair: pair[0]))

    def _person(self) -> str:
        self._people += 1
        first, last = self._chance.choice(_FIRST), self._chance.choice(_LAST)
        return f"{first}.{last}{self._people}@{self._chance.choice(_HOSTS)}"

    def _bounce(
        self,
        identity: Identity,
        recipients: list[str],
        kind: str,
        subtype: str,
        status: str | None,
        text: str | None,
        *,
        ago: float | None = None,
    ) -> None:
        # What AWS counts: permanent, and not what was suppressed or unsubscribed before.
        if kind == "Permanent" and subtype == "General":
            self._bad[identity.name] += len(recipients)
        listed = []
        for recipient in recipients:
            detail = {"emailAddress": recipient, "action": "failed", "status": status, "diagnosticCode": text}
            listed.append(
                {key: value for key, value in detail.items() if value is not None and (status or key == "emailAddress")}
            )
        body = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": listed}
        self._place(identity, "Bounce", recipients, body, ago)

    def _complain(self, identity: Identity, recipient: str, feedback: str | None, *, ago: float | None = None) -> None:
        body: Notification = {"complaintSubType": None, "complainedRecipients": [{"emailAddress": recipient}]}
        if feedback:
            body |= {"userAgent": "AnyCompany Feedback Loop (V0.01)", "complaintFeedbackType": feedback}
        self._place(identity, "Complaint", [recipient], body, ago)

    def _add(
        self, identity: Identity, kind: str, recipient: str, *, gmail: bool = False, ago: float | None = None
    ) -> None:
        self._good[identity.name] += 1
        answer = f"250 2.0.0 OK {self._chance.randrange(10**9)} - gsmtp" if gmail else "250 2.6.0 Message received"
        body = {
            "recipients": [recipient],
            "processingTimeMillis": self._chance.randrange(200, 4000),
            "smtpResponse": answer,
        }
        self._place(identity, kind, [recipient], body, ago)

    def _place(
        self, identity: Identity, kind: str, recipients: list[str], body: Notification, ago: float | None
    ) -> None:
        ago = self._chance.uniform(5, SPAN_S) if ago is None else ago
        notification = self._notification(identity, kind, recipients, ago, body)
        self._placed.append((ago, Message(kind.lower(), identity.name, json.dumps(notification))))

    def _notification(
        self, identity: Identity, kind: str, recipients: Sequence[str], ago: float, body: Notification
    ) -> Notification:
        at = datetime.fromtimestamp(self._now - ago, UTC)
        sent = datetime.fromtimestamp(self._now - ago - self._chance.uniform(1, 30), UTC)
        source = identity.name if identity.is_address else f"hello@{identity.name}"
        if self._chance.random() < 0.2:
            source = f"The Team <{source}>"
        mail = simulator.mail(
            message_id=f"0100{self._chance.getrandbits(48):012x}-{self._chance.getrandbits(32):08x}-000000",
            source=source,
            identity_arn=f"arn:aws:ses:{self._region}:000000000000:identity/{identity.name}",
            account="000000000000",
            destination=recipients,
            at=sent,
            headers=None,
        )
        stamped = {**body, "timestamp": simulator.timestamp(at)}
        if kind != "Delivery":
            stamped["feedbackId"] = f"0100{self._chance.getrandbits(48):012x}-000000"
        if self._chance.random() < 0.25:
            return simulator.published_event(kind, stamped, mail, {"ses:configuration-set": ["newsletter"]})
        return simulator.identity_notification(kind, stamped, mail)


def _bounced(recipient: str) -> Notification:
    who = {
        "emailAddress": recipient,
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 unknown",
    }
    return {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [who]}


_GONE: Final = (
    ("5.1.1", "smtp; 550 5.1.1 user unknown"),
    ("5.1.10", "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
    ("5.0.0", "smtp; 550-5.1.1 The email account that you tried to reach does not exist"),
    ("5.4.4", "smtp; 550 5.4.4 Invalid domain"),
)
_FULL: Final = ("4.2.2", "smtp; 452 4.2.2 The recipient's inbox is out of storage space")
_BLOCKED: Final = ("5.7.1", "smtp; 550 5.7.1 Service unavailable, client host blocked by policy")
_USUAL: Final = (
    ("Transient", "MailboxFull", *_FULL),
    ("Transient", "General", None, None),
    ("Permanent", "General", *_BLOCKED),
    ("Transient", "General", "4.4.7", "smtp; 451 4.4.7 Message expired"),
    ("Transient", "MessageTooLarge", "5.3.4", "smtp; 552 5.3.4 Message size exceeds fixed limit"),
    ("Transient", "ContentRejected", None, "smtp; 554 message content rejected"),
    ("Undetermined", "Undetermined", None, None),
)
_COMPLAINTS: Final = ("abuse", None, "fraud", "auth-failure", "virus")
