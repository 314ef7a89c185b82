"""Keys: the same for the same thing, another for any other thing, and telling nothing without the secret."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.keys import Keys
from tests.unit.law.builders import T0, event

KEYS = Keys("a secret that nobody knows")


def test_an_address_key_is_the_hmac_of_environment_and_address() -> None:
    """It never changes between releases: every stored address is found by it (HMAC-SHA256, RFC 2104)."""
    digest = hmac.new(b"a secret that nobody knows", b"address\0production\0jane@example.com", hashlib.sha256).digest()
    assert KEYS.address("production", "jane@example.com") == urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert len(KEYS.address("production", "jane@example.com")) == 43


def test_an_address_has_another_key_in_another_environment_and_under_another_secret() -> None:
    keys = {
        KEYS.address("production", "jane@example.com"),
        KEYS.address("dev", "jane@example.com"),
        KEYS.address("production", "john@example.com"),
        Keys("another secret").address("production", "jane@example.com"),
    }
    assert len(keys) == 4


def test_a_strikes_key_is_message_kind_recipient_and_class() -> None:
    """Texts, times, streams and identities do not make another strike; each of the four does."""
    base = event(ev.HARD_BOUNCE)
    same = base._replace(
        occurred_at=T0 + 1, sent_at=None, stream="marketing", identity="x.example", status="5.1.1", diagnostic="gone"
    )
    assert KEYS.strike(base) == KEYS.strike(same)
    others = [
        base,
        base._replace(message_id="m2"),
        base._replace(kind=ev.COMPLAINT),
        base._replace(recipient="john@example.com"),
        base._replace(class_=ev.SOFT_BOUNCE),
    ]
    assert len({KEYS.strike(other) for other in others}) == 5
    assert len(KEYS.strike(base)) == 20


def test_the_events_time_takes_the_place_of_an_absent_message_id() -> None:
    nameless = event(ev.HARD_BOUNCE, message_id=None)
    assert KEYS.strike(nameless) == KEYS.strike(nameless._replace(status="5.1.1"))
    assert KEYS.strike(nameless) != KEYS.strike(nameless._replace(occurred_at=T0 + 1))
    assert KEYS.strike(nameless) != KEYS.strike(nameless._replace(message_id=str(T0)))


def test_a_fingerprint_tells_secrets_apart_and_is_no_key_of_anything() -> None:
    assert KEYS.fingerprint() == Keys("a secret that nobody knows").fingerprint()
    assert KEYS.fingerprint() != Keys("another secret").fingerprint()
    assert "secret" not in KEYS.fingerprint()


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Keys("")


def test_hostile_letters_in_a_message_id_still_make_a_key() -> None:
    assert len(KEYS.strike(event(ev.HARD_BOUNCE, message_id="\ud800"))) == 20
