"""Lambda's limit: what the endpoint sets apart must leave a hundred, and a new account has ten."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from botocore.stub import Stubber

from ses_feedback.adapters.aws_inventory import AwsInventory
from ses_feedback.adapters.troubles import Place, Trouble
from ses_feedback.config import Config, parse
from ses_feedback.config.warnings import before_deploying, warnings
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.checks.finding import NOTE, WRONG
from ses_feedback.usecases.checks.live import Concurrency
from tests.unit.config.files import SMALLEST
from tests.unit.wiring.test_ses_adapter import make

from .spoilers import examine
from .world import World

POSTS = "ses-feedback-receive_posts"
TOPICS = 'topics = [{ arn = "arn:aws:sns:us-east-1:444455556666:ses-*", environment = "production" }]'


def config(endpoint: str | None = "") -> Config:
    return parse(tomllib.loads(SMALLEST + ("" if endpoint is None else f"[endpoint]\n{TOPICS}\n{endpoint}")))


def findings(endpoint: str | None, live: Concurrency, share: int = 0) -> list[Any]:
    there = World(config(endpoint))
    there.concurrency_ = live
    there.shares[POSTS] = share
    return [f for f in examine(there).findings if f.check == "concurrency"]


@pytest.mark.parametrize(
    ("endpoint", "live", "share", "needed"),
    [
        ("", Concurrency(10, 0), 0, 110),
        ("", Concurrency(109, 0), 0, 110),
        ("at_once = 1", Concurrency(100, 0), 0, 101),
        ("at_once = 500", Concurrency(599, 0), 0, 600),
        ("", Concurrency(1_000, 891), 0, 1_001),  # other functions have most of it
        ("at_once = 60", Concurrency(150, 10), 10, 160),  # ten are apart, and the file wants sixty
    ],
)
def test_a_share_that_cannot_be_set_apart_is_wrong(endpoint: str, live: Concurrency, share: int, needed: int) -> None:
    """It says what there is, what is needed, why, and how the limit is raised, before CloudFormation fails."""
    (finding,) = findings(endpoint, live, share)
    assert (finding.level, finding.path) == (WRONG, "endpoint.at_once")
    assert f"Lambda runs {live.limit} functions at once in us-east-1" in finding.what
    assert finding.what.endswith(f"needs {needed}")
    assert "UnreservedConcurrentExecution" in finding.why
    assert "at_once = 0" in finding.why
    assert finding.mend is not None
    assert finding.mend.startswith("aws service-quotas request-service-quota-increase --region us-east-1")
    assert int(finding.mend.rpartition(" ")[2]) >= needed


@pytest.mark.parametrize(
    ("endpoint", "live", "share"),
    [
        ("", Concurrency(110, 0), 0),
        ("", Concurrency(110, 10), 10),  # it has its share
        ("", Concurrency(1_000, 890), 0),
        ("at_once = 5", Concurrency(110, 10), 10),  # it gives some back
        ("at_once = 0", Concurrency(100, 0), 0),
        ("in_stack = false", Concurrency(100, 0), 0),
        (None, Concurrency(100, 0), 0),
    ],
)
def test_a_share_that_can_be_set_apart_is_nothing_to_tell(endpoint: str | None, live: Concurrency, share: int) -> None:
    """Nor one that is there already, or that nobody asks for."""
    assert findings(endpoint, live, share) == []


@pytest.mark.parametrize("endpoint", [None, "at_once = 0", "in_stack = false"])
def test_an_account_as_new_as_ten_at_once_is_worth_knowing(endpoint: str | None) -> None:
    """The loop works, one after the other; nothing is lost, so it is no error."""
    (finding,) = findings(endpoint, Concurrency(10, 0))
    assert (finding.level, finding.path) == (NOTE, "deployment.region")


def test_without_the_permission_the_rest_is_looked_at() -> None:
    """What is missing is named."""
    there = World(config())
    there.refuse["concurrency"] = PermanentError("AWS denies lambda:GetAccountSettings")
    diagnosis = examine(there)
    assert diagnosis.unchecked == ["Lambda's limits: AWS denies lambda:GetAccountSettings"]


def test_only_the_endpoints_share_is_asked_for() -> None:
    """Who sets none apart needs no permission for it."""
    there = World(config(None))
    examine(there)
    assert not [call for call in there.calls if call.startswith("share")]


def test_synth_says_what_is_needed_before_anything_is_deployed() -> None:
    """Doctor, which asks AWS, does not repeat it."""
    (line,) = before_deploying(config("at_once = 20"))
    assert line.startswith("endpoint.at_once: sets 20 concurrent executions apart")
    assert "us-east-1 must be 120 or more" in line
    assert not [found for found in warnings(config("at_once = 20")) if found.startswith("endpoint")]
    for without in ("at_once = 0", "in_stack = false", None):
        assert before_deploying(config(without)) == ()


def test_lambda_is_asked_in_its_own_words() -> None:
    """Against botocore's models: the limit, what of it is apart, and a function's share; none where there is none."""
    client = make("lambda")
    aws = AwsInventory(Place("ses-feedback", "us-east-1"), lambda service, region: client)
    with Stubber(client) as stub:
        limits = {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": 890}
        stub.add_response("get_account_settings", {"AccountLimit": limits}, {})
        assert aws.concurrency() == Concurrency(1_000, 110)
        stub.add_response("get_function_concurrency", {"ReservedConcurrentExecutions": 10}, {"FunctionName": POSTS})
        assert aws.share(POSTS) == 10
        stub.add_response("get_function_concurrency", {}, {"FunctionName": POSTS})
        assert aws.share(POSTS) == 0
        stub.add_client_error("get_function_concurrency", "ResourceNotFoundException")
        assert aws.share(POSTS) == 0
        stub.add_client_error("get_account_settings", "AccessDeniedException", "not authorized", 403)
        with pytest.raises(Trouble, match="lambda:GetAccountSettings"):
            aws.concurrency()
