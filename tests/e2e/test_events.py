"""What only a configuration set tells, through the deployed loop: the team hears it, and an unsubscriber is not mailed
again."""

from __future__ import annotations

import json

from local.loop import until
from ses_feedback import naming
from ses_feedback.domain import events as ev
from tests.e2e.conftest import Stage

NEWS = "news.example.com"
PATIENCE_S = 30
VIRUS = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
READER = "anna+delayed+clicks+unsubscribes@readers.test"


def test_every_kind_of_event_reaches_the_team_and_an_unsubscription_the_list(stage: Stage) -> None:
    """A reader who clicks and unsubscribes, a virus and a template without data: seven kinds of events are told to the
    team. The reader is suppressed in that stream alone; nothing of it counts in a rate, and nothing is put aside."""
    loop = stage.loop
    until("counting", loop.drained, seconds=PATIENCE_S)
    before, quarantined = loop.counted(NEWS), len(list(loop.quarantined()))
    loop.send(f"editor@{NEWS}", READER)
    raw = f"From: editor@{NEWS}\r\nTo: bob@readers.test\r\nSubject: Free\r\n\r\n{VIRUS}\r\n"
    loop.cloud.client("ses").send_raw_email(RawMessage={"Data": raw.encode()})
    loop.cloud.client("sesv2").send_email(
        FromEmailAddress=f"editor@{NEWS}",
        Destination={"ToAddresses": ["carol@readers.test"]},
        Content={
            "Template": {
                "TemplateContent": {"Subject": "Dear {{name}}", "Text": "News"},
                "TemplateData": json.dumps({"first_name": "Carol"}),
            }
        },
    )
    told: set[str] = set()

    def all_told() -> bool:
        messages = [m["Message"] for m in stage.campaigns.take()]
        told.update(json.loads(text)["eventType"] for text in messages if text.startswith("{"))
        return len(told) >= 7

    until("seven kinds of events", all_told, seconds=PATIENCE_S)
    assert told == {"Send", "Reject", "DeliveryDelay", "Rendering Failure", "Open", "Click", "Subscription"}

    def verdict(stream: str) -> dict[str, object]:
        return dict(loop.check([READER], "production", stream)[READER])

    until("the suppression", lambda: verdict("marketing")["suppressed"], seconds=PATIENCE_S)
    assert verdict("marketing")["reason"] == ev.UNSUBSCRIBE
    assert not verdict("transactional")["suppressed"]
    one_more = {naming.METRIC_DELIVERED: 1, naming.METRIC_DELIVERED_REPORTING: 1}
    expected = {name: number + one_more.get(name, 0) for name, number in before.items()}
    until("the one delivery", lambda: loop.counted(NEWS) == expected, seconds=PATIENCE_S)
    until("counting", loop.drained, seconds=PATIENCE_S)
    assert loop.counted(NEWS) == expected
    assert len(list(loop.quarantined())) == quarantined


def test_own_set_has_the_options_of_the_file(stage: Stage) -> None:
    """TLS, suppression, and an enabled destination for each kind beside the metrics."""
    v2, name = stage.loop.cloud.client("sesv2"), naming.configuration_set_name("e2e", NEWS)
    options = v2.get_configuration_set(ConfigurationSetName=name)
    assert options["DeliveryOptions"]["TlsPolicy"] == "REQUIRE"
    assert options["SuppressionOptions"]["SuppressedReasons"] == ["BOUNCE"]
    destinations = v2.get_configuration_set_event_destinations(ConfigurationSetName=name)["EventDestinations"]
    topics = [d["SnsDestination"]["TopicArn"] for d in destinations if "SnsDestination" in d]
    assert len(topics) == 7 and all(d["Enabled"] for d in destinations)
    assert set(topics) == {
        stage.loop.topic(kind, NEWS)
        for kind in ("send", "reject", "delay", "rendering_failure", "open", "click", "subscription")
    }
