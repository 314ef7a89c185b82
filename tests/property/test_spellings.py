"""However an address is spelled, whoever sends it: no mail goes to a suppressed mailbox.

The readers are not ours: ``smtplib`` as it speaks to a server, Django's backend, ``email`` in all of its parsers for
what boto3 hands over unchanged. What they would deliver to is read by ``email.headerregistry``, as a server does.
"""

from __future__ import annotations

import smtplib
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import getaddresses, parseaddr
from typing import Any

import django
import pytest
from django.conf import settings
from django.core import mail
from django.core.mail.backends.smtp import EmailBackend as DjangoSmtp
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.mailboxes import mailboxes
from ses_feedback.domain.recipients import recipients
from ses_feedback.guard import NobodyLeft
from ses_feedback.guard.core import Guard
from ses_feedback.guard.smtp import SMTP
from tests.unit.guard.fakes import FOR_EVER, Table, guard_over

LOCALS = ("dead", "mary.ann", "o'hara+news", "x", "j_d-7")
DOMAINS = ("example.net", "mail.example.org", "b\u00fccher.example", "stra\u00dfe.example")
# Other people, and another thing for every comment.
OTHER = "joe@elsewhere.example"
draw_words = st.sampled_from(["x", "a comment", "Jane", OTHER, "at example.com", "\u00fc", "b,c", "d;e"])


@st.composite
def comment(draw: st.DrawFn) -> str:
    inner = draw(draw_words)
    return f"({inner}{draw(st.sampled_from(['', '(nested)', chr(92) + ')']))})"


@st.composite
def filler(draw: st.DrawFn) -> str:
    """What RFC 5322 lets stand between the pieces of an address."""
    return draw(st.sampled_from(["", "", "", " ", "  ", "\t"]) | comment())


def cased(draw: st.DrawFn, text: str) -> str:
    return "".join(letter.upper() if draw(st.booleans()) and letter != "\u00df" else letter for letter in text)


@st.composite
def rfc_local(draw: st.DrawFn, local: str) -> str:
    """A local part in the grammar of RFC 5322, its obsolete forms included, or of RFC 821."""
    words = []
    for word in local.split("."):
        text = cased(draw, word)
        how = draw(st.integers(0, 3))
        if how == 1:
            text = f'"{text}"'
        elif how == 2:
            at = draw(st.integers(0, len(text) - 1))
            text = f'"{text[:at]}\\{text[at:]}"'
        elif how == 3 and "'" not in text:
            at = draw(st.integers(0, len(text) - 1))
            text = f"{text[:at]}\\{text[at:]}"
        words.append(text)
    if draw(st.booleans()) and len(words) > 1:
        return '"' + cased(draw, local) + '"'
    return f"{draw(filler())}.{draw(filler())}".join(words)


@st.composite
def rfc_domain(draw: st.DrawFn, domain: str) -> str:
    labels = [cased(draw, label) for label in domain.split(".")]
    if draw(st.booleans()):
        return ".".join(labels) + draw(st.sampled_from(["", "."]))
    return f"{draw(filler())}.{draw(filler())}".join(labels)


@st.composite
def in_a_list(draw: st.DrawFn, spec: str) -> str:
    """What may stand around an address."""
    route = draw(st.sampled_from(["", "", "@relay.example:", "@a.example,@b.example:"]))
    name = draw(st.sampled_from(["", "Jane ", '"Doe, Jane" ', "=?utf-8?q?J=C3=BCrgen?= ", "J. Doe (x) ", "\uff2a "]))
    return draw(
        st.sampled_from(
            [spec, f"{name}<{route}{spec}>", f"{OTHER}, {spec}", f"{spec}, {name}<{OTHER}>", f"friends: {spec};"]
        )
    )


