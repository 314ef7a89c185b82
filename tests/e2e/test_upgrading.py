"""The last release, deployed and lived in, becomes today's, as docs/deploy.md says, and goes back again.

The tests follow one another. ``tests/infra/test_updating.py`` proves of the templates what the embedded AWS cannot:
what CloudFormation itself would replace or refuse.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.cdk import Cdk
from local.cloud import ACCOUNT, Cloud
from local.deployment import verify_identities, warm_up
from local.loop import Inbox, Loop, until
from local.state import ROOT, State
from ses_feedback import naming
from ses_feedback.config import load
from tests import releases
from tests.e2e.test_digests import let_five_minutes_pass
from tests.e2e.updating import (
    GAVE_UP,
    NEWS,
    PATIENCE_S,
    SHOP,
    Life,
    OnCall,
    Picture,
    Project,
    alarmed,
    documented,
    forgotten,
    losing,
    somebody_else,
)

PLAN, UPDATE = dict.fromkeys(line for line in documented("Updating") if line.startswith("npx cdk "))
(BACK,) = (line for line in documented("Going back") if line.startswith("npx cdk "))


@dataclass
class Deployed:
    """A deployment, what happened to it, and what was known of it before the last deployment."""

    loop: Loop
    release: releases.Release
    lives: list[Life]
    project: Project
    on_call: OnCall
    desk: Inbox
    foreign: str
    picture: Picture = field(init=False)
    answers: dict[str, Sequence[Any]] = field(init=False)

    def know(self, package: Path) -> None:
        """Keep what there is, and what a package's command line says."""
        self.answers = self.ask(package)
        self.picture = Picture.take(self.loop)
        self.on_call.heard()

    def ask(self, package: Path) -> dict[str, Sequence[Any]]:
        """All answers about everybody."""
        found = [life.answers(package) for life in self.lives]
        return {f"{number} {question}": rows for number, some in enumerate(found) for question, rows in some.items()}

    def is_unchanged(self, *packages: Path) -> None:
        """Assert that nothing is another one, that nobody is forgotten by any package, and that nobody was woken."""
        lost = list(self.picture.lost(Picture.take(self.loop)))
        assert not lost, "\n".join(lost)
        for package in packages:
            gone = forgotten(self.answers, self.ask(package))
            assert not gone, "\n".join(gone)
        assert self.on_call.heard() == []
        assert alarmed(self.loop) <= self.picture.alarmed


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The last release in an account where somebody else had topics, with data of every kind."""
    folder = tmp_path_factory.mktemp("upgrading")
    release = releases.unpack(releases.newest(), folder / "release")
    releases.prepare(release)
    config, state = load(release.edited), State(folder / "state")
    with state.held(), Cloud(state.folder, region=config.deployment.region) as cloud:
        verify_identities(cloud, config)
        foreign = somebody_else(cloud)
        for name in ("customer-service", "crm"):
            Inbox.of_pattern(cloud, f"{config.deployment.name}*", f"{name}-inbox")
        desk = Inbox.of_pattern(cloud, f"{config.deployment.name}*", "desk-inbox")
        cdk = Cdk(cloud, state)
        cdk.bootstrap()
        shutil.copytree(release.assembly, state.assembly)
        loop = Loop(cloud, config, cdk.deploy())
        warm_up(loop)
        life = Life(loop, release, release.product, folder)
        project = Project(folder / "project", release, cloud)
        made = Deployed(loop, release, [life], project, OnCall(loop), desk, foreign)
        life.suppress()
        life.put_aside()
        made.know(release.product)
        yield made


def test_the_answers_say_who_is_suppressed(deployed: Deployed) -> None:
    """Before anything is updated, there is everything that could be lost: what follows compares something."""
    answers, who = deployed.answers, deployed.lives[0].people
    reasons = {row["address"]: row["reason"] for row in next(iter(answers.values()))}
    assert reasons == {
        who.hard: "hard_bounce",
        who.complained: None,
        who.soft: None,
        who.suppressed: "operator",
        who.released: None,
        who.imported: "import",
        who.erased: "hard_bounce",
    }
    assert [question for question, rows in answers.items() if not rows] == []
    assert deployed.foreign in str(deployed.picture.former)
    assert deployed.picture.waiting[naming.dead_letter_queue_name(deployed.loop.name)] == 1


def test_the_plan_is_readable_and_replaces_nothing(deployed: Deployed) -> None:
    """`npx cdk diff` names every stack, by change sets, and nowhere says that something is replaced or destroyed."""
    plan = deployed.project.run(PLAN)
    stacks = {stack for stack, _ in deployed.picture.resources}
    assert stacks <= set(re.findall(r"^Stack (\S+)", plan, re.MULTILINE)), plan
    assert "Number of stacks with differences" in plan
    assert losing(plan) == [], "\n".join(losing(plan))


def test_the_update_replaces_nothing_forgets_nobody_and_wakes_nobody(deployed: Deployed) -> None:
    """As it is documented; with the old command line, guard and caller of the API as with today's."""
    deployed.project.run(UPDATE)
    deployed.is_unchanged(deployed.release.product, ROOT)


