"""``sync``, as an operator types it, and what ``erase`` does about SES's own list."""

from __future__ import annotations

from pathlib import Path

import pytest

from ses_feedback.domain.errors import PermanentError
from tests.unit.cli.conftest import CONFIG, Run
from tests.unit.cli.fakes import NOW, FakeDeployment, MemoryStore, hard
from tests.unit.lists.ses_world import Ses, World

ON = '[ses_list]\nsync = true\ncomplaints = "marketing"\n'


@pytest.fixture
def ses(config_file: Path, deployment: FakeDeployment, store: MemoryStore) -> dict[str, Ses]:
    """SES's list in two regions, one entry each, and a suppression that belongs there."""
    config_file.write_text(ON + CONFIG)
    world = World(NOW)
    found = {region: Ses(world, region) for region in ("us-east-1", "eu-west-1")}
    deployment.sync = world, list(found.values())
    found["us-east-1"].add("Theirs@example.net")
    store.learn("ours@example.net", hard())
    return found


def test_a_dry_run_shows_the_differences(cli: Run, ses: dict[str, Ses]) -> None:
    """Each with its why; nothing is changed."""
    done = cli("sync", "--dry-run")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "us-east-1  Theirs@example.net: would take over: SES's list has it, and the table does not"
    assert lines[1] == "us-east-1  ours@example.net: would put on SES's list: the table has it, and SES's list does not"
    assert "SES's list in us-east-1 and production" in done.out
    assert "would be taken over" in done.out
    assert set(ses["us-east-1"].entries) == {"Theirs@example.net"}


def test_both_regions_are_made_alike(cli: Run, ses: dict[str, Ses], store: MemoryStore) -> None:
    """A line for each difference, and one for each region."""
    done = cli("sync", "--json")
    assert done.code == 0
    actions = [(r["region"], r["address"], r["action"]) for r in done.records if "address" in r]
    assert (
        actions
        == [
            ("us-east-1", "Theirs@example.net", "take"),
            ("us-east-1", "ours@example.net", "put"),
            ("us-east-1", "theirs@example.net", "put"),
            ("eu-west-1", "ours@example.net", "put"),
            ("eu-west-1", "theirs@example.net", "put"),
        ]
        or len(actions) == 5
    )
    here = next(r for r in done.records if "entries" in r)
    assert here == {
        "region": "us-east-1",
        "environment": "production",
        "dry_run": False,
        "finished": True,
        "entries": 1,
        "same": 0,
        "taken": 1,
        "put": 2,
        "removed": 0,
        "left": 0,
        "refused": 0,
        "failed": 0,
        "unreadable": 0,
        "waiting": 0,
        "passed": {},
        "problem": None,
    }
    assert ("*", "ses") in store.items["production", "theirs@example.net"].history.rulings
    assert set(ses["eu-west-1"].entries) == {"ours@example.net", "theirs@example.net"}


def test_only_twenty_of_a_kind_are_shown_to_people(cli: Run, ses: dict[str, Ses]) -> None:
    """Programs get all of them."""
    for n in range(30):
        ses["us-east-1"].add(f"a{n}@example.net")
    out = cli("sync", "--dry-run").out
    assert out.count("would take over:") == 20
    assert "us-east-1  more to take over, which --json shows" in out
    assert len([r for r in cli("sync", "--dry-run", "--json").records if r.get("action") == "take"]) == 31


def test_a_region_that_refuses_is_told_and_the_others_are_done(cli: Run, ses: dict[str, Ses]) -> None:
    """Exit code 2, one line."""
    ses["us-east-1"].troubles["page"] = [PermanentError("AWS denies ses:ListSuppressedDestinations in us-east-1")]
    done = cli("sync")
    assert done.code == 2
    assert done.err == (
        "ses-feedback: SES's list in us-east-1 is not in step yet: "
        "AWS denies ses:ListSuppressedDestinations in us-east-1\n"
    )
    assert set(ses["eu-west-1"].entries) == {"ours@example.net"}


def test_what_ses_still_works_on_is_told(cli: Run, ses: dict[str, Ses], store: MemoryStore) -> None:
    """Started: done for now. Asked again before it is through: not compared."""
    for n in range(120):
        store.learn(f"a{n}@example.net", hard())
    done = cli("sync")
    assert done.code == 0
    assert "SES still works on 122 addresses that were handed to it as a list." in done.out
    again = cli("sync")
    assert again.code == 2
    assert "as SES still works on an earlier list; run this command again later" in again.err


def test_nothing_is_changed_unasked(cli: Run, config_file: Path) -> None:
    """One clear line."""
    assert cli("sync") == (
        2,
        "",
        "ses-feedback: ses_list.sync: SES's list is changed only where the file asks for it: [ses_list] sync = true; "
        "--dry-run shows what that would do\n",
    )


def test_a_dry_run_needs_nothing_in_the_file(cli: Run, ses: dict[str, Ses], config_file: Path) -> None:
    """Complaints are shown for all streams then, and a line says so."""
    config_file.write_text(CONFIG)
    done = cli("sync", "--dry-run")
    assert (done.code, done.err) == (
        0,
        "complaints are taken for all streams here; ses_list.complaints can name the one they are about: "
        "marketing, transactional\n",
    )
    assert "Theirs@example.net" in done.out


def test_a_dry_run_needs_an_environment(cli: Run, config_file: Path) -> None:
    """Where nobody is in production."""
    text = CONFIG.replace('stream = "transactional"', 'environment = "dev"').replace(
        'stream = "marketing"', 'environment = "dev"'
    )
    config_file.write_text(text)
    done = cli("sync", "--dry-run")
    assert done == (2, "", 'ses-feedback: ses_list.environment: no identity is in "production"; name one of: dev\n')


# --- erase ------------------------------------------------------------------------------------------------------------


def test_erase_takes_the_name_off_ses_list_in_every_region(
    cli: Run, store: MemoryStore, deployment: FakeDeployment
) -> None:
    """As typed and as it compares; a refusal is told and is worth another try."""
    store.learn("jane@example.net", hard())
    assert cli("erase", "Jane@example.net", "--dry-run", "--json").records[0]["lists"] == {}
    assert deployment.account_lists.asked == []
    done = cli("erase", "Jane@example.net")
    assert done.code == 0
    assert done.out.endswith("SES's own list in us-east-1: cleared\nSES's own list in eu-west-1: cleared\n")
    assert deployment.account_lists.asked == [("jane@example.net", "Jane@example.net")]
    deployment.account_lists.refusals = {"eu-west-1": "AWS denies it"}
    done = cli("erase", "jane@example.net", "--json")
    assert done.code == 2
    assert done.records[0]["lists"]["eu-west-1"] == {"cleared": False, "problem": "AWS denies it"}
    assert done.err == (
        "ses-feedback: erased here, but SES's own list in eu-west-1 still has to let go: AWS denies it; "
        "then run this command again\n"
    )


def test_erasing_in_another_environment_leaves_ses_list(
    cli: Run, config_file: Path, deployment: FakeDeployment
) -> None:
    """It is one for the whole account, and speaks for production."""
    config_file.write_text(CONFIG + '[identities."dev.example.com"]\nenvironment = "dev"\n')
    assert cli("erase", "jane@example.net", "--environment", "dev", "--json").records[0]["lists"] == {}
    assert deployment.account_lists.asked == []
    cli("erase", "jane@example.net", "--environment", "production")
    assert deployment.account_lists.asked == [("jane@example.net",)]
