"""The custom resource as CloudFormation sees it: an event in, one answer out, whatever happens."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from lambdas import wire_identity
from ses_feedback import naming
from ses_feedback.adapters.custom_resource import PUT_TRIES, Request, _answer_address, serve
from ses_feedback.config.model import Config, Deployment, Identity, OnCall
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.settings import Settings, SetTopic, Wish, after
from tests.unit.wiring.fakes import (
    ACCOUNT,
    IDENTITY,
    OURS,
    OWN_SET,
    REGION,
    WISH,
    FakeMemory,
    FakeSes,
    FakeSlots,
    Faults,
    Time,
    ours,
    settings,
    topic,
    wiring,
)

# With `overwrite` and `create`, so that each test switches them off or on in its request.
SHIPPED = Config(
    Deployment("ses-feedback", REGION, (REGION,), overwrite=True),
    OnCall((), ()),
    {},
    {name: Identity(name, "production", "default", create=True) for name in (IDENTITY, "example.org")},
    DEFAULT_POLICY,
)
FORMER = settings(topic("old_bounce"), topic("old_complaint"), forwarding=False)


class Bucket(BaseHTTPRequestHandler):
    """The presigned bucket: keeps what is put, after as many failures as it is told."""

    answers: ClassVar[list[dict[str, Any]]] = []
    content_types: ClassVar[list[str | None]] = []
    failures: ClassVar[list[int]] = []

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.failures.pop(0) if self.failures else 200
        if status == 200:
            self.answers.append(json.loads(body))
            self.content_types.append(self.headers["Content-Type"])
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Bucket) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/bucket?signature=secret"
        running.shutdown()
        thread.join()


class Context:
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ses-feedback-wire_identity"
    log_stream_name = "2026/01/27/[$LATEST]0123"
    # What powertools' logger may ask for.
    function_name = "ses-feedback-wire_identity"
    left = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@dataclass
class Stage:
    """CloudFormation, SES and the table around the handler."""

    url: str
    ses: FakeSes = field(default_factory=FakeSes)
    memory: FakeMemory = field(default_factory=FakeMemory)
    clock: Time = field(default_factory=Time)
    context: Context = field(default_factory=Context)
    shipped: Config = SHIPPED

    def event(self, kind: str, physical: str | None = None, **properties: Any) -> dict[str, Any]:
        event = {
            "RequestType": kind,
            "ResponseURL": self.url,
            "StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/ses-feedback-cell-0001/0",
            "RequestId": "request-1",
            "LogicalResourceId": "WiringExampleCom",
            "ResourceType": "Custom::SesIdentityWiring",
            "ResourceProperties": {
                "ServiceToken": Context.invoked_function_arn,
                "ServiceTimeout": "900",
                "Identity": IDENTITY,
                "Topics": OURS,
                "Overwrite": "true",
                **properties,
            },
        }
        return event if physical is None else {**event, "PhysicalResourceId": physical}

    def send(self, kind: str, physical: str | None = None, **properties: Any) -> dict[str, Any]:
        wire_identity.handler(self.event(kind, physical, **properties), self.context)
        assert len(Bucket.answers) == 1
        return Bucket.answers.pop()


@pytest.fixture
def stage(server: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for kept in (Bucket.answers, Bucket.content_types, Bucket.failures):
        kept.clear()
    made = Stage(server)
    given = wire_identity.Gateways(made.ses, made.memory, FakeSlots(), made.clock, 1_000)
    monkeypatch.setattr(wire_identity, "gateways", lambda: given)
    monkeypatch.setattr(wire_identity, "shipped", lambda: made.shipped)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.partition("/bucket")[0])
    return made


def test_create_answers_wired(stage: Stage) -> None:
    """A Create wires; the answer names the identity as physical id and echoes what CloudFormation must find in it."""
    assert stage.send("Create") == {
        "Status": "SUCCESS",
        "StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/ses-feedback-cell-0001/0",
        "RequestId": "request-1",
        "LogicalResourceId": "WiringExampleCom",
        "PhysicalResourceId": IDENTITY,
        "NoEcho": False,
        "Data": {"Status": "wired"},
    }
    assert stage.ses.state.topics == OURS
    assert Bucket.content_types == [""]


def test_create_again_changes_nothing(stage: Stage) -> None:
    """The same Create after a lost answer reads once and answers the same."""
    first = stage.send("Create")
    stage.ses.calls.clear()
    assert stage.send("Create") == first
    assert stage.ses.calls == ["read settings"]


def test_pending_is_a_success(stage: Stage) -> None:
    """An identity that is not verified deploys, and its status says pending."""
    stage.ses.status = "Pending"
    answer = stage.send("Create")
    why = "SES has not verified it: Pending"
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Status": "pending", "Why": why})


def test_a_foreign_topic_is_one_clear_reason(stage: Stage) -> None:
    """A Create without the switch fails with the topic's name, and its rollback's Delete has nothing to change."""
    stage.ses.state = FORMER
    answer = stage.send("Create", Overwrite="false")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].endswith(f"Bounce topic {topic('old_bounce')}, Complaint topic {topic('old_complaint')}")
    assert stage.send("Delete", IDENTITY, Overwrite="false")["Status"] == "SUCCESS"
    assert (stage.ses.state, stage.ses.writes, stage.memory.records) == (FORMER, [], {})


def test_a_refused_update_can_be_rolled_back(stage: Stage) -> None:
    """CloudFormation's Update back, with the same foreign topic still there, succeeds and says that it is."""
    old, new = {"Overwrite": "false"}, {"Overwrite": "false", "Rewire": "1"}
    stage.send("Create", **old)
    stage.ses.state = after(stage.ses.state, SetTopic("Bounce", topic("theirs")))

    def update(to: dict[str, Any], former: dict[str, Any]) -> dict[str, Any]:
        event = stage.event("Update", IDENTITY, **to)
        # CloudFormation need not pass its own properties alike in both.
        event["OldResourceProperties"] = {**stage.event("Update", **former)["ResourceProperties"], "ServiceToken": ""}
        wire_identity.handler(event, stage.context)
        return Bucket.answers.pop()

    assert topic("theirs") in update(new, old)["Reason"]
    assert update(old, new)["Data"] == {"Status": "foreign"}
    assert topic("theirs") in update(new, old)["Reason"]


