"""A probe is known by its recipient, this deployment's and no other's, and is no canary."""

from __future__ import annotations

import pytest

from ses_feedback.domain import canary, probe
from ses_feedback.domain.addresses import MAX_LOCAL, normalise


@pytest.mark.parametrize("asks", canary.LOCAL_PARTS)
@pytest.mark.parametrize("deployment", ["ses-feedback", "News", "a" * 32])
def test_what_is_sent_is_recognised_in_the_form_in_which_it_comes_back(deployment: str, asks: str) -> None:
    """The longest name of a deployment leaves room for the label in 64 letters."""
    address = normalise(probe.recipient(deployment, asks, "example.com").upper())
    assert probe.is_probe(deployment, address)
    assert canary.recognise(deployment, address) is None
    assert len(address.partition("@")[0]) <= MAX_LOCAL


def test_each_identity_has_addresses_of_its_own_and_always_the_same() -> None:
    """So the table of suppressions keeps two of an identity, however often it is proved."""
    names = [probe.recipient("ses-feedback", "bounce", name) for name in ("example.com", "dev@example.com")]
    assert len(set(names)) == 2
    assert names[0] == probe.recipient("ses-feedback", "bounce", "example.com")


@pytest.mark.parametrize(
    "address",
    [
        "bounce@simulator.amazonses.com",
        "bounce+prove@simulator.amazonses.com",
        "bounce+ses-feedback-prove-@simulator.amazonses.com",
        "bounce+ses-feedback-prove-a379a6f@simulator.amazonses.com",
        "bounce+ses-feedback-prove-a379a6fg@simulator.amazonses.com",
        "bounce+other-prove-a379a6f6@simulator.amazonses.com",
        "bounce+x-ses-feedback-prove-a379a6f6@simulator.amazonses.com",
        "ooto+ses-feedback-prove-a379a6f6@simulator.amazonses.com",
        "bounce+ses-feedback-prove-a379a6f6@example.com",
        "bounce+ses-feedback-prove-a379a6f6@not.simulator.amazonses.com",
        "bounce+ses-feedback-canary-1a2b@simulator.amazonses.com",
    ],
)
def test_whatever_is_not_a_probe_of_ours_is_mail(address: str) -> None:
    assert not probe.is_probe("ses-feedback", address)
