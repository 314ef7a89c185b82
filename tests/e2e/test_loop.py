"""The whole loop, really deployed: what goes in through SES and SNS comes out of command line, queues and alarms."""

from __future__ import annotations

import json
import re

import pytest

from local.loop import DidNotHappen, Loop, until
from ses_feedback import naming
from ses_feedback.domain import events as ev
from tests.e2e import messages
from tests.e2e.conftest import Stage

SHOP, NEWS, DEV, PENDING = "example.com", "news.example.com", "dev@example.com", "pending.invalid"
SIMULATOR = "simulator.amazonses.com"
PATIENCE_S = 30


def is_suppressed(loop: Loop, address: str, environment: str, stream: str) -> dict[str, object] | None:
    """The verdict on an address as soon as it is suppressed."""
    answer = loop.check([address], environment, stream)[address]
    return answer if answer["suppressed"] else None


def wait_for_suppression(loop: Loop, address: str, environment: str, stream: str) -> dict[str, object]:
    """The verdict on an address that will be suppressed."""
    return until(
        f"suppressing {address}", lambda: is_suppressed(loop, address, environment, stream), seconds=PATIENCE_S
    )


def settle(loop: Loop, invocations: int) -> None:
    """Wait until record_feedback has run so often in all, and nothing waits to be counted."""
    until("acting", lambda: loop.invocations(naming.RECORD_FEEDBACK) >= invocations, seconds=PATIENCE_S)
    until("counting", loop.drained, seconds=PATIENCE_S)


def test_outputs_keep_their_contract(loop: Loop) -> None:
    """Table, on-call topics and each identity's topics are outputs under their promised names."""
    assert loop.outputs[naming.OUTPUT_TABLE] == "e2e-suppressions"
    assert loop.outputs["OnCallPageTopicArn"].endswith(":e2e-on-call-page")
    assert loop.outputs["OnCallWarnTopicArn"].endswith(":e2e-on-call-warn")
    topics = {
        f"Topic{kind}{name}"
        for kind in ("Bounce", "Complaint", "Delivery")
        for name in ("ExampleCom", "NewsExampleCom", "DevExampleCom", "PendingInvalid", "NewExampleOrg")
    }
    assert topics <= set(loop.outputs)
    assert all(
        re.fullmatch(r"arn:aws:sns:eu-west-1:\d{12}:e2e_\w+_[\w-]+_[0-9a-f]{8}", loop.outputs[t]) for t in topics
    )


def test_unverified_identity_deploys_as_pending_and_is_named(loop: Loop) -> None:
    """An identity that nobody verified yet stops nothing; the outputs say which one waits."""
    states = {name: value for name, value in loop.outputs.items() if value in ("pending", "wired")}
    pending = {name for name, value in states.items() if value == "pending"}
    assert pending == {"WiringPendingInvalid", "WiringNewExampleOrg"}
    assert len(states) == len(loop.config.identities)


def test_wired_identities_point_at_their_topics_with_headers_and_without_email(loop: Loop) -> None:
    """SES's own settings are as deployed: topics, headers on bounces and complaints, no forwarding, own set."""
    ses = loop.cloud.client("ses")
    found = ses.get_identity_notification_attributes(Identities=[SHOP, NEWS, DEV, PENDING])["NotificationAttributes"]
    for identity in (SHOP, NEWS, DEV):
        settings = found[identity]
        for kind in ("Bounce", "Complaint", "Delivery"):
            assert settings[f"{kind}Topic"] == loop.topic(kind.lower(), identity)
        assert settings["HeadersInBounceNotificationsEnabled"] and settings["HeadersInComplaintNotificationsEnabled"]
        assert settings["ForwardingEnabled"] is False
    assert "BounceTopic" not in found[PENDING]
    own = loop.cloud.client("sesv2").get_email_identity(EmailIdentity=NEWS)["ConfigurationSetName"]
    assert own == naming.configuration_set_name("e2e", NEWS)


