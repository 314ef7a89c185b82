"""Every call that the functions really make is allowed, and whatever is allowed is called: no more, no less."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from infra.needed import told_teams
from local.authority import HOST, TOPIC, Authority, body, confirmation, notification, pem
from ses_feedback import naming
from ses_feedback.adapters import clients, custom_resource
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.canary_table import CanaryTable
from ses_feedback.adapters.items import to_item
from ses_feedback.adapters.list_table import ListTable
from ses_feedback.adapters.rotation import TableRotation
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.config.loop import asset_files, loop_config, to_loop
from ses_feedback.config.posts import posts_files
from ses_feedback.domain import canary
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, Ruling, Strike
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR, format_time
from ses_feedback.endpoint import certificates, confirming, fetching
from ses_feedback.usecases.lists import syncing
from ses_feedback.usecases.wiring_ports import PENDING, WIRED
from tests.infra.synthesis import ACCOUNT, Assembly
from tests.infra.wire_tap import Tap, refusal
from tests.unit.adapters.conftest import TABLE, Dynamo
from tests.unit.usecases import mail
from tests.unit.usecases.mail import sns_body, sns_event, sqs_event

SECRET = "a secret for tests"
NOW = time.time_ns() // 1_000_000
LONG_AGO = NOW - 100 * DAY
WIRING = naming.wiring_table_name("ses-feedback")
IDENTITY = "example.com"
CANARY = canary.recipient("ses-feedback", ev.BOUNCE, NOW)

# Granted, and used by AWS itself in the function's name: why, and for which functions.
BY_AWS = {
    "logs:CreateLogStream": ("Lambda opens the log stream of each container", naming.FUNCTIONS),
    "logs:PutLogEvents": ("Lambda writes down what the function prints", naming.FUNCTIONS),
    "sqs:ReceiveMessage": ("the event source mapping polls", (naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)),
    "sqs:DeleteMessage": ("it deletes what was handled", (naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)),
    "sqs:GetQueueAttributes": ("it scales by the queue's length", (naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)),
    "sqs:SendMessage": ("Lambda's on-failure destination", (naming.RECORD_FEEDBACK,)),
    **{
        f"dynamodb:{action}": ("the event source mapping reads what changes in the table", (naming.ANNOUNCE_CHANGES,))
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    },
    "ses:TagResource": ("SES tags what is created with a tag", (naming.WIRE_IDENTITY,)),
}
# What a service does with a customer managed key in its caller's name, when the caller calls it.
KEY_USES = {
    "dynamodb": {
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    },
    # A bucket key is unwrapped to be used again.
    "s3": {"kms:GenerateDataKey", "kms:Decrypt"},
    "secretsmanager": {"kms:Decrypt"},
    # To publish to an encrypted topic; the other calls of SNS need no key.
    "sns": {"kms:GenerateDataKey", "kms:Decrypt"},
}


class Context:
    """What the custom resources read of Lambda's context."""

    log_stream_name = "2026/01/27/[$LATEST]0123"

    def __init__(self, region: str) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:ses-feedback-wire_identity"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


class Stage:
    """The functions of a deployment, as Lambda loads them, and all that they call."""

    def __init__(self, tap: Tap, dynamo: Dynamo, load: Callable[[str], Any]) -> None:
        self.tap = tap
        self.dynamo = dynamo
        self.load = load
        self.answers: list[dict[str, Any]] = []

    def run(self, function: str, event: dict[str, Any]) -> Any:
        """Run a function, and note what it calls under its name."""
        handler = self.load(function).handler
        self.tap.caller = function
        try:
            return handler(event, Context(self.tap.region))
        finally:
            self.tap.caller = None

    def request(self, function: str, kind: str, physical: str | None = None, **properties: Any) -> dict[str, Any]:
        """Send CloudFormation's request for a custom resource; return the answer."""
        region = self.tap.region.replace("-", "")
        event = {
            "RequestType": kind,
            "ResponseURL": f"https://cloudformation-custom-resource-response-{region}.s3.amazonaws.com/answer",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Resource",
            "PhysicalResourceId": physical,
            "ResourceProperties": properties,
        }
        self.run(function, event)
        return self.answers.pop()

    def store(self, address: str, history: History) -> None:
        """Put an item as a version of the function with other tiers wrote it: evidence, and no suppression."""
        key = Keys(SECRET).address("production", address)
        self.dynamo.client.put_item(TableName=TABLE, Item=to_item(key, "production", address, history, {}, "v1"))


