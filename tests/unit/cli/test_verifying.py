"""``release --verify``: what DNS and the archive say comes before the decision, and stays with it."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ses_feedback.adapters.public_dns import PublicDns
from ses_feedback.cli.program import run
from ses_feedback.cli.session import Session
from ses_feedback.domain.mail_hosts import Dns
from ses_feedback.domain.times import DAY
from tests.unit.asking.lines import event, line
from tests.unit.asking.lines import store as archived
from tests.unit.verifying.server import Server

from .conftest import Done, Run
from .fakes import NOW, FakeDeployment, MemoryStore, hard

ZONE = {
    "": {"NS": ["a.root-servers.net."]},
    "example.net": {"MX": ["10 mx.example.net."]},
    "mx.example.net": {"A": ["192.0.2.1"]},
    "null.example": {"MX": ["0 ."]},
}
WHY = ("--why", "works again")
Verify = Callable[..., Done]


@pytest.fixture
def release(
    config_file: Path, deployment: FakeDeployment, store: MemoryStore, capfd: pytest.CaptureFixture[str]
) -> Verify:
    """Release an address, with a DNS server of our own."""

    def command(*arguments: str, silent: bool = False) -> Done:
        with Server(ZONE, silent=silent) as server:
            resolver = server.resolver()
            resolver.timeout = 0.05

            def dns() -> Dns:
                late = iter([0.0, 9.95, 10.5, 11.0])
                return PublicDns(resolver, lambda: next(late)) if silent else PublicDns(resolver)

            code = run(["release", *arguments, *WHY], Session(deployment.connect, lambda: NOW, dns=dns))
        return Done(code, *capfd.readouterr())

    return command


def known_of(store: MemoryStore, address: str) -> Any:
    return store.items["production", address].history.releases["*"].known


def test_a_domain_that_takes_mail_is_released_and_the_check_is_kept(release: Verify, store: MemoryStore) -> None:
    store.learn("jane@example.net", hard())
    done = release("jane@example.net", "--verify", "--json")
    assert done.code == 0
    assert done.records[0]["verified"] == {
        **{"mail": "takes_mail", "host": "mx.example.net", "why": None},
        **{"archive": None, "delivered_at": None, "domain_delivered_at": None},
    }
    assert done.records[0]["known"]["mail"] == known_of(store, "jane@example.net").mail == "takes_mail"
    assert "  example.net takes mail, at mx.example.net.\n" in release("jane@example.net", "--verify").out


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("null.example", "it says that it takes no mail at all (null MX, RFC 7505)"),
        ("nowhere.example", "there is no such domain"),
    ],
)
def test_a_domain_that_takes_no_mail_is_refused_unless_forced(
    release: Verify, store: MemoryStore, deployment: FakeDeployment, domain: str, why: str
) -> None:
    """One line, exit 2, nothing written, no list of SES asked; --force decides, and the verdict is kept with it."""
    store.learn(f"jane@{domain}", hard())
    writes = store.writes
    done = release(f"jane@{domain}", "--verify")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"ses-feedback: {domain} takes no mail: {why}; nothing was decided (--force decides all the same)\n"
    )
    assert (store.writes, deployment.account_lists.asked) == (writes, [])
    forced = release(f"jane@{domain}", "--verify", "--force")
    assert forced.code == 0
    assert f"{domain} takes no mail: {why}." in forced.out
    assert known_of(store, f"jane@{domain}").mail == "takes_no_mail"


def test_without_a_network_it_says_so_and_releases(release: Verify, store: MemoryStore) -> None:
    """Nobody could be asked: that is not the domain's fault."""
    store.learn("jane@example.net", hard())
    done = release("jane@example.net", "--verify", silent=True)
    assert done.code == 0
    assert (
        "Whether example.net takes mail could not be checked: no answer from DNS: is this computer online?" in done.out
    )
    assert known_of(store, "jane@example.net").mail == "not_checked"


def test_the_archive_tells_the_last_deliveries(release: Verify, store: MemoryStore, tmp_path: Path) -> None:
    """Of the address, which is kept with the decision, and of its domain; only deliveries count."""
    store.learn("jane@example.net", hard())
    archived(
        tmp_path / "archive",
        [
            line(event("jane@example.net", kind="delivery", at=NOW - 40 * DAY)),
            line(event("jane@example.net", kind="delivery", at=NOW - 30 * DAY)),
            line(event("joe@example.net", kind="delivery", at=NOW - 2 * DAY)),
            line(event("jane@example.net", at=NOW - DAY)),
            line(event("jane@other.example", kind="delivery", at=NOW - DAY)),
        ],
        at=NOW - 2 * DAY,
    )
    done = release("jane@example.net", "--verify", "--archive", str(tmp_path / "archive"), "--json")
    assert done.records[0]["verified"]["delivered_at"] == "2026-10-25T05:00:00.000Z"
    assert done.records[0]["verified"]["domain_delivered_at"] == "2026-11-22T05:00:00.000Z"
    assert known_of(store, "jane@example.net").delivered == NOW - 30 * DAY
    shown = release("joan@example.net", "--verify", "--archive", str(tmp_path / "archive")).out
    assert "joan@example.net: no delivery in 90 days, by the archive." in shown
    assert "example.net: last delivery at 2026-11-22 05:00 UTC, by the archive." in shown


def test_an_archive_that_is_not_there_is_one_line_and_nothing_is_decided(release: Verify, store: MemoryStore) -> None:
    done = release("jane@example.net", "--verify", "--archive", "./nowhere")
    assert (done.code, len(done.err.splitlines()), store.writes) == (2, 1, 0)
    assert "nowhere" in done.err


def test_where_aws_does_not_say_who_it_is_the_login_is_kept(
    cli: Run, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision does not fail because of its signature; a name that was given stands alone."""
    deployment.signature = ""
    monkeypatch.setattr(getpass, "getuser", lambda: "jo")
    assert cli("suppress", "jane@example.net", *WHY, "--json").records[0]["by"] == "jo"
    assert cli("suppress", "jane@example.net", *WHY, "--by", "Jo Doe", "--json").records[0]["by"] == "Jo Doe"

    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert cli("release", "jane@example.net", *WHY, "--json").records[0]["by"] is None
