"""Routes: which way a sender's feedback goes, by the file and by SES."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ses_feedback import naming
from ses_feedback.domain.settings import SetForwarding, SetHeaders, SetTopic, after
from ses_feedback.usecases.routes import LiveRoute, LiveRoutes, Told, route

from .world import ADDRESS, CONFIG, DOMAIN, HOME, World, world

OWN_SET = naming.configuration_set_name("ses-feedback", ADDRESS)


def ask(there: World, *senders: str) -> list[LiveRoute]:
    """Ask SES about senders."""
    live = LiveRoutes(there.config, there, there.pacer(), HOME, lambda number: None)
    return live.ask([route(there.config, sender) for sender in senders])


@pytest.mark.parametrize(
    ("sender", "identity", "covered"),
    [
        ("news@example.com", "news@example.com", "address"),
        ("other@example.com", "example.com", "domain"),
        ("news@sub.example.com", "example.com", "parent"),
        ("a@very.deep.example.com", "example.com", "parent"),
        ("example.com", "example.com", "domain"),
        ("sub.example.com", "example.com", "parent"),
    ],
)
def test_the_most_specific_identity_applies(sender: str, identity: str, covered: str) -> None:
    """The address, else its domain, else the nearest parent."""
    found = route(world().config, sender)
    assert found.identity is not None
    assert (found.identity.name, found.covered) == (identity, covered)


@pytest.mark.parametrize("sender", ["jane@example.org", "jane@notexample.com", "com", "jane@example.com.evil.org"])
def test_a_sender_that_nothing_covers(sender: str) -> None:
    """Neither a similar name nor a suffix of letters is a parent."""
    assert route(world().config, sender).identity is None


def test_a_subdomain_of_its_own_beats_its_parent() -> None:
    """And its own subdomains go by it."""
    there = world(CONFIG + '[identities."shop.example.com"]\nenvironment = "staging"\n')
    found = route(there.config, "a@mail.shop.example.com")
    assert found.identity is not None
    assert (found.identity.name, found.covered) == ("shop.example.com", "parent")


def test_everything_about_a_route() -> None:
    """Topics by kind, those of the configuration set included; who is told of what, and on-call."""
    found = route(world().config, ADDRESS)
    assert found.configuration_set == OWN_SET
    assert list(found.topics) == ["bounce", "complaint", "delivery", "reject"]
    assert found.topics["reject"] == naming.topic_name("ses-feedback", "reject", ADDRESS)
    program = Told("developers", "email-json", "dev@example.org", "json")
    people = Told("developers", "email", "people@example.org", "text")
    assert found.told == {"bounce": (program,), "complaint": (people,), "delivery": (), "reject": (program,)}
    assert found.on_call["warn"] == (Told("on-call", "email", "oncall@example.com", "text"),)


def test_an_identity_without_a_team_tells_nobody() -> None:
    """Its kinds are there all the same."""
    there = world('[on_call]\npage = [{ email = "o@example.com" }]\n[identities."example.com"]\n')
    assert route(there.config, DOMAIN).told == {"bounce": (), "complaint": (), "delivery": ()}


def test_where_ses_is_as_the_file_says_there_is_no_difference() -> None:
    """It shows what is set all the same."""
    domain, address = ask(world(), "x@example.com", ADDRESS)
    assert (domain.identity, domain.differences, domain.configuration_set) == (DOMAIN, (), None)
    assert (address.identity, address.differences, address.configuration_set) == (ADDRESS, (), OWN_SET)
    assert address.headers == ("Bounce", "Complaint")
    assert address.forwarding is False
    assert address.topics["Bounce"] == world().wanted.identities[ADDRESS].topics["bounce"]


def test_every_difference_is_one_line() -> None:
    """Topic, headers, forwarding and default configuration set."""
    there = world()
    for step in (SetTopic("Bounce", None), SetHeaders("Complaint", False), SetForwarding(True)):
        there.live[ADDRESS] = after(there.live[ADDRESS], step)
    there.defaults[ADDRESS] = "theirs"
    (found,) = ask(there, ADDRESS)
    topic = there.wanted.identities[ADDRESS].topics["bounce"]
    assert found.differences == (
        f"the Bounce topic is none, not {topic}",
        "Complaint notifications carry no headers",
        "bounces and complaints are forwarded by e-mail",
        f"the default configuration set is theirs, not {OWN_SET}",
    )


def test_an_address_that_is_not_verified_on_its_own() -> None:
    """SES sends its mail by the domain: its own topics never hear of it."""
    there = world()
    del there.statuses[ADDRESS]
    (found,) = ask(there, ADDRESS)
    assert found.identity == DOMAIN
    assert found.differences == (
        f"SES sends its mail by {DOMAIN}, not by {ADDRESS}: its feedback goes to the topics of {DOMAIN}",
    )


def test_an_identity_of_ses_that_the_file_does_not_name() -> None:
    """An address verified on its own takes nothing from its domain."""
    there = world()
    there.statuses["shop@example.com"] = "Success"
    (found,) = ask(there, "shop@example.com")
    assert found.identity == "shop@example.com"
    assert "not by example.com" in found.differences[0]
    assert found.differences[1] == "shop@example.com is not in the file: nothing of its feedback is handled"


def test_a_sender_that_neither_covers() -> None:
    """SES refuses its mail, and says why."""
    there = world()
    there.statuses = {DOMAIN: "Pending"}
    uncovered, pending = ask(there, "jane@example.org", "jane@example.com")
    assert uncovered.identity is None
    assert "SES knows no identity jane@example.org" in uncovered.differences[0]
    assert "SES says Pending of example.com" in pending.differences[0]


def test_a_sender_that_only_ses_covers() -> None:
    """Its mail goes out, and nobody here hears of it."""
    there = world()
    there.statuses["example.org"] = "Success"
    (found,) = ask(there, "jane@example.org")
    assert found.differences == (
        "SES sends its mail by example.org, which is not in the file: its feedback is not handled",
    )


def test_identities_are_asked_once_however_many_senders_they_cover() -> None:
    """Three senders of a domain are one question about it."""
    there = world()
    ask(there, *(f"a{n}@example.com" for n in range(150)))
    assert [c for c in there.calls if c.startswith("default_set")] == [f"default_set {DOMAIN}"]
    assert sum(c.startswith("verifications") for c in there.calls) == 2


def test_a_paused_set_is_shown() -> None:
    """Whoever wonders why mail does not go out sees it here, whether it names the file's set or another."""
    there = world()
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], sending=False)
    (live, other) = ask(there, ADDRESS, DOMAIN)
    (difference,) = live.differences
    assert difference == f"sending through {OWN_SET} is paused: SES refuses this mail; ses-feedback doctor says why"
    assert other.differences == ()
