"""Each fault of a deployment has one finding, with its place in the file, reason and mend."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.domain.settings import SetTopic, after
from ses_feedback.usecases.checks.finding import NOTE, WRONG, Finding, Rewire
from tests.unit.docs.test_commands import check as check_command

from .spoilers import (
    FOREIGN,
    NAME,
    alarm_gone,
    alarm_on,
    alarm_silent,
    another_set,
    at_work,
    complaints_by_a_set,
    complaints_of_all_streams,
    core_gone,
    dead_letters,
    deployed_too_much,
    deploying,
    destination_gone,
    destination_off,
    drop,
    follower_deaf,
    foreign,
    forwarding,
    found,
    never_signed,
    no_cloudwatch,
    no_headers,
    no_reputation,
    no_set,
    no_set_of_ours,
    no_suppression,
    no_tls,
    not_confirmed,
    not_recorded,
    on_call_deaf,
    on_call_unexplained,
    only,
    other_configuration,
    other_secret,
    other_suppression,
    overview_gone,
    paused_set,
    pending,
    quarantined,
    queue_gone,
    reader_deaf,
    review,
    rolled_back,
    sandbox,
    spoil,
    stopped,
    subdomain_unlisted,
    topic,
    topic_gone,
    unlisted,
    unsigned,
)
from .world import ADDRESS, ALARM, CONFIG, DOMAIN, World, world

AT = f'identities."{DOMAIN}"'
OF = f'identities."{ADDRESS}"'


def can_be_typed(finding: Finding) -> None:
    """The commands that mend it exist, with their options. (``tests/e2e/night`` runs them.)"""
    for command in (finding.mend or "").split(" && "):
        if command:
            check_command(shlex.split(command))


@pytest.mark.parametrize(
    ("change", "check", "path", "said", "mend"),
    [
        (drop, "topic", AT, "the Bounce topic is not set", "ses-feedback doctor --fix"),
        (
            foreign,
            "topic",
            AT,
            f"Bounce to {FOREIGN}",
            f"--forwarding-enabled && aws ses set-identity-notification-topic --region us-east-1 --identity {DOMAIN}",
        ),
        (no_headers, "headers", AT, "Complaint notifications carry no headers", "ses-feedback doctor --fix"),
        (forwarding, "forwarding", AT, "forwards bounces and complaints", "ses-feedback doctor --fix"),
        (another_set, "default set", f"{OF}.configuration_set", "is theirs, not", "--email-identity news@example.com"),
        (no_set_of_ours, "default set", f"{OF}.configuration_set", "is none, not", "ses-feedback doctor --fix"),
        (unsigned, "dkim", AT, "DKIM records: Failed", "get-email-identity"),
        (unlisted, "unlisted", 'identities."shop@example.com"', "names only example.com", "npx cdk deploy"),
        (subdomain_unlisted, "unlisted", 'identities."mail.example.com"', "names only example.com", "npx cdk deploy"),
        (paused_set, "set paused", f"{OF}.configuration_set", "nothing says why", "ses-feedback resume"),
        (no_set, "set", f"{OF}.configuration_set", "has no configuration set", "npx cdk deploy"),
        (no_tls, "set options", f"{OF}.configuration_set.tls", "TLS optional, not require", "--tls-policy REQUIRE"),
        (
            no_reputation,
            "set options",
            f"{OF}.configuration_set",
            "no reputation metrics",
            "--reputation-metrics-enabled",
        ),
        (
            other_suppression,
            "set options",
            f"{OF}.configuration_set.suppress",
            "not bounce",
            "--suppressed-reasons BOUNCE",
        ),
        (destination_off, "event destination", f"{OF}.configuration_set", "cloudwatch of", "doctor --fix"),
        (destination_gone, "event destination", f"{OF}.configuration_set.events", "topic of reject", "npx cdk deploy"),
        (no_cloudwatch, "event destination", f"{OF}.configuration_set", "CloudWatch", "npx cdk deploy"),
        (sandbox, "sandbox", "deployment.region", "in the sandbox", "--production-access-enabled"),
        (review, "enforcement", "deployment.region", "under probation", "get-account"),
        (stopped, "sending", "deployment.region", "switched off", "put-account-sending-attributes"),
        (topic_gone, "topic", AT, "there is no topic ses-feedback_delivery_", "npx cdk deploy"),
        (not_recorded, "subscription", AT, "recording is not subscribed", "--protocol lambda"),
        (
            not_confirmed,
            "subscription",
            "teams.developers.notify[0]",
            "email-json dev@example.org has not confirmed",
            "aws sns subscribe",
        ),
        (on_call_deaf, "subscription", "on_call.page[0]", "on-call (page) is not subscribed", "--protocol email"),
        (on_call_unexplained, "subscription", "on_call.page", "explaining is not subscribed", "--protocol lambda"),
        (
            follower_deaf,
            "subscription",
            "changes.notify[0]",
            "a follower of changes is not subscribed",
            r'"FilterPolicy":"{\"type\":[\"released\"]}"',
        ),
        (
            reader_deaf,
            "subscription",
            "teams.developers.notify[1]",
            "email people@example.org has not confirmed",
            "sns subscribe",
        ),
        (
            dead_letters,
            "queue",
            "deployment",
            "1,203 messages in ses-feedback-dead-letters",
            "ses-feedback redrive dead-letters",
        ),
        (queue_gone, "queue", "deployment", "no queue ses-feedback-retry", "npx cdk deploy --all --revert-drift"),
        (quarantined, "quarantine", "deployment", "1 piece in quarantine", "ses-feedback quarantine list"),
        (alarm_gone, "alarm", "deployment", f'"{ALARM}" was deleted', "npx cdk deploy --all --revert-drift"),
        (alarm_silent, "alarm", "deployment", "switched off", "ses-feedback doctor --fix"),
        (
            rolled_back,
            "stack",
            "deployment",
            "ses-feedback-core is in the state UPDATE_ROLLBACK_COMPLETE",
            "describe-stack-events",
        ),
        (overview_gone, "stack", "deployment", "no stack ses-feedback-overview", "npx cdk deploy"),
        (core_gone, "stack", "deployment", "no stack ses-feedback-core", "npx cdk deploy"),
        (other_configuration, "deployed", "deployment", "another configuration than this file", "npx cdk deploy"),
        (deployed_too_much, "deployed", 'identities."old.example.com"', "no longer in the file", "npx cdk deploy"),
        (other_secret, "secret", "deployment", "another address key", "list-secret-version-ids"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_fault_has_one_finding(change: Callable[[World], Any], check: str, path: str, said: str, mend: str) -> None:
    """Each fault is found once, wrong, where the file speaks of it, and with the command that mends it."""
    finding = spoil(world(), change)
    assert (finding.check, finding.path, finding.level) == (check, path, WRONG)
    assert said in finding.what
    assert mend in (finding.mend or "")
    assert finding.why
    assert "\n" not in finding.what + finding.why
    can_be_typed(finding)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (at_work, "1 message in ses-feedback-tally"),
        (alarm_on, f'the alarm "{ALARM}" is on'),
        (deploying, "ses-feedback-data is being deployed"),
        (never_signed, "not signed with DKIM"),
        (no_suppression, "does not suppress addresses that bounced"),
        (complaints_of_all_streams, "in all streams of production: default, marketing"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_only_worth_knowing(change: Callable[[World], Any], said: str) -> None:
    """What needs no mending today is a note."""
    finding = spoil(world(), change)
    assert finding.level == NOTE
    assert said in finding.what
    can_be_typed(finding)


def test_the_sandbox_is_no_fault_outside_production() -> None:
    """An account for tests may stay in the sandbox."""
    there = world('[on_call]\npage = [{ email = "o@example.com" }]\n[identities."example.com"]\nenvironment = "dev"\n')
    assert spoil(there, sandbox).level == NOTE


def test_both_notes_about_the_accounts_list_have_the_same_mend() -> None:
    """One that keeps too little and too much: what one command sets, the other does not take back."""
    there = world()
    there.account_ = replace(there.account_, suppressed=frozenset({"COMPLAINT"}))
    first, second = found(there)
    assert first.mend == second.mend
    assert (first.mend or "").endswith("--suppressed-reasons BOUNCE")


def test_complaints_of_all_streams_do_not_matter_with_sets_of_their_own() -> None:
    """Where every identity of an environment says what is suppressed, the account's setting has no say."""
    text = CONFIG.replace(
        '[identities."example.com"]', '[identities."example.com"]\nconfiguration_set = { suppress = ["bounce"] }'
    )
    there = world(text)
    complaints_of_all_streams(there)
    assert found(there) == []


