"""The loop of an identity, and the cells it lives in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.cells import Lock
from infra.deployment import CELLS_AT_ONCE, Settings
from infra.weights import resources
from ses_feedback import naming
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, OWNER, Assembly, lock_of, synthesise

KINDS = ("bounce", "complaint", "delivery")


def topic_arn(assembly: Assembly, kind: str, identity: str) -> str:
    return f"arn:aws:sns:{assembly.region}:{ACCOUNT}:{naming.topic_name('ses-feedback', kind, identity)}"


def subscriptions(assembly: Assembly, topic: str) -> list[dict[str, object]]:
    return [s.properties for s in assembly.find("AWS::SNS::Subscription") if s.properties["TopicArn"] == topic]


def test_only_ses_publishes_for_this_identity(full: Assembly) -> None:
    """Every feedback topic lets in SES alone, from this account, for its identity or its own configuration set."""
    policies = {
        p.properties["Topics"][0]: p.properties["PolicyDocument"]["Statement"]
        for p in full.find("AWS::SNS::TopicPolicy")
    }
    for name, identity in full.config.identities.items():
        sources: object = f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/{name}"
        if identity.configuration_set:
            own = naming.configuration_set_name("ses-feedback", name)
            sources = [sources, f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/{own}"]
        for kind in KINDS:
            allow, deny = policies[topic_arn(full, kind, name)]
            assert allow["Effect"] == "Allow"
            assert allow["Principal"] == {"Service": "ses.amazonaws.com"}
            assert allow["Action"] == ["sns:Publish"]
            assert allow["Resource"] == topic_arn(full, kind, name)
            assert allow["Condition"] == {"StringEquals": {"AWS:SourceAccount": ACCOUNT, "AWS:SourceArn": sources}}
            assert deny["Effect"] == "Deny"
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_topic_is_encrypted_with_our_key(full: Assembly) -> None:
    """A key of AWS's own could not be used by SES or CloudWatch at all."""
    topics = full.find("AWS::SNS::Topic")
    own = {naming.topic_name("ses-feedback", k, i.name) for i in full.config.identities.values() for k in i.kinds}
    assert {t.properties["TopicName"] for t in topics} >= own
    assert {t.properties["KmsMasterKeyId"] for t in topics} == {"alias/ses-feedback"}


def test_bounces_and_complaints_are_acted_on_and_everything_is_counted(full: Assembly) -> None:
    """record_feedback hears bounces and complaints, the tally queue all kinds in SNS's envelope; failures are kept."""
    for name in full.config.identities:
        for kind in KINDS:
            found = subscriptions(full, topic_arn(full, kind, name))
            acts = [s for s in found if str(s["Endpoint"]).endswith(":ses-feedback-record_feedback")]
            counts = [s for s in found if str(s["Endpoint"]).endswith(":ses-feedback-tally")]
            assert len(acts) == (kind != "delivery")
            assert len(counts) == 1
            for subscription in acts:
                assert subscription["Protocol"] == "lambda"
                assert str(subscription["RedrivePolicy"]["deadLetterTargetArn"]).endswith(":ses-feedback-retry")  # type: ignore[index]
            assert counts[0]["Protocol"] == "sqs"
            assert counts[0]["RawMessageDelivery"] is False
            target = counts[0]["RedrivePolicy"]["deadLetterTargetArn"]  # type: ignore[index]
            assert target.endswith(":ses-feedback-tally-dead-letters")


def test_wiring_comes_after_topics_policies_and_subscriptions(full: Assembly) -> None:
    """SES checks that it may publish when it is given a topic; and nothing must be published that nobody hears."""
    for wiring in full.find("Custom::SesIdentityWiring"):
        identity = wiring.properties["Identity"]
        own = naming.camel(identity) + naming.identity_hash(identity)
        before = {
            f.logical_id
            for f in full.all()
            if f.stack == wiring.stack
            and f.logical_id.startswith(own)
            and f.type
            in ("AWS::SNS::TopicPolicy", "AWS::SNS::Subscription", "AWS::SES::ConfigurationSetEventDestination")
        }
        assert len(before) >= 8
        assert before <= wiring.after
        assert wiring.properties["Topics"] == {kind.capitalize(): topic_arn(full, kind, identity) for kind in KINDS}
        assert (
            wiring.properties["ServiceToken"]
            == f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:ses-feedback-wire_identity"
        )
        longest = full.one("AWS::Lambda::Function", FunctionName="ses-feedback-wire_identity").properties["Timeout"]
        assert longest < int(wiring.properties["ServiceTimeout"]) <= 3_600


def test_only_one_with_a_set_of_its_own_is_given_a_default(full: Assembly) -> None:
    """The wiring of the others says nothing about a set: what they have is left alone."""
    wired = {
        w.properties["Identity"]: w.properties.get("ConfigurationSet") for w in full.find("Custom::SesIdentityWiring")
    }
    own = naming.configuration_set_name("ses-feedback", "news@example.com")
    assert wired == dict.fromkeys(full.config.identities) | {"news@example.com": own}


