"""The file as such: found, readable, TOML, whole; and every problem at once."""

import re
import time
from pathlib import Path

import pytest

from ses_feedback import config as package
from ses_feedback.config import Config, ConfigError, load, parse
from ses_feedback.config.model import ConfigurationSet
from ses_feedback.config.warnings import warnings
from ses_feedback.domain.times import DAY, MINUTE
from tests.unit.config.files import SMALLEST, config, problems

ROOT = Path(__file__).resolve().parents[3]


def problem(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.path == path
    assert len(caught.value.problems) == 1
    assert str(caught.value) == caught.value.problems[0]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "feedback.toml"
    path.write_bytes(content)
    return path


def test_the_smallest_file_loads_and_everything_else_has_its_default() -> None:
    """One region, one on-call address and one identity are enough."""
    loaded = config()
    assert loaded.deployment.name == "ses-feedback"
    assert loaded.deployment.regions == ("us-east-1",)
    assert loaded.deployment.alarms == "identity"
    assert loaded.on_call.warn == loaded.on_call.page
    assert [d.endpoint for d in loaded.on_call.page] == ["oncall@example.com"]
    assert dict(loaded.teams) == {}
    identity = loaded.identities["example.com"]
    assert (identity.environment, identity.stream, identity.team) == ("production", "default", None)
    assert identity.configuration_set is None
    assert (identity.create, identity.canary) == (False, True)
    assert (loaded.canary.every, loaded.canary.within) == (DAY, 15 * MINUTE)
    assert not loaded.deployment.overwrite
    assert loaded.environments() == ("production",)
    assert loaded.streams("production") == ("default",)


def test_the_example_at_the_root_loads_and_shows_what_a_newcomer_needs() -> None:
    """The example has production, staging, dev and marketing, with teams, and destinations that need not exist."""
    loaded = load(ROOT / "feedback.toml")
    assert loaded.path == ROOT / "feedback.toml"
    assert loaded.environments() == ("dev", "production", "staging")
    assert loaded.streams("production") == ("marketing", "transactional")
    assert all(identity.team for identity in loaded.identities.values())
    every = [d for team in loaded.teams.values() for d in team.notify] + [*loaded.on_call.page, *loaded.on_call.warn]
    assert {d.protocol for d in every} <= {"email", "email_json", "https"}
    (only,) = warnings(loaded)  # true of any configuration set, and worth a look before the first deployment
    assert only.startswith('identities."news.example.com".configuration_set: senders whose IAM policy names only')


def test_what_the_example_has_commented_out_is_right_too(tmp_path: Path) -> None:
    """Taking the comment sign from every example line that is TOML gives a file that loads."""
    lines = []
    for line in (ROOT / "feedback.toml").read_text(encoding="utf-8").splitlines():
        bare = line.strip()
        is_example = bare.startswith(("# {", "# [")) or re.match(r"# [a-z_]+ = ", bare)
        lines.append(bare[2:] if is_example else line)
    loaded = load(written(tmp_path, "\n".join(lines).encode()))
    assert {d.protocol for d in loaded.teams["developers"].notify} == {"email_json", "sqs", "lambda", "firehose"}
    assert len(loaded.policy["hard_bounce"]) == 2
    assert loaded.deployment.overwrite
    assert loaded.identities["news.example.com"].configuration_set == ConfigurationSet(suppress=("bounce",))
    assert loaded.identities["news.example.com"].breaker
    assert loaded.identities["staging.example.com"].canary
    assert loaded.identities["dev@example.com"].create
    assert (loaded.canary.every, loaded.canary.within) == (DAY, 15 * MINUTE)
    assert loaded.on_call.page[1].max_per_second == 5
    assert [d.raw for d in loaded.teams["developers"].notify] == [False, True, False, True]


def test_the_file_of_the_design_loads() -> None:
    """The specification's own example, with every section, is a right file."""
    loaded = config("""
        [deployment]
        name = "ses-feedback"
        region = "us-east-1"
        [on_call]
        page = [{ email = "oncall@example.com" }, { https = "https://pager.example.com/v1/sns" }]
        warn = [{ email = "deliverability@example.com" }]
        [teams.customer-service]
        notify = [{ email = "support@example.com", on = ["bounce", "complaint"] }]
        [teams.developers]
        notify = [{ sqs = "arn:aws:sqs:us-east-1:111122223333:dev-bounces" }]
        [teams.marketing]
        notify = [{ https = "https://crm.example.com/hooks/ses", on = ["complaint"] }]
        [identities."example.com"]
        team = "customer-service"
        environment = "production"
        stream = "transactional"
        [identities."dev@example.com"]
        team = "developers"
        environment = "dev"
        [identities."news@example.com"]
        team = "marketing"
        environment = "production"
        stream = "marketing"
        configuration_set = true
        [[policy.soft_bounce]]
        count = 5
        within = "14d"
        suppress_for = "30d"
        scope = "environment"
    """)
    assert list(loaded.identities) == ["example.com", "dev@example.com", "news@example.com"]
    assert [d.on for d in loaded.teams["developers"].notify] == [("bounce", "complaint")]
    assert [d.on for d in loaded.teams["marketing"].notify] == [("complaint",)]
    assert [d.protocol for d in loaded.on_call.page] == ["email", "https"]


def test_everything_keeps_the_order_of_the_file() -> None:
    """Teams, identities and destinations come in the order in which a person wrote them."""
    text = "\n".join(
        [
            *(f'[teams.{name}]\nnotify = [{{ email = "{name}@example.com" }}]' for name in ("zebra", "ant", "mole")),
            *(f'[identities."{name}.example.com"]' for name in ("z", "a", "m")),
        ]
    )
    loaded = config(text)
    assert list(loaded.teams) == ["zebra", "ant", "mole"]
    assert list(loaded.identities) == ["z.example.com", "a.example.com", "m.example.com"]


def test_a_configuration_cannot_be_changed_and_can_be_a_key() -> None:
    """Nobody changes what another part of the program holds; equal configurations are equal keys."""
    loaded = config()
    with pytest.raises(TypeError):
        loaded.identities["x.example.com"] = loaded.identities["example.com"]  # type: ignore[index]
    with pytest.raises(TypeError):
        loaded.policy["blocked"] = ()  # type: ignore[index]
    with pytest.raises(AttributeError):
        loaded.deployment.name = "other"  # type: ignore[misc]
    assert {loaded: 1}[config()] == 1
    assert loaded != config('[teams.a]\nnotify = [{ email = "a@example.com" }]')


def test_a_missing_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    """Neither a traceback nor a guess: which file, and how to name another."""
    path = tmp_path / "feedback.toml"
    assert problem(path) == f"{path}: no such file; name one with --config, or copy the example feedback.toml"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """A directory is told from a missing file."""
    assert problem(tmp_path) == f"{tmp_path}: is a directory; name the file in it"


def test_what_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links in circles, paths through files, names the system refuses, missing rights: the system's own reason."""
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    assert problem(loop) == f"{loop}: cannot be read: Too many levels of symbolic links"
    inside = written(tmp_path, b"") / "feedback.toml"
    assert problem(inside) == f"{inside}: cannot be read: Not a directory"
    assert problem(Path("feed\0back.toml")) == "feed\\u0000back.toml: cannot be read: embedded null byte"

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    # The rights of a file do not bind every user that runs tests.
    monkeypatch.setattr(Path, "read_bytes", refused)
    assert problem(tmp_path) == f"{tmp_path}: cannot be read: Permission denied"


def test_a_file_in_another_encoding_names_line_and_byte(tmp_path: Path) -> None:
    """Latin-1 is found out where it begins."""
    path = written(tmp_path, b'[deployment]\nname = "x"\n# caf\xe9\n')
    assert problem(path) == f"{path}: line 3: byte 0xe9 is not UTF-8; save the file as UTF-8"


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    """What editors on Windows write is read."""
    content = b"\xef\xbb\xbf" + SMALLEST.strip().replace("\n", "\r\n").encode()
    assert load(written(tmp_path, content)).deployment == config().deployment


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[deployment]\nname = \n", "line 2, column 8: not TOML: invalid value"),
        (b"[deployment\n", "line 1, column 12: not TOML: "),
        (b'[deployment]\nname = "ses\n', "line 2, column 12: not TOML: "),
        (b"a = 1\na = 2\n", "line 2, column 6: not TOML: cannot overwrite a value"),
        (
            b'[identities."a.example.com"]\n[identities."a.example.com"]\n',
            "line 2, column 28: not TOML: cannot declare",
        ),
        (b"[deployment]\n\nname", "line 3, column 5: not TOML: "),
        (b'a = "\x01"', "line 1, column 6: not TOML: "),
    ],
)
def test_malformed_toml_names_line_and_column(tmp_path: Path, content: bytes, where: str) -> None:
    """Also where the parser itself only says that the document ended."""
    path = written(tmp_path, content)
    assert problem(path).startswith(f"{path}: {where}")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 5_000, "a number has too many digits"),
    ],
)
def test_hostile_toml_is_one_line_too(tmp_path: Path, content: bytes, why: str) -> None:
    """What makes the parser give up otherwise than by its own error."""
    path = written(tmp_path, content)
    assert problem(path) == f"{path}: not TOML that can be read: {why}"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nothing yet\n", b"\xef\xbb\xbf"])
