"""A certificate authority of our own, and an SNS that signs with it: genuine posts for tests, in either version.

What SNS serves and signs is made like the real thing: a root, an intermediate, and SNS's certificate under the names it
has in a region. Keys are made once a process; nothing here is trusted by anybody who was not told to.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

TOPIC = "arn:aws:sns:us-east-1:444455556666:ses-bounces"
HOST = "https://sns.us-east-1.amazonaws.com"
ISSUER_URL = "http://crt.r2m01.amazontrust.com/r2m01.cer"
_HASHES: dict[str, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - as SNS signs
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@lru_cache(maxsize=8)
def key(name: str) -> RSAPrivateKey:
    """Return the key of a name, always the same one in a process."""
    del name
    return generate_private_key(public_exponent=65537, key_size=2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _ca(subject: str, issuer: str, now: datetime, depth: int) -> x509.Certificate:
    return _sign(
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .public_key(key(subject).public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key(subject).public_key()), critical=False),
        issuer,
        (now - timedelta(days=1000), now + timedelta(days=1000)),
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(builder: x509.CertificateBuilder, issuer: str, valid: tuple[datetime, datetime]) -> x509.Certificate:
    return (
        builder.issuer_name(_name(issuer))
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key(issuer).public_key()), critical=False)
        .sign(key(issuer), SHA256())
    )


class Authority:
    """A root, an intermediate and certificates, valid around ``now`` (ms since 1970). ``name`` tells roots apart."""

    def __init__(self, now: int, name: str = "Test Root") -> None:
        self.now = datetime.fromtimestamp(now / 1000, UTC)
        self._names = (name, f"{name}, Intermediate")
        self.root = _ca(name, name, self.now, 2)
        self.intermediate = _ca(self._names[1], name, self.now, 0)

    def certificate(
        self,
        *names: str,
        days: tuple[int, int] = (-30, 30),
        signer: str = "sns",
        issuer_url: str | None = ISSUER_URL,
    ) -> x509.Certificate:
        """Return a certificate for host names, valid from one day to another, for the key that ``signer`` names."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .public_key(key(signer).public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        )
        if issuer_url is not None:
            place = x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_url)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
        begins, ends = (self.now + timedelta(days=day) for day in days)
        return _sign(builder, self._names[1], (begins, ends))


def pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as SNS serves them."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate as an authority serves it."""
    return certificate.public_bytes(Encoding.DER)


def signed(values: dict[str, Any], signer: str = "sns") -> dict[str, Any]:
    """Return a post with the signature that its ``SignatureVersion`` asks for, of the key that ``signer`` names."""
    names = _NOTIFICATION if values["Type"] == "Notification" else _CONFIRMATION
    lines = [part for name in names if name in values for part in (name, values[name])]
    text = "\n".join([*lines, ""]).encode()
    signature = key(signer).sign(text, PKCS1v15(), _HASHES[values["SignatureVersion"]])
    return {**values, "Signature": base64.b64encode(signature).decode()}


def notification(message: str, at: str, *, topic: str = TOPIC, version: str = "1", **changes: Any) -> dict[str, Any]:
    """Return a notification as SNS would post it, signed; ``at`` is its timestamp, ``None`` as a change removes."""
    values = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": topic,
        "Message": message,
        "Timestamp": at,
        "SignatureVersion": version,
        "SigningCertURL": f"{HOST}/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem",
        "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe&SubscriptionArn={topic}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55",
    }
    return signed({name: value for name, value in (values | changes).items() if value is not None})


def confirmation(
    at: str, *, topic: str = TOPIC, kind: str = "SubscriptionConfirmation", **changes: Any
) -> dict[str, Any]:
    """Return the confirmation of a subscription (or of its end) as SNS would post it, signed."""
    token = "2336412f37fb687f5d51e6e2425dacbbaf7d5a9a"  # noqa: S105 - an example
    values = {
        "Token": token,
        "SubscribeURL": f"{HOST}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}",
        "UnsubscribeURL": None,
    }
    text = f"You have chosen to subscribe to the topic {topic}."
    return notification(text, at, topic=topic, Type=kind, **(values | changes))


def body(values: dict[str, Any]) -> bytes:
    """Return a post's body."""
    return json.dumps(values, ensure_ascii=False).encode()
