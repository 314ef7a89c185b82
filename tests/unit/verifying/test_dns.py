"""Whether a domain takes mail, asked of a real DNS server."""

from __future__ import annotations

import dns.resolver
import pytest

from ses_feedback.adapters.public_dns import PublicDns
from ses_feedback.domain.mail_hosts import TAKES, TAKES_NONE, UNCHECKED, Mail, mail_of

from .server import Server

ZONE = {
    "": {"NS": ["a.root-servers.net."]},
    "good.example": {"MX": ["20 backup.good.example.", "10 mx.good.example."]},
    "mx.good.example": {"A": ["192.0.2.1"]},
    "backup.good.example": {"A": ["192.0.2.2"]},
    "v6.example": {"MX": ["10 mx.v6.example."]},
    "mx.v6.example": {"AAAA": ["2001:db8::1"]},
    "bare.example": {"A": ["192.0.2.3"]},
    "null.example": {"MX": ["0 ."], "A": ["192.0.2.4"]},
    "empty.example": {"TXT": ["x"]},
    "lost.example": {"MX": ["10 gone.lost.example.", "20 blank.lost.example."]},
    "blank.lost.example": {"TXT": ["x"]},
    "half.example": {"MX": ["10 broken.example.", "20 mx.good.example."]},
    "unsure.example": {"MX": ["10 broken.example.", "20 gone.lost.example."]},
    "xn--mnchen-3ya.example": {"MX": ["10 mx.good.example."]},
}


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("good.example", Mail(TAKES, "mx.good.example")),
        ("v6.example", Mail(TAKES, "mx.v6.example")),
        ("bare.example", Mail(TAKES, "bare.example")),
        ("half.example", Mail(TAKES, "mx.good.example")),
        ("xn--mnchen-3ya.example", Mail(TAKES, "mx.good.example")),
        ("null.example", Mail(TAKES_NONE, None, "it says that it takes no mail at all (null MX, RFC 7505)")),
        ("nowhere.example", Mail(TAKES_NONE, None, "there is no such domain")),
        ("empty.example", Mail(TAKES_NONE, None, "it has no mail server: neither an MX record nor an address")),
        ("lost.example", Mail(TAKES_NONE, None, "none of its mail servers has an address")),
        ("broken.example", Mail(UNCHECKED, None, "DNS could not answer")),
        ("unsure.example", Mail(UNCHECKED, None, "DNS could not answer")),
        ("[192.0.2.9]", Mail(UNCHECKED, None, "it is an address of a machine, which DNS does not know")),
    ],
)
def test_what_dns_says_of_a_domain(domain: str, found: Mail) -> None:
    """The preferred server that exists, else the domain's own address (RFC 5321); a broken server says nothing."""
    with Server(ZONE, refused=frozenset({"broken.example"})) as server:
        assert mail_of(f"jane@{domain}", PublicDns(server.resolver())) == found


def test_a_domain_that_takes_mail_costs_two_questions() -> None:
    """Nobody asks for more than is needed."""
    with Server(ZONE) as server:
        mail_of("jane@good.example", PublicDns(server.resolver()))
        assert server.asked == [("good.example", "MX"), ("mx.good.example", "A")]


def test_a_server_that_never_answers_is_no_verdict() -> None:
    """Offline is not the domain's fault; and the wait ends."""
    with Server({}, silent=True) as server:
        resolver = server.resolver()
        resolver.timeout = 0.05
        ticks = iter([0.0, 9.9, 10.1, 10.2, 10.3])
        dns_asked = PublicDns(resolver, lambda: next(ticks))
        mail = mail_of("jane@good.example", dns_asked)
        assert mail == Mail(UNCHECKED, None, "no answer from DNS: is this computer online?")
        assert mail_of("jane@good.example", dns_asked).why == "DNS took longer than 10 seconds"


def test_a_computer_without_dns_is_no_verdict() -> None:
    """Neither is one that knows no server at all, nor a name that DNS cannot hold."""
    none = dns.resolver.Resolver(configure=False)
    assert mail_of("jane@good.example", PublicDns(none)).word == UNCHECKED
    assert mail_of(f"jane@{'x' * 70}.example", PublicDns(none)).word == UNCHECKED


@pytest.mark.parametrize("domain", ["nowhere.example", "empty.example"])
@pytest.mark.parametrize("root", [None, {}])
def test_a_network_without_the_internet_is_no_verdict(domain: str, root: dict[str, list[str]] | None) -> None:
    """Its DNS says of every name that there is none: the root of the public DNS tells it from one that knows."""
    zone = {name: records for name, records in ZONE.items() if name}
    with Server(zone if root is None else {**zone, "": root}) as server:
        mail = mail_of(f"jane@{domain}", PublicDns(server.resolver()))
        assert mail == Mail(UNCHECKED, None, "the DNS of this network does not know the internet")
    with Server(zone, refused=frozenset({""})) as server:
        assert mail_of(f"jane@{domain}", PublicDns(server.resolver())).word == UNCHECKED


def test_no_more_than_five_servers_are_looked_at() -> None:
    """A domain with a hundred servers is not worth a hundred questions."""
    zone = {"many.example": {"MX": [f"{n} mx{n}.many.example." for n in range(1, 20)]}}
    with Server(zone) as server:
        assert mail_of("jane@many.example", PublicDns(server.resolver())).word == TAKES_NONE
        assert [name for name, _ in server.asked[1:]] == [f"mx{n}.many.example" for n in range(1, 6)]