def test_an_empty_file_says_what_the_smallest_has(tmp_path: Path, content: bytes) -> None:
    """Not three problems for one empty file."""
    path = written(tmp_path, content)
    smallest = "the smallest file has on_call.page and one identity"
    assert problem(path) == f"{path}: is empty; {smallest}"


def test_all_problems_are_reported_at_once_one_a_line() -> None:
    """A file is mended once, and not once for each mistake."""
    with pytest.raises(ConfigError) as caught:
        parse({"deployment": {"name": "A"}, "on_call": {}, "identities": {"x": {}}, "policy": {"y": []}, "z": 1})
    found = [line.partition(": ")[0] for line in caught.value.problems]
    assert found == ["z", "deployment.name", "on_call.page", "identities.x", "policy.y"]
    assert str(caught.value).splitlines() == list(caught.value.problems)


def test_what_is_required_is_missed() -> None:
    """Each required part is named with an example of it."""
    with pytest.raises(ConfigError) as caught:
        parse({"policy": {}})
    assert caught.value.problems == (
        'on_call.page: missing; say whom alarms wake, such as [{ email = "oncall@example.com" }]',
        'identities: missing; name at least one domain or address of SES, such as [identities."example.com"]',
    )


def test_a_misspelt_section_is_not_missed_as_well() -> None:
    """One mistake, one problem."""
    values = {
        "deploymnet": {"region": "us-east-1"},
        "oncall": {"page": [{"email": "oncall@example.com"}]},
        "identity": {"example.com": {}},
    }
    with pytest.raises(ConfigError) as caught:
        parse(values)
    assert [line.rpartition("; ")[2] for line in caught.value.problems] == [
        'did you mean "deployment"?',
        'did you mean "on_call"?',
        'did you mean "identities"?',
    ]