def test_simulator_bounce_makes_the_address_unmailable_in_its_environment(loop: Loop) -> None:
    """A mail that bounces in SES suppresses its address for every stream of the environment, and for no other."""
    address = f"bounce+e2e@{SIMULATOR}"
    loop.send("orders@example.com", address)
    verdict = wait_for_suppression(loop, address, "production", "marketing")
    assert (verdict["reason"], verdict["until"]) == (ev.HARD_BOUNCE, None)
    assert not is_suppressed(loop, address, "dev", "default")


def test_simulator_complaint_stops_its_own_stream_alone(loop: Loop) -> None:
    """A complaint about the newsletter stops the newsletter, not the password reset."""
    address = f"complaint+e2e@{SIMULATOR}"
    loop.send("editor@news.example.com", address)
    assert wait_for_suppression(loop, address, "production", "marketing")["reason"] == ev.COMPLAINT
    assert not is_suppressed(loop, address, "production", "transactional")


def test_out_of_office_reply_stops_nothing(loop: Loop) -> None:
    """An automatic reply arrives as a bounce after the delivery and counts against nobody."""
    address = f"ooto+e2e@{SIMULATOR}"
    before = loop.invocations(naming.RECORD_FEEDBACK)
    loop.send("orders@example.com", address)
    settle(loop, before + 1)
    assert not is_suppressed(loop, address, "production", "transactional")


def test_delivery_clears_soft_strikes_through_the_tally(loop: Loop) -> None:
    """Five soft bounces suppress; four, a delivery and one more do not."""
    forgiven, full = messages.someone("forgiven"), messages.someone("full")
    before = loop.invocations(naming.RECORD_FEEDBACK)
    for ago in (500, 400, 300, 200):
        texts = [messages.bounce(SHOP, who, soft=True, ago=ago) for who in (forgiven, full)]
        loop.publish("bounce", SHOP, texts)
    settle(loop, before + 8)
    loop.publish("delivery", SHOP, [messages.delivery(SHOP, forgiven, ago=100)])
    until("counting", loop.drained, seconds=PATIENCE_S)
    loop.publish("bounce", SHOP, [messages.bounce(SHOP, who, soft=True, ago=50) for who in (forgiven, full)])
    assert wait_for_suppression(loop, full, "production", "transactional")["reason"] == ev.SOFT_BOUNCE
    settle(loop, before + 10)
    assert not is_suppressed(loop, forgiven, "production", "transactional")


def test_unreadable_feedback_is_kept_whole_in_quarantine(loop: Loop) -> None:
    """What cannot be read is put aside as it arrived, with the reason, however often it comes."""
    text = '{"notificationType":"Bounce","mail":{"cut off here'
    loop.publish("bounce", SHOP, [text, text])
    found = until("quarantine", lambda: [q for q in loop.quarantined() if text in q["raw"]], seconds=PATIENCE_S)
    until("counting", loop.drained, seconds=PATIENCE_S)
    assert len(found) == 1 and "not JSON" in found[0]["why"]


