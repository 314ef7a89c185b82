"""Doctor: read what there is in SES and AWS, compare it with the file, and mend what is safe to mend."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, TypeVar

from ses_feedback import naming
from ses_feedback.config.loop import to_loop
from ses_feedback.config.model import Config
from ses_feedback.config.warnings import warnings
from ses_feedback.domain.errors import FeedbackError, PermanentError
from ses_feedback.domain.pauses import History, current
from ses_feedback.usecases.checks.account import check_account
from ses_feedback.usecases.checks.concurrency import check_concurrency
from ses_feedback.usecases.checks.expected import Expected, ExpectedIdentity, expected
from ses_feedback.usecases.checks.finding import NOTE, EnableActions, EnableDestination, Finding, Fix, Rewire
from ses_feedback.usecases.checks.identities import IdentityStates, check_identity, check_unlisted, parents
from ses_feedback.usecases.checks.live import MOST_IDENTITIES, AwsReader, ListedIdentity, SesReader, Stack
from ses_feedback.usecases.checks.pauses import check_sending
from ses_feedback.usecases.checks.sets import check_complaints, check_set
from ses_feedback.usecases.checks.stacks import check_stacks, deployed_alarms, deployed_identities
from ses_feedback.usecases.checks.subscriptions import check_feed
from ses_feedback.usecases.checks.watch import QUEUES, check_alarms, check_quarantine, check_queue
from ses_feedback.usecases.pacing import OutOfTime, Pacer
from ses_feedback.usecases.wiring import Wiring
from ses_feedback.usecases.wiring_ports import PENDING

T = TypeVar("T")
Advance = Callable[[int], None]

ENOUGH: Final = 1_000  # pieces in quarantine; whether there are more makes no difference


class Inventory(NamedTuple):
    """What doctor works with. ``pacer`` decides when SES is called; ``wiring`` mends, in the same turns."""

    ses: SesReader
    aws: AwsReader
    pacer: Pacer
    wiring: Wiring


class Places(NamedTuple):
    """What of the deployment's own stores is asked. Each may raise ``FeedbackError``.

    ``verify_secret`` raises ``PermanentError`` where the secret is gone, or is another than the table was filled under;
    ``quarantined`` yields how many pieces are in quarantine, a part at a time; ``pauses`` returns the noted pauses of
    those identities that had any.
    """

    verify_secret: Callable[[], None]
    quarantined: Callable[[], Iterator[int]]
    pauses: Callable[[Collection[str]], Mapping[str, History]]


@dataclass(slots=True)
class Diagnosis:
    """What was found, and what could not be looked at: a line each, with what would be needed."""

    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Mended:
    """What became of the findings: by finding what was done about it, or why it could not be."""

    done: dict[Finding, str] = field(default_factory=dict)
    problems: dict[Finding, str] = field(default_factory=dict)


def _ignore(number: int) -> None:
    """Show no progress."""


class Doctor:
    """Examines one deployment."""

    def __init__(self, config: Config, inventory: Inventory, places: Places) -> None:
        self._config = config
        self._ses, self._aws, self._pacer, self._wiring = inventory
        self._places = places
        self._advance: Advance = _ignore
        self._found = Diagnosis()

    def steps(self) -> int:
        """Return about how many calls an examination makes, for a bar of progress."""
        identities = self._config.identities.values()
        sets = sum(identity.configuration_set is not None for identity in identities)
        batches = math.ceil(len(identities) / MOST_IDENTITIES)
        topics = sum(len(identity.kinds) for identity in identities) + len(self._config.on_call.texts())
        return 3 * batches + 3 * sets + topics + len(QUEUES) + 9

    def examine(self, advance: Advance = _ignore) -> Diagnosis:
        """Compare everything. ``advance`` is told of each call made.

        What cannot be read is among ``unchecked``, and the rest is examined all the same. Raises ``FeedbackError``
        where nothing can be: no credentials, or no such deployment in this account and region.
        """
        self._advance = advance
        self._found = Diagnosis()
        home = self._aws.home()
        wanted = expected(self._config, home)
        stacks = self._stacks(wanted)
        with self._checking("the secret"):
            self._secret()
        there = wanted.identities.keys() if stacks is None else deployed_identities(stacks)
        deployed = [identity for identity in wanted.identities.values() if identity.name in there]
        with self._checking("identities in SES"):
            self._identities(wanted, deployed)
        with self._checking("the list of all identities"):
            self._add(check_unlisted(wanted, self._listed()))
        with self._checking("the state of SES"):
            self._add(check_account(self._config, self._paced("the account", self._ses.account)))
        with self._checking("Lambda's limits"):
            self._concurrency()
        with self._checking("configuration sets"):
            self._sets(wanted, deployed)
        with self._checking("subscriptions"):
            self._subscriptions(wanted, deployed)
        self._waiting(wanted)
        if stacks is not None:
            with self._checking("alarms"):
                self._add(check_alarms(home, deployed_alarms(stacks), self._aws.alarms()))
        self._warnings()
        return self._found

    def mend(self, findings: Iterable[Finding], advance: Advance = _ignore) -> Mended:
        """Do what is safe about findings, each once, however many findings it is about."""
        mended = Mended()
        home = self._aws.home()
        wanted = expected(self._config, home)
        by_fix: dict[Fix, list[Finding]] = {}
        for finding in findings:
            if finding.fix is not None:
                by_fix.setdefault(finding.fix, []).append(finding)
        for fix, about in by_fix.items():
            try:
                said = self._mend(wanted, fix)
            except FeedbackError as error:
                mended.problems.update(dict.fromkeys(about, str(error)))
            else:
                mended.done.update(dict.fromkeys(about, said))
            advance(1)
        return mended

    def _mend(self, wanted: Expected, fix: Fix) -> str:
        match fix:
            case Rewire(identity):
                outcome = self._wiring.wire(identity, wanted.identities[identity].wish()._replace(create=False))
                if outcome.status == PENDING:
                    raise PermanentError(f"{identity} is not verified any more")
                return "; ".join(outcome.changes) or "it was right already"
            case EnableActions(alarm):
                self._aws.enable_alarms([alarm])
                return "actions on"
            case EnableDestination(configuration_set, destination):
                self._paced(
                    f"switching on {destination} of {configuration_set}",
                    lambda: self._ses.enable_destination(configuration_set, destination),
                )
                return f"{destination} on"

    # --- sections -----------------------------------------------------------------------------------------------------

    def _stacks(self, wanted: Expected) -> Mapping[str, Stack] | None:
        with self._checking("stacks"):
            stacks = self._aws.stacks()
            if not stacks:
                raise _NotDeployed(
                    f'no deployment "{wanted.deployment}" in {wanted.home.region} of account {wanted.home.account}: '
                    "deploy first (npx cdk deploy --all), or choose the account with AWS_PROFILE, the deployment with "
                    "--config"
                )
            self._add(check_stacks(wanted, stacks, naming.digest(to_loop(self._config))))
            return stacks
        return None

    def _secret(self) -> None:
        try:
            self._places.verify_secret()
        except PermanentError as error:
            name = naming.secret_name(self._config.deployment.name)
            look = f"aws secretsmanager list-secret-version-ids --secret-id {name}"
            region = f"--region {self._config.deployment.region}"
            why = "under another secret every address looks unknown: nobody is suppressed any more"
            self._add([Finding("secret", "deployment", str(error), why, f"{look} {region}")])

    def _identities(self, wanted: Expected, deployed: Sequence[ExpectedIdentity]) -> None:
        names = list(wanted.identities)
        above = dict.fromkeys(parent for name in names for parent in parents(name))
        asked = list(dict.fromkeys([*names, *above]))
        verifications = self._batched("verification", asked, self._ses.verifications)
        states = IdentityStates(verifications)
        known = [name for name in names if states.verified(name)]
        states = IdentityStates(
            verifications,
            settings=self._batched("settings", known, self._ses.all_settings),
            dkim=self._batched("DKIM", [name for name in known if "@" not in name], self._ses.signing),
            sets=self._default_sets(wanted, known),
        )
        wired = {identity.name for identity in deployed}
        for identity in wanted.identities.values():
            # One that is not deployed yet has its finding; what it lacks in SES the deployment will set.
            if identity.name in wired or not states.verified(identity.name):
                self._add(check_identity(wanted, identity, states))

    def _default_sets(self, wanted: Expected, known: Iterable[str]) -> dict[str, str | None]:
        return {
            name: self._paced(f"the default configuration set of {name}", partial(self._ses.default_set, name))
            for name in known
            if wanted.identities[name].configuration_set is not None
        }

    def _listed(self) -> Iterator[ListedIdentity]:
        page: str | None = None
        while True:
            identities, page = self._paced("all identities", partial(self._ses.listed, page))
            yield from identities
            if page is None:
                return

    def _sets(self, wanted: Expected, deployed: Sequence[ExpectedIdentity]) -> None:
        noted: Mapping[str, History] = {}
        with self._checking("why identities are paused"):
            noted = self._places.pauses([i.name for i in deployed if i.configuration_set is not None])
        for identity in deployed:
            name = identity.configuration_set
            if name is None:
                continue
            state = self._paced(f"configuration set {name}", partial(self._ses.set_state, name))
            destinations = self._paced(f"events of {name}", partial(self._ses.event_destinations, name))
            if state is not None:
                self._add(check_sending(identity, state, current(noted.get(identity.name, ()))))
                environment = self._config.identities[identity.name].environment
                self._add(check_complaints(identity, self._config.streams(environment), state))
            self._add(check_set(wanted.home, identity, state, destinations or ()))

    def _concurrency(self) -> None:
        function = naming.function_name(self._config.deployment.name, naming.RECEIVE_POSTS)
        share = self._aws.share(function) if self._config.endpoint.set_apart else 0
        self._add(check_concurrency(self._config, self._aws.concurrency(), share))
        self._advance(1)

    def _subscriptions(self, wanted: Expected, deployed: Iterable[ExpectedIdentity]) -> None:
        of_whom = [(identity.path, feed) for identity in deployed for feed in identity.feeds]
        of_whom += [(f"on_call.{feed.kind}", feed) for feed in wanted.on_call]
        of_whom += [("teams", feed) for feed in wanted.digests]
        of_whom.append(("changes", wanted.changes))
        for path, feed in of_whom:
            live = self._aws.subscriptions(feed.topic)
            self._advance(1)
            self._add(check_feed(wanted, path, feed, live))

    def _waiting(self, wanted: Expected) -> None:
        with self._checking("queues"):
            for queue in QUEUES:
                depth = self._aws.depth(queue.name(wanted.deployment))
                self._advance(1)
                self._add(check_queue(queue, wanted.deployment, depth))
        with self._checking("quarantine"):
            number = 0
            for part in self._places.quarantined():
                number += part
                if number >= ENOUGH:
                    break
            self._add(check_quarantine(number, more=number >= ENOUGH))

    def _warnings(self) -> None:
        for line in warnings(self._config):
            path, _, what = line.partition(": ")
            what, _, why = what.partition("; ")
            self._add([Finding("file", path, what, why, level=NOTE)])

    # --- reading ------------------------------------------------------------------------------------------------------

    def _batched(
        self, what: str, names: Sequence[str], read: Callable[[Sequence[str]], Mapping[str, T]]
    ) -> dict[str, T]:
        found: dict[str, T] = {}
        for start in range(0, len(names), MOST_IDENTITIES):
            batch = names[start : start + MOST_IDENTITIES]
            found.update(self._paced(f"{what} of identities", partial(read, batch)))
        return found

    def _paced(self, what: str, call: Callable[[], T]) -> T:
        answer = self._pacer.run(f"reading {what}", call)
        self._advance(1)
        return answer

    def _add(self, findings: Iterable[Finding]) -> None:
        self._found.findings.extend(findings)

    @contextmanager
    def _checking(self, what: str) -> Iterator[None]:
        """Go on with the rest where one thing cannot be read, and say so."""
        try:
            yield
        except _NotDeployed:
            raise
        except OutOfTime:
            self._found.unchecked.append(f"{what}: AWS throttles for too long; run doctor again later")
        except FeedbackError as error:
            self._found.unchecked.append(f"{what}: {error}")


class _NotDeployed(PermanentError):
    """There is nothing here to examine."""
