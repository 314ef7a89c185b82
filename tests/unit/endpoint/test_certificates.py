"""Certificates: which are good, which are kept, and how often they are asked for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from local import authority
from local.authority import pem
from ses_feedback.domain.times import DAY, MINUTE
from ses_feedback.endpoint import certificates
from ses_feedback.endpoint.certificates import public_roots
from ses_feedback.endpoint.errors import NotNow, Refused

from .world import AUTHORITY, CERTIFICATE_URL, GOOD, NOW, STRANGER, World, bounced


def test_a_certificate_is_fetched_once(world: World) -> None:
    """However many posts it signs."""
    assert {world.post(bounced(version=version)).status for version in "12121"} == {200}
    assert world.web.asked == [CERTIFICATE_URL]


@pytest.mark.parametrize("failure", [NotNow("later"), Refused("none there"), b"", b"<html>", pem(STRANGER.root)])
def test_a_failure_is_not_kept(world: World, failure: bytes | Exception) -> None:
    """The next post tries anew, and is taken when all is well again."""
    good = world.web.files[CERTIFICATE_URL]
    world.web.files[CERTIFICATE_URL] = failure
    answer = world.post(bounced())
    assert answer.status == (503 if isinstance(failure, NotNow) else 403)
    assert world.untouched
    world.web.files[CERTIFICATE_URL] = good
    assert world.post(bounced()).status == 200
    assert world.web.asked == [CERTIFICATE_URL] * 2


def test_an_intermediate_that_did_not_come_along_is_fetched_from_its_authority(world: World) -> None:
    """The certificate names where; from one of the known authorities it is taken, as DER or PEM."""
    world.web.files[CERTIFICATE_URL] = pem(GOOD)
    assert world.post(bounced()).status == 200
    assert world.web.asked == [CERTIFICATE_URL, authority.ISSUER_URL]
    again = World()
    again.web.files |= {CERTIFICATE_URL: pem(GOOD), authority.ISSUER_URL: pem(AUTHORITY.intermediate)}
    assert again.post(bounced()).status == 200


@pytest.mark.parametrize("url", [None, "http://crt.evil.example/x.cer", "http://127.0.0.1/r2m01.cer", "ldap://x/y"])
def test_an_authority_that_is_not_known_is_not_asked(world: World, url: str | None) -> None:
    """Nor is anything else that a certificate may name."""
    world.web.files[CERTIFICATE_URL] = pem(AUTHORITY.certificate("sns.amazonaws.com", issuer_url=url))
    answer = world.post(bounced())
    assert (answer.status, "no valid chain" in answer.text) == (403, True)
    assert world.web.asked == [CERTIFICATE_URL]


def test_where_the_authority_cannot_be_asked_the_post_comes_back(world: World) -> None:
    """It may be genuine."""
    world.web.files |= {CERTIFICATE_URL: pem(GOOD), authority.ISSUER_URL: NotNow("later")}
    assert world.post(bounced()).status == 503


def served(*names: str, days: tuple[int, int] = (-30, 30)) -> bytes:
    return pem(AUTHORITY.certificate(*names, days=days), AUTHORITY.intermediate)


BAD = {
    "expired": (served("sns.amazonaws.com", days=(-30, -1)), "not valid now"),
    "not yet": (served("sns.amazonaws.com", days=(1, 30)), "not valid now"),
    "another host": (served("s3.amazonaws.com"), "not SNS's"),
    "another region": (served("sns-signing.me-south-1.amazonaws.com"), "not SNS's"),
    "a name that ends alike": (served("evilsns.amazonaws.com"), "not SNS's"),
    "any name": (served("*.amazonaws.com"), "not SNS's"),
    "a stranger's root": (
        pem(STRANGER.certificate("sns.amazonaws.com"), STRANGER.intermediate, STRANGER.root),
        "no valid chain",
    ),
    "the root itself": (pem(AUTHORITY.root), "no name or no key"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_certificate_that_is_not_good_is_refused(world: World, what: str) -> None:
    """Though it is at the right place, and its key has signed."""
    world.web.files[CERTIFICATE_URL], why = BAD[what]
    answer = world.post(bounced())
    assert answer.status == 403
    assert why in answer.text
    assert world.untouched


def test_a_certificate_that_expires_while_it_is_kept_is_good_no_longer(world: World) -> None:
    """Validity is a question of now, also for what is known."""
    assert world.post(bounced()).status == 200
    world.now = NOW + 31 * DAY
    answer = world.post(bounced(at=world.now))
    assert (answer.status, answer.text) == (403, "the signing certificate is not valid now")
    world.web.files[CERTIFICATE_URL] = served("sns.amazonaws.com", days=(0, 60))
    assert world.post(bounced(at=world.now)).status == 200


def test_invented_certificates_make_few_requests_and_none_elsewhere(world: World) -> None:
    """Somebody names a hundred files of an allowed topic: twenty are looked for in a minute, the known one goes on."""
    assert world.post(bounced()).status == 200
    invented = [f"{authority.HOST}/SimpleNotificationService-{number:032x}.pem" for number in range(100)]
    statuses = [world.post(bounced(SigningCertURL=url)).status for url in invented]
    assert statuses == [403] * 19 + [429] * 81
    assert len(world.web.asked) == 20
    assert world.post(bounced()).status == 200
    world.now += MINUTE
    assert world.post(bounced(SigningCertURL=invented[-1])).status == 403


def test_many_threads_fetch_a_certificate_once(world: World) -> None:
    """They wait for the one that asks."""
    ready = threading.Barrier(8)

    def post(_: int) -> int:
        ready.wait()
        return world.post(bounced()).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(8))) == {200}
    assert world.web.asked == [CERTIFICATE_URL]


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())])
def test_a_weak_key_or_one_of_another_kind_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, key: rsa.RSAPrivateKey
) -> None:
    """SNS signs with RSA of 2,048 bits."""
    real = authority.key
    monkeypatch.setattr(authority, "key", lambda name: key if name == "weak" else real(name))
    leaf = AUTHORITY.certificate("sns.amazonaws.com", signer="weak")
    world.web.files[CERTIFICATE_URL] = pem(leaf, AUTHORITY.intermediate)
    answer = world.post(bounced())
    assert (answer.status, "not RSA" in answer.text) == (403, True)


def test_the_authorities_of_aws_are_among_the_public_ones() -> None:
    """Those its certificates lead to, read without a warning."""
    names = {root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value for root in _named(public_roots())}
    assert {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)} <= names


def _named(roots: list[x509.Certificate]) -> list[x509.Certificate]:
    return [root for root in roots if root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def test_no_more_certificates_are_kept_than_there_can_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with what is posted: the oldest goes."""
    monkeypatch.setattr(certificates, "_KEPT", 1)
    other = f"{authority.HOST}/SimpleNotificationService-2.pem"
    world.web.files[other] = world.web.files[CERTIFICATE_URL]
    for url in (CERTIFICATE_URL, other, other, CERTIFICATE_URL):
        assert world.post(bounced(SigningCertURL=url)).status == 200
    assert world.web.asked == [CERTIFICATE_URL, other, CERTIFICATE_URL]