@pytest.fixture
def stage(full: Assembly, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    for name, text in (asset_files(full.config) | posts_files(full.config)).items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    queue = naming.retry_queue_name("ses-feedback")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": full.region,
        "AWS_DEFAULT_REGION": full.region,
        naming.ENV_ADDRESS_KEY: SECRET,
        naming.ENV_DEPLOYMENT: "ses-feedback",
        naming.ENV_TABLE: TABLE,
        naming.ENV_WIRING_TABLE: WIRING,
        naming.ENV_QUARANTINE_BUCKET: naming.quarantine_bucket_name("ses-feedback", ACCOUNT, full.region),
        naming.ENV_ARCHIVE_BUCKET: naming.archive_bucket_name("ses-feedback", ACCOUNT, full.region),
        naming.ENV_RETRY_QUEUE_URL: f"https://sqs.{full.region}.amazonaws.com/{ACCOUNT}/{queue}",
        naming.ENV_ARCHIVE_STREAM: naming.archive_stream_name("ses-feedback"),
        naming.ENV_ENDS_TABLE: naming.ends_table_name("ses-feedback"),
        naming.ENV_CHANGES_TOPIC: f"arn:aws:sns:{full.region}:{ACCOUNT}:{naming.changes_topic_name('ses-feedback')}",
        naming.ENV_SES_INTERVAL: "0",
        naming.ENV_QUEUES: f"https://sqs.{full.region}.amazonaws.com/{ACCOUNT}/",
        naming.ENV_TOPICS: f"arn:aws:sns:{full.region}:{ACCOUNT}:",
        "MOTO_ACCOUNT_ID": ACCOUNT,
    }.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    loaded: dict[str, Any] = {}

    def load(function: str) -> Any:
        if function not in loaded:
            module = naming.handler_of(function).rpartition(".")[0]
            monkeypatch.delitem(sys.modules, module, raising=False)
            loaded[function] = importlib.import_module(module)
        return loaded[function]

    with mock_aws():
        tap = Tap(monkeypatch, full.region)
        made = Stage(tap, Dynamo(clients.client("dynamodb")), load)
        monkeypatch.setattr(custom_resource, "_put", lambda _url, answer, *_: made.answers.append(answer))
        clients.client("dynamodb").create_table(
            TableName=WIRING,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
        )
        clients.client("s3").create_bucket(
            Bucket=naming.quarantine_bucket_name("ses-feedback", ACCOUNT, full.region),
            CreateBucketConfiguration={"LocationConstraint": full.region},
        )
        clients.client("sqs").create_queue(QueueName=queue)
        clients.client("secretsmanager").create_secret(Name=naming.secret_name("ses-feedback"), SecretString=SECRET)
        SuppressionTable(clients.client("dynamodb"), TABLE, Keys(SECRET), {}).claim("owner-1")
        for team in told_teams(full.config):
            clients.client("sqs").create_queue(QueueName=naming.digest_queue_name("ses-feedback", team))
            clients.client("sns").create_topic(Name=naming.digest_topic_name("ses-feedback", team))
        yield made
    clients.client.cache_clear()


# --- every path of every function ---------------------------------------------------------------------------------


def claim_table(stage: Stage) -> None:
    """A new table, its owner again, another owner, and a deletion."""
    properties = {"Table": TABLE, "Owner": "owner-1"}
    assert stage.request(naming.CLAIM_TABLE, "Create", **properties)["Status"] == "SUCCESS"
    assert stage.request(naming.CLAIM_TABLE, "Update", "claim", **properties)["Status"] == "SUCCESS"
    foreign = stage.request(naming.CLAIM_TABLE, "Create", Table=TABLE, Owner="owner-2")
    assert "belongs to another deployment" in foreign["Reason"]
    assert stage.request(naming.CLAIM_TABLE, "Delete", "claim", **properties)["Status"] == "SUCCESS"


def record_feedback(stage: Stage) -> None:
    """New, known and repeated addresses, an old month, a canary, setup, unreadable (twice), throttled, given up."""
    for message in (
        mail.bounce("m0", [CANARY], at=NOW),
        mail.bounce("m1", at=NOW),
        mail.complaint("m2", at=NOW),
        mail.complaint("m2", at=NOW),
        mail.bounce("m3", ["old@example.net"], at=LONG_AGO),
        mail.delivery("m4", at=NOW),
        '{"notificationType":"AmazonSnsSubscriptionSucceeded"}',
        "unreadable",
        "unreadable",
    ):
        stage.run(naming.RECORD_FEEDBACK, sns_event(message))
    throttle = refusal("ThrottlingException")
    stage.tap.answers = {"PutItem": [throttle, None]}
    stage.run(naming.RECORD_FEEDBACK, sns_event(mail.bounce("m5", ["tried@example.net"], at=NOW)))
    stage.tap.answers = {"PutItem": [refusal("AccessDeniedException")]}
    with pytest.raises(RetryableError):
        stage.run(naming.RECORD_FEEDBACK, sns_event(mail.bounce("m6", ["refused@example.net"], at=NOW)))
    too_large = 400, {"__type": "x#ValidationException", "message": "Item size has exceeded the maximum allowed size"}
    stage.tap.answers = {"PutItem": [too_large]}
    stage.run(naming.RECORD_FEEDBACK, sns_event(mail.bounce("m7", ["large@example.net"], at=NOW)))