def test_setup_messages_leave_no_trace(loop: Loop) -> None:
    """What SES says when it is pointed at a topic is acknowledged: no quarantine, no dead letter, no count."""
    before = loop.invocations(naming.RECORD_FEEDBACK)
    texts = [
        json.dumps(
            {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed"}
        ),
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ]
    loop.publish("bounce", DEV, texts)
    settle(loop, before + 2)
    assert not [q for q in loop.quarantined() if "successfully" in q["raw"].lower()]
    assert loop.waiting(naming.dead_letter_queue_name(loop.name)) == 0


def test_each_team_sees_its_own_feedback_and_a_lost_destination_loses_nothing(stage: Stage) -> None:
    """Customer service reads its bounce; what the developers' lost queue did not take waits in the dead letters."""
    theirs, developers = messages.someone("theirs"), messages.someone("developers")
    loop = stage.loop
    waiting = loop.waiting(naming.team_dead_letter_queue_name(loop.name))
    stage.customer_service.take()
    loop.publish("bounce", SHOP, [messages.bounce(SHOP, theirs)])
    loop.publish("complaint", DEV, [messages.complaint(DEV, developers)])
    received: list[str] = []

    def arrived() -> bool:
        received.extend(m["Message"] for m in stage.customer_service.take())
        return any(theirs in text for text in received)

    until("the team's message", arrived, seconds=PATIENCE_S)
    assert not any(developers in text for text in received)
    until(
        "the dead letter",
        lambda: loop.waiting(naming.team_dead_letter_queue_name(loop.name)) > waiting,
        seconds=PATIENCE_S,
    )


def test_bad_campaign_pages_on_call_through_the_deployed_alarm(stage: Stage) -> None:
    """Above 4% hard bounces of one identity, the deployed alarms go off and on-call's subscription hears of it."""
    loop = stage.loop
    stage.on_call.take()
    for _ in range(6):
        loop.publish("bounce", NEWS, [messages.bounce(NEWS, messages.someone("gone")) for _ in range(10)])
        loop.publish("delivery", NEWS, [messages.delivery(NEWS, messages.someone("fine")) for _ in range(10)])
    received: list[dict[str, object]] = []

    def page() -> dict[str, object] | None:
        received.extend(stage.on_call.take())
        return next((m for m in received if "page" in str(m["Subject"]) and NEWS in str(m["Subject"])), None)

    message = until("the page", page, seconds=PATIENCE_S)
    notice = json.loads(str(message["Message"]))
    assert notice["NewStateValue"] == "ALARM"
    assert notice["AlarmName"] == naming.alarm_name("e2e", NEWS, "page")
    assert "docs/runbooks/bounce-rate.md" in notice["AlarmDescription"]
    firing = {alarm["AlarmName"] for alarm in loop.alarms("ALARM")}
    assert naming.alarm_name("e2e", NEWS, "page") in firing
    assert not [name for name in firing if f" {SHOP} " in name or DEV in name]
    counted = loop.counted(NEWS)
    assert counted[naming.METRIC_HARD_BOUNCED] >= 60 and counted[naming.METRIC_DELIVERED] >= 60


def test_the_page_reaches_people_in_words(stage: Stage) -> None:
    """Through the function: the figures of the very alarm, where it bounced and what was said, and nobody's address.

    It follows the page above: the same campaign, told to those who read text.
    """
    alarm = naming.rates_alarm_name("e2e", NEWS, "page")
    received: list[dict[str, object]] = []

    def words() -> dict[str, object] | None:
        received.extend(stage.phone.take())
        return next((m for m in received if f"Alarm           {alarm}\n" in str(m["Message"])), None)

    message = until("the page in words", words, seconds=PATIENCE_S)
    subject, text = str(message["Subject"]), str(message["Message"])
    assert re.match(rf"PAGE: {NEWS}: hard bounces [\d.]+% \(\d+ of \d+ in (90 minutes|24 h)\)", subject), subject
    assert "environment production, stream marketing, team campaigns" in " ".join(text.split())
    assert re.search(r"\n +\d+  example\.org\n", text), text
    assert re.search(r"\n +\d+  550 5\.1\.1 unknown\n", text), text
    assert "docs/runbooks/bounce-rate.md" in text
    assert "Not known" not in text
    assert "@" not in text


def test_what_the_breaker_and_people_say_goes_on_as_it_is(stage: Stage) -> None:
    """What is no alarm reaches those who read text with its own subject and words."""
    topic = stage.loop.outputs[naming.OUTPUT_PAGE_TOPIC]
    stage.loop.cloud.client("sns").publish(TopicArn=topic, Subject="PAUSED: a test", Message="WHY: a test\nDO: nothing")
    message = until(
        "the message",
        lambda: next((m for m in stage.phone.take() if m.get("Subject") == "PAUSED: a test"), None),
        seconds=PATIENCE_S,
    )
    assert message["Message"] == "WHY: a test\nDO: nothing"


def test_an_alarm_reaches_people_although_the_function_that_explains_it_is_broken(stage: Stage) -> None:
    """Lambda hands it on itself: CloudWatch's own words, with all that it says to do."""
    functions = stage.loop.cloud.client("lambda")
    name = naming.function_name(stage.loop.name, naming.EXPLAIN_ALARM)
    healthy = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    broken = {key: value for key, value in healthy.items() if key != naming.ENV_TOPICS}
    stage.phone.take()
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": broken})
    try:
        topic = stage.loop.outputs[naming.OUTPUT_PAGE_TOPIC]
        stage.loop.cloud.client("sns").publish(TopicArn=topic, Message='{"AlarmName": "DO: this or that"}')
        until(
            "the alarm all the same",
            lambda: next((m for m in stage.phone.take() if "DO: this or that" in m["Message"]), None),
            seconds=PATIENCE_S,
        )
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": healthy})


def test_feedback_survives_a_broken_function_through_the_retry_queue(loop: Loop) -> None:
    """record_feedback fails three times, Lambda hands the event to the retry queue, and retry_feedback records it."""
    functions = loop.cloud.client("lambda")
    name = naming.function_name(loop.name, naming.RECORD_FEEDBACK)
    healthy = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    address = messages.someone("patient")
    broken = {**healthy, naming.ENV_TABLE: "no-such-table"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": broken})
    try:
        before = loop.invocations(naming.RETRY_FEEDBACK)
        loop.publish("bounce", SHOP, [messages.bounce(SHOP, address)])
        assert wait_for_suppression(loop, address, "production", "transactional")["reason"] == ev.HARD_BOUNCE
        assert loop.invocations(naming.RETRY_FEEDBACK) > before
        until("emptying the retry queue", loop.drained, seconds=PATIENCE_S)
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": healthy})


def test_operator_decision_reaches_the_next_question(loop: Loop) -> None:
    """The real command line suppresses, shows and releases against the deployed table and SES's own list."""
    address = messages.someone("operator")
    loop.cloud.client("sesv2").put_suppressed_destination(EmailAddress=address, Reason="BOUNCE")
    options = ("--environment", "production")
    assert loop.cli("suppress", address, "--why", "asked by phone", *options).returncode == 0
    verdict = is_suppressed(loop, address, "production", "marketing")
    assert verdict and verdict["reason"] == ev.OPERATOR
    assert "asked by phone" in loop.cli("show", address, *options).stdout
    released = loop.cli("release", address, "--why", "asked again", *options)
    assert released.returncode == 0, released.stderr
    assert not is_suppressed(loop, address, "production", "marketing")
    listed = loop.cloud.client("sesv2").list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert address not in [entry["EmailAddress"] for entry in listed]


ADDRESS = re.compile(r"[\w.+-]+@(?:example\.(?:org|net)|simulator\.amazonses\.com)")


def test_no_function_logs_a_recipient(loop: Loop) -> None:
    """Whatever was handled, well or badly, no log line of any function holds a recipient's address."""
    before = loop.invocations(naming.RECORD_FEEDBACK)
    recipient = messages.someone("private")
    loop.publish("bounce", SHOP, [messages.bounce(SHOP, recipient), messages.bounce(SHOP, recipient)[:-40]])
    loop.publish("complaint", SHOP, [messages.complaint(SHOP, recipient)])
    loop.publish("delivery", SHOP, [messages.delivery(SHOP, recipient)])
    settle(loop, before + 3)
    for scheduled in (naming.CHECK_LOOP, naming.SEND_CANARIES, naming.TELL_TEAMS, naming.SYNC_LISTS):
        loop.run(scheduled)
    with pytest.raises(DidNotHappen, match="requestContext"):
        loop.run(naming.RECEIVE_POSTS)
    with pytest.raises(DidNotHappen, match="not the event of a CloudWatch alarm"):
        loop.run(naming.BREAK_CIRCUIT)
    with pytest.raises(DidNotHappen, match="not the event of a message of SNS"):
        loop.run(naming.EXPLAIN_ALARM)
    with pytest.raises(DidNotHappen, match="replay"):
        loop.run(naming.REPLAY_ARCHIVE)
    lines = list(loop.logs())
    assert {naming.function_name(loop.name, f) for f in naming.FUNCTIONS} <= {g.rpartition("/")[2] for g, _ in lines}
    leaks = [(group, ADDRESS.sub("…@…", line)[:200]) for group, line in lines if ADDRESS.search(line)]
    assert leaks == []
