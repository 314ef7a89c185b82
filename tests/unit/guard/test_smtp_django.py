"""The same guard before ``smtplib`` and Django: what goes out, what the caller sees."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, ClassVar

import django
import pytest
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from ses_feedback.guard import NobodyLeft, TableUnreadable
from ses_feedback.guard.smtp import SMTP, SMTP_SSL

from .fakes import COMPLAINED, DEAD, JO, JOE, Table, guard_over

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def envelope(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], bytes]]:
    """What smtplib would have told the server."""
    told: list[tuple[str, list[str], bytes]] = []

    def sendmail(_: Any, sender: str, to: list[str], message: bytes, *__: Any, **___: Any) -> dict[str, Any]:
        told.append((sender, list(to), message))
        return {JOE: (450, b"busy")} if JOE in to else {}

    monkeypatch.setattr(smtplib.SMTP, "sendmail", sendmail)
    monkeypatch.setattr(smtplib.SMTP, "ehlo_or_helo_if_needed", lambda _: None)
    return told


def message(*to: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "news@example.com", ", ".join(to), "Hello"
    made.set_content("Hello")
    return made


def test_smtp_leaves_the_suppressed_out_of_the_envelope_and_answers_as_smtplib_does(envelope: list[Any]) -> None:
    """The message keeps its headers; refused are those the guard removed and those the server did not take."""
    for kind in (SMTP, SMTP_SSL):
        envelope.clear()
        smtp = kind(guard=guard_over(Table()))
        refused = smtp.send_message(message(f"Jo <{JO}>", DEAD, JOE))
        ((sender, to, text),) = envelope
        assert (sender, to) == ("news@example.com", [JO, JOE])
        assert DEAD.encode() in text
        assert refused == {DEAD: (550, b"5.7.1 suppressed: hard_bounce (ses-feedback)"), JOE: (450, b"busy")}
        assert smtp.outcome is not None and len(smtp.outcome.removed) == 1


def test_smtp_with_nobody_left_sends_nothing(envelope: list[Any]) -> None:
    with pytest.raises(NobodyLeft):
        SMTP(guard=guard_over(Table())).sendmail("news@example.com", DEAD, "x")
    reporting = SMTP(guard=guard_over(Table(), nobody_left="report"))
    assert set(reporting.sendmail("news@example.com", [DEAD, COMPLAINED], "x")) == {DEAD, COMPLAINED}
    assert envelope == []


def test_smtp_refuses_what_is_no_address_as_a_server_does(envelope: list[Any]) -> None:
    """The others get the mail; with ``malformed="send"`` it is for the server to refuse."""
    refused = SMTP(guard=guard_over(Table())).sendmail("news@example.com", ["jane", JO], "x")
    assert refused == {"jane": (553, b"5.1.3 not an e-mail address (ses-feedback)")}
    assert SMTP(guard=guard_over(Table(), malformed="send")).sendmail("news@example.com", ["jane", JO], "x") == {}
    assert [to for _, to, _ in envelope] == [[JO], ["jane", JO]]


@pytest.fixture(scope="module", autouse=True)
def application() -> None:
    """The smallest Django there is."""
    if not settings.configured:
        settings.configure(EMAIL_BACKEND=LOCMEM, DEFAULT_CHARSET="utf-8")
        django.setup()


@pytest.fixture
def table() -> Iterator[Table]:
    """Django behind a guard: what it sends is in ``mail.outbox``."""
    table = Table()
    with guarded(guard=guard_over(table)):
        yield table


def guarded(**setting: Any) -> Any:
    mail.outbox = []
    return override_settings(
        EMAIL_BACKEND="ses_feedback.guard.django.EmailBackend", SES_FEEDBACK_GUARD={"backend": LOCMEM, **setting}
    )


def test_django_sends_to_whoever_is_left(table: Table) -> None:
    """The application's own message keeps its recipients, and gets the outcome."""
    mine = mail.EmailMessage("Hello", "Hello", "news@example.com", [DEAD, f"Jo <{JO}>"], cc=[COMPLAINED], bcc=[JOE])
    assert mine.send() == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.cc, sent.bcc) == ([f"Jo <{JO}>"], [], [JOE])
    assert mine.to == [DEAD, f"Jo <{JO}>"]
    assert {removed.recipient for removed in mine.suppression.removed} == {DEAD, COMPLAINED}
    assert mail.send_mail("Hello", "Hello", "news@example.com", [JO]) == 1
    assert table.opened == 1