def dressed(draw: st.DrawFn, text: str) -> str:
    """A text whose letters some readers map to the plain ones, or that others do not see."""
    made = []
    for letter in text:
        how = draw(st.integers(0, 7))
        if how == 0 and letter.isascii() and letter not in "\"\\'():;,<>@ ":
            letter = chr(ord(letter) + 0xFEE0)  # noqa: PLW2901 - full width
        elif how == 1 and letter == ".":
            letter = draw(st.sampled_from("\u3002\uff0e\uff61"))  # noqa: PLW2901 - what IDNA calls a dot besides
        made.append(letter + (draw(st.sampled_from("\u200b\u00ad\u2060\ufeff\ufe0f\u034f")) if how == 2 else ""))
    return "".join(made)


def mime_word(text: str) -> str:
    return "=?utf-8?q?" + "".join(f"={byte:02X}" for byte in text.encode()) + "?="


@st.composite
def spelled(draw: st.DrawFn, *, plainly: bool = False) -> tuple[str, str]:
    """A mailbox and a text that means it: by the RFCs, or by what some reader makes of it besides."""
    local, domain = draw(st.sampled_from(LOCALS)), draw(st.sampled_from(DOMAINS))
    written = draw(rfc_local(local))
    where = draw(rfc_domain(domain))
    at = "@"
    if not plainly:
        how = draw(st.integers(0, 6))
        written = {0: lambda: dressed(draw, local), 1: lambda: mime_word(local)}.get(how, lambda: written)()
        where = {1: lambda: where, 2: lambda: dressed(draw, domain)}.get(how, lambda: where)()
        at = "\uff20" if how == 3 else at
    spec = f"{draw(filler())}{written}{draw(filler())}{at}{draw(filler())}{where}{draw(filler())}"
    if not plainly and draw(st.integers(0, 9)) == 0:
        return f"{local}@{domain}", draw(st.sampled_from([mime_word(spec), f"{spec} <{OTHER}>", f"friends: {spec}"]))
    return f"{local}@{domain}", draw(in_a_list(spec))


