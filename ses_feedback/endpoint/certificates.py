"""The certificates that SNS signs with: fetched once from the one right host, checked up to a root, then kept.

Only what was found good is kept, and only while it is valid: after a failure the next post tries anew. SNS's files hold
the certificate alone or with its intermediates; an intermediate that is not in there is fetched from its authority.
"""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

import botocore
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from ses_feedback.domain.times import MINUTE
from ses_feedback.domain.topics import Topic
from ses_feedback.endpoint.errors import NotNow, Refused
from ses_feedback.endpoint.fetching import Fetch
from ses_feedback.endpoint.hosts import is_authority_url, signing_names

# SNS has one or two at a time in a region.
_KEPT: Final = 256
_FETCHES_A_MINUTE: Final = 20
_STEPS: Final = 3  # from SNS's certificate up to a root
_LEAST_BITS: Final = 2048
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class _Kept(NamedTuple):
    key: RSAPublicKey
    names: frozenset[str]
    begins: int
    ends: int


def public_roots() -> list[x509.Certificate]:
    """Return the authorities that AWS's own client trusts."""
    bundle = (Path(botocore.__file__).parent / "cacert.pem").read_bytes()
    found = []
    for piece in _PEM.findall(bundle):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # An old root that breaks today's rules, in its serial number for one: AWS has none of these.
            with contextlib.suppress(ValueError, CryptographyDeprecationWarning):
                found.append(x509.load_pem_x509_certificate(piece))
    return found


class Certificates:
    """The keys of SNS by the URL of their certificate. May be used by several threads.

    ``roots``: the authorities that are trusted. However many certificates posts may name, no more than some are looked
    for in a minute: the others have to come back.
    """

    def __init__(self, fetch: Fetch, roots: Iterable[x509.Certificate]) -> None:
        self._fetch = fetch
        self._roots = list(roots)
        self._store = Store(self._roots)
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._fetched: deque[int] = deque(maxlen=_FETCHES_A_MINUTE)

    def key(self, url: str, topic: Topic, now: int) -> RSAPublicKey:
        """Return the key of the certificate at a URL, which must be right for the topic; ``now`` is in ms.

        Raises ``Refused`` where the certificate is not good for signing in the topic's region, ``NotNow`` where that
        could not be found out.
        """
        kept = self._kept.get(url)
        if kept is None:
            with self._lock:
                kept = self._kept.get(url) or self._load(url, topic, now)
        if not kept.begins <= now <= kept.ends:
            self._kept.pop(url, None)
            raise Refused("the signing certificate is not valid now")
        if kept.names.isdisjoint(signing_names(topic)):
            raise Refused("the signing certificate is not SNS's in the region of the topic")
        return kept.key

    def _load(self, url: str, topic: Topic, now: int) -> _Kept:
        if len(self._fetched) == _FETCHES_A_MINUTE and now - self._fetched[0] < MINUTE:
            # Anybody can bring this about by inventing names: it is answered, and is no failure of the endpoint.
            raise NotNow("too many unknown certificates within a minute", HTTPStatus.TOO_MANY_REQUESTS)
        self._fetched.append(now)
        try:
            leaf, *others = x509.load_pem_x509_certificates(self._fetch(url))
        except ValueError:
            raise Refused("the file at the certificate's place is no certificate") from None
        kept = self._check(leaf, others, topic, now)
        while len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = kept
        return kept

    def _check(self, leaf: x509.Certificate, others: list[x509.Certificate], topic: Topic, now: int) -> _Kept:
        key, names = _key_and_names(leaf)
        name = next(iter(sorted(names & signing_names(topic))), None)
        if name is None:
            raise Refused("the signing certificate is not SNS's in the region of the topic")
        if not _ms(leaf.not_valid_before_utc) <= now <= _ms(leaf.not_valid_after_utc):
            raise Refused("the signing certificate is not valid now")
        at = datetime.fromtimestamp(now / 1000, UTC)
        verifier = PolicyBuilder().store(self._store).time(at).build_server_verifier(x509.DNSName(name))
        try:
            chain = verifier.verify(leaf, [*others, *self._missing(leaf, others)])
        except VerificationError:
            raise Refused("the signing certificate has no valid chain to a trusted authority") from None
        return _Kept(
            key,
            names,
            max(_ms(one.not_valid_before_utc) for one in chain),
            min(_ms(one.not_valid_after_utc) for one in chain),
        )

    def _missing(self, leaf: x509.Certificate, others: list[x509.Certificate]) -> list[x509.Certificate]:
        """Return the intermediates between the certificate and a root that did not come with it."""
        by_subject = {one.subject: one for one in [*self._roots, *others]}
        found: list[x509.Certificate] = []
        last = leaf
        for _ in range(_STEPS):
            known = by_subject.get(last.issuer)
            if known is None:
                known = self._issuer(last)
                if known is None:
                    break
                found.append(known)
            if known in self._roots or known.subject == known.issuer:
                break
            last = known
        return found

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        url = _authority_url(certificate)
        if url is None:
            return None
        data = self._fetch(url)
        try:
            if data.startswith(b"-----BEGIN"):
                return x509.load_pem_x509_certificate(data)
            return x509.load_der_x509_certificate(data)
        except ValueError:
            return None


def _key_and_names(leaf: x509.Certificate) -> tuple[RSAPublicKey, frozenset[str]]:
    try:
        key = leaf.public_key()
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        listed = frozenset(names.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise Refused("the signing certificate has no name or no key that can be read") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise Refused(f"the key of the signing certificate is not RSA of {_LEAST_BITS:,} bits or more")
    return key, listed


def _authority_url(certificate: x509.Certificate) -> str | None:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    for description in access:
        location = description.access_location
        if description.access_method == AuthorityInformationAccessOID.CA_ISSUERS and isinstance(
            location, x509.UniformResourceIdentifier
        ):
            return location.value if is_authority_url(location.value) else None
    return None


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