def retry_feedback(stage: Stage) -> None:
    """The same from the queue, and what comes back once more."""
    old = mail.bounce("m11", ["older@example.net"], at=LONG_AGO - 40 * DAY)
    bodies = [sns_body(m) for m in (mail.bounce("m10", at=NOW), old, mail.bounce("m0", [CANARY], at=NOW), "unreadable")]
    assert stage.run(naming.RETRY_FEEDBACK, sqs_event(*bodies)) == {"batchItemFailures": []}
    stage.tap.answers = {"PutItem": [refusal("AccessDeniedException")]}
    answer = stage.run(naming.RETRY_FEEDBACK, sqs_event(sns_body(mail.bounce("m12", ["late@example.net"], at=NOW))))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-0"}]}


def tally_feedback(stage: Stage) -> None:
    """Deliveries to nobody, to somebody with a strike, keys left unread, a race, and an item of other tiers' time."""
    soft = Strike(ev.SOFT_BOUNCE, "transactional", NOW - HOUR, NOW - HOUR, "s1")
    hard = Strike(ev.HARD_BOUNCE, "transactional", LONG_AGO - 80 * DAY, LONG_AGO - 80 * DAY, "h1")
    stage.store("soft@example.net", History({"s1": soft}))
    stage.store("both@example.net", History({"s1": soft, "h1": hard}))
    everybody = ["nobody@example.net", "soft@example.net", "both@example.net"]
    unread = {TABLE: {"Keys": [{naming.ATTRIBUTE_KEY: {"S": Keys(SECRET).address("production", everybody[1])}}]}}
    stage.tap.answers = {"BatchGetItem": [(200, {"Responses": {}, "UnprocessedKeys": unread}), None]}
    own = mail.bounce("m0", [CANARY], at=NOW)
    bodies = [sns_body(m) for m in (mail.delivery("m20", everybody, at=NOW), own, "unreadable by the tally")]
    assert stage.run(naming.TALLY_FEEDBACK, sqs_event(*bodies)) == {"batchItemFailures": []}
    assert stage.run(naming.TALLY_FEEDBACK, sqs_event(bodies[0])) == {"batchItemFailures": []}


def wire_identity(stage: Stage) -> None:
    """Pending, created, created again, updated, replaced, given back, failed and undone; with a set and without."""
    function, ses = naming.WIRE_IDENTITY, stage.tap.ses
    region = stage.tap.region
    shipped = loop_config(composition.ROOT)
    created = {IDENTITY: replace(shipped.identities[IDENTITY], create=True)}
    (composition.ROOT / naming.LOOP_CONFIG_FILE).write_text(
        to_loop(replace(shipped, identities={**shipped.identities, **created}))
    )

    def of(identity: str) -> dict[str, Any]:
        names = {t: naming.topic_name("ses-feedback", t.lower(), identity) for t in ("Bounce", "Complaint", "Delivery")}
        topics = {t: f"arn:aws:sns:{region}:{ACCOUNT}:{name}" for t, name in names.items()}
        return {"Identity": identity, "Topics": topics}

    own_set = naming.configuration_set_name("ses-feedback", IDENTITY)
    ses.sets |= {own_set}
    plain = of(IDENTITY)
    topics = plain["Topics"]
    with_set = {**plain, "ConfigurationSet": own_set}

    def status(kind: str, physical: str | None = None, **properties: Any) -> str:
        answer = stage.request(function, kind, physical, **properties)
        return str(answer.get("Data", {}).get("Status", answer["Status"]))

    ses.status = "Pending"
    assert status("Create", **plain) == "pending"
    assert status("Delete", IDENTITY, **plain) == "restored"
    ses.status = None
    assert status("Create", **with_set) == "pending"
    ses.status = "Success"
    assert status("Create", **plain) == "wired"
    assert status("Create", **plain) == "wired"
    assert status("Update", IDENTITY, **with_set) == "wired"
    assert ses.default_set == own_set
    assert status("Update", IDENTITY, **plain) == "wired"
    assert ses.default_set is None
    assert status("Update", "dev.example.com", **with_set) == "wired"
    stage.dynamo.client.update_item(
        TableName=WIRING,
        Key={naming.ATTRIBUTE_KEY: {"S": "slots"}},
        UpdateExpression="SET next_at = :soon",
        ExpressionAttributeValues={":soon": {"N": str(NOW + 60_000)}},
    )
    stage.tap.answers = {
        "UpdateItem": [refusal("ConditionalCheckFailedException")] * 2
    }  # others are faster: look again
    assert status("Delete", IDENTITY, **with_set) == "restored"
    ses.gone_topics = frozenset({topics["Delivery"]})
    assert status("Create", **with_set) == "FAILED"
    assert ses.state.topics["Bounce"] is None
    ses.status = None
    to_create = {**plain, "Create": "true"}
    unread = 400, {"__type": "BadRequestException", "message": "asked for by a test"}
    stage.tap.answers = {"GetEmailIdentity": [None, unread]}  # once it is created, its records cannot be read
    assert status("Create", **to_create) == "FAILED"
    assert ses.status is None
    assert status("Create", **to_create) == "pending"