def received(address: str) -> set[str]:
    """Return which mailboxes a server may put mail for an address of an envelope into; none where it refuses it."""
    try:
        read = Address(addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        return set()
    local = "".join(
        c for c in unicodedata.normalize("NFKC", read.username) if unicodedata.category(c) not in ("Cf", "Mn")
    )
    found = {f"{local.lower()}@{read.domain.lower().rstrip('.')}"}
    with suppress(UnicodeError):
        found.add(f"{local.lower()}@{read.domain.encode('idna').decode().lower().rstrip('.')}")
    return found


def same(mailbox: str) -> set[str]:
    """Return the forms of a mailbox in an envelope."""
    local, _, domain = mailbox.partition("@")
    return {mailbox, f"{local}@{domain.encode('idna').decode()}", normalise(mailbox)}


class Wire(SMTP):
    """A guarded connection whose server takes everything; ``told`` has whom it was told of."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard=guard)
        self.told: list[str] = []
        self.does_esmtp, self.esmtp_features = True, {"smtputf8": "", "8bitmime": ""}

    def ehlo_or_helo_if_needed(self) -> None:
        pass

    def send(self, s: Any) -> None:
        said = s if isinstance(s, str) else bytes(s).decode("utf-8", "replace")
        if said.lower().startswith("rcpt to:"):
            self.told.append(said[said.index("<") + 1 : said.rindex(">")])
        self.last = said

    def getreply(self) -> tuple[int, bytes]:
        return (354 if self.last.lower().startswith("data") else 250), b"ok"

    def reached(self) -> set[str]:
        return {one for address in self.told for one in received(address)}


def by_sendmail(guard: Guard, text: str) -> set[str]:
    wire = Wire(guard)
    wire.sendmail("n@example.com", [text], b"x", mail_options=["SMTPUTF8"])
    return wire.reached()


def by_send_message(guard: Guard, text: str, kind: type[Message[Any, Any]]) -> set[str]:
    wire, message = Wire(guard), kind()
    message["From"], message["To"] = "n@example.com", text
    wire.send_message(message)
    return wire.reached()


def by_django(guard: Guard, text: str) -> set[str]:
    """Django's own backend behind the guard's, on a connection without a guard of its own."""
    from ses_feedback.guard.django import EmailBackend

    setting = {"backend": f"{DjangoSmtp.__module__}.EmailBackend", "guard": guard}
    with override_settings(SES_FEEDBACK_GUARD=setting):
        backend = EmailBackend()
        backend._inner.connection = wire = Wire(guard_over(Table({})))
        mail.EmailMessage("Hello", "Hello", "n@example.com", [text], connection=backend).send()
    return wire.reached()


def by_text(guard: Guard, text: str) -> set[str]:
    """What boto3 sends is the text; every parser of ``email`` stands for how SES may read it."""
    found: set[str] = set()
    for left in guard.screen([text]).keep([text]):
        message = EmailMessage()
        with suppress(ValueError, IndexError, HeaderParseError):
            message["To"] = left
            found.update(one.addr_spec for one in message["To"].addresses)
        found.update(address for strict in (True, False) for _, address in getaddresses([left], strict=strict))
        found.add(parseaddr(left)[1])
        found.add(left)
    return {one for address in found if address for one in received(address)}


WAYS: dict[str, Callable[[Guard, str], set[str]]] = {
    "smtplib's sendmail": by_sendmail,
    "smtplib's send_message": lambda guard, text: by_send_message(guard, text, EmailMessage),
    "smtplib's send_message of an old message": lambda guard, text: by_send_message(guard, text, Message),
    "Django": by_django,
    "boto3": by_text,
}
# What a library says to a text that it does not send: a wrong address, a line end in a header, no ASCII in old mail.
REFUSALS = (NobodyLeft, ValueError, TypeError, IndexError, HeaderParseError, smtplib.SMTPException)


@pytest.fixture(scope="module", autouse=True)
def application() -> Iterator[None]:
    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", EMAIL_HOST="smtp.example.com")
        django.setup()
    yield


@pytest.mark.parametrize("way", WAYS)
@given(spelled())
@example(("jo@strasse.example", "jo@stra\u00dfe.example"))
@example(("dead@example.net", "dead@example.net <joe@elsewhere.example>"))
@example(("dead@example.net", '"dead@example.net" <joe@elsewhere.example>'))
def test_no_spelling_of_a_suppressed_mailbox_gets_past_the_guard(way: str, one: tuple[str, str]) -> None:
    """Whoever reads the text: removed, or refused as what nobody can read."""
    mailbox, text = one
    guard = guard_over(Table(dict.fromkeys(same(mailbox), FOR_EVER)))
    try:
        reached = WAYS[way](guard, text)
    except REFUSALS:
        return
    assert reached.isdisjoint(same(mailbox)), (text, reached)


@given(spelled(plainly=True))
def test_what_the_rfcs_allow_is_understood_and_not_only_refused(one: tuple[str, str]) -> None:
    """Nobody loses mail for the way they spell their address: it is read, as the mailbox that it is."""
    mailbox, text = one
    assert normalise(mailbox) in {recipient.address for recipient in recipients(text)}
    outcome = guard_over(Table({normalise(mailbox): FOR_EVER}), nobody_left="report").screen([text])
    assert len(outcome.removed) == 1 and outcome.unreadable == ()
    assert guard_over(Table({})).screen([text]).keep([text]) == [text]


@given(st.text(max_size=80) | st.text(alphabet='"\\()<>@.:;,= ?\u200b\uff41ab', max_size=40))
def test_whatever_the_text_reading_it_raises_nothing_and_again_gives_the_same(text: str) -> None:
    found = mailboxes(text)
    for address in found.all:
        assert normalise(address) in (address, normalise(address))
        assert mailboxes(address).address is not None
    if found.address is not None:
        assert normalise(found.address) == found.address
