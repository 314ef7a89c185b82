"""DESIGN section 4's table, rule by rule and against each other."""

from __future__ import annotations

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.classify import bounce_class, bounce_verdict, code_in, code_of, complaint_class, delay_verdict


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("5.1.1", "5.1.1"),
        ("5.1.1 (bad destination mailbox)", "5.1.1"),
        ("5.1.1(bad)", "5.1.1"),
        ("5.1.1;x", "5.1.1"),
        ("4.123.100", "4.123.100"),
        ("2.0.0", "2.0.0"),
        *[(text, None) for text in ("1.1.1", "3.1.1", "9.1.1", "5.1", "5", "511", "5.1.1.7", "5.1.1x", "5.1.1234", "")],
        *[(text, None) for text in ("x5.1.1", "smtp; 5.1.1", "\u0665.\u0661.\u0661")],
        (None, None),
    ],
)
def test_a_status_is_an_enhanced_code_of_class_2_4_or_5(status: str | None, code: str | None) -> None:
    """A comment after it is cut; anything else is as good as absent."""
    assert code_of(status) == code


@pytest.mark.parametrize(
    ("diagnostic", "code"),
    [
        ("smtp; 550 5.1.1 <jane@example.org>: user unknown", "5.1.1"),
        ("smtp; 550-5.1.1 The account does not exist", "5.1.1"),
        ("smtp; 554 delivery error: dd [5.7.1] (#5.1.2)", "5.7.1"),
        ("refused by 5.1.1.7, 550 5.7.1 blocked", "5.7.1"),
        ("refused by 192.5.1.1, 550 5.7.1 blocked", "5.7.1"),
        ("refused by 10.5.1.1: no code", None),
        ("MTA v4.2.1 says 5.1.10.", "5.1.10"),
        ("version 15.1.1 build 4.2.1rc1 or 4.2.1.0 or 5.1.1000", None),
        ("status=4.2.2.", "4.2.2"),
        ("3.1.1 then 4.4.7", "4.4.7"),
        ("550 mailbox unavailable", None),
        ("4.4.1\n5.1.1", "4.4.1"),
    ],
)
def test_the_first_code_of_a_diagnostic_that_stands_alone(diagnostic: str, code: str | None) -> None:
    """IP addresses and versions are longer numbers or words, and no codes."""
    assert code_in(diagnostic) == code


@pytest.mark.parametrize(
    "sub_type", ["OnAccountSuppressionList", "OnTenantSuppressionList", "EmailValidationSuppressed"]
)
@pytest.mark.parametrize("status", [None, "5.1.1", "4.4.7", "5.2.3"])
def test_rule_1_beats_every_status(sub_type: str, status: str | None) -> None:
    """What a list of the account caught says nothing new about the address."""
    assert bounce_class("Permanent", sub_type, status, "failed", has_diagnostic=True) == ev.ALREADY_SUPPRESSED


def test_rule_2_unsubscribed() -> None:
    """SES's subscription management held the mail back."""
    assert bounce_class("Permanent", "UnsubscribedRecipient", "5.1.1", None, has_diagnostic=True) == ev.UNSUBSCRIBE


@pytest.mark.parametrize("sub_type", ["MessageTooLarge", "ContentRejected", "AttachmentRejected"])
@pytest.mark.parametrize("status", [None, "5.1.1", "5.7.1", "4.4.7"])
def test_rule_3_the_message_is_at_fault(sub_type: str, status: str | None) -> None:
    """Whatever status comes with it."""
    assert bounce_class("Permanent", sub_type, status, "delayed", has_diagnostic=True) == ev.MESSAGE_FAULT


@pytest.mark.parametrize("bounce_type", ["Permanent", "Transient", "Undetermined", None])
@pytest.mark.parametrize(
    ("status", "class_"),
    [
        *[("5.2.3", ev.MESSAGE_FAULT), ("5.3.4", ev.MESSAGE_FAULT)],
        *[(f"5.1.{n}", ev.HARD_BOUNCE) for n in (0, 1, 2, 3, 4, 5, 6, 9, 10, 70, 80)],
        *[("5.2.1", ev.HARD_BOUNCE), ("5.4.4", ev.HARD_BOUNCE)],
        *[
            ("5.1.7", ev.BLOCKED),
            ("5.1.8", ev.BLOCKED),
            ("5.7.0", ev.BLOCKED),
            ("5.7.1", ev.BLOCKED),
            ("5.7.26", ev.BLOCKED),
        ],
        *[(f"4.{n}.1", ev.SOFT_BOUNCE) for n in (1, 2, 3, 4, 7)],
        ("5.2.2", ev.SOFT_BOUNCE),
    ],
)
def test_rules_3_to_6_go_by_the_status_alone(bounce_type: str | None, status: str, class_: str) -> None:
    """SES's type does not matter where the receiver's status speaks."""
    assert bounce_class(bounce_type, "General", status, "failed", has_diagnostic=True) == class_