def send_canaries(stage: Stage) -> None:
    """Nobody wired; a round, by a domain and by an address; feedback back, and its time; refused; throttled."""
    region = stage.tap.region
    assert stage.run(naming.SEND_CANARIES, {})["sent"] == 0
    wiring, rounds = WiringTable(stage.dynamo.client, WIRING), CanaryTable(stage.dynamo.client, WIRING)
    for identity in ("example.com", "news@example.com"):
        wiring.note(identity, WIRED)
    throttled = 429, {"__type": "TooManyRequestsException", "message": f"asked for in {region}"}
    refused = 400, {"__type": "SendingPausedException", "message": "paused"}
    stage.tap.answers = {"SendEmail": [throttled]}
    assert stage.run(naming.SEND_CANARIES, {})["waiting"] == 2
    stage.tap.answers = {"SendEmail": [refused]}
    assert stage.run(naming.SEND_CANARIES, {})["refused"] == 1
    (sent,) = [(identity, r) for identity, r in rounds.newest(["example.com", "news@example.com"]).items() if r.refused]
    identity, newest = sent
    rounds.begin(identity, newest, newest._replace(started=NOW - HOUR, refused=None))
    rounds.sent(identity, NOW - HOUR, NOW - HOUR)
    for piece in canary.PIECES:
        rounds.returned(identity, NOW - HOUR, piece, NOW - HOUR + 1)
    stage.run(naming.SEND_CANARIES, {})
    assert rounds.newest([identity])[identity].timed


def check_loop(stage: Stage) -> None:
    """Dropped topics, a default set that was changed, subscriptions and events; an identity that is lost meanwhile."""
    identity, ses = "news@example.com", stage.tap.ses
    config = loop_config(composition.ROOT)
    only = to_loop(replace(config, identities={identity: config.identities[identity]}))
    (composition.ROOT / naming.LOOP_CONFIG_FILE).write_text(only)
    own = naming.configuration_set_name("ses-feedback", identity)
    ses.sets |= {own}
    bucket = naming.archive_bucket_name("ses-feedback", ACCOUNT, stage.tap.region)
    where = {"LocationConstraint": stage.tap.region}
    clients.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    wiring, rotation = WiringTable(stage.dynamo.client, WIRING), TableRotation(stage.dynamo.client, WIRING)
    wiring.note(identity, WIRED)
    rotation.keep("mending", "a.example.com")
    stage.run(naming.CHECK_LOOP, {})
    assert ses.default_set == own
    assert ses.state.topics["Bounce"] is not None
    assert rotation.last() == {}
    ses.drop("Bounce")
    wiring.forget(identity)
    wiring.note(identity, PENDING)
    refused = "Identity is invalid. Must be a verified email address or domain."
    error = f"<Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>{refused}</Message></Error>"
    stage.tap.answers = {"SetIdentityNotificationTopic": [(400, f"<ErrorResponse>{error}</ErrorResponse>")]}
    stage.run(naming.CHECK_LOOP, {})
    known = wiring.recall(identity)
    assert known is not None
    assert (known.status, known.former) == (PENDING, None)