def test_outputs(full: Assembly) -> None:
    """As contracted: table, on-call topics, each identity's topics and wiring; colliding names end in their hash."""
    outputs = full.outputs()
    assert outputs["SuppressionTableName"] == "ses-feedback-suppressions"
    for severity in ("page", "warn"):
        arn = f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback-on-call-{severity}"
        assert outputs[f"OnCall{severity.capitalize()}TopicArn"] == arn
    assert outputs["TopicBounceExampleCom"] == topic_arn(full, "bounce", "example.com")
    assert outputs["TopicDeliveryNewsExampleCom"] == topic_arn(full, "delivery", "news@example.com")
    for identity in ("dev@example.com", "dev.example.com"):
        name = f"DevExampleCom{naming.identity_hash(identity)}"
        assert outputs[f"TopicComplaint{name}"] == topic_arn(full, "complaint", identity)
        assert outputs[f"Wiring{name}"].endswith(".Status>")
    own = {name for name in outputs if name.startswith(("Topic", "Wiring"))}
    assert len(own) == sum(len(identity.kinds) + 1 for identity in full.config.identities.values())


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_weights_are_those_of_the_templates(name: str, request: pytest.FixtureRequest) -> None:
    """What cells are filled by is what the stacks really hold."""
    assembly: Assembly = request.getfixturevalue(name)
    lock = lock_of(assembly.config)
    for number, members in lock.members().items():
        stack = naming.cell_stack("ses-feedback", number)
        expected = sum(resources(assembly.config, assembly.config.identities[member]) for member in members)
        expected += len(lock.environments.get(number, ()))
        expected += assembly.config.deployment.alarms == "identity"  # that counting was days late
        assert len(assembly.templates[stack]["Resources"]) == expected


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_no_stack_is_near_its_limits(name: str, request: pytest.FixtureRequest) -> None:
    """450 resources of 500, 150 outputs of 200, 800 kB of 1 MB."""
    assembly: Assembly = request.getfixturevalue(name)
    for stack, template in assembly.templates.items():
        assert len(template.get("Resources", {})) <= 450, stack
        assert len(template.get("Outputs", {})) <= 150, stack
        assert (assembly.folder / f"{stack}.template.json").stat().st_size < 800_000, stack


def test_cells_depend_on_core_and_four_deploy_at_once(tmp_path: Path) -> None:
    """Data, core, cells, where the fifth waits for the first, and the overview.

    A cell that was emptied has nothing in it and comes last: what it had was named by alarms in the overview.
    """
    config = configs.many(20)
    lock = Lock(OWNER, {name: 1 + i % 6 for i, name in enumerate(config.identities) if i % 6 != 2}, 6)
    kept = {name: identity for name, identity in config.identities.items() if name in lock.cells}
    config = replace(config, identities=kept)
    assembly = synthesise(config, tmp_path, lock=lock_of(config, lock))
    assert len(assembly.cells()) == 6
    assert assembly.templates["ses-feedback-cell-0003"].get("Resources", {}) == {}

    def after(stack: str) -> set[str]:
        return {d for d in assembly.artifacts[stack]["dependencies"] if not d.endswith(".assets")}

    assert after("ses-feedback-core") == {"ses-feedback-data"}
    full = [naming.cell_stack("ses-feedback", number) for number in (1, 2, 4, 5, 6)]
    for place, cell in enumerate(full):
        expected = {"ses-feedback-core"} | ({full[place - CELLS_AT_ONCE]} if place >= CELLS_AT_ONCE else set())
        assert after(cell) == expected
    assert after("ses-feedback-overview") == {"ses-feedback-core", *full}
    assert after(naming.cell_stack("ses-feedback", 3)) == {"ses-feedback-overview"}


def test_order_in_the_file_says_nothing(tmp_path: Path, full: Assembly) -> None:
    """The same identities and destinations in another order give the same templates: nothing is replaced."""
    config = full.config
    team = config.teams["customer-service"]
    teams = {**config.teams, team.name: replace(team, notify=tuple(reversed(team.notify)))}
    identities = dict(reversed(list(config.identities.items())))
    again = synthesise(replace(config, teams=teams, identities=identities), tmp_path)
    assert (
        again.templates["ses-feedback-cell-0001"]["Resources"] == full.templates["ses-feedback-cell-0001"]["Resources"]
    )


def test_every_identity_is_wired_anew_on_request(small: Assembly, tmp_path: Path) -> None:
    """CloudFormation calls a custom resource only when a property changes; a deployment as usual changes none."""
    again = synthesise(small.config, tmp_path, settings=Settings(rewire="2026-11-24"))
    before, after = small.find("Custom::SesIdentityWiring"), again.find("Custom::SesIdentityWiring")
    assert [resource.properties.get("Rewire") for resource in before] == [None] * len(small.config.identities)
    assert [resource.properties["Rewire"] for resource in after] == ["2026-11-24"] * len(small.config.identities)
