"""The message about an alarm: figures, whose mail, where, what was said, what to do; poorer where something fails."""

from __future__ import annotations

import json

import pytest

from infra.alarms.kinds import DRILL
from ses_feedback import naming
from ses_feedback.domain.alarm_notice import Watch, read_watch
from ses_feedback.domain.alarm_text import MOST_SHORT, MOST_SUBJECT, WIDTH, Message
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import HOUR, MINUTE
from tests.unit.explaining.fakes import NEWS, NOW, THROTTLED, World, bounces, complaints, composite, own, watch

FAST, SLOW = f"{NEWS} bounce page fast", f"{NEWS} complaint page slow"


def fits(message: Message) -> None:
    """A subject and a short text that SNS and a telephone take, and that say the same as the text."""
    assert message.short is not None
    for text, most in ((message.subject, MOST_SUBJECT), (message.short, MOST_SHORT)):
        assert text.isascii()
        assert "\n" not in text
        assert 0 < len(text) <= most
    assert message.subject.split(":")[0] == message.text.split(":")[0]


def flat(message: Message) -> str:
    return " ".join(message.text.split())


def test_a_page_about_bounces_says_everything_that_a_person_needs() -> None:
    """To the letter, because a person at night reads all of it."""
    world = World(
        bounces(), HardBounced=312, Delivered=4_718, ReputationBounceRate=0.012, ReputationComplaintRate=0.0002
    )
    world.journal.log(
        NOW - 10 * MINUTE,
        Identity=NEWS,
        HardBounced=300,
        BouncedAt={"gmail.com": 210, "yahoo.com": 60},
        BouncedSaid={"550 5.1.1 user unknown": 290, "no reason given": 10},
    )
    world.journal.log(
        NOW - 50 * MINUTE,
        Identity=NEWS,
        HardBounced=12,
        BouncedAt={"gmail.com": 12},
        BouncedSaid={"550 5.1.1 user unknown": 12},
    )
    world.journal.log(NOW - 5 * MINUTE, Identity="example.com", HardBounced=9, BouncedAt={"web.de": 9})
    message = world.explain(composite(f"{NEWS} page", FAST))
    fits(message)
    assert message.subject == "PAGE: news.example.com: hard bounces 6.2% (312 of 5,030 in 1 h)"
    assert message.short == f"{message.subject}. AWS reviews an account at 5%. bounce.md"
    assert (
        message.text
        == """\
PAGE: news.example.com: hard bounces 6.2% (312 of 5,030 in 1 h)

What happened   Hard bounces of news.example.com are 6.2% of its mail: 312 of
                5,030 within 1 h. On-call's line: 4% and 50 or more. AWS
                reviews an account at 5% and may stop it at 10%.
AWS's own view  of the whole account (2027-01-15 07:00 UTC): bounces 1.2%,
                complaints 0.02%. AWS does nothing yet: it reviews an account
                when these rates reach its levels.
Whose mail      environment production, stream marketing, team marketing
Breaker         It has a circuit breaker: its page pauses it, and a message of
                its own says so once it is done.
Since           2027-01-15 07:55 UTC

Of 312 hard bounces logged since 2027-01-15 07:00 UTC:
  by the receiver's domain:
    222  gmail.com
     60  yahoo.com
     30  others
  what the receivers said:
    302  550 5.1.1 user unknown
     10  no reason given

Where to look   `list --environment production --reason bounce`
What to do      stop
Runbook         docs/bounce.md
Alarm           ses-feedback news.example.com page
"""
    )


def test_a_command_stays_on_one_line_to_be_copied() -> None:
    """Beside its label where there is room, and further left where there is not."""
    for text in (
        "The suppressions, `ses-feedback list --environment another-production --reason blocked`, and the mail.",
        "`ses-feedback list --environment production --reason hard_bounce --since 1d` and all the mail since.",
    ):
        notice = composite(f"{NEWS} page", FAST)
        notice["AlarmDescription"] = f"WHAT: w\nLOOK: {text}\nDO: d\nRUNBOOK: r"
        message = World().explain(notice)
        lines = message.text.splitlines()
        assert [line for line in lines if f"`{text.split('`')[1]}`" in line]
        assert [line for line in lines if len(line) > WIDTH] == []
        assert f"Where to look {text} What to do d" in flat(message)


