"""The text people get, word for word, and what strangers may not do to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ses_feedback.domain.digest_answers import Known
from ses_feedback.domain.digest_text import MOST_SHORT, MOST_SUBJECT, WIDTH, Digest, Facts, Reader, compose
from ses_feedback.domain.digests import DETAILED, Gathered, read_items
from ses_feedback.domain.history import History, copy_key, settle, strike_of, suppressions
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import MINUTE
from tests.unit.usecases import mail
from tests.unit.usecases.mail import KEYS, NOW, rules

ROOT = Path(__file__).parents[3]
# Publish takes 262,144 bytes, attributes included (SNS quotas).
MOST_BYTES = 262_000
SUPPORT = Reader("customer-service", ("bounce", "complaint"))

# The example of docs/digests.md.
EXAMPLE = """\
Mail from example.com: 1 complaint, 3 bounces
Environment production, 2027-01-15 08:00 UTC. For the team customer-service.

In all:
  1  reported as spam
  1  refused for good: the address does not exist or takes no mail
  1  blocked by the receiver, for its policy or the sender's reputation
  1  failed for now: mailbox full, receiver not reachable, and the like

carol@example.net
  What happened   The recipient reported it as spam.
  Which mail      "Our news in January", sent 2027-01-14 08:00 UTC, from
                  example.com, stream default, message m3
  What was done   Suppressed for ever in stream default of production: it is
                  not to be mailed.
  Look closer     ses-feedback show carol@example.net --environment production --stream default

jane@example.net
  What happened   The mailbox does not exist.
  In their words  smtp; 550 5.1.1 no such user
  Which mail      "Your order 4711", sent 2027-01-15 08:00 UTC, from
                  example.com, stream default, message m1
  What was done   Suppressed for ever in all streams of production: it is not
                  to be mailed.
  Look closer     ses-feedback show jane@example.net --environment production --stream default

bob@example.org
  What happened   The receiver blocked it, for its policy or our reputation,
                  not for this address.
  In their words  smtp; 550 5.7.1 unsolicited mail, see
                  https://postmaster.example.org
  Which mail      "Our news in January", sent 2027-01-15 08:00 UTC, from
                  example.com, stream default, message m2
  What was done   Not suppressed: strike 1 of 5 within 14 days; 5 suppress the
                  address for 7 days in stream default of production.
  Look closer     ses-feedback show bob@example.org --environment production --stream default

full@example.org
  What happened   The mailbox is full.
  In their words  smtp; 452 4.2.2 over quota
  Which mail      "Your order 4712", sent 2027-01-15 08:00 UTC, from
                  example.com, stream default, message m4
  What was done   Not suppressed: strike 1 of 5 within 14 days; 5 suppress the
                  address for 30 days in all streams of production.
  Look closer     ses-feedback show full@example.org --environment production --stream default

