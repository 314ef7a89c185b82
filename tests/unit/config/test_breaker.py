"""`breaker`: which identities are paused by a page about them."""

import pytest

from ses_feedback.config.loop import from_loop, to_loop
from tests.unit.config.files import config, problems

ENVIRONMENT = '[deployment]\nalarms = "environment"\n'
NOTHING = 'identities."example.com".breaker: has nothing to pause: add configuration_set = true, or leave breaker out'
NO_ALARM = (
    'identities."example.com".breaker: deployment.alarms = "environment" leaves the identity without an alarm of its '
    'own that could trip it; use alarms = "identity", or leave breaker out'
)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", False),
        ("configuration_set = true", False),
        ("configuration_set = true\nbreaker = false", False),
        ("breaker = false", False),
        ("configuration_set = true\nbreaker = true", True),
        ('breaker = true\nconfiguration_set = { tls = "require" }', True),
    ],
)
def test_a_breaker_has_to_be_asked_for(lines: str, expected: bool) -> None:
    """Whoever sends what people wait for does not want it."""
    assert config(f'[identities."example.com"]\n{lines}').identities["example.com"].breaker is expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('[identities."example.com"]\nbreaker = true', [NOTHING]),
        ('[identities."example.com"]\nbreaker = true\nconfiguration_set = false', [NOTHING]),
        (ENVIRONMENT + '[identities."example.com"]\nbreaker = true\nconfiguration_set = true', [NO_ALARM]),
        (
            '[identities."example.com"]\nbreaker = true\nconfiguration_set = 1',
            ['identities."example.com".configuration_set: must be a boolean or table such as true, not the integer 1'],
        ),
        (
            '[identities."example.com"]\nbreaker = "page"\nconfiguration_set = true',
            ['identities."example.com".breaker: must be a boolean such as true, not the string "page"'],
        ),
    ],
)
def test_what_a_breaker_needs(text: str, lines: list[str]) -> None:
    """A set to pause and an alarm to trip it: one line each, with what would be right."""
    assert problems(text) == lines


def test_alarms_per_environment_without_breakers_are_fine() -> None:
    assert problems(ENVIRONMENT + '[identities."example.com"]\nconfiguration_set = true') == []


def test_the_functions_know_it() -> None:
    """As everything else of the file."""
    loaded = config('[identities."example.com"]\nconfiguration_set = true\nbreaker = true')
    assert from_loop(to_loop(loaded)).identities["example.com"].breaker is True
