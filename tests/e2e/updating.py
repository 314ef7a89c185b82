"""A deployment of the last release, with data in it, and what an update may not change of it.

Old and new ask the same questions: who updates the deployment may still have the old command line, and applications
the old guard.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from local.cloud import ACCOUNT, Cloud
from local.loop import Inbox, Loop, until
from local.state import ROOT
from ses_feedback import naming
from tests.e2e import messages
from tests.e2e.test_lookup import Caller
from tests.infra.updating import HOLDERS, STATELESS
from tests.releases import Release

PATIENCE_S: Final = 60
SHOP, NEWS, DESK, DEV = "example.com", "news.example.com", "desk.example.com", "dev@example.com"
GAVE_UP: Final = "given.up@example.net"
WHERE: Final = ("--environment", "production")
FOREIGN: Final = "somebody-elses"
# Runs commands, and asks the guard, with the package on the path: one interpreter for all of them.
_ASKING: Final = """
import contextlib, io, json, sys
from ses_feedback.cli.program import run
from ses_feedback.guard import Guard
config, questions, people, senders = json.load(sys.stdin)
for question in questions:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run([*question, "--json", "--config", config])
    print(json.dumps([" ".join(question), code, [json.loads(line) for line in out.getvalue().splitlines()]]))
guard = Guard.from_file(config, remember_s=0)
for sender in senders:
    removed = guard.check(people, sender=sender).removed
    rows = [{"address": r.recipient, "reason": r.suppression.reason} for r in removed]
    print(json.dumps(["guard of " + sender, 0, rows]))
"""
# A resource in a `cdk diff`, with what becomes of it: `[~] AWS::SQS::Queue Path LogicalId replace`.
_IMPACT: Final = re.compile(r"^\[.\] (?P<kind>\S+::\S+) .* (?P<impact>replace|may be replaced|destroy|orphan)$")
Row = Mapping[str, Any]
Answers = Mapping[str, Sequence[Row]]


class People(NamedTuple):
    """Who is in the table for which reason."""

    hard: str
    complained: str
    soft: str
    suppressed: str
    released: str
    imported: str
    erased: str
    desk: str
    dev: str

    @classmethod
    def invent(cls) -> People:
        return cls(*(messages.someone(name) for name in cls._fields))


class Project:
    """The folder an operator works in: the app of this repository, with a configuration and a lock file of its own.

    ``cdk.json`` is the repository's, with what the embedded AWS needs besides.
    """

    def __init__(self, folder: Path, release: Release, cloud: Cloud) -> None:
        self.folder = folder
        folder.mkdir()
        for name in (".venv", "node_modules", "app.py"):
            (folder / name).symlink_to(ROOT / name)
        for path in (release.edited, release.lock):
            shutil.copy(path, folder)
        settings = json.loads((ROOT / "cdk.json").read_text())
        local = {"local": "true", naming.CONTEXT_SES_INTERVAL: "0", "tally_window_s": "1"}
        (folder / "cdk.json").write_text(json.dumps({**settings, "context": {**settings["context"], **local}}))
        self._environment = {**cloud.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "NO_COLOR": "1"}

    def run(self, line: str) -> str:
        """Run a line as it is typed, without a terminal; return what it says. Raises where it fails."""
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"$ {line}\n(exit code {done.returncode})\n{done.stdout[-4_000:]}")
        return done.stdout


def documented(section: str) -> list[str]:
    """Return the commands of a section of docs/deploy.md, as they stand there."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"```sh\n(.*?)```", body, re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


