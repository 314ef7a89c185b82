"""Identities, and the names of teams, environments and streams."""

import pytest

from ses_feedback.domain.addresses import normalise_identity
from tests.unit.config.files import config, problems


def identity(name: str, *lines: str) -> str:
    return "\n".join([f'[identities."{name}"]', *lines])


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("a.b-c.example.co.uk", "a.b-c.example.co.uk"),
        ("müller.example", "xn--mller-kva.example"),
        ("mu\\u0308ller.example", "xn--mller-kva.example"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("Dev@Example.com", "dev@example.com"),
        ("a.b+c_d@müller.example", "a.b+c_d@xn--mller-kva.example"),
    ],
)
def test_identities_are_kept_in_the_form_in_which_feedback_names_them(written: str, name: str) -> None:
    """Lower case, NFC, the domain in ASCII: as the reader of notifications normalises what SES sends."""
    (found,) = config(identity(written)).identities.values()
    assert (
        found.name
        == name
        == normalise_identity(written.encode().decode("unicode_escape") if "\\" in written else written)
    )
    assert found.is_address == ("@" in name)


@pytest.mark.parametrize(
    "name",
    ["", "example", "localhost", ".example.com", "example.com.", "exa_mple.com", "-a.example.com", "a..example.com",
     "192.0.2.1", "exa mple.com",
     "a@b@example.com", "@example.com", "a@", "a@example", ".a@example.com", "a..b@example.com",
     f"{'a' * 64}.example.com", f"{'a.' * 130}com", f"{'a' * 65}@example.com", '\\"a b\\"@example.com', "a@[192.0.2.1]",
     "Jo <a@example.com>", "☃.example", "a\\u200db.example", "ü" * 300, "example.com/x", "☃@example.com"],
)  # fmt: skip
def test_what_is_neither_domain_nor_address_is_refused(name: str) -> None:
    """One line each, also for what IDNA or the limits of RFC 5321 refuse."""
    (line,) = problems(identity(name))
    assert line.startswith("identities.")
    assert " is not a" in line or "only ASCII is possible" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("https://example.com/", 'did you mean "example.com"?'),
        ("*.example.com", 'write "example.com": a domain covers its subdomains'),
        ("jörg@example.com", "letters before the @ that SES cannot mail from: only ASCII is possible there"),
    ],
)
def test_what_people_write_instead_comes_with_what_is_right(name: str, end: str) -> None:
    """URLs, patterns, and local parts that SES cannot send from."""
    (line,) = problems(identity(name))
    assert line.endswith(end)


def test_unquoted_dots_are_explained() -> None:
    """`[identities.example.com]` is, to TOML, a table `com` within a table `example`."""
    assert problems('[identities.mail.example.com]\nteam = "x"') == [
        'identities.mail.example.com: a name with dots needs quotes: write [identities."mail.example.com"]'
    ]
    assert problems("[identities.example.com]\nconfiguration_set = { events = [] }") == [
        'identities.example.com: a name with dots needs quotes: write [identities."example.com"]'
    ]
    assert problems("[identities.localhost]\nconfiguration_set = { events = [] }") == [
        'identities.localhost: "localhost" is not a domain such as example.com'
    ]
    assert problems("[identities.example.com]\n[identities.example.org]") == [
        'identities.example.com: a name with dots needs quotes: write [identities."example.com"]',
        'identities.example.org: a name with dots needs quotes: write [identities."example.org"]',
    ]


def test_one_identity_in_two_spellings_is_found_out_and_both_are_named() -> None:
    """They would be one identity to SES, and two to us."""
    text = identity("EXAMPLE.com") + "\n" + identity("example.com") + "\n" + identity("Example.COM")
    assert problems(text) == [
        'identities."example.com": the same identity as identities."EXAMPLE.com"; keep one of them',
        'identities."Example.COM": the same identity as identities."EXAMPLE.com"; keep one of them',
    ]


@pytest.mark.parametrize("name", ["default", "eu-west", "A1", "x" * 32, "7"])
@pytest.mark.parametrize("key", ["environment", "stream"])
def test_names_of_environments_and_streams(key: str, name: str) -> None:
    """Letters, digits and inner hyphens."""
    (found,) = config(identity("example.com", f'{key} = "{name}"')).identities.values()
    assert getattr(found, key) == name


