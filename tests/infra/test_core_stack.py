"""The core stack: functions, queues, the claim, and who may call whom."""

from __future__ import annotations

import json

from infra.needed import needed
from infra.senders import QUEUE_BYTES, sending_topics
from ses_feedback import naming
from ses_feedback.adapters.dynamodb_wire import TIMEOUT_S
from ses_feedback.config.model import ACTED_KINDS, NOTIFIED_KINDS
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, OWNER, Assembly, Found

CORE = "ses-feedback-core"
TOPICS = f"arn:aws:sns:us-east-1:{ACCOUNT}:ses-feedback_*"


def queue(assembly: Assembly, name: str) -> Found:
    return assembly.one("AWS::SQS::Queue", QueueName=name)


def function(assembly: Assembly, name: str) -> Found:
    return assembly.one("AWS::Lambda::Function", FunctionName=f"ses-feedback-{name}")


def arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def test_every_function_is_built_the_same_way(small: Assembly) -> None:
    """All needed ones, from one asset, on Python 3.13 and arm64, each with a log group of 30 days and its own role."""
    functions = small.find("AWS::Lambda::Function")
    names = {f"ses-feedback-{name}" for name in needed(small.config)}
    assert {f.properties["FunctionName"] for f in functions} == names
    assert len({str(f.properties["Code"]) for f in functions}) == 1
    assert len({f.properties["Role"] for f in functions}) == len(functions)
    groups = {g.properties["LogGroupName"]: g.properties for g in small.find("AWS::Logs::LogGroup")}
    for found in functions:
        properties, name = found.properties, found.properties["FunctionName"]
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["Handler"] == f"lambdas.{name.removeprefix('ses-feedback-')}.handler"
        assert properties["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{name}"
        assert groups[f"/aws/lambda/{name}"]["RetentionInDays"] == 30
        assert "TracingConfig" not in properties
        assert "ReservedConcurrentExecutions" not in properties


def test_an_invocation_outlives_its_tries(small: Assembly) -> None:
    """A silent DynamoDB fails an invocation with an error that says so, before Lambda ends it without one."""
    tries, pauses_s = 3, 1  # as DynamoDbWire has them by default
    writes = 2  # a put that finds the address known, and the put of what they join to
    longest = (TIMEOUT_S * tries + pauses_s) * writes
    assert longest < function(small, naming.RECORD_FEEDBACK).properties["Timeout"]


def test_environment_of_functions(small: Assembly) -> None:
    """Each gets names by which it finds its resources; the secret only those who need it, and never as text."""
    for name in needed(small.config):
        values = function(small, name).properties["Environment"]["Variables"]
        assert values[naming.ENV_TABLE] == "ses-feedback-suppressions"
        assert values[naming.ENV_QUARANTINE_BUCKET] == f"ses-feedback-quarantine-{ACCOUNT}-us-east-1"
        assert values[naming.ENV_RETRY_QUEUE_URL] == f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/ses-feedback-retry"
        assert values["POWERTOOLS_SERVICE_NAME"]
        assert values["POWERTOOLS_LOG_LEVEL"] == "INFO"
        paced = name in (naming.WIRE_IDENTITY, naming.CHECK_LOOP, naming.SEND_CANARIES)
        keyed = not paced and name not in (naming.WRITE_ARCHIVE, naming.ANNOUNCE_CHANGES, naming.EXPLAIN_ALARM)
        assert values.get(naming.ENV_ADDRESS_KEY) == (
            "{{resolve:secretsmanager:ses-feedback-address-key}}" if keyed else None
        )
        assert (naming.ENV_SES_INTERVAL in values) is paced
    wiring = function(small, naming.WIRE_IDENTITY).properties["Environment"]["Variables"]
    assert wiring[naming.ENV_SES_INTERVAL] == "1000"
    assert wiring[naming.ENV_WIRING_TABLE] == "ses-feedback-wiring"


def test_what_record_feedback_fails_on_is_kept(small: Assembly) -> None:
    """Two more tries by Lambda, then the retry queue; the role may send there."""
    config = small.one("AWS::Lambda::EventInvokeConfig", FunctionName="ses-feedback-record_feedback").properties
    assert config["MaximumRetryAttempts"] == 2
    assert config["MaximumEventAgeInSeconds"] == 21_600
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": arn("ses-feedback-retry")}}


def test_retry_queue(small: Assembly) -> None:
    """Tries go on for days: an hour of visibility, a hundred receives, fourteen days, then the dead letters."""
    properties = queue(small, "ses-feedback-retry").properties
    assert properties["VisibilityTimeout"] == 3_600
    assert properties["MessageRetentionPeriod"] == 14 * 86_400
    assert properties["RedrivePolicy"] == {
        "deadLetterTargetArn": arn("ses-feedback-dead-letters"),
        "maxReceiveCount": 100,
    }


def test_tally_queue(small: Assembly) -> None:
    """A batch has six times the function's time before SQS gives it away again; ten receives, then dead letters."""
    properties = queue(small, "ses-feedback-tally").properties
    timeout = function(small, naming.TALLY_FEEDBACK).properties["Timeout"]
    assert timeout >= 60
    assert properties["VisibilityTimeout"] == 6 * timeout
    assert properties["RedrivePolicy"] == {
        "deadLetterTargetArn": arn("ses-feedback-tally-dead-letters"),
        "maxReceiveCount": 10,
    }


def test_every_queue_is_encrypted_tls_only_and_keeps_14_days(small: Assembly) -> None:
    """Six queues, each with a policy that refuses anything but TLS and lets in only the deployment's topics."""
    queues = small.find("AWS::SQS::Queue")
    assert len(queues) == 6
    policies = {
        p.properties["Queues"][0]: p.properties["PolicyDocument"]["Statement"]
        for p in small.find("AWS::SQS::QueuePolicy")
    }
    topics = ("page", "warn", "page-text", "warn-text")
    on_call = [f"arn:aws:sns:us-east-1:{ACCOUNT}:ses-feedback-on-call-{topic}" for topic in topics]
    told = [f"arn:aws:sns:us-east-1:{ACCOUNT}:ses-feedback_{kind}_example-com_a379a6f6" for kind in NOTIFIED_KINDS]
    senders = {
        "ses-feedback-retry": told[:2],
        "ses-feedback-tally": told,
        "ses-feedback-tally-dead-letters": told,
        "ses-feedback-archive-dead-letters": told,
        "ses-feedback-team-dead-letters": [*told, *on_call, f"arn:aws:sns:us-east-1:{ACCOUNT}:ses-feedback-changes"],
        "ses-feedback-dead-letters": [],
    }
    for found in queues:
        name = found.properties["QueueName"]
        assert found.properties["SqsManagedSseEnabled"] is True
        assert found.properties["MessageRetentionPeriod"] == 14 * 86_400
        statements = policies[f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{name}"]
        denies = [s for s in statements if s["Effect"] == "Deny"]
        assert [s["Condition"] for s in denies] == [{"Bool": {"aws:SecureTransport": "false"}}]
        allows = [s for s in statements if s["Effect"] == "Allow"]
        assert len(allows) == (1 if senders[name] else 0)
        for statement in allows:
            assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
            assert statement["Action"] == ["sqs:SendMessage"]
            assert statement["Resource"] == arn(name)
            assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": senders[name]}}


def test_consumers_of_the_queues(small: Assembly) -> None:
    """Both report which messages failed; retrying is slow on purpose, counting takes a thousand at a time."""
    sources = {s.properties["FunctionName"]: s.properties for s in small.find("AWS::Lambda::EventSourceMapping")}
    by_queue = {source["EventSourceArn"]: source for source in sources.values()}
    retry, tally = by_queue[arn("ses-feedback-retry")], by_queue[arn("ses-feedback-tally")]
    for source in (retry, tally):
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "DestinationConfig" not in source
    assert (retry["BatchSize"], retry["ScalingConfig"]) == (10, {"MaximumConcurrency": 5})
    assert (tally["BatchSize"], tally["ScalingConfig"]) == (1_000, {"MaximumConcurrency": 10})
    assert tally["MaximumBatchingWindowInSeconds"] == 20
    assert retry["FunctionName"].endswith("retry_feedback")
    assert tally["FunctionName"].endswith("tally_feedback")


def invokers(assembly: Assembly) -> set[str]:
    found = [p for p in assembly.find("AWS::Lambda::Permission") if p.properties["Principal"] == "sns.amazonaws.com"]
    record = [p.properties for p in found if p.properties["FunctionName"].endswith("record_feedback")]
    assert {p["Action"] for p in record} == {"lambda:InvokeFunction"}
    return {p["SourceArn"] for p in record}


def test_topics_are_let_in_by_name_where_a_policy_has_room(full: Assembly, thirty: Assembly) -> None:
    """Each topic that is acted upon, and no other of a name like ours; the pattern only where they are too many."""
    acted = {
        t.properties["TopicName"]
        for t in full.find("AWS::SNS::Topic")
        if t.properties["TopicName"].split("_")[1:2] in (["bounce"], ["complaint"], ["subscription"])
    }
    assert len(acted) == 9
    assert invokers(full) == {f"arn:aws:sns:eu-west-1:{ACCOUNT}:{name}" for name in acted}
    assert invokers(thirty) == {TOPICS}


def test_no_policy_passes_its_limit(thirty: Assembly) -> None:
    """As AWS stores them, for any number of identities: 8,192 bytes of a queue, 20,480 of a function."""
    counted = set()
    for number in (1, 5, 9, 12, 20, 23, 40):
        for kinds in (NOTIFIED_KINDS, ACTED_KINDS):
            names = sending_topics(configs.many(number), kinds, most_bytes=QUEUE_BYTES)
            listed = [f"arn:aws-us-gov:sns:us-east-1:{ACCOUNT}:{name}" for name in names]
            assert len(json.dumps(listed, separators=(",", ":"))) <= QUEUE_BYTES + 2
            counted.add(len(names))
    assert len(counted) > 6
    assert 1 in counted
    for policy in thirty.find("AWS::SQS::QueuePolicy"):
        assert len(json.dumps(policy.properties["PolicyDocument"])) < 8_192


def test_the_claim_comes_first(full: Assembly) -> None:
    """Nothing of core but the claim's own function is touched before the claim is accepted."""
    claim = full.one("Custom::SuppressionTableClaim")
    assert claim.properties["Table"] == "ses-feedback-suppressions"
    assert claim.properties["Owner"] == OWNER
    assert claim.properties["ServiceToken"].endswith("claim_table")
    for found in full.all():
        if found.stack == CORE and found.logical_id != claim.logical_id:
            own = found.logical_id.startswith("ClaimTable")
            assert (claim.logical_id in found.after) is not own, found.logical_id


def test_on_call_hears_by_every_protocol(full: Assembly) -> None:
    """Programs are subscribed to the alarms, people to their text, and what one of them does not take is kept."""
    found: dict[str, list[tuple[str, str]]] = {}
    for subscription in full.find("AWS::SNS::Subscription"):
        properties = subscription.properties
        if "on-call" in properties["TopicArn"]:
            severity = properties["TopicArn"].partition("-on-call-")[2]
            found.setdefault(severity, []).append((properties["Protocol"], properties["Endpoint"]))
            assert properties["RedrivePolicy"]["deadLetterTargetArn"].endswith(":ses-feedback-team-dead-letters")
    explainer = ("lambda", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:ses-feedback-explain_alarm")
    assert {topic: sorted(whom) for topic, whom in found.items()} == {
        "page": [
            ("https", "https://pager.example.com/v1/sns"),
            explainer,
            ("sqs", "arn:aws:sqs:eu-west-1:111122223333:pages"),
        ],
        "page-text": [("email", "oncall@example.com")],
        "warn": [("email-json", "deliverability@example.com"), explainer],
        "warn-text": [("sms", "+12065550100")],
    }
