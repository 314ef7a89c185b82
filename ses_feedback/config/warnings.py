"""What deploys as it is, but is probably not meant: lines for synth and doctor, never a reason to stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ses_feedback import naming
from ses_feedback.config.model import UNRESERVED_AT_LEAST, Config, Identity
from ses_feedback.config.problems import join, shown
from ses_feedback.domain.events import COMPLAINT

# A thousand lines of one kind are read by nobody.
_SHOWN: Final = 10


def warnings(config: Config) -> tuple[str, ...]:
    """Return what is probably not meant, one line each: ``path: what, and what would be right``."""
    return (
        *_unused_teams(config),
        *_first(_overlaps(config), "identities", "more that overlap with another"),
        *_first(_complaints_across_streams(config), "identities", "more that suppress complaints account-wide"),
        *_senders(config),
    )


def before_deploying(config: Config) -> tuple[str, ...]:
    """Return what a deployment needs of the account, one line each as above; ``doctor`` asks AWS whether it has it."""
    apart = config.endpoint.set_apart
    if not apart:
        return ()
    return (
        f"endpoint.at_once: sets {apart} concurrent executions apart, for which Lambda's limit in "
        f"{config.deployment.region} must be {UNRESERVED_AT_LEAST + apart} or more (it keeps {UNRESERVED_AT_LEAST} for "
        "the rest, and a new account may have 10 in all); have the limit raised, or say at_once = 0",
    )


def _first(lines: Iterable[str], path: str, others: str) -> Iterator[str]:
    every = list(lines)
    yield from every[:_SHOWN]
    if len(every) > _SHOWN:
        yield f"{path}: {len(every) - _SHOWN} {others}"


def _unused_teams(config: Config) -> Iterator[str]:
    used = {identity.team for identity in config.identities.values()}
    for team in config.teams:
        if team not in used:
            yield (
                f"{join('teams', team)}: no identity has team = {shown(team)}, so it is told of nothing; give it one, "
                f"or leave the team out"
            )


def _overlaps(config: Config) -> Iterator[str]:
    """Yield identities that say nothing which the one that covers them does not say already."""
    for identity in config.identities.values():
        wider = _covering(identity, config.identities)
        if wider is None or _treatment(identity) != _treatment(wider):
            continue
        path, covered = join("identities", identity.name), join("identities", wider.name)
        what = "an address" if identity.is_address else "a subdomain"
        yield (
            f"{path}: has the team, environment and stream of {covered}, which covers it; keep it only if it is "
            f"verified in SES on its own: such {what} takes none of the domain's settings, any other takes them all "
            f"and stays pending here"
        )


def _covering(identity: Identity, identities: Mapping[str, Identity]) -> Identity | None:
    """Return the most specific other identity that covers this one: its domain, or a parent domain."""
    domain = identity.name.rpartition("@")[2]
    if identity.is_address and domain in identities:
        return identities[domain]
    while "." in domain:
        domain = domain.partition(".")[2]
        if domain in identities:
            return identities[domain]
    return None


def _treatment(identity: Identity) -> tuple[object, ...]:
    # A configuration set that differs is a reason to be named: a pause switch and a reputation of its own.
    return identity.team, identity.environment, identity.stream, identity.configuration_set, identity.breaker


def _complaints_across_streams(config: Config) -> Iterator[str]:
    for identity in config.identities.values():
        own = identity.configuration_set
        streams = config.streams(identity.environment)
        if own is not None and COMPLAINT in (own.suppress or ()) and len(streams) > 1:
            yield (
                f"{join('identities', identity.name)}.configuration_set.suppress: SES's list is one for the whole "
                f"account, so that a complaint about one of the streams {', '.join(streams)} blocks the others too (a "
                f'password reset, say); suppress = ["bounce"] leaves complaints to the table, which tells streams apart'
            )


def _senders(config: Config) -> Iterator[str]:
    """Yield what senders need: mail through an identity with a default set is sent through that set too."""
    with_set = [i.name for i in config.identities.values() if i.configuration_set is not None]
    names = [naming.configuration_set_name(config.deployment.name, name) for name in with_set]
    if len(with_set) > _SHOWN:
        common = naming.configuration_set_prefix(config.deployment.name)
        yield (
            f"identities: {len(with_set)} have a configuration set of their own; senders whose IAM policies name only "
            f"identity/… need configuration-set/{common}* too"
        )
        return
    for identity, name in zip(with_set, names, strict=True):
        yield (
            f"{join('identities', identity)}.configuration_set: senders whose IAM policy names only "
            f"identity/{identity} need configuration-set/{name} too"
        )