def test_a_created_domain_tells_its_records(stage: Stage) -> None:
    """Each output's attribute is there, pending and wired alike, as text to be copied into DNS."""
    stage.ses.status = None
    records = {f"Dkim{n}": f"t{n}._domainkey.example.com CNAME t{n}.dkim.amazonses.com" for n in (1, 2, 3)}
    created = stage.send("Create", Create="true")
    assert created["Data"] == {"Status": "pending", "Why": "created just now, to be verified", **records}
    stage.ses.status = "Success"
    assert stage.send("Update", IDENTITY, Create="true")["Data"] == {"Status": "wired", **records}


def test_a_domain_without_records_tells_that(stage: Stage) -> None:
    """An identity with a key of its own deploys as well: outputs refer to attributes that must exist."""
    stage.ses.records = ()
    assert stage.send("Create", Create="true")["Data"] == {"Status": "wired"} | dict.fromkeys(
        naming.DKIM_ATTRIBUTES, "none"
    )


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_table_that_is_denied_at_first_is_waited_for(stage: Stage, kind: str) -> None:
    """KMS takes minutes to know a new alias: the function asks again, and says nothing of it."""
    stage.memory.denied = 12
    started = stage.clock.now()
    assert stage.send(kind, IDENTITY)["Status"] == "SUCCESS"
    assert stage.clock.now() - started >= 120_000


def test_a_table_that_stays_denied_is_the_reason(stage: Stage) -> None:
    """After six minutes it is no delay: one line with the permission, and SES was never called."""
    stage.memory.denied = 10_000
    started = stage.clock.now()
    reason = stage.send("Create")["Reason"]
    assert reason == "table ses-feedback-wiring: denied; denied for 350 seconds: a permission is missing"
    assert stage.clock.now() - started < 360_000
    assert stage.ses.calls == []


def test_update_of_the_identity_is_a_replacement(stage: Stage) -> None:
    """Another identity is another physical id, upon which CloudFormation deletes the former one."""
    stage.send("Create")
    other = stage.send("Update", IDENTITY, Identity="example.org", Topics=ours("example.org"))
    assert (other["Status"], other["PhysicalResourceId"]) == ("SUCCESS", "example.org")
    assert set(stage.memory.records) == {IDENTITY, "example.org"}
    assert stage.send("Delete", IDENTITY)["PhysicalResourceId"] == IDENTITY
    assert set(stage.memory.records) == {"example.org"}


