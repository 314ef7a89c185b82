"""The guard in an application of the deployed loop: what bounced is taken off the next mail, and nobody else is."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.loop import Loop, until
from ses_feedback.guard import Guard, NobodyLeft
from tests.e2e.conftest import CONFIG

SIMULATOR = "simulator.amazonses.com"
PATIENCE_S = 30


def test_what_bounced_is_taken_off_the_next_mail(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the deployed key, table and SES: the other recipient still gets it, the dead one no second mail."""
    for name, value in loop.cloud.exports().items():
        monkeypatch.setenv(name, value)
    dead, fine = f"bounce+guard@{SIMULATOR}", f"success+guard@{SIMULATOR}"
    guard = Guard.from_file(CONFIG, remember_s=0)
    ses = guard.attach(boto3.client("sesv2"))
    plain = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}}

    def send(*to: str) -> dict[str, Any]:
        answer: dict[str, Any] = ses.send_email(
            FromEmailAddress="orders@example.com", Destination={"ToAddresses": list(to)}, Content=plain
        )
        return answer["SesFeedback"]

    assert send(dead)["removed"] == []
    until("suppressing", lambda: guard.check([dead], sender="orders@example.com").nobody_left, seconds=PATIENCE_S)
    (removed,) = send(dead, fine)["removed"]
    assert (removed["recipient"], removed["reason"], removed["until"]) == (dead, "hard_bounce", None)
    with pytest.raises(NobodyLeft, match="in stream transactional of production"):
        send(dead)
    raw = f"From: orders@example.com\r\nTo: {dead}, {fine}\r\nSubject: Hello\r\n\r\nHello\r\n"
    assert ses.send_email(Content={"Raw": {"Data": raw.encode()}})["SesFeedback"]["sent"] is True
    until("counting", loop.drained, seconds=PATIENCE_S)
    (known,) = loop.ask("show", dead, "--environment", "production")
    assert len(known["strikes"]) == 1, "a mail to both would have bounced again"
    assert send(dead.replace("guard", "stranger"))["removed"] == []
