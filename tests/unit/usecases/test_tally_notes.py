"""What tally writes beside its metrics: who refused or complained, and what was said, without anybody's address."""

from __future__ import annotations

import io
import json

import pytest

from ses_feedback import naming
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.domain.said import LONGEST, MOST, NOTHING, said
from ses_feedback.domain.times import MINUTE
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.tally import tally
from tests.fakes import FakeMeter, FakeQuarantine, FakeStore
from tests.unit.usecases.mail import NOW, bounce, complaint, delivery, rules, sns_body


def notes(*messages: dict[str, object], alarms: str = "identity") -> list[tuple[dict[str, str], int, object]]:
    meter = FakeMeter()
    tally(
        [Entry(f"e{number}", sns_body(message)) for number, message in enumerate(messages)],
        rules=rules(alarms=alarms),
        store=FakeStore(),
        quarantine=FakeQuarantine(),
        meter=meter,
        now=NOW,
    )
    return sorted(meter.notes, key=str)  # type: ignore[arg-type]


OF = {"Deployment": "ses-feedback", "Identity": "example.com", "Environment": "production"}


def test_bad_events_are_noted_by_domain_and_by_what_was_said() -> None:
    found = notes(
        bounce("m1", ["a@x.org", "b@y.org"]),
        bounce("m2", ["c@x.org"], diagnostic="smtp; 550 <c@x.org> does not exist"),
        complaint("m3", ["d@z.org"]),
        delivery("m4", ["e@x.org"]),
    )
    assert found == [
        (
            OF,
            NOW // MINUTE * MINUTE,
            {
                naming.NOTE_BOUNCED_AT: {"x.org": 2, "y.org": 1},
                naming.NOTE_BOUNCED_SAID: {"550 5.1.1 no such user": 2, "550 … does not exist": 1},
                naming.NOTE_COMPLAINED_AT: {"z.org": 1},
            },
        )
    ]


def test_good_mail_has_no_notes() -> None:
    assert notes(delivery("m1")) == []


def test_blocked_mail_is_noted_for_its_environment() -> None:
    found = notes(bounce("m1", ["a@x.org"], status="5.7.1", diagnostic="smtp; 550 5.7.1 blocked"))
    ((dimensions, _, noted), (bounced, _, _)) = found
    assert bounced == OF  # a permanent one counts as a bounce besides
    assert dimensions == {"Deployment": "ses-feedback", "Environment": "production"}
    assert noted == {naming.NOTE_BLOCKED_AT: {"x.org": 1}, naming.NOTE_BLOCKED_SAID: {"550 5.7.1 blocked": 1}}


def test_the_same_notification_twice_is_noted_once() -> None:
    ((_, _, noted),) = notes(bounce("m1"), bounce("m1"))
    assert noted == {
        naming.NOTE_BOUNCED_AT: {"example.net": 1},
        naming.NOTE_BOUNCED_SAID: {"550 5.1.1 no such user": 1},
    }


def test_notes_are_bounded() -> None:
    """A document stays small, whatever a mailing hits."""
    ((_, _, noted),) = notes(*(bounce(f"m{n}", [f"a@d{n}.org"], diagnostic=f"{500 + n} refused") for n in range(40)))
    assert isinstance(noted, dict)
    assert {name: len(counts) for name, counts in noted.items()} == {
        naming.NOTE_BOUNCED_AT: MOST,
        naming.NOTE_BOUNCED_SAID: MOST,
    }


def test_notes_stand_beside_the_metrics_and_are_none() -> None:
    """A property that no directive names costs no metric."""
    stream = io.StringIO()
    EmfMeter(stream).emit({"Deployment": "d"}, NOW, {"HardBounced": 1}, notes={"BouncedAt": {"x.org": 1}})
    document = json.loads(stream.getvalue())
    assert document["BouncedAt"] == {"x.org": 1}
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert [metric["Name"] for metric in directive["Metrics"]] == ["HardBounced"]


@pytest.mark.parametrize(
    ("diagnostic", "kept"),
    [
        ("smtp; 550 5.1.1 <jane@example.org>... User unknown", "550 5.1.1 … User unknown"),
        ("smtp; 550-5.1.1 The email account that you tried to reach does not exist", None),
        ("554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org", None),
        ("550 5.4.1 Recipient address rejected: Access denied. [AM0EUR02FT052.eop-EUR02.example 2027]", None),
        ("552 Mailbox of Jane Doe (jdoe) is full, jane_doe", "552 Mailbox of … is full"),
        ("user jane.doe unknown", "user … unknown"),
        ("unknown user: jane%example.org", "unknown user"),
        ("421 try again\r\nX-Secret: 1", "421 try again"),
        ("\ud800 \x00", NOTHING),
        ("", NOTHING),
        (None, NOTHING),
    ],
)
def test_what_was_said_keeps_only_words_that_tell_nobody(diagnostic: str | None, kept: str | None) -> None:
    found = said(diagnostic, None)
    assert kept is None or found == kept
    assert len(found) <= LONGEST
    for secret in ("@", "jane", " doe ", "jdoe", "secret", "198.51", "am0eur"):
        assert secret not in found.lower()


def test_where_nothing_was_said_the_status_is_told() -> None:
    assert said(None, "5.1.1") == "status 5.1.1"
    assert said("jane", "5.1.1") == "status 5.1.1"
