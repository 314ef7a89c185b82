"""The documented commands, word for word: a deployment fails and goes on, works, goes, and comes back with its memory.

The same life twice, at the same time, each in a clone and an account of its own: typed at a terminal, and in a pipeline
that has none. What fails a first deployment is somebody else's, different in each; the causes lie in all four stacks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from local.cloud import ACCOUNT, Cloud
from local.deployment import verify_identities
from local.loop import until
from ses_feedback.config import load
from tests.e2e.clone import Clone, block, documented

CONFIG = """
[deployment]
name = "{name}"
alarms = "environment"
[on_call]
page = [{{ email = "oncall@example.com" }}]
[identities."{identity}"]
stream = "transactional"
"""
BOOTSTRAP = "npx cdk bootstrap aws://111122223333/us-east-1"
SYNTH, DIFF, DEPLOY = "npx cdk synth --quiet", "npx cdk diff", "npx cdk deploy --all --concurrency 4"
REWIRE = "npx cdk deploy --all -c rewire=2026-11-24"
SECOND = "npx cdk deploy --all --context config=staging.toml"
DESTROY, DESTROY_UNASKED = "npx cdk destroy --all", "npx cdk destroy --all --force"
IMPORT = "npx cdk import ses-feedback-data --resource-mapping kept.json"
KEPT = "python -m infra.kept kept.json"
CHECK = "ses-feedback check bounce@simulator.amazonses.com --environment production --stream transactional"
FOREIGN = f"arn:aws:sns:us-east-1:{ACCOUNT}:old-bounces"
KINDS = ("Bounce", "Complaint")


class Life:
    """One deployment from the bootstrap of its account to its return."""

    def __init__(self, folder: Path, cloud: Cloud, *, terminal: bool) -> None:
        self.cloud = cloud
        self.clone = Clone(folder, cloud, terminal=terminal)
        self.run = self.clone.run
        self.aws = self.clone.aws
        for file, name, identity in (
            ("feedback.toml", "ses-feedback", "example.com"),
            ("staging.toml", "staging", "staging.example.com"),
        ):
            path = self.clone.folder / file
            path.write_text(CONFIG.format(name=name, identity=identity))
            verify_identities(cloud, load(path))

    def settings(self) -> Mapping[str, Any]:
        """How SES stands to the identity."""
        answer = self.cloud.client("ses").get_identity_notification_attributes(Identities=["example.com"])
        return dict(answer["NotificationAttributes"]["example.com"])

    def as_before(self) -> bool:
        """Whether SES has of the identity what it had before there was any deployment."""
        settings = self.settings()
        return settings["ForwardingEnabled"] is True and not {f"{kind}Topic" for kind in KINDS} & set(settings)

    def stack(self, name: str) -> str:
        """A stack's status."""
        stacks = self.cloud.client("cloudformation").describe_stacks(StackName=f"ses-feedback-{name}")
        return str(stacks["Stacks"][0]["StackStatus"])

    def fails(self, stack: str, status: str, why: str) -> None:
        """Deploy, and see a stack fail for a reason that the command tells."""
        said = self.run(DEPLOY, code=1)
        assert why in said, said[-3_000:]
        assert self.stack(stack) == status

    def looks_first(self) -> None:
        """Before the first deployment, what it will do can be read, and changes nothing in SES."""
        self.run(SYNTH)
        said = self.run(DIFF)
        assert "IAM Statement Changes" in said
        assert "Number of stacks with differences: 4" in said
        assert self.as_before()

    def works(self) -> None:
        """A bounce is suppressed."""
        assert self.settings()["ForwardingEnabled"] is False
        self.cloud.client("ses").send_email(
            Source="test@example.com",
            Destination={"ToAddresses": ["bounce@simulator.amazonses.com"]},
            Message={"Subject": {"Data": "test"}, "Body": {"Text": {"Data": "test"}}},
        )
        table = self.cloud.client("dynamodb")

        def noted() -> bool:
            items = table.scan(TableName="ses-feedback-suppressions", ConsistentRead=True)["Items"]
            return len(items) > 1  # the other one says whose the table is

        until("the suppression", noted, seconds=90)
        self.remembers()

    def remembers(self) -> None:
        """The command line says so."""
        assert "suppressed by hard_bounce" in self.run(CHECK, code=1)

    def goes_on(self) -> None:
        """Wiring anew, and a second deployment beside the first."""
        self.run(REWIRE)
        self.run(SECOND)
        self.remembers()

    def commits(self, checks: list[str]) -> None:
        """Put the project under version control: each check fails before the lock file is in it as it is."""
        is_tracked, is_unchanged = checks
        lock = self.clone.folder / "feedback.lock.json"
        self.run("git init --quiet")
        self.run(is_tracked, code=1)
        self.run("git add feedback.lock.json")
        self.run(is_tracked)
        content = lock.read_text()
        lock.write_text(f"{content}\n")
        self.run(is_unchanged, code=1)
        lock.write_text(content)

    def removed(self) -> None:
        """Nothing is left but what the data stack keeps, and SES is as it was."""
        cloudformation = self.cloud.client("cloudformation")
        stacks = [s["StackName"] for s in cloudformation.describe_stacks()["Stacks"]]
        assert not [name for name in stacks if name.startswith("ses-feedback-")]
        assert self.as_before()

    def hurries(self) -> None:
        """A deployment that nobody prepared fails, and the tool says what is in the way then."""
        self.fails("data", "ROLLBACK_COMPLETE", "Validation failed")  # of buckets CloudFormation knows beforehand
        assert "remove it first: npx cdk destroy ses-feedback-data" in self.run(KEPT, code=1)
        self.run("npx cdk destroy ses-feedback-data", "y")

    def comes_back(self) -> None:
        """The import takes all that was kept."""
        tables = self.cloud.client("dynamodb")
        before = tables.describe_table(TableName="ses-feedback-suppressions")["Table"]["TableId"]
        commands = block("Importing what was kept")
        assert commands == [SYNTH, KEPT, IMPORT, DEPLOY]
        for line in commands:
            self.run(line)
        assert tables.describe_table(TableName="ses-feedback-suppressions")["Table"]["TableId"] == before
        assert self.settings()["ForwardingEnabled"] is False
        self.remembers()
        assert "there is nothing to import" in self.run(KEPT, code=1)


