"""A DNS server in this process, on a port of its own: it answers from a zone, with an error code, or not at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from types import TracebackType

import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

Zone = Mapping[str, Mapping[str, list[str]]]


class Server:
    """Answers for ``zone``: name to kind to records. Names of ``refused`` are SERVFAIL; ``silent`` answers nothing."""

    def __init__(self, zone: Zone, *, refused: frozenset[str] = frozenset(), silent: bool = False) -> None:
        self._zone, self._refused, self._silent = zone, refused, silent
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.asked: list[tuple[str, str]] = []

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def resolver(self) -> dns.resolver.Resolver:
        """Return dnspython's resolver, which asks this server and nobody else."""
        found = dns.resolver.Resolver(configure=False)
        found.nameservers = ["127.0.0.1"]
        found.port = self._socket.getsockname()[1]
        return found

    def _serve(self) -> None:
        while True:
            wire, sender = self._socket.recvfrom(4096)
            if not wire:
                return
            if not self._silent:
                self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).strip("."), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        if name in self._refused:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self._zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif records := self._zone[name].get(kind):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        return answer
