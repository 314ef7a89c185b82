"""A canary is known by its recipient, this deployment's and no other's, and proves the piece it asked for."""

from __future__ import annotations

import pytest

from ses_feedback.domain import canary
from ses_feedback.domain import events as ev
from ses_feedback.domain.addresses import MAX_LOCAL, normalise
from ses_feedback.domain.canary import Canary

ROUND = 1_800_000_000_000


@pytest.mark.parametrize("asks", canary.LOCAL_PARTS)
@pytest.mark.parametrize("deployment", ["ses-feedback", "News", "a" * 32])
def test_what_is_sent_is_recognised_in_the_form_in_which_it_comes_back(deployment: str, asks: str) -> None:
    """The longest name of a deployment leaves room for the label in 64 letters."""
    address = canary.recipient(deployment, asks, ROUND)
    assert canary.recognise(deployment, normalise(address.upper())) == Canary(asks, ROUND)
    assert len(address.partition("@")[0]) <= MAX_LOCAL


@pytest.mark.parametrize(
    "address",
    [
        "bounce@simulator.amazonses.com",
        "bounce+test@simulator.amazonses.com",
        "bounce+ses-feedback@simulator.amazonses.com",
        "bounce+ses-feedback-canary-@simulator.amazonses.com",
        "bounce+ses-feedback-canary-xyz@simulator.amazonses.com",
        "bounce+ses-feedback-canary-1a2b-3@simulator.amazonses.com",
        "bounce+other-canary-1a2b@simulator.amazonses.com",
        "bounce+x-ses-feedback-canary-1a2b@simulator.amazonses.com",
        "ooto+ses-feedback-canary-1a2b@simulator.amazonses.com",
        "suppressionlist+ses-feedback-canary-1a2b@simulator.amazonses.com",
        "bounce+ses-feedback-canary-1a2b@example.com",
        "bounce+ses-feedback-canary-1a2b@simulator.amazonses.com.example.com",
        "bounce+ses-feedback-canary-1a2b@not.simulator.amazonses.com",
    ],
)
def test_mail_to_the_simulator_that_is_none_of_ours_stays_what_it_is(address: str) -> None:
    """A developer's own test, another deployment's canary, and whatever only looks like one."""
    assert canary.recognise("ses-feedback", address) is None


def test_a_deployment_whose_name_ends_in_canary_is_not_taken_for_another() -> None:
    address = canary.recipient("news-canary", ev.BOUNCE, ROUND)
    assert canary.recognise("news", address) is None
    assert canary.recognise("news-canary", canary.recipient("news", ev.BOUNCE, ROUND)) is None


def test_each_mail_proves_the_feedback_it_asked_for_and_deliveries_are_only_counted() -> None:
    """The complaint address delivers first, which is not what it was mailed for; what nobody waits for is no piece."""
    kinds = (ev.BOUNCE, ev.COMPLAINT, ev.DELIVERY, ev.SEND, ev.OPEN, ev.DELAY)
    proved = {
        canary.piece(way, Canary(asks, ROUND), kind)
        for way in (canary.ACT, canary.COUNT)
        for asks in canary.LOCAL_PARTS
        for kind in kinds
    }
    assert proved == {None, *canary.PIECES}
    assert canary.piece(canary.COUNT, Canary(ev.COMPLAINT, ROUND), ev.DELIVERY) is None
    assert canary.piece(canary.ACT, Canary(ev.DELIVERY, ROUND), ev.DELIVERY) is None