def at_a_terminal(life: Life) -> None:
    """A table after the first cannot be made, and what is protected is left; then somebody else's topics are in SES."""
    life.run(BOOTSTRAP)
    life.looks_first()
    tables, ses = life.cloud.client("dynamodb"), life.cloud.client("ses")
    key = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    text = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}
    tables.create_table(TableName="ses-feedback-wiring", **key, **text)
    life.fails("data", "ROLLBACK_FAILED", "ses-feedback-wiring")
    tables.delete_table(TableName="ses-feedback-wiring")
    for line in block("A first deployment that failed"):
        life.aws(line)
    assert not [name for name in tables.list_tables()["TableNames"] if name.startswith("ses-feedback-")]

    life.cloud.client("sns").create_topic(Name="old-bounces")
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic=FOREIGN)
    life.fails("cell-0001", "ROLLBACK_COMPLETE", FOREIGN)
    for line in block("What a deployment changes in SES")[:2]:
        life.aws(line)
    life.run(DEPLOY)
    life.works()
    life.goes_on()

    assert "Deletion cancelled" in life.run(DESTROY, "n", code=1)
    assert life.stack("core") == "CREATE_COMPLETE"
    life.run(DESTROY, "y")
    life.removed()
    life.hurries()
    life.comes_back()
    life.run(DESTROY_UNASKED)
    life.removed()


def in_a_pipeline(life: Life) -> None:
    """The secret is being deleted; a log group is there already; a dashboard is."""
    life.run(BOOTSTRAP)
    secrets = life.cloud.client("secretsmanager")
    secrets.create_secret(Name="ses-feedback-address-key", SecretString="somebody's")
    secrets.delete_secret(SecretId="ses-feedback-address-key", RecoveryWindowInDays=30)
    life.fails("data", "ROLLBACK_COMPLETE", "already exists")
    life.aws(
        "aws secretsmanager delete-secret --region us-east-1 --secret-id ses-feedback-address-key "
        "--force-delete-without-recovery"
    )
    groups = life.cloud.client("logs")
    groups.create_log_group(logGroupName="/aws/lambda/ses-feedback-replay_archive")
    life.fails("core", "ROLLBACK_COMPLETE", "ses-feedback-replay_archive")
    groups.delete_log_group(logGroupName="/aws/lambda/ses-feedback-replay_archive")

    watch = life.cloud.client("cloudwatch")
    watch.put_dashboard(DashboardName="ses-feedback", DashboardBody='{"widgets": []}')
    life.fails("overview", "ROLLBACK_COMPLETE", "ses-feedback-overview failed")
    watch.delete_dashboards(DashboardNames=["ses-feedback"])
    setting_up, documented_here = block("From a pipeline")[:2], block("From a pipeline")[2:]
    assert setting_up == ["make install", ". .venv/bin/activate"]
    life.commits(documented_here[1:3])
    for line in documented_here:
        life.run(line)
    life.works()
    life.goes_on()

    assert "unable to get a confirmation" in life.run(DESTROY, code=1)
    life.run(DESTROY_UNASKED)
    life.removed()
    life.comes_back()


LIVES: dict[str, Callable[[Life], None]] = {"at a terminal": at_a_terminal, "in a pipeline": in_a_pipeline}


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[set[str]]]]:
    """Both lives, begun at once; of each, the lines that it ran."""

    def live(name: str, folder: Path) -> set[str]:
        with Cloud(folder, region="us-east-1") as cloud:
            life = Life(folder, cloud, terminal=name == "at a terminal")
            LIVES[name](life)
        shutil.rmtree(folder)
        return life.clone.ran

    with ThreadPoolExecutor(len(LIVES)) as pool:
        yield {name: pool.submit(live, name, tmp_path_factory.mktemp(name.replace(" ", "-"))) for name in LIVES}


# What other tests type as it stands: going back to a release, and the runbook's way to wire anew.
ELSEWHERE: Final = {
    "npx cdk deploy --all --concurrency 4 --require-approval never": "tests/e2e/test_upgrading.py",
    "npx cdk deploy --all -c rewire=$(date +%s)": "tests/e2e/night/test_runbooks.py",
}


@pytest.mark.parametrize("name", LIVES)
def test_a_deployment_fails_goes_on_goes_and_comes_back(lives: dict[str, Future[set[str]]], name: str) -> None:
    """Every documented command does what the documentation says, at a terminal and without one."""
    assert documented() >= ELSEWHERE.keys()
    assert documented() - ELSEWHERE.keys() <= lives[name].result()
