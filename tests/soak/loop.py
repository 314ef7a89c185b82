"""Carries feedback to the functions as SNS, Lambda and SQS do, whatever happens, until all of it is through."""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import DAY, SECOND, format_time
from ses_feedback.usecases import questions
from tests.fakes import FakeLists
from tests.property.model import Fact, Released, Ruled, Seen
from tests.soak.baton import Baton
from tests.soak.cloud import CALM, Cloud, Crash, Weather
from tests.soak.functions import KEYS, Container, Handler
from tests.soak.traffic import PLACES, START, Notice, Traffic, Who

WINDOW: Final = 4_000  # deliveries that are under way at once, and may overtake each other
RESTLESS: Final = 0.04  # how likely a writer lets another one go on, at each chance it has
TRIES: Final = 3  # of an asynchronous invocation
RETRY_RECEIVES: Final = 100
TALLY_RECEIVES: Final = 10
_RETRY_BATCH: Final = 10
# Small, because a batch is as likely to fail as its calls are many: of a big one, nearly every receive fails.
_TALLY_BATCHES: Final = (1, 2, 5, 10, 10, 20, 20, 30)
_BIG_BATCH: Final = 1_000
_BIG_IS_RARE: Final = 0.001
_UNDELETED: Final = 0.01  # a batch that succeeded, and that SQS delivers again all the same
_LATE: Final = 0.01  # feedback that SNS brings long after all other
TOPIC: Final = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6"


@dataclass(slots=True)
class Message:
    """A message in a queue, or an invocation by SNS."""

    name: str
    notice: Notice
    body: str
    receives: int = 0