At most one message in five minutes; who gets it stands in feedback.toml, at
teams.customer-service.notify.
"""


def with_subject(message: dict[str, Any], subject: Any) -> dict[str, Any]:
    message["mail"]["commonHeaders"] = {"subject": subject}
    return message


def digest(*messages: Any, reader: Reader = SUPPORT, recorded: bool = True, more: bool = False) -> Digest | None:
    """Return the digest of notifications, as if each had been recorded at once."""
    gathered = Gathered()
    histories: dict[tuple[str, str], History] = {}
    for message in messages:
        body = message if isinstance(message, str) else mail.sns_body(message)
        items, faults = read_items(body, rules().directory, NOW)
        gathered.add(items)
        gathered.unreadable += len(faults)
        for item in items:
            who = (item.event.environment, item.event.recipient)
            before = histories.get(who, History())
            strike = strike_of(item.event)
            strikes = {**before.strikes, copy_key(KEYS.strike(item.event), strike): strike}
            histories[who] = settle(History(strikes), DEFAULT_POLICY)
    known = {who: Known(h, tuple(suppressions(h, DEFAULT_POLICY))) for who, h in histories.items() if recorded}
    return compose(gathered, reader, Facts(known, DEFAULT_POLICY, KEYS, NOW + MINUTE, more))


def text_of(*messages: Any, **how: Any) -> str:
    found = digest(*messages, **how)
    assert found is not None
    return found.text


def example() -> Digest | None:
    spam = mail.complaint("m3", ["carol@example.net"])
    spam["mail"]["timestamp"] = "2027-01-14T08:00:00.000Z"
    refusal = "smtp; 550 5.7.1 unsolicited mail, see https://postmaster.example.org"
    return digest(
        with_subject(mail.bounce("m1"), "Your order 4711"),
        with_subject(mail.bounce("m2", ["bob@example.org"], status="5.7.1", diagnostic=refusal), "Our news in January"),
        with_subject(spam, "Our news in January"),
        with_subject(
            mail.soft_bounce("m4", ["full@example.org"], diagnostic="smtp; 452 4.2.2 over quota"), "Your order 4712"
        ),
    )


def test_the_example() -> None:
    """Who, why in plain words, which mail, what was done, and how to look closer: as the documentation shows it."""
    found = example()
    assert found is not None
    assert found.text == EXAMPLE
    assert found.subject == found.short == "[production] Mail from example.com: 1 complaint, 3 bounces"
    assert EXAMPLE in (ROOT / "docs" / "digests.md").read_text(encoding="utf-8")


def test_one_bounce_is_a_short_message() -> None:
    """No table of one line, no list of one domain."""
    text = text_of(mail.bounce("m1"))
    assert "In all:" not in text
    assert "recipients' domain" not in text
    assert text.startswith("Mail from example.com: 1 bounce\n")


def test_nothing_that_the_reader_wants_is_no_message() -> None:
    assert digest(mail.delivery("m1")) is None
    assert digest() is None


def test_several_identities_and_environments() -> None:
    found = digest(mail.bounce("m1"), mail.bounce("m2", source="dev@example.com"))
    assert found is not None
    assert found.subject == "[dev, production] Mail from 2 identities: 2 bounces"
    assert "--environment dev --stream default" in found.text


@pytest.mark.parametrize("number", [11, 4_000])
def test_a_storm_names_some_and_counts_all(number: int) -> None:
    """At most fifty in detail; by receiving domain, ten of them; where the others can be listed."""
    found = digest(*(mail.bounce(f"m{n}", [f"jane{n}@d{n % 15}.example.net"]) for n in range(number)))
    assert found is not None
    assert found.subject == f"[production] Mail from example.com: {number:,} bounces"
    assert found.text.count("Look closer") == min(number, DETAILED)
    table = found.text.partition("By the recipients' domain:\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) == 11
    assert table[-1].endswith("  others")
    assert sum(int(line.split()[0].replace(",", "")) for line in table) == number
    assert ("ses-feedback list --environment production --since 1d" in found.text) is (number > DETAILED)


def test_what_matters_more_comes_first() -> None:
    """A single complaint among many soft bounces is not drowned."""
    many = [mail.soft_bounce(f"m{n}", [f"a{n}@example.net"], at=NOW - n) for n in range(200)]
    text = text_of(*many, mail.complaint("c", ["carol@example.net"]), mail.bounce("h", ["gone@example.net"]))
    blocks = [line for line in text.splitlines() if re.fullmatch(r"\S+@\S+", line)]
    assert blocks[:2] == ["carol@example.net", "gone@example.net"]
    assert len(blocks) == DETAILED


def test_more_waits() -> None:
    assert "More notifications wait; they come with the next message." in text_of(mail.bounce(), more=True)


def test_only_unreadable_ones() -> None:
    """Nobody can say whose or of what kind they were, but nothing is kept silent."""
    found = digest("what is this?")
    assert found is not None
    assert found.subject == "Mail: 1 unreadable notification"
    assert "1 notification could not be read" in found.text
    assert "ses-feedback quarantine list --since 14d" in found.text


def test_a_complaint_that_several_may_have_made() -> None:
    text = text_of(mail.complaint("m1", ["a@example.net", "b@example.net", "c@example.net"]))
    assert "The recipient reported it as spam, or one of the mail's 2 others did" in text.replace("\n" + " " * 18, " ")


@pytest.mark.parametrize("local", ["$(reboot)", "a;b", "`id`", "a|b", "o'hara", "*"])
def test_a_command_is_safe_to_paste(local: str) -> None:
    """A local part may hold what a shell would run."""
    import shlex

    message = mail.bounce("m1", [f'"{local}"@example.net' if set(local) & set(" ;()") else f"{local}@example.net"])
    text = text_of(message)
    (command,) = re.findall(r"Look closer +(.*)", text)
    arguments = shlex.split(command)
    assert arguments[:2] == ["ses-feedback", "show"]
    assert arguments[3:] == ["--environment", "production", "--stream", "default"]
    assert local in arguments[2]


def test_what_strangers_write_stays_on_its_line() -> None:
    """No line breaks, control or direction marks out of a subject or a receiver's answer, and an end to both."""
    evil = "hello\r\n\r\nWhat was done   nothing\x1b[2J\u202eevil\ud800 " + "x" * 5_000
    text = text_of(with_subject(mail.bounce("m1", diagnostic=evil), evil))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.encode("utf-8")
    assert "\nWhat was done" not in text
    assert text.count("  What was done   ") == 1
    assert "x" * 200 not in text