def test_a_set_that_suppresses_complaints_where_the_file_says_nothing_of_it() -> None:
    """Somebody set it in SES: a complaint about one stream stops the others; with one stream there is no other."""
    text = CONFIG.replace(', suppress = ["bounce"]', "")
    finding = spoil(world(text), complaints_by_a_set)
    assert (finding.check, finding.level) == ("set suppression", NOTE)
    assert "default, marketing" in finding.why
    there = world(text.replace('stream = "marketing"', ""))
    complaints_by_a_set(there)
    assert found(there) == []


# --- identities that are not as they should be ------------------------------------------------------------------------


def test_an_identity_that_vanished() -> None:
    """SES does not know it and nothing covers it; its address, still there, is not touched by that."""
    there = world()
    del there.statuses[DOMAIN]
    finding = only(there)
    assert (finding.check, finding.path) == ("identity", AT)
    assert finding.mend == f"aws sesv2 create-email-identity --region us-east-1 --email-identity {DOMAIN}"
    assert finding.fix is None


def test_an_address_that_is_not_verified_on_its_own_goes_by_its_domain() -> None:
    """SES sends its mail by the verified domain, so that its feedback goes another way than the file says."""
    there = world()
    del there.statuses[ADDRESS]
    finding = only(there)
    assert finding.check == "verification"
    assert f"SES sends its mail by {DOMAIN}" in finding.what
    assert "create-email-identity" in (finding.mend or "")


