"""Which functions a configuration has work for: what nobody asked for is not deployed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ses_feedback import naming
from ses_feedback.config.model import Config


def canaries(config: Config) -> int:
    """Return how many identities have a canary."""
    return sum(identity.canary for identity in config.identities.values())


def told_teams(config: Config) -> tuple[str, ...]:
    """Return the teams that have people to tell, sorted: those with a destination that takes text."""
    return tuple(sorted(name for name, team in config.teams.items() if any(d.format == "text" for d in team.notify)))


def breakers(config: Config) -> int:
    """Return how many identities have a circuit breaker."""
    return sum(identity.breaker for identity in config.identities.values())


# Functions that not every configuration has work for.
_ONLY_WHERE: Final[Mapping[str, Callable[[Config], bool]]] = {
    naming.SEND_CANARIES: lambda config: canaries(config) > 0,
    naming.TELL_TEAMS: lambda config: bool(told_teams(config)),
    naming.BREAK_CIRCUIT: lambda config: breakers(config) > 0,
    naming.EXPLAIN_ALARM: lambda config: bool(config.on_call.texts()),
    naming.SYNC_LISTS: lambda config: config.ses_list.sync,
    naming.ANSWER_LOOKUPS: lambda config: config.lookup.enabled,
    naming.RECEIVE_POSTS: lambda config: bool(config.endpoint.topics) and config.endpoint.in_stack,
}


def needed(config: Config) -> tuple[str, ...]:
    """Return those of ``naming.FUNCTIONS`` that a configuration has work for."""
    return tuple(f for f in naming.FUNCTIONS if f not in _ONLY_WHERE or _ONLY_WHERE[f](config))


# Functions that only deployments run: CloudFormation calls them again.
_OF_DEPLOYMENTS: Final = (naming.WIRE_IDENTITY, naming.CLAIM_TABLE)
# And those that Firehose and Step Functions call again; what Firehose gives up has an alarm of its own.
# Whoever asks the lookup is told at once, and asks again.
_CALLED_AGAIN: Final = (
    *_OF_DEPLOYMENTS,
    naming.ANSWER_LOOKUPS,
    naming.WRITE_ARCHIVE,
    naming.REPLAY_ARCHIVE,
    naming.SYNC_LISTS,  # the next hour goes on
    naming.RECEIVE_POSTS,  # SNS posts again for as long as the subscription says
)
# Functions that are repeated, or stop by themselves before their time is up: the next run does what they leave.
_MIND_THE_CLOCK: Final = (*_CALLED_AGAIN, naming.CHECK_LOOP, naming.SEND_CANARIES, naming.TELL_TEAMS)


def of_the_loop(functions: Sequence[str]) -> tuple[str, ...]:
    """Return those of some functions that nobody calls again for long when Lambda throttles them."""
    return tuple(f for f in functions if f not in _CALLED_AGAIN)


def timed(functions: Sequence[str]) -> tuple[str, ...]:
    """Return those of some functions that Lambda cuts off half-way when their time is up."""
    return tuple(f for f in functions if f not in _MIND_THE_CLOCK)