class Watched(mail.EmailMessage):
    """A class of the application's own that adds recipients beside the fields."""

    def recipients(self) -> list[str]:
        return [*super().recipients(), DEAD, JOE]


def test_django_asks_about_recipients_that_a_class_adds_too(table: Table) -> None:
    """The fields do not have them; the envelope would."""
    mine = Watched("Hello", "Hello", "news@example.com", [JO])
    assert mine.send() == 1
    assert mail.outbox[0].recipients() == [JO, JOE]
    assert [removed.recipient for removed in mine.suppression.removed] == [DEAD]
    assert DEAD in mine.recipients()


def test_django_sends_the_others_before_it_raises_for_nobody(table: Table) -> None:
    mails = [mail.EmailMessage("Hello", "x", "news@example.com", [who]) for who in (DEAD, JO, COMPLAINED)]
    with pytest.raises(NobodyLeft) as caught, mail.get_connection() as connection:
        connection.send_messages(mails)
    assert caught.value.outcome.removed[0].recipient == DEAD
    assert [sent.to for sent in mail.outbox] == [[JO]]
    assert mail.get_connection(fail_silently=True).send_messages(mails) == 1
    assert mail.get_connection().send_messages([]) == 0


def test_django_reports_where_that_is_asked_for() -> None:
    with guarded(guard=guard_over(Table(), nobody_left="report")):
        mine = mail.EmailMessage("Hello", "x", "news@example.com", [DEAD])
        assert mine.send() == 0
        assert mine.suppression.nobody_left and mail.outbox == []


def test_django_refuses_before_anything_is_sent_when_the_table_cannot_be_read() -> None:
    table = Table()
    table.breaks()
    with guarded(guard=guard_over(table, unreadable="refuse")):
        with pytest.raises(TableUnreadable):
            mail.send_mail("Hello", "x", "news@example.com", [JO])
        assert mail.send_mail("Hello", "x", "news@example.com", [JO], fail_silently=True) == 0
    assert mail.outbox == []


def test_django_makes_the_guard_from_its_setting(tmp_path: Any) -> None:
    """From the file, or a deployment's name, or a guard of one's own."""
    from ses_feedback.guard import django as backend

    file = tmp_path / "feedback.toml"
    file.write_text('[on_call]\npage = [{ email = "o@example.com" }]\n[identities."example.com"]\n')
    with guarded(config=str(file), nobody_left="report"):
        assert backend._guard().options.nobody_left == "report"
        assert backend._guard() is backend._guard()
    with guarded(deployment="mail", region="eu-west-1", environment="production"):
        assert backend._guard().deployment == "mail"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"config": "/nowhere/feedback.toml"}, "no such file"),
        ({"deployment": "mail"}, "region"),
        ({"deployment": "mail", "region": "r", "environment": "e", "unreadable": "x"}, "must be one of send, refuse"),
        ({"guard": "os.path.join"}, "guard must be a Guard"),
        ({"guard": "x", "config": "y"}, "beside guard only backend is allowed, not config"),
        ({"backend": "ses_feedback.guard.django.EmailBackend"}, "backend must be the one that sends"),
    ],
)
def test_a_wrong_setting_is_named(setting: dict[str, Any], said: str) -> None:
    with guarded(**setting), pytest.raises(ImproperlyConfigured, match="SES_FEEDBACK_GUARD: ") as caught:
        mail.get_connection()
    assert said in str(caught.value)


class Mailer:
    """A backend that sends, as ``MAILERS`` of Django 6.1 make one."""

    made: ClassVar[dict[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        self.made.update(options)

    def send_messages(self, messages: list[Any]) -> int:
        return len(messages)


def test_options_of_a_mailer_go_to_the_backend_that_sends() -> None:
    """Django 6.1 calls a backend with its alias and options; it must not be asked for by the older way there."""
    from ses_feedback.guard.django import EmailBackend

    with guarded(guard=guard_over(Table()), backend=f"{Mailer.__module__}.Mailer"):
        backend = EmailBackend(alias="news", host="smtp.example.com")
        assert backend.send_messages([mail.EmailMessage("Hello", "x", "news@example.com", [JO])]) == 1
    assert Mailer.made == {"alias": "news", "host": "smtp.example.com"}
    assert backend.alias == "news"


def test_a_setting_that_is_no_dict_is_named() -> None:
    wrong = override_settings(EMAIL_BACKEND="ses_feedback.guard.django.EmailBackend", SES_FEEDBACK_GUARD=3)
    with wrong, pytest.raises(ImproperlyConfigured, match="must be a dict of options, not int"):
        mail.get_connection()
