"""Which provider a list comes from, by its header, and what its rows say.

What holds in which streams is the same for all of them. An address that does not exist exists for no stream; a
complaint or an unsubscription is about one kind of mail, and the operator says which stream that is. Rows about a full
mailbox or a blocked sender suppress nobody: they say nothing of the address (DESIGN section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.classify import bounce_class, code_of
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.usecases.lists.entries import Bad, Entry, Passed, by_choice, date, everywhere

Row = Mapping[str, str]
OWN_COLUMNS: Final = ("address", "environment", "stream", "reason", "since", "until")
NOT_THE_ADDRESS: Final = "a soft bounce or a block says nothing of the address"
_LARGEST_HEADER: Final = 200


class Format(NamedTuple):
    """A provider's list. ``by_choice``: whether rows can be about one kind of mail, so that a stream must be known."""

    name: str
    by_choice: bool
    read: Callable[[Row], Entry]


def recognise(header: Sequence[str]) -> Format:
    """Return whose list has these columns. Raises ``PermanentError``, which names what would be known."""
    columns = {name.strip().lower() for name in header}
    for needed, optional, found in _KNOWN:
        if needed <= columns and (optional is None or columns <= needed | optional):
            return found
    if "email address" in columns and columns & {"member_rating", "optin_time", "leid", "euid"}:
        raise PermanentError(
            "this is Mailchimp's list of subscribed members, and nobody in it is suppressed: "
            "import the files of cleaned and of unsubscribed members of the same export"
        )
    shown = ", ".join(" ".join(name.split()) for name in header)[:_LARGEST_HEADER]
    raise PermanentError(
        f"nobody known writes such a list; its first line is: {ascii(shown)[1:-1] or '(empty)'}; "
        "docs/lists.md has the columns of each provider, and of a list of your own: address, and if you have them "
        "stream, since, until"
    )


def _own(row: Row) -> Entry:
    since, until = date(row.get("since", "")), date(row.get("until", ""))
    if since is not None and until is not None and until <= since:
        raise Bad("it ends before it begins")
    stream = row.get("stream", "").strip() or EVERY_STREAM
    return Entry(row["address"], stream, since, until, row.get("reason", ""), row.get("environment", "").strip())


def _ses(row: Row) -> Entry:
    address, since = row.get("emailaddress", ""), date(row.get("lastupdatetime", ""))
    reason = row.get("reason", "").strip().upper()
    if reason == "BOUNCE":
        return everywhere(address, since, "bounce")
    if reason == "COMPLAINT":
        return by_choice(address, since, "complaint")
    raise Bad("its reason is neither BOUNCE nor COMPLAINT")


def _sendgrid_failed(row: Row) -> Entry:
    """Bounces and blocks have the same columns: the status tells them apart."""
    if bounce_class("Permanent", None, code_of(row["status"].strip()), None, has_diagnostic=True) != ev.HARD_BOUNCE:
        raise Passed(NOT_THE_ADDRESS)
    return everywhere(row["email"], date(row["created"]), "bounce")


def _sendgrid_invalid(row: Row) -> Entry:
    return everywhere(row["email"], date(row["created"]), "invalid address")


def _sendgrid_spam(row: Row) -> Entry:
    return by_choice(row["email"], date(row["created"]), "spam report")


def _sendgrid_unsubscribed(row: Row) -> Entry:
    return by_choice(row["email"], date(row["created"]), "unsubscribe")


def _mailgun_bounce(row: Row) -> Entry:
    if row["code"].strip().startswith("4"):
        raise Passed(NOT_THE_ADDRESS)
    return everywhere(row["address"], date(row["created_at"]), "bounce")


def _mailgun_unsubscribed(row: Row) -> Entry:
    return by_choice(row["address"], date(row["created_at"]), "unsubscribe")


def _mailgun_complaint(row: Row) -> Entry:
    return by_choice(row["address"], date(row["created_at"]), "complaint")


def _postmark(row: Row) -> Entry:
    address, since = row["emailaddress"], date(row.get("createdat", ""))
    reason = row["suppressionreason"].strip().lower()
    if reason == "hardbounce":
        return everywhere(address, since, "hard bounce")
    if reason == "spamcomplaint":
        return by_choice(address, since, "spam complaint")
    if reason == "manualsuppression":
        by_recipient = row.get("origin", "").strip().lower() == "recipient"
        return by_choice(address, since, "unsubscribe" if by_recipient else "manual suppression")
    raise Bad("its SuppressionReason is none of HardBounce, SpamComplaint and ManualSuppression")


def _sparkpost(row: Row) -> Entry:
    kind, source = row.get("type", "").strip().lower(), " ".join(row.get("source", "").lower().split())
    transactional = kind == "transactional" or _is_true(row, "transactional")
    marketing = kind == "non_transactional" or _is_true(row, "non_transactional")
    if kind not in ("", "transactional", "non_transactional"):
        raise Bad("its type is neither transactional nor non_transactional")
    if not (transactional or marketing):
        raise Passed("it is for no kind of mail")
    since = date(row.get("updated", "") or row.get("created", ""))
    if transactional or source in ("bounce rule", "compliance"):
        return everywhere(row["recipient"], since, source or "transactional")
    return by_choice(row["recipient"], since, source or "non_transactional")


def _is_true(row: Row, column: str) -> bool:
    return row.get(column, "").strip().lower() in ("true", "1", "yes")


def _mailchimp_cleaned(row: Row) -> Entry:
    return everywhere(row["email address"], date(row["clean_time"]), "cleaned")


def _mailchimp_unsubscribed(row: Row) -> Entry:
    return by_choice(row["email address"], date(row["unsub_time"]), "unsubscribe")


OWN: Final = Format("ses-feedback", False, _own)
SES: Final = Format("SES", True, _ses)
# Columns that must be there, those that may be besides (None: any), and whose list it is. The first match wins.
_KNOWN: Final[tuple[tuple[set[str], set[str] | None, Format], ...]] = (
    ({"address"}, set(OWN_COLUMNS), OWN),
    ({"emailaddress", "suppressionreason"}, None, Format("Postmark", True, _postmark)),
    ({"emailaddress", "reason"}, None, SES),
    ({"email", "created", "status", "reason"}, None, Format("SendGrid bounces", False, _sendgrid_failed)),
    ({"email", "created", "reason"}, None, Format("SendGrid invalid addresses", False, _sendgrid_invalid)),
    ({"email", "created", "ip"}, None, Format("SendGrid spam reports", True, _sendgrid_spam)),
    ({"email", "created"}, set(), Format("SendGrid unsubscribes", True, _sendgrid_unsubscribed)),
    ({"address", "code", "created_at"}, None, Format("Mailgun bounces", False, _mailgun_bounce)),
    ({"address", "tags", "created_at"}, None, Format("Mailgun unsubscribes", True, _mailgun_unsubscribed)),
    ({"address", "created_at"}, set(), Format("Mailgun complaints", True, _mailgun_complaint)),
    ({"recipient", "type"}, None, Format("SparkPost", True, _sparkpost)),
    ({"recipient", "transactional"}, None, Format("SparkPost", True, _sparkpost)),
    ({"recipient", "non_transactional"}, None, Format("SparkPost", True, _sparkpost)),
    ({"email address", "clean_time"}, None, Format("Mailchimp cleaned members", False, _mailchimp_cleaned)),
    ({"email address", "unsub_time"}, None, Format("Mailchimp unsubscribed members", True, _mailchimp_unsubscribed)),
)