def tell_teams(stage: Stage) -> None:
    """Nothing waits; a digest, with addresses looked up and something unreadable put aside; a turn that is lost."""
    queue = naming.digest_queue_name("ses-feedback", "customer-service")
    url = f"https://sqs.{stage.tap.region}.amazonaws.com/{ACCOUNT}/{queue}"

    def put(*messages: dict[str, Any]) -> None:
        for message in messages:
            clients.client("sqs").send_message(QueueUrl=url, MessageBody=sns_body(message))

    assert stage.run(naming.TELL_TEAMS, {}) == {}
    lost = refusal("ConditionalCheckFailedException")
    put(mail.bounce("m30", at=NOW))
    stage.tap.answers = {"UpdateItem": [lost]}
    assert stage.run(naming.TELL_TEAMS, {}) == {"taken": 1}
    put({"eventType": "Click", "click": 7, "mail": mail.bounce("m31", at=NOW)["mail"]})
    told = stage.run(naming.TELL_TEAMS, {})
    assert (told["told"], told["quarantined"]) == (1, 1)
    assert stage.run(naming.TELL_TEAMS, {}) == {"too_soon": 1}


def break_circuit(stage: Stage) -> None:
    """A page, the same once more, another's, and SES that wants fewer calls."""
    clients.client("sns").create_topic(Name=naming.on_call_topic_name("ses-feedback", "page"))
    state = {"value": "ALARM", "reason": "asked for by a test", "timestamp": "2026-01-27T05:00:00.000+0000"}
    page = {"alarmName": naming.rates_alarm_name("ses-feedback", "news@example.com", "page"), "state": state}
    stage.tap.answers = {"PutConfigurationSetSendingOptions": [(429, {"__type": "TooManyRequestsException"}), None]}
    assert stage.run(naming.BREAK_CIRCUIT, {"alarmData": page})["outcome"] == "paused"
    assert stage.run(naming.BREAK_CIRCUIT, {"alarmData": page})["outcome"] == "repeated"
    with pytest.raises(PermanentError, match="nothing was paused"):
        stage.run(naming.BREAK_CIRCUIT, {"alarmData": {**page, "alarmName": "ses-feedback example.com page"}})


def replay_archive(stage: Stage) -> None:
    """Evidence of now and of long ago, a repetition, a delivery, an object that is gone."""
    bucket = naming.archive_bucket_name("ses-feedback", ACCOUNT, stage.tap.region)
    s3 = clients.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stage.tap.region})
    messages = [
        mail.bounce("m40", at=NOW),
        mail.bounce("m41", ["old@example.net"], at=LONG_AGO),
        mail.soft_bounce("m42", at=NOW - HOUR),
        mail.delivery("m43", at=NOW),
    ]
    s3.put_object(Bucket=bucket, Key="feedback/2026/01/27/05/a", Body="".join(sns_body(m) for m in messages).encode())
    for step, written in (("evidence", 2), ("evidence", 0), ("deliveries", 1)):
        wanted = {"step": step, "since": 0, "until": NOW + DAY, "rate": 100}
        keys = ("feedback/2026/01/27/05/a", "feedback/2026/01/27/05/gone")
        items = [{"Key": key, "Size": 1_000, "replay": wanted} for key in keys]
        found = stage.run(naming.REPLAY_ARCHIVE, {"Items": items})
        assert (found["objects"], found["written"], found["problems"]) == (2, written, {})
        assert sum(found["skipped"].values()) == 1


def archive_feedback(stage: Stage) -> None:
    """Whatever Firehose hands over: it calls nobody."""
    texts = (sns_body(mail.bounce("m50", at=NOW)), "unreadable")
    records = [{"recordId": str(n), "data": base64.b64encode(t.encode()).decode()} for n, t in enumerate(texts)]
    answer = stage.run(naming.WRITE_ARCHIVE, {"records": records})
    assert [record["result"] for record in answer["records"]] == ["Ok", "Ok"]


