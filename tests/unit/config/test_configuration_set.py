"""Configuration sets of identities, and the kinds that teams are told of only through them."""

import pytest

from ses_feedback.config.model import KINDS, NOTIFIED_KINDS, SET_KINDS, ConfigurationSet
from ses_feedback.domain.events import KINDS as DOMAIN_KINDS
from tests.unit.config.files import config, problems


def own(value: str) -> ConfigurationSet | None:
    return (
        config(f'[identities."example.com"]\nconfiguration_set = {value}').identities["example.com"].configuration_set
    )


def test_the_kinds_are_those_of_feedback() -> None:
    """All that the domain knows, less the setup messages."""
    assert set(KINDS) == set(DOMAIN_KINDS) - {"setup"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("false", None),
        ("true", ConfigurationSet()),
        ("{}", ConfigurationSet()),
        ("{ events = [] }", ConfigurationSet()),
        ('{ tls = "optional" }', ConfigurationSet()),
        ('{ tls = "require" }', ConfigurationSet(tls="require")),
        ('{ events = ["open", "send"] }', ConfigurationSet(events=("open", "send"))),
        ("{ suppress = [] }", ConfigurationSet(suppress=())),
        ('{ suppress = ["complaint", "bounce"] }', ConfigurationSet(suppress=("complaint", "bounce"))),
    ],
)
def test_a_set_is_asked_for_by_true_or_by_its_options(value: str, expected: ConfigurationSet | None) -> None:
    """No list to suppress by is not the same as none stated."""
    assert own(value) == expected


def test_an_identity_publishes_what_every_one_does_and_what_its_set_adds() -> None:
    """Each of these kinds has a topic."""
    loaded = config(
        '[identities."a.example.com"]\n[identities."b.example.com"]\nconfiguration_set = { events = ["click"] }'
    )
    assert [identity.kinds for identity in loaded.identities.values()] == [NOTIFIED_KINDS, (*NOTIFIED_KINDS, "click")]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("[]", ": must be a boolean or table such as true, not an array"),
        ("{ event = [] }", '.event: unknown key; known: events, suppress, tls; did you mean "events"?'),
        ("{ tls = true }", '.tls: must be a string such as "require", not the boolean true'),
        ('{ tls = "on" }', '.tls: "on" is not one of its values; known: optional, require'),
        (
            '{ suppress = "bounce" }',
            '.suppress: must be an array of strings such as ["bounce"], not the string "bounce"',
        ),
        ('{ suppress = ["open"] }', '.suppress[0]: "open" is not one of its values; known: bounce, complaint'),
        ('{ events = ["send", "send"] }', '.events[1]: "send" is named twice; once is enough'),
        *(
            (
                f'{{ events = ["{kind}"] }}',
                f".events[0]: {kind} comes from every identity, with or without a configuration set; leave it out",
            )
            for kind in NOTIFIED_KINDS
        ),
    ],
)
def test_wrong_options(value: str, line: str) -> None:
    """Each with its path inside the table."""
    text = f'[identities."example.com"]\nconfiguration_set = {value}'
    assert problems(text) == [f'identities."example.com".configuration_set{line}']


TEAMS = """
[teams.a]
notify = [{ email = "a@example.com" }, { sms = "+12065550100", on = ["bounce", "%s"] }]
[teams.b]
notify = [{ email = "b@example.com" }]
"""


@pytest.mark.parametrize("kind", SET_KINDS)
def test_a_kind_that_no_identity_of_the_team_publishes_is_an_error(kind: str) -> None:
    """The path of the kind, and the identity that could publish it: one with a set before one without."""
    text = TEAMS % kind + '[identities."x.example.com"]\nteam = "a"\n'
    begin = f'teams.a.notify[1].on[1]: no identity of this team publishes "{kind}"; add it to '
    assert problems(text) == [begin + 'identities."x.example.com".configuration_set.events']
    text += '[identities."y.example.com"]\nteam = "a"\nconfiguration_set = true\n'
    assert problems(text) == [begin + 'identities."y.example.com".configuration_set.events']
    # That another team's identity publishes it does not help.
    text += f'[identities."z.example.com"]\nteam = "b"\nconfiguration_set = {{ events = ["{kind}"] }}\n'
    assert problems(text) == [begin + 'identities."y.example.com".configuration_set.events']
    text += f'[identities."w.example.com"]\nteam = "a"\nconfiguration_set = {{ events = ["{kind}"] }}\n'
    assert problems(text) == []


def test_paths_count_what_stands_in_the_file() -> None:
    """A wrong destination before it does not move the path of a kind, and both are reported."""
    text = '[teams.a]\nnotify = [{ emial = "x" }, 3, { sms = "+12065550100", on = ["open"] }]\n'
    found = [line.partition(": ")[0] for line in problems(text + '[identities."example.com"]\nteam = "a"')]
    assert found == ["teams.a.notify[0].emial", "teams.a.notify[1]", "teams.a.notify[2].on[0]"]


def test_a_team_is_not_blamed_for_a_wrong_identity() -> None:
    """What is misspelt there may be just what the team asks for."""
    text = '[teams.a]\nnotify = [{ sms = "+12065550100", on = ["open"] }]\n[identities."example.com"]\nteam = "a"\n'
    assert problems(text + 'configuration_set = { events = ["opne"] }') == [
        'identities."example.com".configuration_set.events[0]: "opne" is not one of its values; known: click, delay, '
        'open, reject, rendering_failure, send, subscription; did you mean "open"?'
    ]