def test_an_unverified_domain() -> None:
    """Its address is not covered by it either."""
    there = world()
    pending(there)
    domain, address = found(there)
    assert (domain.check, domain.what) == ("verification", f"{DOMAIN} is not verified in us-east-1: SES says Pending")
    assert address.check == "identity"


def test_what_the_deployment_creates_is_mended_by_deploying() -> None:
    """An identity with `create` needs no command of its own."""
    text = '[on_call]\npage = [{ email = "o@example.com" }]\n[identities."example.com"]\ncreate = true\n'
    there = world(text)
    there.statuses = {}
    assert only(there).mend == "npx cdk deploy --all"


def test_an_identity_that_is_not_deployed_has_one_finding() -> None:
    """Its topics are not there and not set: that follows, and is not told again."""
    there = world()
    cell = naming.cell_stack(NAME, 1)
    deployed = {**there.stacks_[cell].resources, "Custom::SesIdentityWiring": frozenset({ADDRESS})}
    there.stacks_[cell] = replace(there.stacks_[cell], resources=deployed)
    drop(there)
    for kind in ("bounce", "complaint", "delivery"):
        del there.topics[topic(there, DOMAIN, kind)]
    finding = only(there)
    assert (finding.check, finding.path) == ("deployed", AT)


def test_a_topic_of_another_kind_of_ours_is_not_foreign() -> None:
    """What bears this deployment's and identity's name is mended without asking."""
    there = world()
    there.live[DOMAIN] = after(there.live[DOMAIN], SetTopic("Bounce", topic(there, DOMAIN, "complaint")))
    assert only(there).fix == Rewire(DOMAIN)