def test_a_complaint_rate_says_that_gmail_is_not_in_it() -> None:
    message = World(complaints(), Complained=20, DeliveredReporting=20_000).explain(
        composite(f"{NEWS} warn", SLOW), "warn"
    )
    fits(message)
    assert message.subject == "WARN: news.example.com: complaints 0.1% (20 of 20,000 in 72 h)"
    assert "0.1% of its mail to receivers that report them: 20 of 20,000 within 72 h. On-call's line: 0.08%" in flat(
        message
    )
    assert "AWS reviews an account at 0.1% and may stop it at 0.5%" in flat(message)
    assert "Gmail reports no complaints to anybody" in flat(message)
    assert "none yet: AWS has told no rate" in flat(message)


def test_only_rates_that_are_over_their_line_are_told() -> None:
    """A rule has parts: an alarm with its condition counts where both are on; what is off is not mentioned."""
    day, other = bounces(f"{NEWS} bounce warn", 86_400), complaints(on=False)
    notice = composite(f"{NEWS} page", FAST)
    notice["AlarmRule"] = f'(ALARM("ses-feedback {FAST}") AND ALARM("{day.name}")) OR ALARM("{other.name}")'
    text = flat(World(bounces(), day, other, HardBounced=60, Delivered=60).explain(notice))
    assert "60 of 120 within 1 h" in text
    assert "within 24 h" not in text
    assert "omplaints of" not in text


def test_two_rates_are_both_told_and_the_subject_says_how_many() -> None:
    world = World(bounces(), complaints(), HardBounced=60, Delivered=60, Complained=20, DeliveredReporting=20_000)
    message = world.explain(composite(f"{NEWS} page", FAST, SLOW))
    assert message.subject.endswith("(60 of 120 in 1 h), and complaints")
    assert "Hard bounces of" in flat(message)
    assert "Complaints of" in flat(message)
    assert "docs/bounce.md and docs/complaint.md" in message.text


def test_the_same_rate_over_two_times_is_told_in_full_once() -> None:
    slow = f"{NEWS} bounce page slow"
    world = World(bounces(), bounces(slow, 86_400), HardBounced=60, Delivered=60)
    message = world.explain(composite(f"{NEWS} page", FAST, slow))
    assert message.subject.endswith("(60 of 120 in 1 h)")
    assert "Within 24 h: 50%, 60 of 120; on-call's line there: 4%." in flat(message)
    assert flat(message).count("AWS reviews an account at 5%") == 1


def test_a_rate_that_is_over_by_now_is_told_all_the_same() -> None:
    """A page is held back while another mutes it: what was on when it went off is in the notice."""
    notice = composite(f"{NEWS} page", FAST)
    below = {"Arn": f"arn:aws:cloudwatch:us-east-1:1:alarm:ses-feedback {FAST}", "State": {"Value": "ALARM"}}
    notice["TriggeringChildren"] = [below]
    assert "60 of 120" in World(bounces(on=False), HardBounced=60, Delivered=60).explain(notice).subject


@pytest.mark.parametrize(
    ("bounce", "complaint", "next_"),
    [
        (0.02, 0.0001, "AWS does nothing yet"),
        (0.05, 0.0001, "AWS can put the account under review"),
        (0.02, 0.0010, "AWS can put the account under review"),
        (0.10, 0.0001, "AWS can stop all sending of the account"),
        (0.02, 0.0050, "AWS can stop all sending of the account"),
    ],
)
def test_what_aws_does_next_follows_from_its_own_rates(bounce: float, complaint: float, next_: str) -> None:
    world = World(bounces(), ReputationBounceRate=bounce, ReputationComplaintRate=complaint)
    assert next_ in flat(world.explain(composite(f"{NEWS} page", FAST)))


def test_a_roll_up_says_whose_mail_it_is() -> None:
    """Over an environment or the deployment, the identities with the most bad events come first."""
    of_all = bounces("environment production bounce page fast", Environment="production")
    world = World(of_all, HardBounced=90, Delivered=900)
    for identity, number in (("example.com", 30), (NEWS, 60)):
        world.journal.log(
            NOW - MINUTE, Identity=identity, Environment="production", HardBounced=number, BouncedAt={"a.org": number}
        )
    world.journal.log(NOW - MINUTE, Environment="production", Blocked=7, BlockedSaid={"550 5.7.1 spam": 7})
    message = world.explain(composite("environment production page", "environment production bounce page fast"))
    assert message.subject == "PAGE: environment production: hard bounces 9.1% (90 of 990 in 1 h)"
    assert "  by identity:\n    60  news.example.com\n    30  example.com\n" in message.text
    assert "Receivers blocked 7 mails of this environment" in flat(message)
    assert "7 550 5.7.1 spam" in flat(message)