@pytest.mark.parametrize("section", ["deployment", "on_call", "teams", "identities", "policy", "canary", "archive"])
@pytest.mark.parametrize(("value", "found"), [("3", "the integer 3"), ("[]", "an array"), ('"x"', 'the string "x"')])
def test_a_section_that_is_no_table_is_reported_once(section: str, value: str, found: str) -> None:
    """What was found and what would be right, and nothing that follows from it."""
    (line,) = problems(f"{section} = {value}")
    assert line.startswith(f"{section}: must be a table")
    assert line.endswith(f", not {found}")


def test_a_number_that_python_cannot_print_is_a_problem_like_any_other() -> None:
    """Hexadecimal integers of TOML may have any length."""
    assert problems(f"[deployment]\nregion = 0x{'f' * 5_000}") == [
        'deployment.region: must be a string such as "us-east-1", not a huge integer'
    ]


def test_a_thousand_identities_load_in_a_second() -> None:
    """Reading must never be what one waits for at synth."""
    text = '[teams.a]\nnotify = [{ email = "a@example.com" }]\n' + "".join(
        f'[identities."team{n}.example.com"]\nteam = "a"\nstream = "s{n % 9}"\n' for n in range(1_000)
    )
    start = time.process_time()
    assert len(config(text).identities) == 1_000
    assert time.process_time() - start < 1


def test_the_package_offers_what_it_promises_and_nothing_by_accident() -> None:
    """Names come from their modules when first used; others are an AttributeError as in any module."""
    assert package.Config is Config
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = package.lod
