"""A bad campaign trips the circuit breaker of its identity: SES refuses its mail until somebody resumes it.

The tests follow one another: what is paused in one is looked at, deployed over and resumed in the next.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deployment import deploy
from local.loop import Loop, until
from ses_feedback import naming
from tests.e2e import messages
from tests.e2e.conftest import Stage

BLAST, SHOP = "blast.example.com", "example.com"
PATIENCE_S = 60


def sends(loop: Loop) -> bool:
    """Whether SES takes mail of the identity's configuration set, by its own word."""
    own = naming.configuration_set_name(loop.name, BLAST)
    answer = loop.cloud.client("sesv2").get_configuration_set(ConfigurationSetName=own)
    return bool(answer.get("SendingOptions", {}).get("SendingEnabled", True))


def refused(loop: Loop) -> str:
    """What SES answers to mail of the identity."""
    with pytest.raises(ClientError) as caught:
        loop.send(f"hello@{BLAST}", "success@simulator.amazonses.com")
    return str(caught.value.response["Error"]["Code"])


def paused(loop: Loop) -> list[dict[str, Any]]:
    return [f for f in loop.ask("doctor") if f["check"] == "set paused" and f'"{BLAST}"' in f["path"]]


def test_a_bad_campaign_is_paused_by_its_page(stage: Stage) -> None:
    """On-call reads of the alarm and of the pause, SES refuses that identity's mail, and no other one's."""
    loop = stage.loop
    stage.on_call.take()
    assert sends(loop)
    loop.send(f"hello@{BLAST}", "success@simulator.amazonses.com")
    for _ in range(6):
        loop.publish("bounce", BLAST, [messages.bounce(BLAST, messages.someone("gone")) for _ in range(10)])
        loop.publish("delivery", BLAST, [messages.delivery(BLAST, messages.someone("fine")) for _ in range(10)])
    received: list[dict[str, Any]] = []

    def subjects() -> list[str]:
        received.extend(stage.on_call.take())
        return [str(m["Subject"]) for m in received if BLAST in str(m["Subject"])]

    def both() -> bool:
        return len(subjects()) >= 2

    until("the page, and the message of the breaker", both, seconds=PATIENCE_S)
    told = next(m for m in received if m["Subject"] == f"PAUSED: {BLAST} by its circuit breaker")
    assert f'ses-feedback resume {BLAST} --why "WHAT WAS MENDED"' in told["Message"]
    assert naming.rates_alarm_name(loop.name, BLAST, "page") in told["Message"]
    assert any(str(m["Subject"]).startswith("ALARM: ") and BLAST in str(m["Subject"]) for m in received)
    assert not sends(loop)
    assert refused(loop).startswith("ConfigurationSetSendingPaused")
    loop.send(f"orders@{SHOP}", "success@simulator.amazonses.com")


def test_doctor_and_pauses_say_why_and_call_it_no_fault(stage: Stage) -> None:
    """With the command that resumes; `doctor --fix` leaves it as it is."""
    loop = stage.loop
    (finding,) = paused(loop)
    assert (finding["level"], finding["fixable"]) == ("note", False)
    assert finding["what"].startswith("paused by the circuit breaker since ")
    assert finding["mend"].startswith(f"ses-feedback resume {BLAST} --why")
    loop.ask("doctor", "--fix")
    assert not sends(loop)
    (noted,) = loop.ask("pauses", BLAST)
    assert (noted["by"], noted["resumed_at"]) == ("the circuit breaker", None)
    (live,) = [r["live"] for r in loop.ask("routes", f"hello@{BLAST}", "--live")]
    assert any("is paused" in difference for difference in live["differences"])


def test_its_canary_raises_no_second_alarm(stage: Stage) -> None:
    """SES refuses the canary too, and nothing is missing."""
    loop = stage.loop
    loop.run(naming.SEND_CANARIES)
    line = next(text for group, text in loop.logs() if "a canary was refused" in text and BLAST in text)
    assert "SendingPausedException" in line
    loop.run(naming.SEND_CANARIES)
    lines = [text for _, text in loop.logs() if "canary feedback is missing" in text and f'"{BLAST}"' in text]
    assert lines == []


def test_a_deployment_leaves_it_paused(stage: Stage) -> None:
    """All stacks, by the real CDK; every identity is wired anew."""
    loop = stage.loop
    deploy(loop.cloud, loop.config, stage.state)
    assert not sends(loop)
    assert refused(loop).startswith("ConfigurationSetSendingPaused")


def test_resume_lets_it_send_and_tells_on_call(stage: Stage) -> None:
    """By the command, with the reason; then the mail goes out, and there is nothing more to resume."""
    loop = stage.loop
    stage.warned.take()
    (done,) = loop.ask("resume", BLAST, "--why", "list of March removed")
    assert (done["paused"], done["untold"], done["was"]["by"]) == (False, None, "the circuit breaker")
    assert sends(loop)
    loop.send(f"hello@{BLAST}", "success@simulator.amazonses.com")
    told = until(
        "the message that it was resumed",
        lambda: next((m for m in stage.warned.take() if m["Subject"] == f"Resumed: {BLAST}"), None),
        seconds=PATIENCE_S,
    )
    assert "list of March removed" in told["Message"]
    assert paused(loop) == []
    again = loop.cli("resume", BLAST, "--why", "once more")
    assert again.returncode == 2
    assert again.stderr.strip() == f"ses-feedback: {BLAST} is not paused: there is nothing to resume"


def test_a_person_pauses_and_resumes(stage: Stage) -> None:
    """The same switch, by hand."""
    loop = stage.loop
    assert loop.cli("pause", BLAST, "--why", "asked by the customer").returncode == 0
    assert refused(loop).startswith("ConfigurationSetSendingPaused")
    assert loop.cli("resume", BLAST, "--why", "settled").returncode == 0
    assert sends(loop)
    newest, oldest = loop.ask("pauses", BLAST)
    assert (newest["why"], newest["resumed_why"], oldest["resumed_why"]) == (
        "asked by the customer",
        "settled",
        "list of March removed",
    )