def test_failed_update_is_not_undone(stage: Stage) -> None:
    """A failed Update leaves the rest to the one CloudFormation rolls back with: the loop is not cut meanwhile."""
    stage.send("Create")
    stage.ses.drop("Bounce")
    stage.ses.drop("Delivery")
    stage.ses.gone_topics = frozenset({OURS["Delivery"]})
    assert stage.send("Update", IDENTITY, Rewire="1")["Status"] == "FAILED"
    assert stage.ses.state.topics["Bounce"] == OURS["Bounce"]
    stage.ses.gone_topics = frozenset()
    assert stage.send("Update", IDENTITY)["Status"] == "SUCCESS"
    assert stage.ses.state.topics == OURS


def test_failed_create_is_undone_and_its_delete_is_easy(stage: Stage) -> None:
    """A Create that fails gives everything back before it says so; the rollback's Delete then changes nothing."""
    stage.ses.state = FORMER
    stage.ses.gone_topics = frozenset({OURS["Delivery"]})
    answer = stage.send("Create")
    assert answer["Status"] == "FAILED"
    assert answer["PhysicalResourceId"] == IDENTITY
    assert OURS["Delivery"] in answer["Reason"]
    assert stage.ses.state == FORMER
    stage.ses.calls.clear()
    assert stage.send("Delete", IDENTITY)["Status"] == "SUCCESS"
    assert stage.ses.writes == []


def test_delete_restores(stage: Stage) -> None:
    """A Delete gives back what was there, the configuration set included."""
    stage.ses.state, stage.ses.default_set = FORMER, "former-set"
    stage.send("Create", ConfigurationSet=OWN_SET)
    assert stage.ses.default_set == OWN_SET
    answer = stage.send("Delete", IDENTITY, ConfigurationSet=OWN_SET)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", IDENTITY)
    assert (stage.ses.state, stage.ses.default_set) == (FORMER, "former-set")


def test_delete_of_a_create_that_was_never_answered(stage: Stage) -> None:
    """CloudFormation then made the physical id up: it is echoed, and the identity of the properties is given back."""
    stage.ses.state = FORMER
    wiring(stage.ses, stage.memory).wire(IDENTITY, WISH)
    made_up = "ses-feedback-cell-0001-WiringExampleCom-1ABCDEF"
    assert stage.send("Delete", made_up)["PhysicalResourceId"] == made_up
    assert stage.ses.state == FORMER


def test_delete_names_its_identity_by_physical_id(stage: Stage) -> None:
    """Whatever properties come with it, a Delete never touches another identity than its own."""
    wiring(stage.ses, stage.memory).wire("example.org", Wish(ours("example.org")))
    stage.send("Delete", IDENTITY, Identity="example.org")
    assert "example.org" in stage.memory.records


@pytest.mark.parametrize(
    "properties",
    [{"Topics": None}, {"Topics": {"Bounce": topic("x", region="us-east-2")}}, {"Identity": ""}, {"Identity": None}],
)
@pytest.mark.parametrize("physical", [IDENTITY, "WiringExampleCom"])
def test_delete_of_what_could_not_be_created_succeeds(stage: Stage, properties: dict[str, Any], physical: str) -> None:
    """Properties that failed a Create do not fail its Delete too: a stack can always be rolled back."""
    assert stage.send("Delete", physical, **properties)["Status"] == "SUCCESS"
    assert stage.ses.state == Settings()


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Topics": {**OURS, "Bounce": topic("x", region="us-east-2")}}, "Topics.Bounce: "),
        ({"Topics": {"Bounce": OURS["Bounce"]}}, "Topics.Complaint: 'None' is not the topic of example.com"),
        ({"Topics": "arn"}, "Topics must map Bounce, Complaint and Delivery"),
        ({"Identity": "example"}, "Identity 'example' is neither a domain"),
        ({"ConfigurationSet": ["x"]}, "ConfigurationSet must be the name"),
        ({"Overwrite": "yes"}, "Overwrite must be true or false"),
        ({"Create": True}, "Create must be true or false"),
    ],
)
def test_wrong_properties_fail_before_any_call(stage: Stage, properties: dict[str, Any], reason: str) -> None:
    """What cannot be wished is one clear reason, and SES is never asked."""
    answer = stage.send("Create", **properties)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(reason)
    assert answer["PhysicalResourceId"]
    assert stage.ses.calls == []