def test_a_subject_in_mime_words_is_read() -> None:
    assert '"Größe, bitte"' in text_of(with_subject(mail.bounce(), "=?utf-8?q?Gr=C3=B6=C3=9Fe=2C_bitte?="))
    assert '"=?no-such-charset?q?x?="' in text_of(with_subject(mail.bounce(), "=?no-such-charset?q?x?="))


@pytest.mark.parametrize("subject", [None, "", 7, {"a": 1}])
def test_without_a_subject(subject: Any) -> None:
    assert "no subject known, sent 2027-01-15 08:00 UTC" in text_of(with_subject(mail.bounce(), subject))


def test_the_largest_message_fits_into_sns() -> None:
    """Fifty of the longest addresses, subjects and answers, in letters of four bytes."""
    wide = "\U0001f4ee" * 500
    local = "\U00010400" * 16  # 64 octets
    messages = []
    for n in range(200):
        domain = ".".join(["x" * 60] * 2 + [f"d{n}", "example.net"])
        message = mail.bounce("m" * 200 + str(n), [f"{local}@{domain}"], diagnostic=wide)
        messages.append(with_subject(message, wide))
    found = digest(*messages)
    assert found is not None
    assert found.text.count("Look closer") == DETAILED
    assert len(found.text.encode()) < MOST_BYTES


def test_subject_and_short_text_are_within_their_limits() -> None:
    """99 ASCII letters for SNS, 140 for a telephone, whoever sends and whatever happens; without recipients."""
    kinds = ("bounce", "complaint", "delivery", "delay", "reject", "rendering_failure", "send", "open", "click")
    messages: list[Any] = [
        mail.bounce(f"b{n}", source=s) for n, s in enumerate(("info@example.com", "dev@example.com"))
    ]
    for name, own in (("DeliveryDelay", "deliveryDelay"), ("Reject", "reject"), ("Rendering Failure", "failure")):
        base = mail.delivery("x")
        messages.append({"eventType": name, own: {"delayedRecipients": []}, "mail": base["mail"]})
    messages += [{"eventType": name, name.lower(): {}, "mail": mail.delivery("y")["mail"]} for name in ("Send", "Open")]
    messages += [mail.complaint("c"), mail.delivery("d"), "what?"]
    found = digest(*messages, reader=Reader("all", kinds))
    assert found is not None
    for text, most in ((found.subject, MOST_SUBJECT), (found.short, MOST_SHORT)):
        assert text.isascii()
        assert text.isprintable()
        assert len(text) <= most
        assert "jane" not in text
    assert found.subject.endswith("...")


def test_lines_fit_a_screen() -> None:
    """All but the commands, which are there to be copied."""
    lines = text_of(*(mail.bounce(f"m{n}", [f"jane{n}@example.net"]) for n in range(60)), "what?").splitlines()
    assert [line for line in lines if len(line) > WIDTH and "ses-feedback " not in line] == []


def test_news_needs_no_action() -> None:
    """A delivery is told without what was done about it."""
    text = text_of(mail.delivery("m1"), reader=Reader("t", ("delivery",)))
    assert "The receiver's server took it." in text
    assert "What was done" not in text


def test_ses_own_words_on_what_it_did_not_send() -> None:
    """Why SES refused a mail, which template broke how, where a link led."""
    base = mail.delivery("x")["mail"]
    kinds = ("reject", "rendering_failure", "click")
    found = text_of(
        {"eventType": "Reject", "reject": {"reason": "Bad content"}, "mail": base},
        {"eventType": "Rendering Failure", "failure": {"errorMessage": "Attribute 'name' is missing"}, "mail": base},
        {"eventType": "Click", "click": {"link": "https://shop.example.com/cart"}, "mail": base},
        reader=Reader("t", kinds),
        recorded=False,
    )
    for words in ("Bad content", "Attribute 'name' is missing", "https://shop.example.com/cart"):
        assert f"In their words  {words}\n" in found
    assert found.count("Nothing: the address has no part in it.") == 2


def test_the_subject_of_a_notification_is_not_needed_as_json() -> None:
    """A digest holds no JSON, whatever came."""
    text = text_of(mail.bounce())
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert "{" not in text
