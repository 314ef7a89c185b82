"""``doctor`` and ``routes``, as an operator types them."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from ses_feedback import naming
from ses_feedback.cli.program import run
from ses_feedback.cli.session import Session
from ses_feedback.config import load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.settings import SetTopic, after
from ses_feedback.usecases.checks.live import Account, Alarm
from tests.unit.checks.world import ALARM, CONFIG, DOMAIN, World

from .conftest import Run
from .fakes import NOW, FakeDeployment

KEYS = {"check", "level", "path", "what", "why", "mend", "fixable", "mended", "problem"}
ROUTE_KEYS = {
    *("address", "identity", "covered_by", "environment", "stream", "team", "configuration_set"),
    *("topics", "told", "on_call", "live"),
}
FOREIGN = "arn:aws:sns:us-east-1:111122223333:theirs"


@pytest.fixture
def there(config_file: Path, deployment: FakeDeployment) -> World:
    """A deployment of one domain and one address, as it should be."""
    config_file.write_text(CONFIG)
    deployment.world = World(load(config_file))
    return deployment.world


# --- doctor -----------------------------------------------------------------------------------------------------------


def test_all_is_well(cli: Run, there: World) -> None:
    done = cli("doctor")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "All is well. 1 thing worth knowing."
    assert "configuration-set/" in done.out


def test_something_wrong(cli: Run, there: World) -> None:
    """Exit code 1, a table that says where, what, why and how, and how much a --fix would mend."""
    there.drop(DOMAIN, "Bounce")
    there.account_ = Account(True, False, "HEALTHY", frozenset({"BOUNCE"}))
    done = cli("doctor")
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[:2] == [
        "Wrong",
        f'  identities."{DOMAIN}": the Bounce topic is not set: SES drops a topic after one failed publish',
    ]
    assert lines[2].startswith("    why: its bounces and complaints are lost")
    assert lines[3] == "    mend: ses-feedback doctor --fix"
    assert lines[-2:] == [
        "3 things wrong: 1 topic, 1 forwarding, 1 sending",
        "`ses-feedback doctor --fix` mends 2 of them.",
    ]


def test_fix(cli: Run, there: World) -> None:
    """It says what it did, and the exit code is that of what is left."""
    there.drop(DOMAIN, "Bounce")
    done = cli("doctor", "--fix")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Mended\n")
    assert "Bounce topic arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_" in done.out
    assert cli("doctor").out.splitlines()[-1].startswith("All is well.")


def test_fix_leaves_what_is_not_safe(cli: Run, there: World) -> None:
    """Somebody else's topic stays, and the exit code says that something is still wrong."""
    there.live[DOMAIN] = after(there.live[DOMAIN], SetTopic("Bounce", FOREIGN))
    there.alarms_[ALARM] = Alarm(False, "OK")
    done = cli("doctor", "--fix")
    assert done.code == 1
    assert there.live[DOMAIN].topics["Bounce"] == FOREIGN
    assert there.alarms_[ALARM].acts
    assert "set-identity-notification-topic" in done.out


def test_fix_that_fails_says_why(cli: Run, there: World) -> None:
    there.drop(DOMAIN, "Bounce")
    there.gone_topics = set(there.wanted.identities[DOMAIN].topics.values())
    done = cli("doctor", "--fix")
    assert done.code == 1
    assert done.err.splitlines()[0].startswith(f'ses-feedback: identities."{DOMAIN}": not mended: SES cannot use')
    assert "--fix` mends" not in done.out


def test_json(cli: Run, there: World) -> None:
    """A line for each finding, with all keys always; what was mended says so."""
    there.drop(DOMAIN, "Bounce")
    there.queues[naming.dead_letter_queue_name("ses-feedback")] = 2
    done = cli("doctor", "--fix", "--json")
    assert done.code == 1
    assert all(set(record) == KEYS for record in done.records)
    by_check = {record["check"]: record for record in done.records}
    assert by_check["topic"]["fixable"]
    assert by_check["topic"]["mended"]
    assert by_check["queue"] == {
        "check": "queue",
        "level": "wrong",
        "path": "deployment",
        "what": "2 messages in ses-feedback-dead-letters",
        "why": "feedback that could not be recorded for days: its addresses are not suppressed; "
        "it is deleted after 14 days",
        "mend": "ses-feedback redrive dead-letters",
        "fixable": False,
        "mended": None,
        "problem": None,
    }
    assert by_check["file"]["level"] == "note"


def test_what_cannot_be_looked_at_is_an_error(cli: Run, there: World) -> None:
    """Exit code 2: nobody may take it for all being well."""
    there.refuse = {"account": PermanentError("AWS denies ses:GetAccount in us-east-1")}
    done = cli("doctor")
    assert done.code == 2
    assert done.err == "ses-feedback: not looked at: the state of SES: AWS denies ses:GetAccount in us-east-1\n"
    assert "All is well" not in done.out