def announce_changes(stage: Stage) -> None:
    """A strike; a decision; the same refused; a suppression with an end, which comes."""
    clients.client("dynamodb").create_table(
        TableName=naming.ends_table_name("ses-feedback"),
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": naming.ATTRIBUTE_SHARD, "KeyType": "HASH"},
            {"AttributeName": naming.ATTRIBUTE_DUE, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in (naming.ATTRIBUTE_SHARD, naming.ATTRIBUTE_DUE)
        ],
    )
    clients.client("sns").create_topic(Name=naming.changes_topic_name("ses-feedback"))
    strike = History({"s": Strike(ev.SOFT_BOUNCE, "transactional", NOW, NOW, "s")})
    decided = History(rulings={("*", ev.OPERATOR): Ruling(NOW, None, ev.OPERATOR, "asked")})
    brief = History(rulings={("*", ev.IMPORT): Ruling(NOW - HOUR, NOW - 1, ev.IMPORT, "asked")})

    def changed(history: History) -> dict[str, Any]:
        image = to_item("k", "production", "jane@example.net", history, DEFAULT_POLICY, "v1")
        at = {"ApproximateCreationDateTime": NOW / 1_000 - 60, "SequenceNumber": "1" * 21}
        return {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": image, **at}}]}

    assert stage.run(naming.ANNOUNCE_CHANGES, changed(strike)) == {"changes": 1, "decisions": 0, "announced": 0}
    stage.tap.answers = {"PutRecordBatch": [(200, {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}]})] * 2}
    assert stage.run(naming.ANNOUNCE_CHANGES, changed(decided)) == {"changes": 1, "decisions": 1, "announced": 1}
    assert stage.run(naming.ANNOUNCE_CHANGES, changed(brief)) == {"changes": 1, "decisions": 1, "announced": 1}
    busy = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"}
    stage.tap.answers = {"PutRecordBatch": [(200, {"FailedPutCount": 1, "RequestResponses": [busy]})]}
    with pytest.raises(RetryableError, match="ServiceUnavailableException"):
        stage.run(naming.ANNOUNCE_CHANGES, changed(decided))
    item = to_item("k", "production", "jane@example.net", brief, DEFAULT_POLICY, "v1")
    stage.dynamo.client.put_item(TableName=TABLE, Item=item)
    assert stage.run(naming.ANNOUNCE_CHANGES, {}) == {"expired": 1}
    assert stage.run(naming.ANNOUNCE_CHANGES, {}) == {"expired": 0}


def explain_alarm(stage: Stage) -> None:
    """A page of a rate, with everything that is looked up; what is no alarm; a topic that is not there."""
    sns = clients.client("sns")
    topic = sns.create_topic(Name=naming.on_call_topic_name("ses-feedback", "page"))["TopicArn"]
    below = naming.alarm_name("ses-feedback", "news@example.com", "bounce", "page", "fast")

    def told(text: str) -> dict[str, Any]:
        return {"Records": [{"Sns": {"TopicArn": topic, "Subject": "a subject", "Message": text}}]}

    notice = {
        "AlarmName": naming.rates_alarm_name("ses-feedback", "news@example.com", "page"),
        "NewStateValue": "ALARM",
        "AlarmRule": f'ALARM("{below}")',
        "TriggeringChildren": [{"Arn": f"arn:aws:cloudwatch:x:y:alarm:{below}", "State": {"Value": "ALARM"}}],
    }
    dimensions = [{"Name": "Deployment", "Value": "ses-feedback"}, {"Name": "Identity", "Value": "news@example.com"}]
    metric = {"Namespace": naming.METRIC_NAMESPACE, "MetricName": naming.METRIC_HARD_BOUNCED, "Dimensions": dimensions}
    stat = {"Metric": metric, "Period": 3_600, "Stat": "Sum"}
    clients.client("cloudwatch").put_metric_alarm(
        AlarmName=below,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=1,
        Threshold=0.04,
        Metrics=[{"Id": "b", "MetricStat": stat, "ReturnData": True}],
    )
    stage.tap.answers = {"FilterLogEvents": [(200, {"events": []})] * 9}
    with pytest.raises(RetryableError):
        stage.run(naming.EXPLAIN_ALARM, told(json.dumps(notice)))
    sns.create_topic(Name=naming.on_call_text_topic_name("ses-feedback", "page"))
    assert stage.run(naming.EXPLAIN_ALARM, told(json.dumps(notice))) == {"told": 1}
    assert stage.run(naming.EXPLAIN_ALARM, told("PAUSED: an identity")) == {"told": 1}


def sync_lists(stage: Stage) -> None:
    """An entry is taken, a released one removed, ours put; a slot of SES's is taken by others; then lists in bulk."""
    stage.request(naming.CLAIM_TABLE, "Create", Table=TABLE, Owner="owner-1")
    clients.client("s3").create_bucket(
        Bucket=naming.archive_bucket_name("ses-feedback", ACCOUNT, stage.tap.region),
        CreateBucketConfiguration={"LocationConstraint": stage.tap.region},
    )
    released = History(releases={"*": Ruling(NOW - HOUR, None, ev.OPERATOR, "works again")})
    stage.store("back@example.net", released)
    store = ListTable(stage.dynamo.client, TABLE, Keys(SECRET), DEFAULT_POLICY)
    held = Ruling(NOW - HOUR, None, ev.IMPORT, "a list")
    store.put_new("production", "ours@example.net", History(rulings={("*", ev.IMPORT): held}))
    stage.dynamo.client.update_item(
        TableName=WIRING,
        Key={naming.ATTRIBUTE_KEY: {"S": "slots"}},
        UpdateExpression="SET next_at = :soon",
        ExpressionAttributeValues={":soon": {"N": str(NOW + 60_000)}},
    )
    module = stage.load(naming.SYNC_LISTS)
    module.gateways.cache_clear()
    gateways = module.gateways()._replace(interval=1)
    stage.tap.answers = {"UpdateItem": [refusal("ConditionalCheckFailedException")] * 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "gateways", lambda: gateways)
        assert stage.run(naming.SYNC_LISTS, {}) == {"due": 1, "ended": 1}
        patch.setattr(syncing, "SINGLY", 0)
        patch.setattr(module, "gateways", lambda: gateways._replace(every=0))
        stage.store("back@example.net", released)
        store.put_new("production", "more@example.net", History(rulings={("*", ev.IMPORT): held}))
        for _ in range(2):
            assert stage.run(naming.SYNC_LISTS, {}) == {"due": 1, "ended": 1}


