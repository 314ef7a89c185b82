"""DynamoDB without botocore's client says and does what botocore's would."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest
import urllib3.util.connection
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EndpointConnectionError

from ses_feedback.adapters.dynamodb_wire import DynamoDbWire, endpoint

ITEM = {"pk": {"S": "a"}}


class Server(ThreadingHTTPServer):
    """Answers in the order it is told; ``None`` hangs up without an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers: list[tuple[int, dict[str, Any] | str] | None] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[dict[str, Any]] = []
        self.connections = 0


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.headers["x-amz-target"], body))
        self.server.requests.append({"body": body, "x-amz-security-token": None, **self._headers()})
        answer = self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        text = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    made = Server()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{made.server_address[1]}")
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def wire(server: Server, pauses: list[float]) -> DynamoDbWire:
    return DynamoDbWire("us-east-1", sleep=pauses.append)


def test_it_sends_what_botocores_client_sends(
    server: Server, wire: DynamoDbWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Body, target, content type and what is signed are the client's, with and without a session token."""
    request = {"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"}
    for token in ("token", ""):
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
        server.answers = [(200, {}), (200, {})]
        DynamoDbWire("us-east-1").put_item(**request)
        client = botocore.session.Session().create_client("dynamodb", region_name="us-east-1")
        client.put_item(**request)
        ours, theirs = server.requests[-2:]
        assert ours["body"] == theirs["body"]
        for header in ("x-amz-target", "content-type", "host", "x-amz-security-token"):
            assert ours[header] == theirs[header]
        assert signed(ours) == signed(theirs)


def signed(request: dict[str, Any]) -> tuple[str, str]:
    """Return for what and over which headers a request is signed."""
    scope, names, _ = request["authorization"].split(", ")
    return scope, names


def test_a_wrong_signature_would_be_noticed(server: Server, wire: DynamoDbWire) -> None:
    """What arrives, signed again over the very headers and body that arrived, has the signature it came with."""
    server.answers = [(200, {})]
    wire.put_item(TableName="t", Item=ITEM)
    (sent,) = server.requests
    again = AWSRequest("POST", f"http://{sent['host']}/", data=json.dumps(sent["body"], separators=(",", ":")))
    for header in ("content-type", "x-amz-target", "x-amz-date"):
        again.headers[header] = sent[header]
    again.context["timestamp"] = sent["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "token"), "dynamodb", "us-east-1")
    again.headers["X-Amz-Security-Token"] = "token"
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert sent["authorization"].endswith(f"Signature={signature}")


def test_every_partition_of_botocore_is_addressed_as_botocore_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """China, GovCloud and the isolated partitions have names of their own."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    session = botocore.session.Session()
    first = [
        session.get_available_regions("dynamodb", partition)[:1] for partition in session.get_available_partitions()
    ]
    regions = [region for found in first for region in found]
    assert {"cn-north-1", "us-gov-east-1", "us-iso-east-1"} < set(regions)
    for region in regions:
        client = session.create_client("dynamodb", region_name=region)
        assert endpoint(region) == client.meta.endpoint_url + "/"


@pytest.mark.parametrize("dual_stack", ["", "true"])
@pytest.mark.parametrize("fips", ["true", "TRUE", "false"])
@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "ca-central-1", "eu-west-1", "cn-north-1"])
def test_fips_and_dual_stack_are_honoured_as_botocore_does(
    monkeypatch: pytest.MonkeyPatch, region: str, fips: str, dual_stack: str
) -> None:
    """Where a request goes is where the client's own would go, under every setting of the environment."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    for name, value in (("AWS_USE_FIPS_ENDPOINT", fips), ("AWS_USE_DUALSTACK_ENDPOINT", dual_stack)):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    asked: list[str] = []
    client = botocore.session.Session().create_client(
        "dynamodb", region_name=region, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
    )

    def sent(request: AWSRequest, **_: Any) -> None:
        asked.append(request.url)
        raise InterruptedError

    client.meta.events.register("before-send.*", sent)
    with pytest.raises(InterruptedError):
        client.get_item(TableName="t", Key=ITEM)
    assert [endpoint(region)] == asked
    if fips != "false" and not region.startswith("us-gov"):
        assert "-fips." in endpoint(region)


def test_calls_go_out_as_botocore_sends_them_on_one_connection(server: Server, wire: DynamoDbWire) -> None:
    """Operation and arguments arrive as they are; the answer comes with its headers; the connection is kept."""
    server.answers = [(200, {}), (200, {"Item": ITEM})]
    wire.put_item(TableName="t", Item=ITEM)
    answer = wire.batch_get_item(RequestItems={"t": {"Keys": [ITEM]}})
    assert answer["Item"] == ITEM
    assert "date" in answer["ResponseMetadata"]["HTTPHeaders"]
    assert server.seen == [
        ("DynamoDB_20120810.PutItem", {"TableName": "t", "Item": ITEM}),
        ("DynamoDB_20120810.BatchGetItem", {"RequestItems": {"t": {"Keys": [ITEM]}}}),
    ]
    assert server.connections == 1


def test_a_request_does_not_wait_for_the_acknowledgement_of_its_first_piece(
    server: Server, wire: DynamoDbWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nagle's algorithm is off, as in botocore's client: else each call would wait up to 40 ms in between."""
    made: list[socket.socket] = []
    connect = urllib3.util.connection.create_connection

    def create_connection(*args: Any, **options: Any) -> socket.socket:
        made.append(connect(*args, **options))
        return made[-1]

    monkeypatch.setattr(urllib3.util.connection, "create_connection", create_connection)
    server.answers = [(200, {})]
    wire.put_item(TableName="t", Item=ITEM)
    (connection,) = made
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_failed_condition_brings_back_what_is_there(server: Server, wire: DynamoDbWire) -> None:
    """It is an error of botocore's with the code and the item, and it is not tried again."""
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    server.answers = [(400, {"__type": kind, "message": "no", "Item": ITEM})]
    with pytest.raises(ClientError) as caught:
        wire.put_item(TableName="t", Item=ITEM)
    assert caught.value.response["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "no"}
    assert caught.value.response["Item"] == ITEM  # type: ignore[typeddict-item]
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "first",
    [
        (400, {"__type": "x#ThrottlingException"}),
        (400, {"__type": "x#ProvisionedThroughputExceededException"}),
        (503, {}),
        (200, '{"Responses":'),
        None,
    ],
    ids=["throttled", "throughput", "5xx", "cut short", "hung up"],
)
def test_what_may_pass_is_tried_again_after_a_pause(
    server: Server, wire: DynamoDbWire, pauses: list[float], first: tuple[int, dict[str, Any] | str] | None
) -> None:
    """A throttle, a fault of the service, half an answer and a closed connection are repeated, with random pauses."""
    server.answers = [first, (200, {})]
    wire.put_item(TableName="t", Item=ITEM)
    assert len(server.seen) == 2
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= 0.1


def test_after_three_attempts_it_is_given_up(server: Server, wire: DynamoDbWire) -> None:
    """The last error is told."""
    server.answers = [(503, {})] * 3
    with pytest.raises(ClientError, match="503"):
        wire.put_item(TableName="t", Item=ITEM)
    assert len(server.seen) == 3


@pytest.mark.usefixtures("server")
def test_nothing_answers(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    """A connection that cannot be made is tried again, then is botocore's error for it, which is retryable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    with pytest.raises(EndpointConnectionError):
        DynamoDbWire("us-east-1", sleep=pauses.append).put_item(TableName="t", Item=ITEM)
    assert len(pauses) == 2


def test_an_item_is_read(server: Server, wire: DynamoDbWire) -> None:
    """What a question about one address costs."""
    server.answers = [(200, {"Item": ITEM})]
    assert wire.get_item(TableName="table", Key=ITEM)["Item"] == ITEM
    assert server.seen == [("DynamoDB_20120810.GetItem", {"TableName": "table", "Key": ITEM})]