@dataclass(slots=True)
class Account:
    """What must come out: facts by address, deliveries by address and stream, texts to quarantine, and the metrics.

    ``counted`` is what each (subject, minute) must hold at least, once for each event; a subject is an identity, an
    environment or, empty, the deployment. ``spare`` is by how much it may be over: once for each further copy, and once
    for each copy that came back after its batch had emitted something.
    ``untold`` is how many objects of the quarantine were stored by an invocation that died before it measured them.
    """

    facts: dict[Who, list[Fact]] = field(default_factory=dict)
    deliveries: dict[Who, dict[str, set[int]]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    counted: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    spare: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    tallied: int = 0
    tallied_spare: int = 0
    untold: int = 0

    def learn(self, notice: Notice, by_environment: bool) -> None:
        """Note what a notification means."""
        for meaning in notice.meanings:
            if meaning.strike is not None and notice.acted_on:
                self.facts.setdefault(meaning.who, []).append(Seen(meaning.key, meaning.strike))
            if meaning.delivered is not None:
                stream, *times = meaning.delivered
                self.deliveries.setdefault(meaning.who, {}).setdefault(stream, set()).update(times)
        if notice.unreadable:
            self.unreadable.update(notice.texts)
        _add(self.counted, notice, by_environment, 1)
        _add(self.spare, notice, by_environment, len(notice.texts) - 1)
        if notice.meanings:
            self.tallied += len(notice.texts)

    def came_back(self, notice: Notice, by_environment: bool) -> None:
        """Note that a copy may be counted once more."""
        _add(self.spare, notice, by_environment, 1)
        self.tallied_spare += bool(notice.meanings)


def _add(sums: dict[tuple[str, int], Counter[str]], notice: Notice, by_environment: bool, times: int) -> None:
    if notice.counts is not None:
        counts = notice.counts
        for subject in ("", counts.environment, *([] if by_environment else [counts.identity])):
            found = sums.setdefault((subject, counts.minute), Counter())
            for name, value in counts.values:
                found[name] += times * value
        sums[counts.environment, counts.minute][naming.METRIC_BLOCKED] += times * counts.blocked


class Loop:
    """One deployment, its traffic, and several writers at once."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        seed: int,
        events: int,
        policy: Policy,
        alarms: str,
        weather: Weather,
        writers: int,
        progress: Callable[[int], None] = lambda _events: None,
    ) -> None:
        self.chance = random.Random(seed)
        self.baton = Baton(self.chance, RESTLESS if writers > 1 else 0)
        self.cloud = Cloud(self.chance, CALM, self.baton, START)
        self.traffic = Traffic(self.chance, events)
        self.account = Account()
        self.rules = RuntimeConfig(
            "ses-feedback", "us-east-1", ("us-east-1",), alarms, PLACES, Directory(PLACES, {}), policy
        )
        self.seen: Counter[str] = Counter()
        self._by_environment = alarms == "environment"
        self._handlers = handlers
        self._weather = weather
        self._writers = writers
        self._progress = progress
        self._bursts = self.traffic.bursts()
        self._invocations: list[Message] = []
        self._retry: list[Message] = []
        self._tally: list[Message] = []
        self._late: list[Message] = []
        self._decisions: deque[Decision] = deque()
        self._numbers = iter(range(2**62))

    def run(self) -> None:
        """Let everything through, in the weather asked for."""
        SuppressionTable(self.cloud.dynamo, "ses-feedback-suppressions", KEYS, self.rules.policy).claim("owner")
        with self.in_weather(self._weather):
            self.baton.run([self._write] * self._writers)

    def replay(self) -> None:
        """Let the newest delivery of each address and stream pass once more, in calm weather, after everything else."""
        container = Container(self.cloud, self.rules)
        place = {(p.environment, p.stream): p.identity for p in PLACES}
        bodies = []
        for (environment, address), streams in self.account.deliveries.items():
            for stream, times in streams.items():
                bodies.append(_delivery(place[environment, stream], address, max(times)))
        for start in range(0, len(bodies), 1_000):
            batch = [Message(str(n), _NOTHING, body) for n, body in enumerate(bodies[start : start + 1_000])]
            answer = container.invoke(self._handlers[naming.TALLY_FEEDBACK], _sqs_event(batch))
            assert not answer["batchItemFailures"], "in calm weather nothing fails"

    def waiting(self) -> int:
        """Return how much is still under way."""
        return sum(map(len, (self._invocations, self._retry, self._tally, self._late, self._decisions)))

    @contextmanager
    def in_weather(self, weather: Weather) -> Iterator[None]:
        """Change the weather for a while."""
        before, self.cloud.weather = self.cloud.weather, weather
        yield
        self.cloud.weather = before

    # --- the writers ------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Do whatever waits to be done until nothing does, in containers that die now and then."""
        container = Container(self.cloud, self.rules)
        while (work := self._next()) is not None:
            try:
                work(container)
            except Crash:
                self.seen["crashes"] += 1
                container = Container(self.cloud, self.rules)
            self.baton.offer()

    def _next(self) -> Callable[[Container], None] | None:
        self._refill()
        self.cloud.now += 1
        waiting = [
            (self._invoke, len(self._invocations)),
            (self._retry_some, 2 * len(self._retry) // _RETRY_BATCH),
            (self._tally_some, len(self._tally) // 12 + bool(self._tally)),
            (self._decide, 3 * len(self._decisions)),
        ]
        total = sum(weight for _, weight in waiting)
        if not total:
            self._invocations, self._late = self._late, []
            if self._invocations:
                return self._invoke
            if self._retry:
                return self._retry_some
            # What another writer holds may come back: then it is that writer who goes on with it.
            return None
        roll = self.chance.randrange(total)
        for work, weight in waiting:
            if roll < weight:
                return work
            roll -= weight
        raise AssertionError("unreachable: the weights add up")

    def _refill(self) -> None:
        while len(self._invocations) + len(self._retry) + len(self._tally) < WINDOW:
            burst = next(self._bursts, None)
            if burst is None:
                return
            self.cloud.now = max(self.cloud.now, self.traffic.now + SECOND)
            for notice in burst:
                self._publish(notice)
            for _ in range(len(burst) // 300):
                self._decisions.append(self._decision())
            self._progress(self.traffic.events)

    def _publish(self, notice: Notice) -> None:
        self.account.learn(notice, self._by_environment)
        for text in notice.texts:
            self._tally.append(Message(self._name(), notice, _sns_body(text)))
            if notice.acted_on:
                invocation = Message(self._name(), notice, text)
                roll = self.chance.random()
                if roll < _LATE:
                    self._late.append(invocation)
                elif roll < 0.05:  # SNS could not invoke the function: the subscription's dead-letter queue has it
                    self._retry.append(Message(self._name(), notice, _sns_body(text)))
                else:
                    self._invocations.append(invocation)

    def _name(self) -> str:
        return f"{next(self._numbers):x}"

    def _take(self, waiting: list[Message], most: int) -> list[Message]:
        taken = []
        for _ in range(min(most, len(waiting))):
            at = self.chance.randrange(len(waiting))
            waiting[at], waiting[-1] = waiting[-1], waiting[at]
            taken.append(waiting.pop())
        return taken

    def _run(self, container: Container, function: str, event: dict[str, Any]) -> Any:
        stored = self.cloud.s3.mine()
        try:
            return container.invoke(self._handlers[function], event)
        except BaseException:
            self.account.untold += self.cloud.s3.mine() - stored
            raise

    # --- as SNS and Lambda do ---------------------------------------------------------------------------------------

    def _invoke(self, container: Container) -> None:
        (message,) = self._take(self._invocations, 1)
        message.receives += 1
        event = _sns_event(message.body)
        self.seen["invocations"] += 1
        try:
            self._run(container, naming.RECORD_FEEDBACK, event)
        except (Exception, Crash) as error:  # noqa: BLE001 - whatever it is, Lambda tries again; then it is looked at
            if message.receives < TRIES:
                self._invocations.append(message)
            else:
                self.seen["failed for good"] += 1
                self._retry.append(Message(message.name, message.notice, _failure_body(event)))
            _unless_expected(error)

    # --- as SQS and Lambda do ---------------------------------------------------------------------------------------

    def _retry_some(self, container: Container) -> None:
        batch = self._take(self._retry, self.chance.randint(1, _RETRY_BATCH))
        self._receive(batch, self._retry, RETRY_RECEIVES)
        back = batch
        try:
            back = self._answered(batch, self._run(container, naming.RETRY_FEEDBACK, _sqs_event(batch)))
        except OSError:
            self.seen["batches that could not write their metrics"] += 1
        finally:
            self._retry += back

    def _tally_some(self, container: Container) -> None:
        big = self.chance.random() < _BIG_IS_RARE
        batch = self._take(self._tally, _BIG_BATCH if big else self.chance.choice(_TALLY_BATCHES))
        self._receive(batch, self._tally, TALLY_RECEIVES)
        documents = self.cloud.logs.mine()
        back = batch
        try:
            back = self._answered(batch, self._run(container, naming.TALLY_FEEDBACK, _sqs_event(batch)))
        except OSError:
            self.seen["batches that could not write their metrics"] += 1
        finally:
            if back is batch and self.cloud.logs.mine() > documents:
                self.seen["batches that came back after they had emitted"] += 1
                for message in batch:
                    self.account.came_back(message.notice, self._by_environment)
            self._tally += back

    def _receive(self, batch: list[Message], queue: list[Message], most: int) -> None:
        for message in batch:
            message.receives += 1
            if message.receives > most:
                message.receives = 1
                self.seen[f"redriven after {most} receives"] += 1
        self.seen["batches"] += 1

    def _answered(self, batch: list[Message], answer: dict[str, Any]) -> list[Message]:
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert failed <= {message.name for message in batch}, "only what came may come back"
        back = [message for message in batch if message.name in failed]
        if len(back) < len(batch):
            self.seen["partly failed batches"] += bool(back)
            if self.chance.random() < _UNDELETED:
                return batch
        return back

    # --- as operators do --------------------------------------------------------------------------------------------

    def _decide(self, container: Container) -> None:
        decision = self._decisions.popleft()
        done = False
        try:
            fact = decision(container.store)
            done = True
        except RetryableError:
            self.seen["decisions repeated"] += 1
        finally:
            if not done:
                self._decisions.append(decision)
        if done:
            self.account.facts.setdefault(decision.who, []).append(fact)
            self.seen["decisions"] += 1

    def _decision(self) -> Decision:
        chance = self.chance
        scope = chance.choice((EVERY_STREAM, chance.choice(PLACES).stream))
        return Decision(
            self.traffic.someone(), scope, chance.choice((None, DAY, 9 * DAY)), chance.random() < 0.6, self.rules.policy
        )


class Decision:
    """An operator's wish; tried until it is told to be done, then it is a fact."""

    def __init__(self, who: Who, scope: str, duration: int | None, release: bool, policy: Policy) -> None:
        self.who = who
        self._scope = scope
        self._duration = duration
        self._release = release
        self._policy = policy

    def __call__(self, store: SuppressionTable) -> Fact:
        environment, address = self.who
        about = {"environment": environment, "address": address, "scope": self._scope, "why": "asked"}
        if self._release:
            return Released(self._scope, questions.release(store, self._policy, FakeLists(), **about).at)
        done = questions.suppress(store, self._policy, duration=self._duration, **about)
        until = None if self._duration is None else done.at + self._duration
        return Ruled(self._scope, "operator", done.at, until)


_NOTHING: Final = Notice((), False, (), None, False)


def _unless_expected(error: BaseException) -> None:
    """Let only what a function may raise pass: that feedback must come back, a dead container, or a full disk."""
    if isinstance(error, Crash) or not isinstance(error, RetryableError | OSError):
        raise error


def _sns_event(text: str) -> dict[str, Any]:
    sns = {"Type": "Notification", "MessageId": "sns-1", "TopicArn": TOPIC, "Message": text}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def _sns_body(text: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "sns-1", "TopicArn": TOPIC, "Message": text})


def _failure_body(event: dict[str, Any]) -> str:
    return json.dumps(
        {
            "version": "1.0",
            "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": TRIES},
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": {"errorType": "RetryableError"},
        }
    )


def _sqs_event(batch: list[Message]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": message.name,
                "receiptHandle": f"receipt-{message.name}",
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receives)},
            }
            for message in batch
        ]
    }


def _delivery(identity: str, address: str, at: int) -> str:
    mail = {"messageId": f"again-{at}", "sourceArn": f"arn:aws:ses:us-east-1:111122223333:identity/{identity}"}
    return json.dumps(
        {
            "notificationType": "Delivery",
            "delivery": {"timestamp": format_time(at), "recipients": [address]},
            "mail": mail,
        }
    )
