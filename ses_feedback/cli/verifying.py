"""``release --verify``: whether the domain takes mail at all, and when it last did, before anything is decided."""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

import typer

from ses_feedback.cli.asking import ask
from ses_feedback.cli.screen import BAD, GOOD, MILD, Screen, Styled
from ses_feedback.cli.session import Session
from ses_feedback.cli.words import moment, time_or_none
from ses_feedback.config import Config
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.events import DELIVERY
from ses_feedback.domain.mail_hosts import TAKES, TAKES_NONE, Mail, mail_of
from ses_feedback.domain.times import DAY, HOUR, parse_time
from ses_feedback.usecases.archive import Filter, Value, last_deliveries
from ses_feedback.usecases.questions import NOT_VERIFIED, Verified

ON_AWS: Final = "aws"
# The archive is read this far back for deliveries.
_BACK_DAYS: Final = 90

Verify = Annotated[
    bool, typer.Option("--verify", help="First ask DNS whether the domain takes mail; if not, nothing is decided.")
]
DeliveriesFrom = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="PLACE",
        help="With --verify: look for the last deliveries there: a folder, a file or s3://BUCKET/PREFIX, or 'aws' for "
        "the deployment's own archive.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="With --verify: decide even if the domain takes no mail.")]


class Checked(NamedTuple):
    """What was found out: about the domain, and in the archive where it was asked (times in ms)."""

    mail: Mail
    domain: str
    archive: str | None
    to_address: int | None
    to_domain: int | None

    @property
    def evidence(self) -> Verified:
        """What is kept of it with the decision."""
        return Verified(self.mail.word, self.to_address)


def evidence_of(checked: Checked | None) -> Verified:
    """Return what is kept with the decision."""
    return NOT_VERIFIED if checked is None else checked.evidence


def verify(
    session: Session, settings: Config, who: str, *, wanted: bool, archive: str | None, force: bool, agreed: bool
) -> Checked | None:
    """Return what can be found out about an address; ``None`` where nobody wants to know.

    Raises ``PermanentError`` where its domain takes no mail, unless ``force``.
    """
    if not wanted:
        for option, given in (("--archive", archive is not None), ("--force", force), ("--yes", agreed)):
            if given:
                raise PermanentError(f"{option}: goes with --verify")
        return None
    domain = who.rpartition("@")[2]
    mail = mail_of(who, session.dns())
    if mail.word == TAKES_NONE and not force:
        raise PermanentError(f"{domain} takes no mail: {mail.why}; nothing was decided (--force decides all the same)")
    if archive is None:
        return Checked(mail, domain, None, None, None)
    now = session.now()
    where = Filter(
        max(now - _BACK_DAYS * DAY, 0), now + HOUR, (("kind", DELIVERY), ("receiver", domain)), canaries=True
    )
    with session.archive(settings, None if archive == ON_AWS else archive) as opened:
        rows = ask(opened, last_deliveries(where, who), agreed=agreed)
    to_domain, to_address = rows[0] if rows else (None, None)
    return Checked(mail, domain, archive, _ms(to_address), _ms(to_domain))


def _ms(text: Value) -> int | None:
    return parse_time(text) if isinstance(text, str) and text else None


def verified_record(checked: Checked | None) -> dict[str, Any] | None:
    """Return what was found out, for JSON."""
    if checked is None:
        return None
    return {
        "mail": checked.mail.word,
        "host": checked.mail.host,
        "why": checked.mail.why,
        "archive": checked.archive,
        "delivered_at": time_or_none(checked.to_address),
        "domain_delivered_at": time_or_none(checked.to_domain),
    }


def show_checked(screen: Screen, who: str, checked: Checked) -> None:
    """Tell people what was found out."""
    mail, domain = checked.mail, checked.domain
    if mail.word == TAKES:
        screen.line(f"  {domain} ", Styled("takes mail", GOOD), f", at {mail.host}.")
    elif mail.word == TAKES_NONE:
        screen.line(f"  {domain} ", Styled("takes no mail", BAD), f": {mail.why}.")
    else:
        screen.line(f"  Whether {domain} takes mail ", Styled("could not be checked", MILD), f": {mail.why}.")
    if checked.archive is None:
        return
    for name, at in ((who, checked.to_address), (domain, checked.to_domain)):
        said = f"last delivery at {moment(at)}" if at is not None else f"no delivery in {_BACK_DAYS} days"
        screen.line(f"  {name}: {said}, by the archive.")
