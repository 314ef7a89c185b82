"""DNS as this computer resolves it, within seconds: a release may ask it, and must not wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import dns.exception
import dns.name
import dns.resolver

from ses_feedback.domain.mail_hosts import NoSuchName, Unanswered

# How long one question, and all of them together, may take.
_ONE_S: Final = 4.0
_ALL_S: Final = 10.0


class PublicDns:
    """Implements ``Dns``. ``resolver`` is dnspython's; without one, that of the operating system's settings."""

    def __init__(
        self, resolver: dns.resolver.Resolver | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._until = clock() + _ALL_S

    def exchanges(self, domain: str) -> Sequence[tuple[int, str]]:
        """See ``Dns``."""
        found = self._ask(domain, "MX")
        return [(record.preference, record.exchange.to_text(omit_final_dot=True).strip(".")) for record in found]

    def has_address(self, host: str) -> bool:
        """See ``Dns``."""
        try:
            return bool(self._ask(host, "A") or self._ask(host, "AAAA"))
        except NoSuchName:
            return False

    def is_public(self) -> bool:
        """See ``Dns``."""
        try:
            return bool(self._ask(".", "NS"))
        except NoSuchName:
            return False

    def _ask(self, name: str, kind: str) -> Sequence[Any]:
        left = self._until - self._clock()
        if left <= 0:
            raise Unanswered(f"DNS took longer than {_ALL_S:.0f} seconds")
        try:
            if self._resolver is None:
                self._resolver = dns.resolver.Resolver()
            answer = self._resolver.resolve(
                dns.name.from_text(name), kind, lifetime=min(_ONE_S, left), search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            raise NoSuchName(name) from None
        except dns.exception.Timeout:
            raise Unanswered("no answer from DNS: is this computer online?") from None
        except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration):
            raise Unanswered("DNS could not answer") from None
        except (dns.exception.DNSException, OSError) as error:
            raise Unanswered(f"DNS could not be asked: {type(error).__name__}") from None
        return list(answer.rrset or ())
