"""[[policy.CLASS]]: tiers as data, in place of a class's defaults."""

import pytest

from ses_feedback.domain.events import STRIKABLE
from ses_feedback.domain.policy import DEFAULT_POLICY, Tier
from ses_feedback.domain.times import DAY
from tests.unit.config.files import config, problems


def tier(class_: str, *entries: str) -> str:
    return "\n".join([f"[[policy.{class_}]]", *entries])


def why(*entries: str) -> list[str]:
    return [line.removeprefix("policy.soft_bounce[0]") for line in problems(tier("soft_bounce", *entries))]


def test_without_a_policy_the_defaults_hold() -> None:
    """Nothing stated, nothing changed."""
    assert dict(config().policy) == dict(DEFAULT_POLICY)


def test_tiers_replace_the_defaults_of_their_class_only() -> None:
    """Escalation is two tiers; other classes keep theirs."""
    text = tier("hard_bounce", "count = 1", 'suppress_for = "30d"')
    text += "\n" + tier("hard_bounce", "count = 2", 'suppress_for = "forever"', 'scope = "stream"')
    policy = config(text).policy
    assert policy["hard_bounce"] == (Tier(1, None, 30 * DAY, "environment"), Tier(2, None, None, "stream"))
    assert {k: v for k, v in policy.items() if k != "hard_bounce"} == {
        k: v for k, v in DEFAULT_POLICY.items() if k != "hard_bounce"
    }


@pytest.mark.parametrize("class_", STRIKABLE)
def test_every_class_that_can_count_may_have_tiers_or_none(class_: str) -> None:
    """An empty list means never; the scope is the class's own where the tier names none."""
    assert config(f"[policy]\n{class_} = []").policy[class_] == ()
    default = DEFAULT_POLICY.get(class_)
    scope = default[0].scope if default else "environment"
    expected = (Tier(3, 7 * DAY, 2 * DAY, scope),)
    assert config(tier(class_, "count = 3", 'within = "1w"', 'suppress_for = "48h"')).policy[class_] == expected


def test_the_first_strike_needs_no_window() -> None:
    """With count = 1 a window means nothing, and is forgotten."""
    text = tier("soft_bounce", "count = 1", 'within = "14d"', 'suppress_for = "1d"')
    assert config(text).policy["soft_bounce"] == (Tier(1, None, DAY, "environment"),)


@pytest.mark.parametrize(
    ("entries", "lines"),
    [
        (('suppress_for = "1d"',), [".count: missing; right is an integer such as 5"]),
        (("count = 1",), ['.suppress_for: missing; right is a string such as "30d"']),
        (("count = 0", 'suppress_for = "1d"'), [".count: must be from 1 to 100, not the integer 0"]),
        (("count = -1", 'suppress_for = "1d"'), [".count: must be from 1 to 100, not the integer -1"]),
        (("count = 101", 'suppress_for = "forever"'), [".count: must be from 1 to 100, not the integer 101"]),
        (("count = 1.0", 'suppress_for = "1d"'), [".count: must be an integer such as 5, not the number 1.0"]),
        (("count = true", 'suppress_for = "1d"'), [".count: must be an integer such as 5, not the boolean true"]),
        (("count = 1", "suppress_for = 30"), ['.suppress_for: must be a string such as "30d", not the integer 30']),
        (
            ("count = 1", 'suppress_for = "5 days"'),
            ['.suppress_for: "5 days" is not a duration such as 15m, 12h, 30d, 2w or forever'],
        ),
        (
            ("count = 2", 'suppress_for = "1d"', 'within = "0d"'),
            ['.within: "0d" is not a duration such as 15m, 12h, 30d, 2w'],
        ),
        (
            ("count = 2", 'suppress_for = "1d"'),
            ['.within: missing; say within which time 2 strikes suppress, such as "14d"'],
        ),
        (
            ("count = 2", 'suppress_for = "forever"', 'within = "14d"'),
            [".within: a tier that suppresses for ever counts every strike there ever was; leave it out"],
        ),
        (
            ("count = 1", 'suppress_for = "forever"', 'within = "14d"'),
            [".within: a tier that suppresses for ever counts every strike there ever was; leave it out"],
        ),
        (("count = 2", 'suppress_for = "1d"', 'within = "forever"'), ['.within: must end: give a time such as "14d"']),
        (
            ("count = 1", 'suppress_for = "1d"', 'scope = "streams"'),
            ['.scope: "streams" is not one of its values; known: environment, stream; did you mean "stream"?'],
        ),
        (
            ("count = 1", 'supress_for = "1d"'),
            ['.supress_for: unknown key; known: count, scope, suppress_for, within; did you mean "suppress_for"?'],
        ),
    ],
)
def test_wrong_tiers(entries: tuple[str, ...], lines: list[str]) -> None:
    """Each problem once, with what would be right."""
    assert why(*entries) == lines


def test_a_tier_that_an_item_could_not_hold_is_refused_with_the_reason() -> None:
    """The number of strikes kept follows from the tier; up to 400 fit into DynamoDB's 400 KB."""
    fits = ("count = 12", 'within = "1d"', 'suppress_for = "34d"')
    assert why(*fits) == []
    assert why("count = 12", 'within = "1d"', 'suppress_for = "35d"') == [
        ": would keep 408 strikes of an address, more than 400, and outgrow the 400 KB of a DynamoDB item; "
        "lower count or suppress_for, or raise within"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[policy.soft_bounce]\ncount = 1",
            "policy.soft_bounce: must be an array of tiers, written [[policy.soft_bounce]], not a table",
        ),
        (
            "[policy]\nsoft_bounce = [5]",
            'policy.soft_bounce[0]: must be a tier such as { count = 1, suppress_for = "30d" }, not the integer 5',
        ),
        (
            "[[policy.soft-bounce]]",
            'policy.soft-bounce: no class "soft-bounce" counts against an address; known: already_suppressed, '
            "auto_reply, blocked, complaint, hard_bounce, message_fault, soft_bounce, unsubscribe; "
            'did you mean "soft_bounce"?',
        ),
    ],
)
def test_what_is_no_list_of_tiers_of_a_class(text: str, line: str) -> None:
    """The bracket people forget, and classes that are none."""
    assert problems(text) == [line]


@pytest.mark.parametrize(("streams", "fits"), [(1, True), (2, True), (3, False)])
def test_tiers_that_an_item_could_not_hold_together_are_refused(streams: int, fits: bool) -> None:
    """Each fits alone: they add up, over classes and over the streams of an environment."""
    tier = 'count = 40, within = "1d", suppress_for = "8d"'
    text = "".join(
        f'[identities."{n}.example.com"]\nstream = "s{n}"\n[identities."m{n}.example.com"]\nstream = "s{n}"\n'
        for n in range(streams)
    )
    found = problems(text + f"[policy]\nsoft_bounce = [{{ {tier} }}]\nblocked = [{{ {tier} }}]\n")
    assert bool(found) is not fits
    if found:
        assert f"policy.soft_bounce: with the other classes, and {streams} streams in production, up to" in found[0]