def test_what_waited_is_still_told_and_comes_back(deployed: Deployed) -> None:
    """The digest of before reaches the team, the dead letter suppresses, the paused identity is paused."""
    loop, who = deployed.loop, deployed.lives[0].people
    told: list[str] = []

    def digest() -> bool:
        let_five_minutes_pass(loop, "desk")
        loop.run(naming.TELL_TEAMS)
        told.extend(message["Message"] for message in deployed.desk.take())
        return any(who.desk in text for text in told)

    until("the digest", digest, seconds=PATIENCE_S)
    loop.ask("redrive", "dead-letters")

    def suppressed() -> bool:
        return bool(loop.check([GAVE_UP], "production", "transactional")[GAVE_UP]["suppressed"])

    until("the dead letter being read", suppressed, seconds=PATIENCE_S)
    own = naming.configuration_set_name(loop.name, NEWS)
    sending = loop.cloud.client("sesv2").get_configuration_set(ConfigurationSetName=own)["SendingOptions"]
    assert sending["SendingEnabled"] is False


def test_doctor_is_content(deployed: Deployed) -> None:
    """Once nobody's unreadable message is put aside any more, nothing is wrong."""
    loop = deployed.loop
    s3, bucket = loop.cloud.client("s3"), naming.quarantine_bucket_name(loop.name, ACCOUNT, loop.cloud.region)
    for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    until("counting", loop.drained, seconds=PATIENCE_S)
    done = loop.cli("doctor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_going_back_keeps_what_came_since(deployed: Deployed) -> None:
    """As it is documented, with the stacks of the release: it reads what today's code wrote."""
    life = Life(deployed.loop, deployed.release, ROOT, deployed.project.folder)
    life.suppress()
    deployed.lives.append(life)
    deployed.know(deployed.release.product)
    deployed.project.run(f"{BACK} --app {deployed.release.assembly}")
    deployed.is_unchanged(deployed.release.product)


def test_coming_forward_again_keeps_it_too(deployed: Deployed) -> None:
    """Who went back updates again."""
    deployed.know(deployed.release.product)
    deployed.project.run(UPDATE)
    deployed.is_unchanged(ROOT)


def test_removal_still_gives_back_what_was_there_before_the_release(deployed: Deployed) -> None:
    """What 0.1.0 remembered of somebody else's settings is what comes back; the tables stay."""
    loop = deployed.loop
    deployed.project.run("npx cdk destroy --all --force")
    settings = loop.cloud.client("ses").get_identity_notification_attributes(Identities=[SHOP, NEWS])
    shop, news = (settings["NotificationAttributes"][identity] for identity in (SHOP, NEWS))
    assert (shop["BounceTopic"], "ComplaintTopic" in shop) == (deployed.foreign, False)
    assert not [name for name in news if name.endswith("Topic")]
    table = loop.cloud.client("dynamodb").describe_table(TableName=naming.table_name(loop.name))["Table"]
    assert table["ItemCount"] > 0