def test_nothing_deployed_is_one_line(cli: Run, there: World) -> None:
    there.stacks_ = {}
    done = cli("doctor")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert 'no deployment "ses-feedback" in us-east-1 of account 111122223333' in done.err


def test_a_terminal_gets_a_table(
    config_file: Path, there: World, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long texts are folded within their columns, and long commands stand below, to be copied."""
    there.drop(DOMAIN, "Bounce")
    there.account_ = Account(True, False, "HEALTHY", frozenset({"BOUNCE"}))
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(["doctor"], Session(deployment.connect, lambda: NOW)) == 1
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()]
    header = next(line for line in lines if line.startswith("WHERE"))
    assert header.split() == ["WHERE", "WHAT", "WHY", "MEND"]
    command = "[1] aws sesv2 put-account-sending-attributes --region us-east-1 --sending-enabled"
    assert command in lines
    assert all(len(line) <= 100 for line in lines if not line.startswith("["))


class Terminal(io.StringIO):
    """Standard error of a person."""

    def isatty(self) -> bool:
        return True


def test_progress_is_for_people(
    config_file: Path, there: World, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal shows how far it is; a pipe gets nothing but errors (see the tests above)."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert run(["doctor"], Session(deployment.connect, lambda: NOW)) == 0
    assert "Looking" in sys.stderr.getvalue()  # type: ignore[attr-defined]


# --- routes -----------------------------------------------------------------------------------------------------------


def test_all_identities(cli: Run, there: World) -> None:
    """One row each, without AWS."""
    done = cli("routes")
    assert (done.code, done.err) == (0, "")
    header, domain, address = done.out.splitlines()
    assert header.split()[:2] == ["IDENTITY", "ENVIRONMENT"]
    assert domain.startswith("example.com ")
    assert "email people@example.org (digest)" in domain
    assert naming.configuration_set_name("ses-feedback", "news@example.com") in address
    assert there.calls == []


def test_a_route_in_words(cli: Run, there: World) -> None:
    done = cli("routes", "Jane <JANE@Shop.Example.com>")
    assert done.code == 0
    assert done.out.splitlines()[0] == "jane@shop.example.com: identity example.com (a parent domain)"
    assert "ses-feedback_bounce_example-com_a379a6f6" in done.out
    assert "on-call: page: email oncall@example.com; warn: email oncall@example.com" in done.out


def test_a_sender_that_nothing_covers(cli: Run, there: World) -> None:
    """Exit code 1 and one clear line, whatever else was asked."""
    done = cli("routes", "jane@example.org", "news@example.com")
    assert done.code == 1
    assert (
        done.out.splitlines()[0] == "jane@example.org: no identity of the file covers it: its feedback is not handled"
    )
    assert "news@example.com: identity news@example.com" in done.out


def test_routes_in_json(cli: Run, there: World) -> None:
    """All keys are always there."""
    done = cli("routes", "--json", "jane@example.org", "x@example.com", "news@example.com")
    assert done.code == 1
    assert "jane@example.org" in done.err
    nobody, domain, address = done.records
    assert all(set(record) == ROUTE_KEYS for record in done.records)
    assert {key for key, value in nobody.items() if value} == {"address"}
    assert (domain["identity"], domain["covered_by"], domain["stream"]) == ("example.com", "domain", "default")
    assert address["configuration_set"] == naming.configuration_set_name("ses-feedback", "news@example.com")
    assert address["topics"]["reject"] == naming.topic_name("ses-feedback", "reject", "news@example.com")
    assert address["told"]["complaint"] == [{"protocol": "email", "endpoint": "people@example.org", "format": "text"}]
    assert address["live"] is None


def test_live(cli: Run, there: World) -> None:
    """What SES says, and where it differs."""
    there.drop(DOMAIN, "Bounce")
    (record,) = cli("routes", "--live", "--json", "x@example.com").records
    assert record["live"]["identity"] == DOMAIN
    assert record["live"]["topics"]["bounce"] is None
    assert record["live"]["forwarding"] is True
    assert len(record["live"]["differences"]) == 2
    done = cli("routes", "--live")
    assert done.code == 0
    assert "differs: the Bounce topic is none, not arn:aws:sns:" in done.out
    assert "SES is as the file says." in done.out


def test_live_of_a_sender_that_only_ses_covers(cli: Run, there: World) -> None:
    there.statuses["example.org"] = "Success"
    done = cli("routes", "--live", "jane@example.org")
    assert done.code == 1
    assert "SES sends its mail by example.org, which is not in the file" in done.out


@pytest.mark.parametrize("text", ["nonsense", "a@b@c", "", "@example.com", "exam ple.com"])
def test_what_is_no_sender_is_an_error(cli: Run, there: World, text: str) -> None:
    done = cli("routes", text)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
