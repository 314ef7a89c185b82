"""docs/configuration.md says what the loader does: its keys, types, defaults, examples and errors."""

import re
import tomllib
from pathlib import Path

import pytest

from ses_feedback.config import parse, schema
from ses_feedback.domain.events import STRIKABLE
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import parse_duration
from tests.unit.config.files import SMALLEST, problems

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
# Every TOML block, with the problems that follow it, if it shows what is wrong.
BLOCKS = re.findall(r"```toml\n(.*?)```\n(?:```text\n(.*?)```\n)?", PAGE, re.DOTALL)
EXAMPLES = [(key, heading) for heading, section in schema.SECTIONS.items() for key in section if heading != "The file"]


def section_of(heading: str) -> str:
    found = re.search(rf"^## `?{re.escape(heading)}`?\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"no section {heading}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]


@pytest.mark.parametrize("heading", schema.SECTIONS)
def test_every_key_of_the_loader_stands_in_the_reference_with_type_and_default(heading: str) -> None:
    """And the reference names no key that the loader does not know."""
    documented = [row[:3] for row in rows(section_of(heading)) if len(row) == 4]
    known = [[f"`{key.name}`", key.type, key.default or "required"] for key in schema.SECTIONS[heading]]
    assert documented == known


@pytest.mark.parametrize(("toml", "expected"), BLOCKS)
def test_every_example_loads_and_every_error_is_what_the_loader_says(toml: str, expected: str) -> None:
    """A block followed by problems has exactly those; any other block has none."""
    assert problems(toml) == expected.splitlines()


def test_the_reference_shows_both() -> None:
    """The page was really read."""
    assert sum(1 for _, expected in BLOCKS if expected) >= 9
    assert sum(1 for _, expected in BLOCKS if not expected) >= 7


def test_the_smallest_file_of_the_reference_is_whole() -> None:
    """It loads by itself, and is the one the tests start from."""
    smallest = tomllib.loads(BLOCKS[0][0])
    assert smallest == tomllib.loads(SMALLEST)
    parse(smallest)


def test_the_default_tiers_are_those_of_the_reference() -> None:
    """Class for class, also those that never suppress."""
    documented = {}
    for class_, count, within, suppress_for, scope in (r for r in rows(section_of("[[policy.CLASS]]")) if len(r) == 5):
        length = parse_duration(suppress_for.strip('`"')) if suppress_for else None
        window = parse_duration(within.strip('`"')) if within else None
        documented[class_.strip("`")] = None if count == "never" else (int(count), window, length, scope)
    assert set(documented) == set(STRIKABLE)
    for class_, stated in documented.items():
        tiers = [(t.count, t.within, t.suppress_for, t.scope) for t in DEFAULT_POLICY.get(class_, ())]
        assert tiers == ([stated] if stated else [])


@pytest.mark.parametrize(("key", "heading"), EXAMPLES)
def test_the_example_in_every_message_is_a_right_value(key: schema.Key, heading: str) -> None:
    """What an error shows as right is right."""
    given = tomllib.loads(f"{key.name} = {key.example}")
    firehose = "arn:aws:firehose:us-east-1:111122223333:deliverystream/x"
    role = "arn:aws:iam::111122223333:role/sns-to-firehose"
    destination = {"role": {"firehose": firehose}, "firehose": {"role": role}}
    url = {"https": "https://hooks.example.com/ses"}
    destination |= {"on": url, "format": url, "raw": url, "max_per_second": url, "subscribe": url}
    follower = destination | {"types": url, "environments": url, "streams": url}
    sms = {"notify": [{"sms": "+12065550100"}]}
    topic = {"arn": "arn:aws:sns:eu-west-1:444455556666:ses-*"}
    if key.name not in ("identities", "environment"):
        topic["environment"] = "production"
    section = {
        "[deployment]": {"deployment": {"region": "us-east-1", **given}},
        "[on_call]": {"on_call": {"page": [{"email": "a@example.com"}], **given}},
        "[teams.NAME]": {"teams": {"x": given}},
        "Destinations": {"teams": {"x": {"notify": [{**destination.get(key.name, {}), **given}]}}},
        '[identities."NAME"]': {
            "teams": {"developers": sms},
            "identities": {"example.com": {**({"configuration_set": True} if key.name == "breaker" else {}), **given}},
        },
        "configuration_set": {"identities": {"example.com": {"configuration_set": given}}},
        "[canary]": {"canary": given},
        "[endpoint]": {"endpoint": {"topics": [topic]} | given},
        "Topics of the endpoint": {"endpoint": {"topics": [{**topic, **given}]}},
        "[lookup]": {"lookup": given},
        "[changes]": {"changes": given},
        "Destinations of changes": {
            "changes": {"notify": [{**follower.get(key.name, {}), **given}]},
            "identities": {"example.com": {"stream": "marketing"}},
        },
        "[ses_list]": {"ses_list": given},
        "[archive]": {"archive": given},
        "[thresholds]": {"thresholds": given},
        "[thresholds.bounce]": {"thresholds": {"bounce": given}},
        "[thresholds.complaint]": {"thresholds": {"complaint": given}},
        "[[policy.CLASS]]": {"policy": {"blocked": [{"count": 2, "within": "1d", "suppress_for": "1d", **given}]}},
    }[heading]
    parse({**tomllib.loads(SMALLEST), **section})
