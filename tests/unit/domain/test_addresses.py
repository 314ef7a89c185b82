"""Addresses compare in one form, and what is no address is refused without being quoted."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ses_feedback.domain.addresses import (
    former,
    normalise,
    normalise_all,
    normalise_domain,
    normalise_identity,
    spellings,
)
from ses_feedback.domain.errors import InvalidAddress


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane@example.org", "jane@example.org"),
        ("  Jane@EXAMPLE.org\r\n", "jane@example.org"),
        ("<jane@example.org>", "jane@example.org"),
        ("< jane@example.org >", "jane@example.org"),
        ("<<jane@example.org>>", "jane@example.org"),
        ("jane@example.org>", "jane@example.org"),
        ("Jane Doe <jane@example.org>", "jane@example.org"),
        ('"Doe, Jane" <jane@example.org>', "jane@example.org"),
        ('"a <b@example.net>" <jane@example.org>', "jane@example.org"),
        ('O"Brien <jane@example.org>', "jane@example.org"),
        ("jane@example.org (Jane Doe)", "jane@example.org"),
        ("=?UTF-8?Q?J=C3=A4ne?= <jane@example.org>", "jane@example.org"),
        ("=?utf-8?B?SsOkbmUgPGphbmVAZXhhbXBsZS5vcmc+?=", "jane@example.org"),
        ("J.A.N.E+News@example.org", "j.a.n.e+news@example.org"),
        ("jane..doe.@example.org", "jane..doe.@example.org"),
        ("o'brien/x=1@example.org", "o'brien/x=1@example.org"),
        ('"jane doe"@example.org', '"jane doe"@example.org'),
        ("jane@localhost", "jane@localhost"),
        ("jane@[192.0.2.1]", "jane@[192.0.2.1]"),
        ("jane@_dmarc.x-y.example.org", "jane@_dmarc.x-y.example.org"),
        ("JÖRG@example.org", "jörg@example.org"),
        ("jo\u0308rg@example.org", "jörg@example.org"),
        ("jane@Bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@bu\u0308cher.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("jane@faß.example", "jane@xn--fa-hia.example"),
        ("jane@bücher。example", "jane@xn--bcher-kva.example"),
    ],
)
def test_one_form_for_each_address(text: str, expected: str) -> None:
    """Display names, brackets, case, composition and the spelling of the domain make no difference."""
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "<>", "jane", "@", "jane@", "@example.org", "jane@@example.org", "jane@a@example.org"),
        *("jane doe@example.org", "jane@exam ple.org", "jane@-example.org", "jane@example-.org", "jane@example..org"),
        *("jane@.example.org", "a@example.org, b@example.org", "A <a@example.org>, B <b@example.org>"),
        *("<a@example.org> b", "ja\0ne@example.org", "jane\n@example.org", "\ud800@example.org", "jane@\ud800.org"),
        *(
            "jane@\U0001f4a9.example",
            "jane@bücher..example",
            '"jane@example.org',
            "jane@[192.0.2.1",
            "mailto:a@example.org",
        ),
        *("ja\u00a0ne@example.org", "=?utf-8?B?!!?=", "=?no-such-charset?Q?a?="),
    ],
)
def test_what_is_no_address_is_refused_without_quoting_it(text: str) -> None:
    """The reason may end in a log line, so it never holds the text."""
    with pytest.raises(InvalidAddress) as caught:
        normalise(text)
    reason = str(caught.value)
    assert reason
    assert text.strip() in ("", "@") or text not in reason


@pytest.mark.parametrize(
    "value", [None, 5, ["jane@example.org"], {"emailAddress": "jane@example.org"}, b"jane@example.org"]
)
def test_what_is_no_text_is_no_address(value: object) -> None:
    """Wrong types are refused like wrong texts."""
    with pytest.raises(InvalidAddress):
        normalise(value)


def test_the_limits_of_rfc_5321() -> None:
    """64 octets before the @, 254 in all, 63 of a label: as many are taken, one more is not."""
    domain = ".".join(["d" * 63] * 2) + "." + "d" * 61
    assert normalise("a" * 64 + "@example.org")
    assert len(normalise("a" * 64 + "@" + domain)) == 254
    assert normalise("ä" * 32 + "@example.org")
    for text in (
        "a" * 65 + "@example.org",
        "ä" * 33 + "@example.org",
        "a" * 64 + "@d" + domain,
        "a@" + "d" * 64 + ".org",
    ):
        with pytest.raises(InvalidAddress):
            normalise(text)


def test_many_at_once_are_as_each_alone() -> None:
    """The fast way for whole lists gives what each would, also where one holds a line break or needs unwrapping."""
    assert normalise_all(["A@example.org", "b@example.org"]) == ["a@example.org", "b@example.org"]
    assert normalise_all(["A@example.org", "B <b@example.org>"]) == ["a@example.org", "b@example.org"]
    for texts in (["a@example.org\nb@example.org"], ["a@example.org", "b"], ["a@example.org", None]):
        with pytest.raises(InvalidAddress):
            normalise_all(texts)
    long = "a" * 60 + "@" + ".".join(["d" * 60] * 4)
    with pytest.raises(InvalidAddress):
        normalise_all([long, "a@example.org"])


@pytest.mark.parametrize(
    "text",
    [
        "<" * 1_000_000,
        '"' + '\\"' * 500_000,
        '"' * 1_000_001,
        "a@" + "a." * 500_000,
        "a" * 1_000_000 + "@example.org",
        "=?" * 500_000,
        "=?utf-8?q?" + "=40" * 300_000 + "?=",
        "(" * 1_000_000 + ")",
        "ä@" + "ü" * 500_000,
        " " * 1_000_000 + ">",
    ],
    ids=lambda text: text[:8],
)
def test_megabytes_are_refused_quickly(text: str) -> None:
    """No text makes the patterns run for long: every one is linear."""
    begun = time.process_time()
    with pytest.raises(InvalidAddress):
        normalise(text)
    assert time.process_time() - begun < 2


def test_identities_are_domains_or_addresses() -> None:
    """A configured identity compares in the same form as what mail is sent from."""
    assert normalise_identity("Dev@Example.COM") == "dev@example.com"
    assert normalise_identity("Bücher.Example") == "xn--bcher-kva.example"
    assert normalise_domain(" Example.COM ") == "example.com"
    with pytest.raises(InvalidAddress):
        normalise_identity("not a domain")


def test_idna_is_loaded_only_for_a_domain_that_is_not_ascii() -> None:
    """A cold start does not pay for the tables of IDNA."""
    code = (
        "import sys; from ses_feedback.domain import reading, addresses; addresses.normalise('J <j@example.org>');"
        "assert 'idna' not in sys.modules; addresses.normalise('a@bücher.example'); assert 'idna' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_mime_word_of_an_impossible_charset_is_refused_like_any_other_text() -> None:
    """Python's e-mail package has errors of its own for it: one address must not break a batch."""
    with pytest.raises(InvalidAddress):
        normalise("=?\u00e9utf-8?q?x?= <not an address>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane@example.com", []),
        ("Jane@Example.com", ["Jane@Example.com"]),
        ("Jane Doe <Jane@example.com>", ["Jane@example.com"]),
        ("jane@bücher.example", []),
        ("<jane@example.com>", []),
        ("Jane@example.com>", ["Jane@example.com"]),
        ("=?utf-8?q?Jane_=3CJane=40example=2Ecom=3E?=", ["Jane@example.com"]),
        ("(" * 5_000 + ")" * 5_000 + " <Jane@example.com>", ["Jane@example.com"]),
    ],
)
def test_spellings_that_differ_in_capitals_alone(text: str, expected: list[str]) -> None:
    """SES's list tells capitals apart, so that a release takes both spellings off it; read as ``normalise`` reads."""
    assert spellings(text, normalise(text)) == expected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('"Mary.Ann"@example.com', "mary.ann@example.com"),
        (r'"m\ary"."ann"@example.com', "mary.ann@example.com"),
        (r"m\ary@example.com", "mary@example.com"),
        ("mary(at (home\\)))@(work)example.com (yes)", "mary@example.com"),
        (" mary . ann @ example . com ", "mary.ann@example.com"),
        ("Mary <@relay.example,@b.example:mary@example.com>", "mary@example.com"),
        ("mary@example.com.", "mary@example.com"),
        ("mary@\uff25xam\u00adple\u3002com", "mary@example.com"),
        ("mary@B\u00dcCHER.example\uff0e", "mary@xn--bcher-kva.example"),
        ('"mary ann"@example.com', '"mary ann"@example.com'),
        (r'"mary\ ann"@example.com', '"mary ann"@example.com'),
        (r'"a\"b\\c"@example.com', r'"a\"b\\c"@example.com'),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("m\uff41ry@example.com", "m\uff41ry@example.com"),
    ],
)
def test_what_the_rfcs_call_one_mailbox_is_one_address(text: str, address: str) -> None:
    """Quotes, escapes, comments, spaces, routes, dots; a local part is not mapped, for it names somebody else."""
    assert normalise(text) == address == normalise(address)


@pytest.mark.parametrize(
    "text",
    [
        "mary ann@example.com",
        "mary(@example.com",
        'mary"@example.com',
        'a:"b"@example.com',
        "mary@exam ple.com",
        '"a"@"b"',
    ],
)
def test_what_they_do_not_allow_stays_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise(text)


@pytest.mark.parametrize(
    ("text", "was"),
    [
        ('"Mary.Ann"@example.com', '"mary.ann"@example.com'),
        ("mary@example.com", None),
        ("mary(x)@example.com", None),
        ("nonsense", None),
        ('"mary ann"@example.com', None),
    ],
)
def test_the_former_form_is_told_where_it_was_another(text: str, was: str | None) -> None:
    assert former(text) == was


def test_a_release_takes_the_quoted_spelling_off_the_lists_of_ses_too() -> None:
    assert spellings('Mary <"Mary.Ann"@example.com>', "mary.ann@example.com") == ['"Mary.Ann"@example.com']
