"""``pause``, ``resume`` and ``pauses``, as an operator types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.pausing import Account, trip
from tests.fakes import OK
from tests.unit.breaker.fakes import JO, PAGE, SENDER, WHO
from tests.unit.breaker.fakes import World as PauseWorld

from .conftest import CONFIG, Run
from .fakes import FakeDeployment

BEGUN = "2027-01-15T08:00:01.000Z"


@pytest.fixture
def there(config_file: Path, deployment: FakeDeployment) -> PauseWorld:
    """An identity that can be paused, and one that cannot."""
    config_file.write_text(CONFIG + "configuration_set = true\n")
    return deployment.sending


def test_pause_and_resume_with_the_reasons(cli: Run, there: PauseWorld) -> None:
    """Who did it is whoever the credentials belong to."""
    done = cli("pause", WHO, "--why", "a bad list", "--json")
    assert (done.code, there.sending) == (0, False)
    (paused,) = done.records
    assert paused == {
        "identity": WHO,
        "configuration_set": SENDER.configuration_set,
        "paused": True,
        "at": BEGUN,
        "by": JO,
        "why": "a bad list",
        "untold": None,
        "was_paused": False,
    }
    done = cli("resume", WHO, "--why", "list removed", "--json")
    assert (done.code, there.sending) == (0, True)
    (resumed,) = done.records
    assert (resumed["paused"], resumed["why"], resumed["by"], resumed["untold"]) == (False, "list removed", JO, None)
    assert resumed["was"] == {
        "paused_at": BEGUN,
        "by": JO,
        "why": "a bad list",
        "alarm": None,
        "resumed_at": None,
        "resumed_by": None,
        "resumed_why": None,
    }


def test_people_read_sentences(cli: Run, there: PauseWorld) -> None:
    """With the command that undoes it, and after a breaker's pause, when it trips again."""
    assert cli("pause", WHO, "--why", "a bad list").out.splitlines() == [
        f"{WHO} is paused: SES refuses all its mail.",
        f"It sends again after ses-feedback resume {WHO} --why ….",
    ]
    assert cli("resume", WHO, "--why", "list removed").out.splitlines() == [
        f"{WHO} sends again.",
        f"It was paused by {JO} since 2027-01-15 08:00 UTC: a bad list",
    ]
    trip(there.desk, SENDER, PAGE)
    last = cli("resume", WHO, "--why", "list removed").out.splitlines()[-1]
    assert last.startswith(f'The circuit breaker: it trips when the alarm "{PAGE.alarm}" goes off anew')


def test_spellings_of_an_identity_are_the_same(cli: Run, there: PauseWorld) -> None:
    assert cli("pause", " News@Example.com ", "--why", "a bad list").code == 0
    assert there.sending is False


def test_what_was_paused_elsewhere(cli: Run, there: PauseWorld) -> None:
    """Its reason is noted now, or that there is none."""
    there.sending = False
    assert "now the reason is noted" in cli("pause", WHO, "--why", "me, in the console").out
    there.histories_.clear()
    assert "past ses-feedback" in cli("resume", WHO, "--why", "found it").out


def test_a_run_that_was_cut_short_is_finished(cli: Run, there: PauseWorld) -> None:
    cli("pause", WHO, "--why", "a bad list")
    there.sending = True
    assert "now it is noted as over" in cli("resume", WHO, "--why", "list removed").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause", WHO), "missing option '--why'"),
        (("resume", WHO, "--why", " "), "--why: say why"),
        (("pause", WHO, "--why", "a\nb"), "must be one line"),
        (("pause", "example.com", "--why", "x"), "example.com has no configuration set of its own"),
        (("pause", "nws@example.com", "--why", "x"), 'did you mean "news@example.com"?'),
        (("pauses", "example.org"), 'the file has no identity "example.org"; known: "example.com", "news@example.com"'),
        (("resume", "not an identity", "--why", "x"), '"not an identity" is no identity'),
        (("resume", WHO, "--why", "x"), f"{WHO} is not paused: there is nothing to resume"),
    ],
)
def test_mistakes_are_one_line(cli: Run, there: PauseWorld, arguments: tuple[str, ...], said: str) -> None:
    """What is wrong and what would be right; nothing is changed."""
    done = cli(*arguments)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert said in line
    assert (there.turned, there.history) == ([], ())


def test_paused_already_says_by_whom(cli: Run, there: PauseWorld) -> None:
    trip(there.desk, SENDER, PAGE)
    done = cli("pause", WHO, "--why", "x")
    assert done.code == 2
    assert "is paused already, by the circuit breaker since" in done.err


def test_what_aws_paused_only_aws_resumes(cli: Run, there: PauseWorld) -> None:
    trip(there.desk, SENDER, PAGE)
    there.account_ = Account(sending=False, enforcement="SHUTDOWN")
    done = cli("resume", WHO, "--why", "mended")
    assert (done.code, there.sending) == (2, False)
    assert "only AWS can resume it" in done.err


def test_on_call_who_cannot_be_told_is_told_by_the_operator(cli: Run, there: PauseWorld) -> None:
    """It is paused all the same; the exit code says that not everything was done."""
    there.troubles = [OK, OK, OK, OK, OK, RetryableError("publishing to ses-feedback-on-call-warn: AuthorizationError")]
    done = cli("pause", WHO, "--why", "a bad list", "--json")
    assert (done.code, there.sending) == (2, False)
    assert done.records[0]["untold"] == "publishing to ses-feedback-on-call-warn: AuthorizationError"
    assert done.err == (
        "ses-feedback: paused, but on-call could not be told (publishing to ses-feedback-on-call-warn: "
        "AuthorizationError): tell them yourself\n"
    )


def test_pauses_lists_the_newest_first(cli: Run, there: PauseWorld) -> None:
    """With who ended them; those of one identity, or all."""
    assert cli("pauses").out == "Nobody was ever paused.\n"
    trip(there.desk, SENDER, PAGE)
    cli("resume", WHO, "--why", "list removed")
    cli("pause", WHO, "--why", "again")
    records = cli("pauses", WHO, "--json").records
    assert [(r["identity"], r["why"][:9], r["alarm"], r["resumed_why"]) for r in records] == [
        (WHO, "again", None, None),
        (WHO, "the alarm", PAGE.alarm, "list removed"),
    ]
    lines = cli("pauses").out.splitlines()
    assert lines[0].split() == ["PAUSED", "IDENTITY", "BY", "WHY", "RESUMED"]
    assert lines[1].endswith("not yet")
    assert cli("pauses", "example.com").out == "Nobody was ever paused.\n"
