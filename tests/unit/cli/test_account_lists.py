from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session
from botocore.stub import Stubber

from ses_feedback.adapters.account_lists import SesAccountLists


class Regions:
    """SES in several regions: real clients that answer what the stubs were told, and nothing else."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}
        self.clients: dict[str, Any] = {}

    def __getitem__(self, region: str) -> Stubber:
        if region not in self.stubs:
            client = Session().create_client(
                "sesv2", region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
            )
            self.clients[region] = client
            self.stubs[region] = Stubber(client)
            self.stubs[region].activate()
        return self.stubs[region]

    def client(self, service: str, region: str) -> Any:
        assert service == "sesv2"
        self[region]
        return self.clients[region]


@pytest.fixture
def regions() -> Regions:
    """No region has been told anything yet."""
    return Regions()


def lists(regions: Regions, *spellings: str, of: tuple[str, ...] = ("us-east-1", "eu-west-1")) -> SesAccountLists:
    """Return the lists under test."""
    return SesAccountLists("ses-feedback", of, spellings, regions.client)


def test_each_region_is_asked_for_every_spelling(regions: Regions) -> None:
    """SES tells capitals apart: the address is taken off as it compares and as it was typed."""
    for region in ("us-east-1", "eu-west-1"):
        for spelling in ("jane@example.net", "Jane@Example.net"):
            regions[region].add_response("delete_suppressed_destination", {}, {"EmailAddress": spelling})
    removed = lists(regions, "Jane@Example.net").remove("jane@example.net")
    assert removed == {"us-east-1": None, "eu-west-1": None}
    for stub in regions.stubs.values():
        stub.assert_no_pending_responses()


def test_an_address_that_is_not_listed_is_off_the_list(regions: Regions) -> None:
    """NotFoundException is what was wanted, and the next spelling is still asked for."""
    regions["us-east-1"].add_client_error("delete_suppressed_destination", "NotFoundException", http_status_code=404)
    regions["us-east-1"].add_response("delete_suppressed_destination", {}, {"EmailAddress": "Jane@example.net"})
    assert lists(regions, "Jane@example.net", of=("us-east-1",)).remove("jane@example.net") == {"us-east-1": None}
    regions["us-east-1"].assert_no_pending_responses()


def test_a_region_that_refuses_does_not_stop_the_others(regions: Regions) -> None:
    """What went wrong is returned for its region, in words; the rest is cleared."""
    regions["us-east-1"].add_client_error("delete_suppressed_destination", "TooManyRequestsException")
    regions["eu-west-1"].add_response("delete_suppressed_destination", {}, {"EmailAddress": "jane@example.net"})
    assert lists(regions).remove("jane@example.net") == {
        "us-east-1": "AWS is throttling ses:DeleteSuppressedDestination in us-east-1 (TooManyRequestsException): "
        "try again in a moment",
        "eu-west-1": None,
    }


def test_a_region_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one for which no client can be made."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def client(service: str, region: str) -> Any:
        if region == "mars-1":
            raise EndpointConnectionError(endpoint_url="https://email.mars-1.amazonaws.com/")
        raise ValueError("Invalid endpoint: nonsense")

    removed = SesAccountLists("ses-feedback", ("mars-1", "us-east-1"), client_of=client).remove("jane@example.net")
    assert removed["us-east-1"] == "Invalid endpoint: nonsense"
    assert removed["mars-1"] is not None
    assert removed["mars-1"].startswith("nothing answers at https://email.mars-1.amazonaws.com/")