def answer_lookups(stage: Stage) -> None:
    """A question about one, about two, a decision (about an item of other tiers' time), a release, an answer lost."""
    stage.request(naming.CLAIM_TABLE, "Create", Table=TABLE, Owner="owner-1")
    hard = Strike(ev.HARD_BOUNCE, "transactional", LONG_AGO - 80 * DAY, LONG_AGO - 80 * DAY, "h1")
    stage.store("old@example.net", History({"h1": hard}))

    def ask(operation: str, **body: Any) -> int:
        key = next(key for key, name in naming.LOOKUP_ROUTES.items() if name == operation)
        event = {
            "routeKey": key,
            "pathParameters": {"environment": "production"},
            "requestContext": {"authorizer": {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT}:user/jane"}}},
            "body": json.dumps(body),
        }
        return int(stage.run(naming.ANSWER_LOOKUPS, event)["statusCode"])

    assert ask("check", addresses=["jane@example.net"], stream="marketing") == 200
    assert ask("check", addresses=["jane@example.net", "old@example.net"], stream="marketing") == 200
    assert ask("check", addresses=["jane"], stream="marketing") == 200
    assert ask("check", addresses=[7], stream="marketing") == 400
    assert ask("suppress", address="old@example.net", why="asked") == 200
    assert ask("release", address="Old@example.net", why="asked") == 200
    stage.tap.answers = {"GetItem": [refusal("ThrottlingException")] * 3}
    assert ask("check", addresses=["jane@example.net"], stream="marketing") == 503
    stage.tap.answers = {"GetItem": [refusal("AccessDeniedException")]}
    with pytest.raises(RetryableError):
        ask("check", addresses=["jane@example.net"], stream="marketing")


def receive_posts(stage: Stage) -> None:
    """Now and an old month, a repetition, an address of other tiers' time, a delivery, unreadable (twice),
    confirmed.
    """
    authority = Authority(NOW)
    certificate = f"{HOST}/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
    served = pem(authority.certificate("sns.amazonaws.com"), authority.intermediate)
    hard = Strike(ev.HARD_BOUNCE, "transactional", LONG_AGO - 80 * DAY, LONG_AGO - 80 * DAY, "h1")
    soft = Strike(ev.SOFT_BOUNCE, "transactional", NOW - HOUR, NOW - HOUR, "s1")
    stage.store("old@example.net", History({"h1": hard}))
    stage.store("soft@example.net", History({"s1": soft}))
    confirmed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "fetch", {certificate: served}.__getitem__)
        patch.setattr(certificates, "public_roots", lambda: [authority.root])
        # It is sent without credentials, so that there is nothing to grant.
        patch.setattr(confirming, "confirm", lambda topic, token: confirmed.append(topic))
        stage.load(naming.RECEIVE_POSTS)

    def post(values: dict[str, Any]) -> int:
        event = {
            "headers": {"content-type": "text/plain; charset=UTF-8"},
            "requestContext": {"http": {"method": "POST"}},
            "body": body(values).decode(),
        }
        return int(stage.run(naming.RECEIVE_POSTS, event)["statusCode"])

    at = format_time(NOW)
    for message in (
        mail.bounce("p1", at=NOW),
        mail.bounce("p1", at=NOW),
        mail.bounce("p4", ["long-ago@example.net"], at=LONG_AGO),
        mail.bounce("p2", ["old@example.net"], at=NOW),
        mail.delivery("p3", ["soft@example.net"], at=NOW),
        "unreadable",
        "unreadable",
    ):
        text = message if isinstance(message, str) else mail.text(message).replace("111122223333", TOPIC.split(":")[4])
        assert post(notification(text, at)) == 200
    assert post(confirmation(at)) == 200
    assert confirmed == [TOPIC]


