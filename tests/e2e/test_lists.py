"""A list is taken over, a person is forgotten, and what comes later still finds them: through the deployed loop."""

from __future__ import annotations

from pathlib import Path

from local.loop import Loop, until
from ses_feedback import naming
from tests.e2e import messages

SHOP = "example.com"
PATIENCE_S = 30


def verdict(loop: Loop, address: str, stream: str = "transactional") -> object:
    """Why an address may not be mailed, ``None`` where it may."""
    return loop.check([address], "production", stream)[address]["reason"]


def items(loop: Loop) -> str:
    """Everything in the table, as text."""
    dynamodb = loop.cloud.client("dynamodb")
    pages = dynamodb.get_paginator("scan").paginate(TableName=naming.table_name(loop.name))
    return str([item for page in pages for item in page["Items"]])


def test_a_list_is_taken_over_and_given_out(loop: Loop, tmp_path: Path) -> None:
    """Whoever is known already keeps what is held against them; again changes nothing; the export has them all."""
    known = messages.someone("known")
    loop.publish("bounce", SHOP, [messages.bounce(SHOP, known)])
    until("suppressing", lambda: verdict(loop, known) == "hard_bounce", seconds=PATIENCE_S)
    listed = [known, *(messages.someone(f"listed-{n}") for n in range(240))]
    path = tmp_path / "suppression_bounces.csv"
    rows = "".join(f'5.1.1,"550, no",{address},1714979289\n' for address in listed)
    path.write_text(f"status,reason,email,created\n{rows}")
    options = ("--environment", "production")
    (done,) = loop.ask("import", str(path), *options)
    assert (done["rows"], done["taken"], done["bad"]) == (241, 241, {})
    (again,) = loop.ask("import", str(path), *options)
    assert (again["taken"], again["known"]) == (0, 241)
    assert verdict(loop, listed[200]) == "import"
    assert {verdict(loop, known)} <= {"hard_bounce", "import"}
    exported = {row["address"] for row in loop.ask("export", *options)}
    assert set(listed) <= exported


def test_whoever_is_erased_is_found_by_a_bounce_and_named_by_nothing(loop: Loop) -> None:
    """The bounce again, a new one and a question: suppressed, and no item says of whom."""
    address = messages.someone("forgotten")
    first = messages.bounce(SHOP, address)
    loop.publish("bounce", SHOP, [first])
    until("suppressing", lambda: verdict(loop, address) == "hard_bounce", seconds=PATIENCE_S)
    assert address in items(loop)
    (erased,) = loop.ask("erase", address, "--environment", "production")
    assert (erased["known"], erased["strikes"]) == (True, 1)
    loop.publish("bounce", SHOP, [first, messages.bounce(SHOP, address)])

    def strikes() -> int:
        (shown,) = loop.ask("show", address, "--environment", "production")
        assert shown["erased_at"]
        return len(shown["strikes"])

    until("the queues", loop.drained, seconds=PATIENCE_S)
    assert strikes() == 2  # the newest, which suppresses, and one that would if a release forgot that
    assert address not in items(loop)
    assert verdict(loop, address) == "hard_bounce"