def test_blocked_mail_is_a_rate_of_an_environment() -> None:
    series = {
        "x": own("Blocked", 21_600, Environment="production"),
        "d": own("Delivered", 21_600, Environment="production"),
    }
    alarm = watch(
        "production blocked hours", series, 0.05, "IF(FILL(x,0) >= 50, FILL(x,0) / (FILL(x,0) + FILL(d,0)), 0)"
    )
    world = World(alarm, Blocked=60, Delivered=540)
    world.journal.log(
        NOW - MINUTE, Environment="production", Blocked=60, BlockedAt={"outlook.com": 60}, BlockedSaid={"550 S3140": 60}
    )
    message = world.explain(composite("production blocked", "production blocked hours"), "warn")
    fits(message)
    assert message.subject == "WARN: environment production: blocked mails 10% (60 of 600 in 6 h)"
    assert "AWS has no line for this" in flat(message)
    assert "60 outlook.com" in flat(message)
    assert "60 550 S3140" in flat(message)


def test_awss_own_rate_is_told_with_what_the_log_of_a_day_knows() -> None:
    """Of a configuration set it is its identity's mail; of the account, all of it."""
    reputation = own("Reputation.BounceRate")._replace(namespace="AWS/SES", stat="Average", dimensions=())
    own_set = naming.configuration_set_name("ses-feedback", NEWS)
    of_set = reputation._replace(dimensions=(("ses:configuration-set", own_set),))
    for series, who in ((reputation, "deployment ses-feedback"), (of_set, NEWS)):
        world = World(watch("account reputation bounce page", {"r": series}, 0.04, "r"), ReputationBounceRate=0.045)
        world.journal.log(NOW - 20 * HOUR, Identity=NEWS, HardBounced=5, BouncedAt={"a.org": 5})
        message = world.explain(composite("account reputation page", "account reputation bounce page"))
        fits(message)
        assert f"AWS's own rate of hard bounces of {who} is 4.5%. On-call's line: 4%." in flat(message)
        assert "Of 5 hard bounces logged since 2027-01-14 08:00 UTC:" in message.text


@pytest.mark.parametrize("trouble", [THROTTLED, PermanentError("asking CloudWatch: AccessDenied")])
@pytest.mark.parametrize("what", ["alarms", "gauges", "journal"])
def test_what_cannot_be_looked_up_is_said_and_the_rest_is_told(what: str, trouble: Exception) -> None:
    world = World(bounces(), HardBounced=60, Delivered=60)
    getattr(world, what).trouble = trouble
    message = world.explain(composite(f"{NEWS} page", FAST))
    fits(message)
    assert NEWS in message.subject
    said = flat(message)
    assert f"({trouble})" in said
    assert {
        "alarms": "Not known the alarms below it, and their figures",
        "gauges": "Hard bounces of news.example.com are 4% of its mail or more within 1 h.",
        "journal": "Not known where mail bounced",
    }[what] in said
    assert "Runbook docs/" in said


def test_nothing_more_is_looked_up_when_time_is_short() -> None:
    """A message in time is better than a rich one: what is left is named, and nobody waits for it."""
    world = World(bounces(), HardBounced=60, Delivered=60)
    ask = world.alarms.watches

    def slow(names: object) -> object:
        world.clock.ms += 21_000
        return ask(names)  # type: ignore[arg-type]

    world.alarms.watches = slow  # type: ignore[method-assign, assignment]
    said = flat(world.explain(composite(f"{NEWS} page", FAST)))
    assert "the counts (no time was left to look it up)" in said
    assert not world.gauges.asked
    assert not world.journal.spans


