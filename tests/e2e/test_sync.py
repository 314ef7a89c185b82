"""SES's own list and ours, made alike through the deployed function and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.loop import Loop, until
from ses_feedback import naming
from tests.e2e import messages

ENVIRONMENT = ("--environment", "production")


def on_ses_list(loop: Loop) -> dict[str, str]:
    """What stands on SES's list: address as it is spelled there → reason."""
    found: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        page = loop.cloud.client("sesv2").list_suppressed_destinations(**token)
        found |= {one["EmailAddress"]: one["Reason"] for one in page["SuppressedDestinationSummaries"]}
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}


def verdict(loop: Loop, address: str, stream: str = "transactional") -> Any:
    return loop.check([address], "production", stream)[address]["reason"]


def differences(loop: Loop, *addresses: str) -> set[tuple[str, str]]:
    """What a dry run says of some addresses."""
    lines = loop.ask("sync", "--dry-run")
    return {(line["address"], line["action"]) for line in lines if line.get("address", "").lower() in addresses}


def through(loop: Loop) -> dict[str, Any]:
    """Sync until SES has worked through every list it was handed."""

    def synced() -> dict[str, Any] | None:
        done = loop.cli("sync", "--json")
        summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert summary["problem"] is None
        return summary if summary["finished"] and not summary["waiting"] else None

    return until("SES has worked through its lists", synced, seconds=30)


def test_both_lists_are_made_alike_and_a_release_clears_both(loop: Loop) -> None:
    """By the function the stack runs: theirs comes in, ours goes there; what holds in one stream does not."""
    theirs, complained = messages.someone("theirs"), messages.someone("complained")
    ours, one_stream = messages.someone("ours"), messages.someone("one-stream")
    ses = loop.cloud.client("sesv2")
    ses.put_suppressed_destination(EmailAddress=theirs.capitalize(), Reason="BOUNCE")
    ses.put_suppressed_destination(EmailAddress=complained, Reason="COMPLAINT")
    loop.ask("suppress", ours, *ENVIRONMENT, "--why", "asked by phone")
    loop.ask("suppress", one_stream, *ENVIRONMENT, "--stream", "marketing", "--why", "asked by phone")
    everybody = (theirs, complained, ours, one_stream)
    assert differences(loop, *everybody) == {(theirs.capitalize(), "take"), (complained, "take"), (ours, "put")}
    assert loop.run(naming.SYNC_LISTS)["ended"] == 1
    assert verdict(loop, theirs) == "ses"
    assert (verdict(loop, complained), verdict(loop, complained, "marketing")) == (None, "ses")
    listed = on_ses_list(loop)
    assert {listed[ours], listed[theirs], listed[theirs.capitalize()]} == {"BOUNCE"}
    assert one_stream not in listed
    assert loop.run(naming.SYNC_LISTS) == {"due": 0, "ended": 0}
    assert differences(loop, *everybody) == set()
    for address in (theirs, ours):
        loop.ask("release", address, *ENVIRONMENT, "--why", "works again")
    assert differences(loop, *everybody) == {(theirs.capitalize(), "remove")}
    through(loop)
    assert not {theirs, theirs.capitalize(), ours} & set(on_ses_list(loop))
    assert (verdict(loop, theirs), verdict(loop, ours)) == (None, None)


def test_a_long_list_goes_in_bulk(loop: Loop, tmp_path: Path) -> None:
    """SES reads it from the archive's bucket, as the bucket's policy lets it; nothing of it is left there."""
    listed = [messages.someone(f"bulk-{n}") for n in range(120)]
    path = tmp_path / "list.csv"
    path.write_text("address\n" + "\n".join(listed))
    loop.ask("import", str(path), *ENVIRONMENT)
    done = loop.cli("sync", "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["waiting"] >= 120, done.stderr
    through(loop)
    assert set(listed) <= set(on_ses_list(loop))
    bucket = naming.archive_bucket_name(loop.name, "000000000000", loop.cloud.region)
    kept = loop.cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{naming.ARCHIVE_SYNC}/")["Contents"]
    assert [entry["Key"] for entry in kept] == [f"sync/{loop.cloud.region}/round"]


def test_whoever_is_erased_is_off_ses_list_and_suppressed_still(loop: Loop) -> None:
    """As it was typed, and as it compares; no sync puts the name there again."""
    address = messages.someone("forgotten")
    typed = address.capitalize()
    loop.ask("suppress", address, *ENVIRONMENT, "--why", "asked by phone")
    through(loop)
    loop.cloud.client("sesv2").put_suppressed_destination(EmailAddress=typed, Reason="BOUNCE")
    assert {address, typed} <= set(on_ses_list(loop))
    erased = loop.ask("erase", typed)
    assert erased[0]["lists"] == {loop.cloud.region: {"cleared": True, "problem": None}}
    through(loop)
    assert not {address, typed} & set(on_ses_list(loop))
    assert verdict(loop, address) == "operator"
