"""The custom resources: what they are told, how long they may take, and what they may create."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.functions import SIZES
from infra.wiring import CLAIM_TIMEOUT_S, CLAIM_TYPE, WIRING_TYPE
from lambdas import claim_table
from ses_feedback import naming
from ses_feedback.adapters.patience import PATIENCE_MS
from tests.infra.synthesis import ACCOUNT, Assembly, synthesise


@pytest.fixture(scope="module")
def creating(small: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The small deployment with both switches on, and an address beside its domain."""
    domain = replace(small.config.identities["example.com"], create=True)
    address = replace(domain, name="dev@example.com")
    config = replace(
        small.config,
        deployment=replace(small.config.deployment, overwrite=True),
        identities={identity.name: identity for identity in (domain, address)},
    )
    return synthesise(config, tmp_path_factory.mktemp("creating"))


def test_switches_are_properties_in_text(small: Assembly, creating: Assembly) -> None:
    """Both are told always, so that switching one is an Update; off is the default."""
    for assembly, expected in ((small, "false"), (creating, "true")):
        for wiring in assembly.find(WIRING_TYPE):
            assert (wiring.properties["Overwrite"], wiring.properties["Create"]) == (expected, expected)


def test_a_domain_to_create_has_its_records_in_the_outputs(small: Assembly, creating: Assembly) -> None:
    """Three outputs of a domain, none of an address, none where nothing is created."""
    found = {name: value for name, value in creating.outputs().items() if name.startswith("Dkim")}
    assert found.keys() == {f"DkimExampleCom{n}" for n in (1, 2, 3)}
    for n in (1, 2, 3):
        assert found[f"DkimExampleCom{n}"].endswith(f".Dkim{n}>")
    assert not any(name.startswith("Dkim") for name in small.outputs())


def test_only_identities_of_our_tag_are_created_and_deleted(small: Assembly) -> None:
    """The function cannot create one that it could not tell apart later, nor delete one that somebody else made."""
    role = next(
        r
        for r in small.find("AWS::IAM::Role")
        if r.properties["Description"].endswith("ses-feedback-wire_identity may do")
    )
    (policy,) = role.properties["Policies"]
    by_action = {
        action: (statement["Resource"], statement.get("Condition"))
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }
    created = {"StringEquals": {f"aws:RequestTag/{naming.TAG_DEPLOYMENT}": "ses-feedback"}}
    assert by_action["ses:CreateEmailIdentity"] == by_action["ses:TagResource"] == ("*", created)
    assert by_action["ses:DeleteEmailIdentity"] == (
        f"arn:aws:ses:{small.region}:{ACCOUNT}:identity/*",
        {"StringEquals": {f"aws:ResourceTag/{naming.TAG_DEPLOYMENT}": "ses-feedback"}},
    )


def test_there_is_time_for_a_key_that_kms_does_not_know_yet(small: Assembly) -> None:
    """The function outlives KMS's five minutes, and CloudFormation two runs of the function."""
    function = small.one("AWS::Lambda::Function", FunctionName="ses-feedback-claim_table")
    assert function.properties["Timeout"] == SIZES[naming.CLAIM_TABLE].timeout_s == 420
    assert PATIENCE_MS + claim_table.ANSWER_MS < 420_000
    assert int(small.one(CLAIM_TYPE).properties["ServiceTimeout"]) == CLAIM_TIMEOUT_S
    assert 2 * 420 < CLAIM_TIMEOUT_S <= 3_600