def test_the_log_is_read_from_its_end_and_says_how_far() -> None:
    """Slices that double; what was not read in time is not claimed to have been."""
    day = bounces(f"{NEWS} bounce page slow", 86_400)
    world = World(day, HardBounced=60, Delivered=60)
    world.journal.log(NOW - 30 * MINUTE, Identity=NEWS, HardBounced=1, BouncedAt={"new.org": 1})
    world.journal.log(NOW - 20 * HOUR, Identity=NEWS, HardBounced=1, BouncedAt={"old.org": 1})
    notice = composite(f"{NEWS} page", f"{NEWS} bounce page slow")
    assert "Of 2 hard bounces logged since 2027-01-14 08:00 UTC:" in world.explain(notice).text
    bounced = world.journal.spans[:5]
    assert [round((end - start) / HOUR) for start, end in bounced] == [1, 2, 4, 8, 9]
    assert bounced[0][1] > NOW

    world.journal.slow = 6_000
    text = world.explain(notice).text
    assert "new.org" in text
    assert "old.org" not in text
    assert "as far back as could be read in time:" in text


def test_each_document_is_read_once() -> None:
    """Slices do not overlap, and leave no gap."""
    day = bounces(f"{NEWS} bounce page slow", 86_400)
    world = World(day)
    for minute in range(24 * 60):
        world.journal.log(NOW - minute * MINUTE, Identity=NEWS, HardBounced=1, BouncedAt={"a.org": 1})
    assert "Of 1,440 hard bounces" in world.explain(composite(f"{NEWS} page", f"{NEWS} bounce page slow")).text


def test_an_alarm_that_must_be_off_is_no_cause_and_no_condition() -> None:
    """Rules of long windows ask that counting was not days late."""
    slow, days = f"{NEWS} bounce page slow", f"{NEWS} bounce days"
    world = World(bounces(slow, 86_400), bounces(days, 259_200), HardBounced=400, Delivered=4_600)
    notice = composite(f"{NEWS} page", slow)
    rule = f'(ALARM("ses-feedback {slow}") AND ALARM("ses-feedback {days}") AND NOT ALARM("ses-feedback x days late"))'
    message = world.explain({**notice, "AlarmRule": rule})
    assert "hard bounces 8%" in message.subject


@pytest.mark.parametrize("text", ["PAUSED by jane: see\nthe list", '{"a": 1}', "[]", "null", '{"AlarmName": 7}', "{"])
def test_what_is_no_alarm_goes_on_as_it_is(text: str) -> None:
    """The breaker's messages, and a person's: subject and text, for telephones too."""
    assert World().explain(text, subject="PAUSED: x") == Message("PAUSED: x", text, None)
    assert World().explain(text, subject=None).subject


def test_any_other_alarm_is_laid_out_with_its_value_and_its_line() -> None:
    notice = {
        **composite("dead letters"),
        "NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoints [7.0 (15/01/27 07:50:00)] was greater "
        "than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        "Trigger": {
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Namespace": "AWS/SQS",
            "Statistic": "MAXIMUM",
            "Dimensions": [{"name": "QueueName", "value": "q"}],
            "Period": 300,
            "EvaluationPeriods": 3,
            "Threshold": 1.0,
        },
    }
    del notice["AlarmRule"]
    message = World().explain(notice)
    fits(message)
    assert message.subject == "PAGE: ses-feedback dead letters"
    assert "Measured 7; it goes off at 1 (within 5 minutes, 3 times in a row)" in flat(message)
    assert "Since 2027-01-15 07:55 UTC" in flat(message)
    assert message.short == "PAGE: ses-feedback dead letters. too high rates.md"


def test_an_alarm_over_several_tells_which_of_them_are_on_and_their_values() -> None:
    """Each function that is throttled, by its name; not those that are not."""

    def throttles(function: str, value: float, on: bool) -> Watch:
        found = read_watch(
            {
                "AlarmName": f"ses-feedback throttled {function}",
                "StateValue": "ALARM" if on else "OK",
                "StateReason": f"Threshold Crossed: 3 out of the last 3 datapoints [{value} (15/01/27 07:50:00), 9.0]",
                "Namespace": "AWS/Lambda",
                "MetricName": "Throttles",
                "Statistic": "Sum",
                "Dimensions": [{"Name": "FunctionName", "Value": f"ses-feedback-{function}"}],
                "Period": 300,
                "EvaluationPeriods": 3,
                "Threshold": 1.0,
            }
        )
        assert found is not None
        return found

    names = ("tally", "record", "retry")
    world = World(*(throttles(name, number, number > 0) for number, name in enumerate(names)))
    message = world.explain(composite("throttled", *(f"throttled {name}" for name in names)), "warn")
    fits(message)
    for number, name in ((1, "record"), (2, "retry")):
        assert f"Measured ses-feedback-{name}: {number}; it goes off at 1 (within 5 minutes" in flat(message)
    assert "ses-feedback-tally" not in message.text