def test_a_bug_is_answered_without_its_traceback(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is FAILED with one line that points to the log: the traceback is there, the URL is not."""
    log = io.StringIO()
    monkeypatch.setattr(wire_identity.logger.handlers[0], "stream", log)
    stage.ses.faults = Faults(0, error=lambda: KeyError("boom\n" + "x" * 5_000))
    answer = stage.send("Create")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("unexpected KeyError: ")
    assert answer["Reason"].endswith("(traceback in log stream 2026/01/27/[$LATEST]0123)")
    assert "\n" not in answer["Reason"]
    assert len(answer["Reason"]) <= 1_000
    assert "Traceback" in log.getvalue()
    assert "signature" not in log.getvalue()


def test_an_unknown_request_type_is_answered(stage: Stage) -> None:
    """Even nonsense gets its answer."""
    assert "neither Create, Update nor Delete" in stage.send("Replace")["Reason"]


def test_running_out_of_time_is_answered(stage: Stage) -> None:
    """A queue of calls longer than the function lives ends as FAILED in time, undone, not as a silent timeout."""
    stage.ses.state = FORMER
    stage.context.left = 10_000
    answer = stage.send("Create")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("no time left for ")
    assert stage.clock.now() < 1_000_000 + 10_000


def test_undo_has_time_of_its_own(stage: Stage) -> None:
    """When the time to wire is used up, there is still some left to give everything back."""
    stage.ses.state = FORMER
    stage.context.left = 150_000

    def throttled() -> Exception:
        stage.clock.sleep(40_000)
        return PermanentError("refused")

    stage.ses.faults = Faults(5, error=throttled)
    assert stage.send("Create")["Reason"] == "refused"
    assert stage.ses.state == FORMER


def test_the_answer_is_put_again_until_taken(stage: Stage) -> None:
    """A bucket that fails twice still gets the answer."""
    paused: list[float] = []
    Bucket.failures[:] = [503, 500]
    done: dict[str, str] = {"Status": "wired"}
    serve(
        stage.event("Create"),
        stage.context,
        lambda _: done,
        physical_id=lambda _: IDENTITY,
        log=wire_identity.logger,
        pause=paused.append,
    )
    assert Bucket.answers.pop()["Data"] == done
    assert paused == [1.0, 2.0]


def test_an_answer_nobody_takes_is_an_error(stage: Stage) -> None:
    """Then Lambda calls again: the error names the status and not the signed URL."""
    Bucket.failures[:] = [403] * PUT_TRIES
    with pytest.raises(RetryableError, match="did not take the answer SUCCESS: HTTP status 403") as caught:
        serve(
            stage.event("Create"),
            stage.context,
            lambda _: {},
            physical_id=lambda _: IDENTITY,
            log=wire_identity.logger,
            pause=lambda _: None,
        )
    assert "signature" not in str(caught.value)


def test_no_put_is_tried_without_time(stage: Stage) -> None:
    """With the time over, one try is made and no more."""
    Bucket.failures[:] = [500] * PUT_TRIES
    stage.context.left = 100
    with pytest.raises(RetryableError):
        serve(stage.event("Create"), stage.context, lambda _: {}, physical_id=lambda _: "x", log=wire_identity.logger)
    assert len(Bucket.failures) == PUT_TRIES - 1


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "file:///etc/passwd",
        7,
        "https://bucket.example.com/answer?signature=x",
        "http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.example.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com@example.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:8443/x",
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:x/x",
        "https://cloudformation-custom-resource-response-evil.s3.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/x",
        "https://s3.amazonaws.com/cloudformation-custom-resource-response-useast1/x",
        "https://x.s3.amazonaws.com/cloudformation-custom-resource-response-useast1.s3.amazonaws.com",
        "http://127.0.0.1:1/bucket",
    ],
)
def test_an_event_with_another_answer_address_is_refused(stage: Stage, url: Any) -> None:
    """What did not come from CloudFormation is not worked on, and its address is not called."""

    def work(_: Request) -> dict[str, str]:
        raise AssertionError("must not be called")

    event = {**stage.event("Create"), "ResponseURL": url}
    with pytest.raises(PermanentError, match="its ResponseURL must be https and in the bucket") as caught:
        serve(event, stage.context, work, physical_id=lambda _: "x", log=wire_identity.logger)
    assert "signature" not in str(caught.value)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "cloudformation-custom-resource-response-useast1.s3.amazonaws.com"),
        ("us-east-1", "cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com"),
        ("eu-west-1", "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com"),
        ("ap-northeast-1", "cloudformation-custom-resource-response-apnortheast1.s3-ap-northeast-1.amazonaws.com"),
        ("us-gov-west-1", "cloudformation-custom-resource-response-usgovwest1.s3-us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_cloudformation_is_answered_in_every_spelling_of_its_bucket(region: str, host: str) -> None:
    """The first four are hosts of real requests, quoted in public code; the others follow the guide's pattern."""
    url = f"https://{host}/arn%3Aaws%3Acloudformation?X-Amz-Signature=x"
    assert _answer_address(url, region) == url


@pytest.mark.parametrize("kind", ["Create", "Update"])
@pytest.mark.parametrize(
    ("identity", "change", "reason"),
    [
        ("example.net", {}, "example.net is no identity of deployment ses-feedback"),
        ("mail.example.com", {}, "mail.example.com is no identity of deployment ses-feedback"),
        (IDENTITY, {"Topics": ours("example.org")}, "Topics.Bounce: "),
        (IDENTITY, {"Topics": {**OURS, "Complaint": topic("ses-feedback_complaint_x")}}, "Topics.Complaint: "),
        (IDENTITY, {"Topics": {**OURS, "Delivery": topic("mine", account="444455556666")}}, "Topics.Delivery: "),
        (IDENTITY, {"ConfigurationSet": "tracks-everybody"}, "ConfigurationSet: 'tracks-everybody' is not the set"),
    ],
)
def test_whoever_calls_cannot_repoint_an_identity(
    stage: Stage, kind: str, identity: str, change: dict[str, Any], reason: str
) -> None:
    """Only what the shipped configuration names is wired, and only to its own topics and set: SES is never asked."""
    properties = {"Identity": identity, "Topics": ours(identity), **change}
    answer = stage.send(kind, identity, **properties)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(reason)
    assert stage.ses.calls == []


def test_a_request_switches_on_nothing_that_the_file_has_off(stage: Stage) -> None:
    """Without ``overwrite`` and ``create`` in the file, a request with them replaces and creates nothing."""
    careful = replace(SHIPPED.deployment, overwrite=False)
    stage.shipped = replace(
        SHIPPED, deployment=careful, identities={IDENTITY: Identity(IDENTITY, "production", "default")}
    )
    stage.ses.state = FORMER
    assert topic("old_bounce") in stage.send("Create")["Reason"]
    assert stage.ses.state == FORMER
    stage.ses.status = None
    assert stage.send("Create", Create="true")["Data"]["Status"] == "pending"
    assert stage.ses.status is None


def test_whoever_calls_cannot_take_an_identity_from_somebody_else(stage: Stage) -> None:
    """A Delete of what the table does not remember changes nothing, whatever topics it calls ours."""
    stage.ses.state = FORMER
    stolen = {"Bounce": topic("old_bounce"), "Complaint": topic("old_complaint")}
    for identity in (IDENTITY, "example.net"):
        assert stage.send("Delete", identity, Topics=stolen, ConfigurationSet="theirs")["Status"] == "SUCCESS"
    assert (stage.ses.state, stage.ses.calls) == (FORMER, [])
    stage.send("Create", Overwrite="true")
    stage.ses.state = after(stage.ses.state, SetTopic("Bounce", topic("theirs")))
    stage.send("Delete", IDENTITY, Topics={"Bounce": topic("theirs")})
    assert stage.ses.state.topics["Bounce"] == topic("theirs"), "a claim in the request makes no topic ours"


def test_the_real_gateways_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function builds its clients from its environment alone, with botocore's retries off for SES."""
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("SES_FEEDBACK_WIRING_TABLE", "ses-feedback-wiring")
    monkeypatch.setenv("SES_FEEDBACK_SES_INTERVAL_MS", "250")
    monkeypatch.setenv("SES_FEEDBACK_DEPLOYMENT", "ses-feedback")
    given = wire_identity.gateways.__wrapped__()
    assert given.interval == 250
    assert given.ses._v1.meta.config.retries["total_max_attempts"] == 1
    assert given.ses._v1.meta.region_name == REGION


def test_wish_type_is_what_the_handler_reads() -> None:
    """Properties become the wish that the hourly check can make as well; switches are text, and off if absent."""
    properties = {"Topics": OURS, "ConfigurationSet": "set-a"}
    assert wire_identity._wish(properties) == Wish(OURS, "set-a")
    assert wire_identity._wish({**properties, "Overwrite": "true"}) == Wish(OURS, "set-a", overwrite=True)
    assert wire_identity._wish({**properties, "Create": "true"}) == Wish(OURS, "set-a", create=True)