class Life:
    """What happens to a deployment, with the command line of ``package``: the release's, or today's."""

    def __init__(self, loop: Loop, release: Release, package: Path, folder: Path) -> None:
        self.loop = loop
        self.people = People.invent()
        self._release = release
        self._package = package
        self._folder = folder

    def suppress(self) -> None:
        """Suppress people in every way: by feedback of each kind, decisions, a list; forget one of them."""
        loop, who = self.loop, self.people
        loop.publish("bounce", SHOP, [messages.bounce(SHOP, who.hard), messages.bounce(SHOP, who.erased)])
        loop.publish("bounce", SHOP, [messages.bounce(SHOP, who.soft, soft=True) for _ in range(2)])
        loop.publish("complaint", NEWS, [messages.complaint(NEWS, who.complained)])
        loop.publish("bounce", DESK, [messages.bounce(DESK, who.desk)])
        loop.publish("bounce", DEV, [messages.bounce(DEV, who.dev)])
        self.do("suppress", who.suppressed, "--for", "30d", "--why", "asked by phone", *WHERE)
        self.do("suppress", who.released, "--why", "asked by phone", *WHERE)
        self.do("release", who.released, "--why", "rang again", *WHERE)
        path = self._folder / f"{who.imported}.csv"
        path.write_text(f'status,reason,email,created\n5.1.1,"550, no",{who.imported},1714979289\n')
        self.do("import", str(path), *WHERE)
        until("the strikes", lambda: self._strikes(who.soft) == 2 and self._strikes(who.erased), seconds=PATIENCE_S)
        self.do("erase", who.erased, *WHERE)
        until("counting", loop.drained, seconds=PATIENCE_S)
        # The archive is written some seconds later.
        acted = {who.hard, who.soft, who.complained}
        until("archiving feedback", lambda: self._archived() >= acted, seconds=PATIENCE_S)
        until("archiving decisions", lambda: self._decided() >= {who.suppressed, who.released}, seconds=PATIENCE_S)

    def put_aside(self) -> None:
        """Pause an identity, and have something wait: in quarantine, as dead letter, for a digest. Alarms tell."""
        loop = self.loop
        self.do("pause", NEWS, "--why", "the list of March was never confirmed")
        loop.publish("bounce", SHOP, ["nobody can read this"])
        sqs = loop.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=naming.dead_letter_queue_name(loop.name))["QueueUrl"]
        dead = messages.posted(loop.topic("bounce", SHOP), messages.bounce(SHOP, GAVE_UP))
        sqs.send_message(QueueUrl=url, MessageBody=dead)
        digests = naming.digest_queue_name(loop.name, "desk")
        until("what waits for the digest", lambda: loop.waiting(digests), seconds=PATIENCE_S)
        alarms = {naming.alarm_name(loop.name, kind) for kind in ("dead letters", "quarantined")}
        until("the alarms", lambda: alarms <= alarmed(loop), seconds=PATIENCE_S)

    def do(self, *command: str) -> list[Row]:
        """Run a command and return its rows."""
        (rows,) = self._ask(self._package, [command], guard=False).values()
        return list(rows)

    def _strikes(self, address: str) -> int:
        return len(self.do("show", address, *WHERE)[0]["strikes"])

    def _archived(self) -> set[str]:
        return {row["recipient"] for row in self.do(*_events(self.loop))}

    def _decided(self) -> set[str]:
        return {row["address"] for row in self.do("events", "--decisions", "--since", "1d")}

    # --- what everybody sees of it

    def answers(self, package: Path) -> dict[str, Sequence[Row]]:
        """Ask all questions with the command line and the guard of a package: the release's, or today's."""
        who = self.people
        both = [who.hard, who.complained, who.soft, who.suppressed, who.released, who.imported, who.erased]
        questions = [("check", *both, *WHERE, "--stream", stream) for stream in ("transactional", "marketing")]
        questions += [("show", address, *WHERE) for address in both]
        questions += [("check", who.desk, "--environment", "desk"), ("check", who.dev, "--environment", "dev")]
        questions += [("list", "--environment", name, "--limit", "1000") for name in ("production", "desk", "dev")]
        questions += [("export", *WHERE), ("pauses",), ("quarantine", "list"), ("routes", f"x@{SHOP}", f"x@{NEWS}")]
        questions += [_events(self.loop), ("events", "--decisions", "--since", "1d", "--limit", "1000")]
        found = self._ask(package, questions, guard=True)
        asked = Caller(self.loop).ask("check", addresses=both, stream="transactional")
        return {**found, "the lookup API": asked.values["answers"]}

    def _ask(self, package: Path, questions: Sequence[Sequence[str]], *, guard: bool) -> dict[str, Sequence[Row]]:
        senders = [f"orders@{SHOP}", f"editor@{NEWS}"] if guard else []
        config = self._release.config if package == self._release.product else self._release.edited
        asked = json.dumps([str(config), questions, list(self.people), senders])
        done = subprocess.run(
            [sys.executable, "-c", _ASKING],
            input=asked,
            capture_output=True,
            text=True,
            check=False,
            cwd=package,
            env={**self.loop.cloud.environment(), "PYTHONPATH": str(package)},
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Sequence[Row]] = {}
        for line in done.stdout.splitlines():
            question, code, rows = json.loads(line)
            assert code in (0, 1), f"{question}: {done.stderr}"
            found[question] = rows
        return found


def _events(loop: Loop) -> tuple[str, ...]:
    bucket = naming.archive_bucket_name(loop.name, ACCOUNT, loop.cloud.region)
    return ("events", "--since", "1d", "--limit", "1000", "--from", f"s3://{bucket}/{naming.ARCHIVE_FEEDBACK}")


def forgotten(before: Answers, after: Answers) -> list[str]:
    """Return every row that is not there any more, or says something else. What is new beside it is no matter."""
    lines = []
    for question, rows in before.items():
        left = list(after[question])
        for row in rows:
            match = next((found for found in left if _holds(found, row)), None)
            if match is None:
                lines.append(f"{question}: no longer {json.dumps(row)}; now {json.dumps(left)[:2_000]}")
            else:
                left.remove(match)
    return lines