def test_an_alarm_that_ends_is_not_called_a_page() -> None:
    assert World().explain({**composite("drift"), "NewStateValue": "OK"}).subject == "OK: ses-feedback drift"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"Trigger": 7},
        {"Trigger": {"Metrics": [{"Id": 3}], "Threshold": "x"}},
        {"AlarmRule": "((("},
        {"AlarmRule": 'ALARM("x") OR', "TriggeringChildren": [3, {"Arn": 1, "State": []}]},
        {"AlarmDescription": None, "NewStateReason": None, "StateChangeTime": "yesterday"},
        {"AlarmDescription": "an alarm that somebody made by hand"},
    ],
)
def test_a_notice_in_any_shape_becomes_a_message(broken: dict[str, object]) -> None:
    """What CloudWatch may write tomorrow, or somebody's own alarm on this topic."""
    message = World().explain({"AlarmName": "x", "NewStateValue": "ALARM", **broken})
    fits(message)
    assert "Alarm           x" in message.text


def test_names_of_any_length_fit() -> None:
    """A domain may have 253 letters."""
    long = ".".join(["a" * 60] * 4)
    alarm = bounces(f"{long} bounce page fast", Identity=long)
    message = World(alarm, HardBounced=312, Delivered=4_718).explain(
        composite(f"{long} page", f"{long} bounce page fast")
    )
    fits(message)
    assert "6.2%" in message.subject
    fits(World().explain({"AlarmName": "x" * 255, "NewStateValue": "ALARM", "AlarmDescription": json.dumps("é" * 900)}))


def test_a_log_that_could_not_be_read_in_time_is_not_an_empty_one() -> None:
    """Nothing was read: that there were no bounces would be the opposite of what the alarm says."""
    world = World(bounces(), HardBounced=60, Delivered=600)
    world.journal.log(NOW - MINUTE, Identity=NEWS, HardBounced=60, BouncedAt={"a.org": 60})
    world.journal.slow = 11_000
    message = world.explain(composite(f"{NEWS} page", FAST))
    assert "no hard bounces" not in flat(message)
    assert "Not known where mail bounced (the log could not be read in time)" in flat(message)


def test_the_only_identity_behind_a_roll_up_is_named() -> None:
    name = "environment production bounce page fast"
    world = World(bounces(name, Environment="production"), HardBounced=90, Delivered=900)
    world.journal.log(NOW - MINUTE, Identity=NEWS, Environment="production", HardBounced=90, BouncedAt={"a.org": 90})
    message = world.explain(composite("environment production page", name))
    assert f"  by identity:\n    90  {NEWS}\n" in message.text


def test_a_drill_says_that_it_is_one_before_anything_else() -> None:
    """In a subject, in a telephone's text, and in what CloudWatch tells a pager; and it says who asked for it."""
    reason = "DRILL 19ab: nothing is wrong. arn:aws:iam::1:user/jo asked for it with `ses-feedback prove --drill`."
    notice = {
        "AlarmName": "ses-feedback drill",
        "AlarmDescription": DRILL.description(subject="ses-feedback"),
        "NewStateValue": "ALARM",
        "NewStateReason": reason,
        "StateChangeTime": "2027-01-15T07:55:00.000+0000",
        "Trigger": {
            **{"Namespace": "SesFeedback", "MetricName": "Tallied", "Statistic": "SUM", "Period": 60},
            **{"Dimensions": [], "Threshold": 1e15, "EvaluationPeriods": 1},
        },
    }
    message = World().explain(json.dumps(notice), "page")
    fits(message)
    assert message.subject == "PAGE: DRILL, nothing is wrong (ses-feedback drill)"
    assert str(message.short).startswith(message.subject)
    assert notice["AlarmDescription"].startswith("WHAT: DRILL: nothing is wrong.")
    assert reason in flat(message)
    assert "drill.md" in flat(message)
