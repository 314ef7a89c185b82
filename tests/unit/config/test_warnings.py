"""What deploys but is probably not meant, and names that would collide."""

import re
from pathlib import Path

import pytest

from ses_feedback import naming
from ses_feedback.config.warnings import warnings
from tests.unit.config.files import config, problems

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
ALL = """
[teams.support]
notify = [{ email = "a@example.com" }]
[teams.sales]
notify = [{ email = "b@example.com" }]
[identities."example.com"]
team = "support"
stream = "transactional"
[identities."dev@example.com"]
team = "support"
stream = "transactional"
[identities."news.example.com"]
team = "support"
stream = "marketing"
configuration_set = { suppress = ["bounce", "complaint"] }
"""


def test_the_reference_shows_every_warning_as_it_is() -> None:
    """Letter for letter, in the order in which they come."""
    table = PAGE.partition("## Warnings")[2]
    assert list(warnings(config(ALL))) == re.findall(r"^\| .* \| `(.*)` \|$", table, re.MULTILINE)


def test_a_plain_configuration_warns_of_nothing() -> None:
    """Neither does one with addresses and subdomains that are something else than their domain."""
    assert warnings(config()) == ()
    parts = [
        '[teams.a]\nnotify = [{ sms = "+12065550100" }]',
        '[identities."example.com"]',
        '[identities."dev@example.com"]\nenvironment = "dev"',
        '[identities."news@example.com"]\nstream = "marketing"',
        '[identities."shop.example.com"]\nteam = "a"',
        '[identities."a@b.shop.example.com"]',
        '[identities."other.example"]',
        '[identities."notexample.com"]',
    ]
    assert warnings(config("\n".join(parts))) == ()


@pytest.mark.parametrize("name", ["dev@example.com", "mail.example.com", "a@deep.mail.example.com", "x.y.example.com"])
def test_an_identity_that_says_nothing_new_is_pointed_out(name: str) -> None:
    """Addresses and subdomains at any depth, against the identity that covers them most closely."""
    text = f'[identities."{name}"]\nstream = "s"\n[identities."example.com"]\nstream = "s"\n'
    (line,) = warnings(config(text))
    begin = f'identities."{name}": has the team, environment and stream of identities."example.com"'
    assert line.startswith(begin)
    assert ("such an address" in line) == ("@" in name)
    closest = name.rpartition("@")[2] if "@" in name and "deep" in name else None
    if closest:
        assert warnings(config(text + f'[identities."{closest}"]\n')) == ()


def test_a_configuration_set_of_its_own_is_something_new() -> None:
    """A pause switch and a reputation for this address alone."""
    text = '[identities."example.com"]\n[identities."dev@example.com"]\nconfiguration_set = true'
    (line,) = warnings(config(text))
    assert line.startswith('identities."dev@example.com".configuration_set: senders')


@pytest.mark.parametrize(
    ("suppress", "other", "warned"),
    [
        ('{ suppress = ["complaint"] }', 'stream = "marketing"', True),
        ('{ suppress = ["bounce"] }', 'stream = "marketing"', False),
        ("{ suppress = [] }", 'stream = "marketing"', False),
        ("true", 'stream = "marketing"', False),
        ('{ suppress = ["complaint"] }', "", False),
        ('{ suppress = ["complaint"] }', 'stream = "marketing"\nenvironment = "dev"', False),
    ],
)
def test_complaints_must_not_cross_streams(suppress: str, other: str, warned: bool) -> None:
    """Only where there is another stream in the environment, and a set that says complaints."""
    text = f'[identities."a.example.com"]\nconfiguration_set = {suppress}\n[identities."b.example.com"]\n{other}'
    found = [line for line in warnings(config(text)) if "SES's list is one for the whole account" in line]
    assert [line.partition(": ")[0] for line in found] == (
        ['identities."a.example.com".configuration_set.suppress'] if warned else []
    )


def test_a_crowd_of_warnings_is_summed_up() -> None:
    """Nobody reads a thousand lines; those of configuration sets become one with a pattern for IAM."""
    text = "".join(f'[identities."d{n}.example.com"]\nconfiguration_set = true\n' for n in range(30))
    assert warnings(config(text)) == (
        "identities: 30 have a configuration set of their own; senders whose IAM policies name only identity/… need "
        "configuration-set/ses-feedback-* too",
    )
    every = naming.configuration_set_name("ses-feedback", "d7.example.com")
    assert every.startswith("ses-feedback-")
    text = '[identities."example.com"]\n' + "".join(f'[identities."d{n}.example.com"]\n' for n in range(30))
    found = warnings(config(text))
    assert len(found) == 11
    assert found[-1] == "identities: 20 more that overlap with another"


def test_names_that_collide_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hash that tells nothing apart; readable parts that differ still do."""
    monkeypatch.setattr(naming, "identity_hash", lambda _: "00000000")
    text = '[identities."dev@example.com"]\n[identities."dev.example.com"]\n[identities."example.com"]\n'
    assert problems(text) == [
        'identities."dev.example.com": its topics would be named like identities."dev@example.com"\'s, '
        "ses-feedback_bounce_dev-example-com_00000000; put one of the two into a deployment of its own"
    ]
    long = "a" * 40
    sets = "".join(f'[identities."{long}{n}.example.com"]\nconfiguration_set = true\n' for n in range(2))
    (line,) = problems(sets)
    assert line.startswith(f'identities."{long}1.example.com": its configuration set would be named like ')