@pytest.mark.parametrize("name", ["", "*", "a#b", "a b", "a_b", "-a", "a-", "x" * 33, "é", "a/b"])
@pytest.mark.parametrize("key", ["environment", "stream"])
def test_names_that_would_break_keys_are_refused(key: str, name: str) -> None:
    """`*` is the scope of all streams, `#` parts the keys of the table."""
    assert problems(identity("example.com", f'{key} = "{name}"')) == [
        f'identities."example.com".{key}: "{name}" is not a name of 1 to 32 letters, digits and hyphens '
        "(not at either end), such as eu-west"
    ]


def test_names_that_differ_in_case_only_are_a_mistake() -> None:
    """`Production` would be a world apart from `production`, and nobody means that; streams are of one environment."""
    assert problems(identity("a.example.com") + "\n" + identity("b.example.com", 'environment = "Production"')) == [
        'identities."b.example.com".environment: "Production" differs from "production" in case only; write both alike'
    ]
    same = [identity("a.example.com", 'stream = "News"'), identity("b.example.com", 'stream = "news"')]
    assert problems("\n".join(same)) == [
        'identities."b.example.com".stream: "news" differs from "News" in case only; write both alike'
    ]
    other = [same[0], identity("b.example.com", 'stream = "news"', 'environment = "dev"')]
    assert problems("\n".join(other)) == []


def test_an_unknown_team_is_named_with_the_known_ones() -> None:
    """The specification's own example of a problem."""
    teams = "".join(
        f'[teams.{name}]\nnotify = [{{ email = "a@example.com" }}]\n' for name in ("developers", "customer-service")
    )
    assert problems(teams + identity("dev@example.com", 'team = "develpers"')) == [
        'identities."dev@example.com".team: no team "develpers"; known: customer-service, developers; '
        'did you mean "developers"?'
    ]
    assert problems(teams + identity("dev@example.com", 'team = "sales"')) == [
        'identities."dev@example.com".team: no team "sales"; known: customer-service, developers'
    ]
    assert problems(identity("dev@example.com", 'team = "sales"')) == [
        'identities."dev@example.com".team: no team "sales"; the file has none: add [teams.sales] or leave team out'
    ]


def test_a_team_with_a_problem_is_a_team() -> None:
    """The identities of a team are not blamed for what is wrong with it."""
    assert problems("[teams]\nx = 3\n" + identity("example.com", 'team = "x"')) == [
        "teams.x: must be a table, written [teams.x], not the integer 3"
    ]


@pytest.mark.parametrize("name", ["customer service", "a.b", "", "*", "a_b"])
def test_team_names_are_as_plain_as_the_others(name: str) -> None:
    """Alarm and resource names are made from them."""
    (line,) = problems(f'[teams."{name}"]\nnotify = [{{ email = "a@example.com" }}]')
    assert " is not a name of 1 to 32 letters, digits and hyphens" in line


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("team = 1", 'team: must be a string such as "developers", not the integer 1'),
        ("environment = true", 'environment: must be a string such as "dev", not the boolean true'),
        ("stream = []", 'stream: must be a string such as "transactional", not an array'),
        (
            'configuration_set = "true"',
            'configuration_set: must be a boolean or table such as true, not the string "true"',
        ),
        ("configuration_set = 1", "configuration_set: must be a boolean or table such as true, not the integer 1"),
        ("create = 1", "create: must be a boolean such as true, not the integer 1"),
        ('canary = "daily"', 'canary: must be a boolean such as false, not the string "daily"'),
        (
            "Team = 'x'",
            "Team: unknown key; known: breaker, canary, configuration_set, create, environment, stream, team, "
            'thresholds; did you mean "team"?',
        ),
    ],
)
def test_wrong_types_and_keys(entry: str, line: str) -> None:
    """What was found, and what would be right."""
    assert problems(identity("example.com", entry)) == [f'identities."example.com".{line}']


def test_an_identity_that_is_no_table_and_none_at_all() -> None:
    """The header to write is shown."""
    assert problems('[identities]\n"example.com" = "production"') == [
        'identities."example.com": must be a table, written [identities."example.com"], not the string "production"'
    ]
    assert problems("[identities]") == [
        'identities: empty; name at least one domain or address of SES, such as [identities."example.com"]'
    ]