def _holds(found: Any, known: Any) -> bool:
    if isinstance(known, dict):
        return isinstance(found, dict) and all(
            name in found and _holds(found[name], value) for name, value in known.items()
        )
    if isinstance(known, list):
        return isinstance(found, list) and len(found) == len(known) and all(map(_holds, found, known))
    return bool(found == known)


def alarmed(loop: Loop) -> set[str]:
    """Return the names of the alarms that are on."""
    return {str(alarm["AlarmName"]) for alarm in loop.alarms("ALARM")}


def losing(plan: str) -> list[str]:
    """Return the lines of a ``cdk diff`` by which something is made anew, or what holds something goes."""
    return [
        line
        for line in plan.splitlines()
        if (found := _IMPACT.search(line))
        # Whether a custom resource is another one is its own answer's to say: no plan knows.
        and not (found["kind"].startswith("Custom::") and found["impact"] == "may be replaced")
        and (found["kind"] in HOLDERS or ("replace" in found["impact"] and found["kind"] not in STATELESS))
    ]


class Picture(NamedTuple):
    """What there is in the account: by stack and logical id, with the id that AWS knows it by."""

    resources: Mapping[tuple[str, str], tuple[str, str]]
    subscriptions: Mapping[str, str]
    settings: Mapping[str, Any]
    waiting: Mapping[str, int]
    alarmed: frozenset[str]
    former: Mapping[str, Any]

    @classmethod
    def take(cls, loop: Loop) -> Picture:
        client = loop.cloud.client
        stacks = [
            stack["StackName"]
            for page in client("cloudformation").get_paginator("describe_stacks").paginate()
            for stack in page["Stacks"]
            if stack["StackName"].startswith(f"{loop.name}-") and stack["StackStatus"] != "DELETE_COMPLETE"
        ]
        resources = {
            (stack, found["LogicalResourceId"]): (found["ResourceType"], found["PhysicalResourceId"])
            for stack in stacks
            for page in client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
            for found in page["StackResourceSummaries"]
        }
        subscribed = {
            f"{s['TopicArn']} {s['Protocol']} {s['Endpoint']}": s["SubscriptionArn"]
            for page in client("sns").get_paginator("list_subscriptions").paginate()
            for s in page["Subscriptions"]
        }
        queues = client("sqs").list_queues().get("QueueUrls", [])
        names = [url.rsplit("/", 1)[-1] for url in queues]
        attributes = client("ses").get_identity_notification_attributes(Identities=[SHOP, NEWS, DESK, DEV])
        table = naming.wiring_table_name(loop.name)
        pages = client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        former = {item["pk"]["S"]: item for page in pages for item in page["Items"] if FOREIGN in str(item)}
        return cls(
            resources,
            subscribed,
            attributes["NotificationAttributes"],
            {name: loop.waiting(name) for name in names if name.startswith(f"{loop.name}-")},
            frozenset(alarmed(loop)),
            former,
        )

    def lost(self, after: Picture) -> Iterator[str]:
        """Yield what is another one or gone afterwards, a line each."""
        for place, (kind, physical) in self.resources.items():
            found = after.resources.get(place)
            if found is None and kind in HOLDERS:
                yield f"{'/'.join(place)} ({kind} {physical}) is gone"
            if found is not None and found[1] != physical and kind not in STATELESS:
                yield f"{'/'.join(place)} ({kind}) was replaced: {physical} is {found[1]}"
        for who, arn in self.subscriptions.items():
            if after.subscriptions.get(who) != arn:
                yield f"subscription {who} was {arn}, is {after.subscriptions.get(who)}"
        for name in ("settings", "former"):
            was, now = getattr(self, name), getattr(after, name)
            yield from (
                f"{name} of {key} were {was[key]}, are {now.get(key)}" for key in was if was[key] != now.get(key)
            )
        for queue, number in self.waiting.items():
            if after.waiting.get(queue, 0) < number:
                yield f"queue {queue} held {number} messages, holds {after.waiting.get(queue)}"


def somebody_else(cloud: Cloud) -> str:
    """Give an identity's bounces to a topic that is not ours, before anything is deployed; return the topic."""
    topic = cloud.client("sns").create_topic(Name=FOREIGN)["TopicArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    cloud.client("ses").set_identity_notification_topic(Identity=SHOP, NotificationType="Bounce", SnsTopic=topic)
    return str(topic)


class OnCall:
    """Everybody who is on call, listening from now on."""

    def __init__(self, loop: Loop) -> None:
        topics = [loop.outputs[name] for name in (naming.OUTPUT_PAGE_TOPIC, naming.OUTPUT_WARN_TOPIC)]
        self._inboxes = [Inbox(loop.cloud, topic, f"on-call-{number}") for number, topic in enumerate(topics)]

    def heard(self) -> list[str]:
        """Return the subjects of what has arrived since the last call, but for alarms that are over."""
        subjects = [str(message.get("Subject")) for inbox in self._inboxes for message in inbox.take()]
        return [subject for subject in subjects if not subject.startswith("OK: ")]
