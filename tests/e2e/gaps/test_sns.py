"""SNS: endpoints that refuse, and endpoints that have to confirm."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import PREFIX, REGION, create, resource, take


def test_message_that_an_endpoint_refuses_goes_to_the_dead_letters(cloud: Cloud) -> None:
    """A deleted queue, and one whose policy does not know SNS, lead to the subscription's dead letters."""
    cloud.client("sns").publish(TopicArn=PREFIX + "t_feedback", Message="refused")
    letters = [m for m in take(cloud, "dead", 2) if m["Message"] == "refused"]
    while len(letters) < 2:
        letters += [m for m in take(cloud, "dead") if m["Message"] == "refused"]
    assert len(letters) == 2


class _Pager(BaseHTTPRequestHandler):
    """An HTTPS pager as teams have them, but on this machine: confirms, and keeps what it is sent."""

    received: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        if message["Type"] == "SubscriptionConfirmation":
            threading.Thread(target=lambda: urllib.request.urlopen(message["SubscribeURL"]).close()).start()
        else:
            self.received.append(message)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def listed(cloud: Cloud) -> dict[str, str]:
    """How the subscriptions of the page topic are listed: ARN, or that it is pending, by endpoint."""
    found = cloud.client("sns").list_subscriptions_by_topic(TopicArn=PREFIX + "t_page")["Subscriptions"]
    return {s["Endpoint"]: s["SubscriptionArn"] for s in found}


def test_subscription_nobody_can_confirm_is_listed_as_pending(cloud: Cloud) -> None:
    """An endpoint elsewhere is never asked, an address under `.invalid` has no owner; any other address has."""
    endpoints = {
        "https://pager.example.com/sns": True,
        "oncall@nowhere.invalid": True,
        "oncall@example.com": False,
    }
    subscriptions = {
        f"To{number}": resource(
            "SNS::Subscription",
            TopicArn=PREFIX + "t_page",
            Protocol="https" if "//" in endpoint else "email",
            Endpoint=endpoint,
        )
        for number, endpoint in enumerate(endpoints)
    }
    assert create(cloud, "pending", subscriptions) == "CREATE_COMPLETE"
    shown = listed(cloud)
    assert {endpoint: shown[endpoint] == "PendingConfirmation" for endpoint in endpoints} == endpoints
    attributes = cloud.client("sns").get_subscription_attributes(SubscriptionArn=shown["oncall@example.com"])
    assert attributes["Attributes"]["PendingConfirmation"] == "false"


def test_http_endpoint_confirms_receives_and_when_gone_its_message_is_kept(cloud: Cloud) -> None:
    """A pager of a template is asked to confirm and then paged; a dead one is retried, then dead-lettered."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pager)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}/sns"
        dead = f"arn:aws:sqs:{REGION}:000000000000:dead"
        redrive = {"deadLetterTargetArn": dead}
        to_pager = resource(
            "SNS::Subscription", TopicArn=PREFIX + "t_page", Protocol="http", Endpoint=endpoint, RedrivePolicy=redrive
        )
        assert create(cloud, "pager", {"ToPager": to_pager}) == "CREATE_COMPLETE"
        sns = cloud.client("sns")

        def confirmed() -> str | None:
            shown = listed(cloud)[endpoint]
            return None if shown == "PendingConfirmation" else shown

        pager = until("the confirmation", confirmed, seconds=20)
        attributes = sns.get_subscription_attributes(SubscriptionArn=pager)["Attributes"]
        assert attributes["PendingConfirmation"] == "false"
        sns.publish(TopicArn=PREFIX + "t_page", Message="first")
        until("the page", lambda: [m for m in _Pager.received if m["Message"] == "first"], seconds=20)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    sns.publish(TopicArn=PREFIX + "t_page", Message="second")
    while not any(m["Message"] == "second" for m in take(cloud, "dead")):
        pass
