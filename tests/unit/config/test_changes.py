"""[changes]: who follows what changes, and everything that may be wrong with it."""

from __future__ import annotations

import pytest

from ses_feedback.config.loop import from_loop, to_loop
from ses_feedback.config.model import Changes, Destination, Follower
from tests.unit.config.files import config, problems

QUEUE = "arn:aws:sqs:us-east-1:111122223333:crm"
TWO = '[identities."example.com"]\nstream = "marketing"\n[identities."dev.example.com"]\nenvironment = "dev"\n'


def notify(destination: str) -> str:
    return f"[changes]\nnotify = [{destination}]\n"


def test_without_the_table_nobody_follows() -> None:
    assert config("").changes == Changes(())


def test_a_destination_hears_of_everything_unless_it_says_what() -> None:
    """With the defaults of its protocol."""
    assert config(notify(f'{{ sqs = "{QUEUE}" }}')).changes.notify == (Follower(Destination("sqs", QUEUE, ())),)
    narrowed = 'types = ["expired"], environments = ["production"], streams = ["marketing"]'
    chosen = f'{{ sqs = "{QUEUE}", {narrowed}, raw = true }}'
    (follower,) = config(notify(chosen) + TWO).changes.notify
    assert follower == Follower(Destination("sqs", QUEUE, (), raw=True), ("expired",), ("production",), ("marketing",))


def test_the_hourly_check_knows_them() -> None:
    """Whoever has none deploys nothing new."""
    assert "changes" not in to_loop(config(""))
    whole = config(notify(f'{{ sqs = "{QUEUE}", types = ["released"], streams = ["marketing"] }}') + TWO)
    assert from_loop(to_loop(whole)).changes == whole.changes


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("", 'changes.notify: empty; name at least one destination, such as [{ https = "https://crm.example.com'),
        ("3", 'changes.notify[0]: must be a destination such as { https = "https://crm.example.com'),
        ("{}", "changes.notify[0]: says nowhere to deliver to; give one of:"),
        ('{ email = "a@example.com" }', 'changes.notify[0].email: changes are JSON for programs; use the key "email'),
        ('{ sms = "+12065550100" }', "changes.notify[0].sms: changes are JSON for programs, and this is for people"),
        (f'{{ sqs = "{QUEUE}", on = ["bounce"] }}', "changes.notify[0].on: of changes there are types, not kinds"),
        (f'{{ sqs = "{QUEUE}", format = "text" }}', "changes.notify[0].format: changes are always JSON; leave it out"),
        (f'{{ sqs = "{QUEUE}", https = "https://a.example.com" }}', "changes.notify[0]: has https and sqs; a"),
        (f'{{ sqs = "{QUEUE}" }}, {{ sqs = "{QUEUE}" }}', "changes.notify[1]: the same destination as changes.noti"),
        (f'{{ sqs = "{QUEUE}", types = ["erased"] }}', 'changes.notify[0].types[0]: "erased" is not one of its'),
        (f'{{ sqs = "{QUEUE}", types = [] }}', "changes.notify[0].types: empty; name at least one"),
        (f'{{ sqs = "{QUEUE}", environments = ["dev"] }}', 'changes.notify[0].environments[0]: "dev" is not one of'),
        (f'{{ sqs = "{QUEUE}", streams = ["markting"] }}', 'changes.notify[0].streams[0]: "markting" is not one of'),
        (f'{{ sqs = "{QUEUE}", role = "x" }}', "changes.notify[0].role: only firehose takes a role, sqs does not"),
        (f'{{ sqs = "{QUEUE}", max_per_second = 5 }}', "changes.notify[0].max_per_second: SNS limits deliveries to"),
        ('{ https = "ftp://a.example.com" }', 'changes.notify[0].https: "ftp://a.example.com" is not an https URL'),
        ('{ sqs = "arn:aws:sqs:us-east-1:1:x" }', "changes.notify[0].sqs:"),
        ('{ email_json = "a@example.com", raw = true }', "changes.notify[0].raw: only http, https, sqs and firehose"),
        (f'{{ sqss = "{QUEUE}" }}', "changes.notify[0].sqss: unknown key; known: "),
    ],
)
def test_what_is_wrong_is_one_line(destination: str, expected: str) -> None:
    """It names the place, and what would be right."""
    (problem,) = problems(notify(destination))
    assert problem.startswith(expected), problem


def test_a_stream_belongs_to_the_environments_that_are_named() -> None:
    """Else its events would never come."""
    text = notify(f'{{ sqs = "{QUEUE}", environments = ["dev"], streams = ["marketing"] }}') + TWO
    (problem,) = problems(text)
    assert problem.startswith('changes.notify[0].streams[0]: "marketing" is not one of its values')


def test_the_table_names_somebody() -> None:
    (problem,) = problems("[changes]\n")
    assert problem.startswith("changes.notify: missing; right is an array of destinations such as [{ https")


def test_sns_compares_so_many_combinations() -> None:
    """Three types of five environments, and ten streams with what holds for all of them, are too many."""
    identities = "".join(
        f'[identities."d{n}.example.com"]\nenvironment = "e{n % 5}"\nstream = "s{n}"\n' for n in range(10)
    )
    environments, streams = [f"e{n}" for n in range(5)], [f"s{n}" for n in range(10)]
    types = '["suppressed", "released", "expired"]'
    given = f'{{ sqs = "{QUEUE}", types = {types}, environments = {environments}, streams = {streams} }}'
    (problem,) = problems(notify(given.replace("'", '"')) + identities)
    assert problem.startswith("changes.notify[0].streams: types, environments and streams combine in 165 ways")
