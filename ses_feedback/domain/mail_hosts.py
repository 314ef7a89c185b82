"""Whether a domain takes mail, by what its DNS says: RFC 5321 section 5.1, and RFC 7505 for one that wants none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

TAKES: Final = "takes_mail"
TAKES_NONE: Final = "takes_no_mail"
UNCHECKED: Final = "not_checked"
# So many of a domain's servers are looked at, the preferred first.
_HOSTS: Final = 5


class Unanswered(Exception):
    """Nobody answered a question to DNS, or nobody could: that says nothing about the domain. ``str``: why."""


class NoSuchName(Exception):
    """DNS says that there is no such name at all."""


class Dns(Protocol):
    """Questions to DNS. Each may raise ``Unanswered``."""

    def exchanges(self, domain: str) -> Sequence[tuple[int, str]]:
        """Return the MX records, preference and host without its last dot; none where it has none.

        Raises ``NoSuchName``.
        """

    def has_address(self, host: str) -> bool:
        """Return whether a name has an IPv4 or IPv6 address."""

    def is_public(self) -> bool:
        """Return whether whoever answers knows the root of the public DNS."""


class Mail(NamedTuple):
    """What a domain says of its mail: one of the words above, the first server that takes it, and why not."""

    word: str
    host: str | None = None
    why: str | None = None


def mail_of(address: str, dns: Dns) -> Mail:
    """Return whether the domain of a normalised address takes mail. Never raises: unanswered is an answer."""
    domain = address.rpartition("@")[2]
    if domain.startswith("["):
        return Mail(UNCHECKED, None, "it is an address of a machine, which DNS does not know")
    try:
        exchanges = dns.exchanges(domain)
    except NoSuchName:
        return _unless_private(Mail(TAKES_NONE, None, "there is no such domain"), dns)
    except Unanswered as error:
        return Mail(UNCHECKED, None, str(error))
    if not exchanges:
        without = "it has no mail server: neither an MX record nor an address"
        return _unless_private(_reachable([domain], dns, without), dns)
    hosts = [host for _, host in sorted(exchanges) if host]
    if not hosts:
        return Mail(TAKES_NONE, None, "it says that it takes no mail at all (null MX, RFC 7505)")
    return _reachable(hosts[:_HOSTS], dns, "none of its mail servers has an address")


def _unless_private(mail: Mail, dns: Dns) -> Mail:
    """Return the answer, unless it is that of a network of its own, in which no name of the world exists."""
    if mail.word != TAKES_NONE:
        return mail
    try:
        return mail if dns.is_public() else Mail(UNCHECKED, None, "the DNS of this network does not know the internet")
    except Unanswered as error:
        return Mail(UNCHECKED, None, str(error))


def _reachable(hosts: Sequence[str], dns: Dns, otherwise: str) -> Mail:
    unanswered = None
    for host in hosts:
        try:
            if dns.has_address(host):
                return Mail(TAKES, host)
        except Unanswered as error:
            unanswered = str(error)
    return Mail(TAKES_NONE, None, otherwise) if unanswered is None else Mail(UNCHECKED, None, unanswered)