@pytest.mark.parametrize("status", [None, "5.0.0", "5.3.0", "2.0.0", "5.12.1", "5.70.1", "5.4.1"])
def test_rules_6_to_9_without_a_telling_status(status: str | None) -> None:
    """The action, then the type, then what is left."""
    common = {"has_diagnostic": True}
    assert bounce_class("Permanent", "General", status, "Delayed", **common) == ev.SOFT_BOUNCE
    assert bounce_class("Permanent", "General", status, "failed", **common) == ev.HARD_BOUNCE
    assert bounce_class("Permanent", None, status, None, **common) == ev.HARD_BOUNCE
    assert bounce_class("Transient", "General", status, None, **common) == ev.SOFT_BOUNCE
    assert bounce_class("New", "Newer", status, None, **common) == ev.SOFT_BOUNCE
    assert bounce_class(None, None, status, None, **common) == ev.SOFT_BOUNCE


def test_rule_8_is_narrow() -> None:
    """An automatic reply has neither status nor diagnostic, and is Transient/General."""
    assert bounce_class("Transient", "General", None, None, has_diagnostic=False) == ev.AUTO_REPLY
    assert bounce_class("Transient", "General", None, "failed", has_diagnostic=False) == ev.AUTO_REPLY
    assert bounce_class("Transient", "General", None, None, has_diagnostic=True) == ev.SOFT_BOUNCE
    assert bounce_class("Transient", "General", "5.3.0", None, has_diagnostic=False) == ev.SOFT_BOUNCE
    assert bounce_class("Transient", "MailboxFull", None, None, has_diagnostic=False) == ev.SOFT_BOUNCE
    assert bounce_class("Undetermined", "Undetermined", None, None, has_diagnostic=False) == ev.SOFT_BOUNCE


@pytest.mark.parametrize(
    ("bounce_type", "sub_type", "status", "counts"),
    [
        ("Permanent", "General", "5.1.1", True),
        ("Permanent", "Suppressed", None, True),
        ("Permanent", "General", "4.4.7", True),
        ("Permanent", "General", "5.7.1", True),
        ("Permanent", "General", "5.2.3", True),
        ("Permanent", "OnAccountSuppressionList", None, False),
        ("Permanent", "UnsubscribedRecipient", None, False),
        ("Transient", "General", "5.1.1", False),
        ("Undetermined", "Undetermined", "5.1.1", False),
        ("permanent", "General", "5.1.1", False),
        (None, None, "5.1.1", False),
    ],
)
def test_what_counts_as_a_bounce(
    bounce_type: str | None, sub_type: str | None, status: str | None, counts: bool
) -> None:
    """Permanent and really sent, whatever class the address gets."""
    assert bounce_verdict(bounce_type, sub_type, status, None, True)[1] is counts


def test_a_delay_has_a_status_and_no_verdict() -> None:
    """It is its own class and counts nowhere."""
    assert delay_verdict("4.4.1 (x)", "delayed", True) == (ev.DELAY, False, "4.4.1")


@pytest.mark.parametrize(
    ("sub_type", "feedback_type", "class_"),
    [
        *[(None, name, ev.COMPLAINT) for name in ("abuse", "fraud", "virus", "other", "new", None)],
        *[(None, "not-spam", ev.NOT_SPAM), (None, "Not-Spam", ev.NOT_SPAM), (None, "auth-failure", ev.MESSAGE_FAULT)],
        ("OnAccountSuppressionList", "not-spam", ev.ALREADY_SUPPRESSED),
        ("OnTenantSuppressionList", None, ev.ALREADY_SUPPRESSED),
        ("EmailValidationSuppressed", "abuse", ev.COMPLAINT),
        ("New", "abuse", ev.COMPLAINT),
    ],
)
def test_complaints(sub_type: str | None, feedback_type: str | None, class_: str) -> None:
    """Whatever is not known to be something else is a complaint."""
    assert complaint_class(sub_type, feedback_type) == class_
