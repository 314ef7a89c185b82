"""Faults of a deployment, each as a function that makes it, and what doctor says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.settings import SetForwarding, SetHeaders, SetTopic, after
from ses_feedback.usecases.checks.finding import Finding
from ses_feedback.usecases.checks.live import Alarm, Dkim, ListedIdentity, Subscription
from ses_feedback.usecases.doctor import Diagnosis, Doctor

from .world import ADDRESS, ALARM, DOMAIN, World

NAME: Final = "ses-feedback"
OWN_SET: Final = naming.configuration_set_name(NAME, ADDRESS)
FOREIGN: Final = "arn:aws:sns:us-east-1:111122223333:theirs"


def examine(there: World) -> Diagnosis:
    return Doctor(there.config, there.inventory, there.places).examine()


def found(there: World) -> list[Finding]:
    diagnosis = examine(there)
    assert diagnosis.unchecked == []
    # The default file has one warning of its own: senders need a permission on the configuration set.
    return [f for f in diagnosis.findings if f.check != "file"]


def only(there: World) -> Finding:
    (finding,) = found(there)
    return finding


def topic(there: World, identity: str, kind: str) -> str:
    return there.wanted.identities[identity].topics[kind]


def spoil(there: World, change: Callable[[World], Any]) -> Finding:
    change(there)
    return only(there)


def drop(there: World) -> None:
    there.live[DOMAIN] = after(there.live[DOMAIN], SetTopic("Bounce", None))


def foreign(there: World) -> None:
    there.live[DOMAIN] = after(there.live[DOMAIN], SetTopic("Bounce", FOREIGN))


def no_headers(there: World) -> None:
    there.live[DOMAIN] = after(there.live[DOMAIN], SetHeaders("Complaint", False))


def forwarding(there: World) -> None:
    there.live[DOMAIN] = after(there.live[DOMAIN], SetForwarding(True))


def another_set(there: World) -> None:
    there.defaults[ADDRESS] = "theirs"


def no_set_of_ours(there: World) -> None:
    there.defaults[ADDRESS] = None


def unsigned(there: World) -> None:
    there.signed[DOMAIN] = Dkim(True, "Failed")


def never_signed(there: World) -> None:
    there.signed[DOMAIN] = Dkim(False, "NotStarted")


def pending(there: World) -> None:
    there.statuses[DOMAIN] = "Pending"
    there.statuses.pop(ADDRESS)


def unlisted(there: World) -> None:
    there.others = [ListedIdentity("shop@example.com", True), ListedIdentity("else@example.net", True)]
    there.others.append(ListedIdentity("unverified@example.com", False))


def subdomain_unlisted(there: World) -> None:
    there.others = [ListedIdentity("Mail.Example.com", True)]


def paused_set(there: World) -> None:
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], sending=False)


def no_set(there: World) -> None:
    del there.sets[OWN_SET]


def no_tls(there: World) -> None:
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], tls="OPTIONAL")


def no_reputation(there: World) -> None:
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], reputation=False)


def other_suppression(there: World) -> None:
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], suppressed=None)


def destination_off(there: World) -> None:
    first, *others = there.destinations[OWN_SET]
    there.destinations[OWN_SET] = [replace(first, enabled=False), *others]


def destination_gone(there: World) -> None:
    there.destinations[OWN_SET] = there.destinations[OWN_SET][:1]


def no_cloudwatch(there: World) -> None:
    there.destinations[OWN_SET] = there.destinations[OWN_SET][1:]


def sandbox(there: World) -> None:
    there.account_ = replace(there.account_, production=False)


def review(there: World) -> None:
    there.account_ = replace(there.account_, enforcement="PROBATION")


def stopped(there: World) -> None:
    there.account_ = replace(there.account_, sending=False)


def no_suppression(there: World) -> None:
    there.account_ = replace(there.account_, suppressed=frozenset())


def complaints_by_a_set(there: World) -> None:
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], suppressed=frozenset({"BOUNCE", "COMPLAINT"}))


def complaints_of_all_streams(there: World) -> None:
    there.account_ = replace(there.account_, suppressed=frozenset({"BOUNCE", "COMPLAINT"}))


def topic_gone(there: World) -> None:
    del there.topics[topic(there, DOMAIN, "delivery")]


def not_recorded(there: World) -> None:
    arn = topic(there, DOMAIN, "bounce")
    there.topics[arn] = [s for s in there.topics[arn] if s.protocol != "lambda"]


def not_confirmed(there: World) -> None:
    arn = topic(there, DOMAIN, "bounce")
    there.topics[arn] = [s._replace(confirmed=s.protocol != "email-json") for s in there.topics[arn]]


def on_call_deaf(there: World) -> None:
    there.topics[there.wanted.on_call[1].topic] = []


def on_call_unexplained(there: World) -> None:
    """The function that puts alarms into words is subscribed no more."""
    there.topics[there.wanted.on_call[0].topic] = []


def reader_deaf(there: World) -> None:
    there.topics[there.wanted.digests[0].topic] = [Subscription("email", "people@example.org", False)]


def follower_deaf(there: World) -> None:
    there.topics[there.wanted.changes.topic] = []


def dead_letters(there: World) -> None:
    there.queues[naming.dead_letter_queue_name(NAME)] = 1_203


def at_work(there: World) -> None:
    there.queues[naming.tally_queue_name(NAME)] = 1


def queue_gone(there: World) -> None:
    there.queues[naming.retry_queue_name(NAME)] = None


def quarantined(there: World) -> None:
    there.quarantine = [1, 0]


def alarm_gone(there: World) -> None:
    there.alarms_ = {}


def alarm_silent(there: World) -> None:
    there.alarms_[ALARM] = Alarm(False, "OK")


def alarm_on(there: World) -> None:
    there.alarms_[ALARM] = Alarm(True, "ALARM")


def rolled_back(there: World) -> None:
    there.stack(naming.core_stack, status="UPDATE_ROLLBACK_COMPLETE")


def deploying(there: World) -> None:
    there.stack(naming.data_stack, status="UPDATE_IN_PROGRESS")


def core_gone(there: World) -> None:
    del there.stacks_[naming.core_stack(NAME)]


def overview_gone(there: World) -> None:
    del there.stacks_[naming.overview_stack(NAME)]


def other_configuration(there: World) -> None:
    there.stack(naming.core_stack, outputs={naming.OUTPUT_CONFIGURATION: "0123456789abcdef"})


def deployed_too_much(there: World) -> None:
    cell = naming.cell_stack(NAME, 1)
    wired = frozenset({DOMAIN, ADDRESS, "old.example.com"})
    there.stacks_[cell] = replace(
        there.stacks_[cell], resources={**there.stacks_[cell].resources, "Custom::SesIdentityWiring": wired}
    )


def other_secret(there: World) -> None:
    there.secret_problem = PermanentError("table ses-feedback-suppressions was filled under another address key")