PATHS = {
    naming.RECEIVE_POSTS: receive_posts,
    naming.ANSWER_LOOKUPS: answer_lookups,
    naming.SYNC_LISTS: sync_lists,
    naming.WRITE_ARCHIVE: archive_feedback,
    naming.ANNOUNCE_CHANGES: announce_changes,
    naming.REPLAY_ARCHIVE: replay_archive,
    naming.EXPLAIN_ALARM: explain_alarm,
    naming.BREAK_CIRCUIT: break_circuit,
    naming.CHECK_LOOP: check_loop,
    naming.SEND_CANARIES: send_canaries,
    naming.TELL_TEAMS: tell_teams,
    naming.CLAIM_TABLE: claim_table,
    naming.RECORD_FEEDBACK: record_feedback,
    naming.RETRY_FEEDBACK: retry_feedback,
    naming.TALLY_FEEDBACK: tally_feedback,
    naming.WIRE_IDENTITY: wire_identity,
}


# --- both ways ----------------------------------------------------------------------------------------------------


def statements(assembly: Assembly, function: str) -> list[dict[str, Any]]:
    """Return what a function's role allows."""
    name = naming.function_name("ses-feedback", function)
    roles = [r for r in assembly.find("AWS::IAM::Role") if r.properties["Description"].split()[1] == name]
    (policy,) = roles[0].properties["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize("function", naming.FUNCTIONS)
def test_a_function_may_do_what_it_does_and_does_what_it_may(stage: Stage, full: Assembly, function: str) -> None:
    """The calls of every path, on the resources they went to, are what the role allows, AWS's own use apart."""
    PATHS[function](stage)
    calls = stage.tap.calls.get(function, set())
    allowed = [
        (action, statement["Resource"])
        for statement in statements(full, function)
        if not any(action.startswith("kms:") for action in statement["Action"])
        for action in statement["Action"]
    ]
    missing = {call for call in calls if not any(_covers(grant, call) for grant in allowed)}
    assert missing == set()
    unused = {grant for grant in allowed if not any(_covers(grant, call) for call in calls)}
    by_aws = {action for action, (_, functions) in BY_AWS.items() if function in functions}
    assert {action for action, _ in unused} == by_aws


@pytest.mark.parametrize("function", naming.FUNCTIONS)
def test_a_key_is_used_through_the_services_a_function_calls(stage: Stage, full: Assembly, function: str) -> None:
    """The key may be used through DynamoDB and S3 exactly where these are called, and for what they do with a key."""
    PATHS[function](stage)
    # Names of objects are under no key.
    actions = {action for action, _ in stage.tap.calls.get(function, ()) if action != "s3:ListBucket"}
    called = {a.partition(":")[0] for a in actions if not a.startswith("sns:") or a == "sns:Publish"}
    found = {
        statement["Condition"]["StringEquals"]["kms:ViaService"].partition(".")[0]: set(statement["Action"])
        for statement in statements(full, function)
        if any(action.startswith("kms:") for action in statement["Action"])
    }
    expected = {service: actions for service, actions in KEY_USES.items() if service in called}
    if "s3" in expected and "s3:PutObject" not in actions:
        expected["s3"] = {"kms:Decrypt"}  # who only reads makes no key
    assert found == expected


def test_what_aws_does_in_a_functions_name_is_wired_that_way(full: Assembly) -> None:
    """Only functions that a queue or a table feeds may consume it, and only one with a failure destination may send."""
    arn = f"arn:aws:lambda:{full.region}:{ACCOUNT}:function:ses-feedback-"
    fed: dict[str, set[str]] = {"sqs": set(), "dynamodb": set()}
    for found in full.find("AWS::Lambda::EventSourceMapping"):
        queue = ":sqs:" in found.properties["EventSourceArn"]
        fed["sqs" if queue else "dynamodb"].add(found.properties["FunctionName"].removeprefix(arn))
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        assert set(BY_AWS[f"sqs:{action}"][1]) == fed["sqs"]
    assert set(BY_AWS["dynamodb:GetRecords"][1]) == fed["dynamodb"]
    handed_on = {
        f.properties["FunctionName"].removeprefix("ses-feedback-"): f.properties["DestinationConfig"]
        for f in full.find("AWS::Lambda::EventInvokeConfig")
        if "DestinationConfig" in f.properties
    }
    # The other publishes to the topic itself, so that its permission is no extra one.
    to_people = handed_on.pop(naming.EXPLAIN_ALARM)["OnFailure"]["Destination"]
    assert to_people == f"arn:aws:sns:{full.region}:{ACCOUNT}:ses-feedback-on-call-page-text"
    assert set(handed_on) == set(BY_AWS["sqs:SendMessage"][1])


def _covers(grant: tuple[str, str], call: tuple[str, str]) -> bool:
    return grant[0] == call[0] and fnmatchcase(call[1], grant[1])
