"""The kinds of alarm as data: what each tells on-call, and its runbook. Pure, so that a test can require every runbook.

The text reaches a person at night, in an alarm's description: what happened, where to look, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ses_feedback.config.model import RUNBOOKS
from ses_feedback.domain.alarm_text import DRILL as DRILL_WORD

Severity = Literal["page", "warn"]
PAGE: Final[Severity] = "page"
WARN: Final[Severity] = "warn"
SEVERITIES: Final[tuple[Severity, ...]] = (PAGE, WARN)

LONGEST_DESCRIPTION: Final = 1024  # CloudWatch's limit


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """What an alarm of this kind says. ``{subject}`` is what it watches, ``{level}`` the threshold in words.

    ``name`` is also the file name of its runbook; a kind that leads to others names their runbooks in ``leads_to``.
    """

    name: str
    severities: tuple[Severity, ...]
    happened: str
    look: str
    do: str
    leads_to: tuple[str, ...] = ()

    def runbooks(self, base: str = RUNBOOKS) -> tuple[str, ...]:
        """Return the addresses of the runbooks to open: its own, or those of the kinds it leads to."""
        return tuple(f"{base}/{name}.md" for name in self.leads_to or (self.name,))

    def description(self, *, subject: str, level: str = "", base: str = RUNBOOKS) -> str:
        """Return an alarm's description, at most ``LONGEST_DESCRIPTION`` letters, of which it never cuts the runbook.

        Addresses of runbooks begin with ``base``.
        """
        parts = (
            "WHAT: " + self.happened.format(subject=subject, level=level),
            "LOOK: " + self.look.format(subject=subject, level=level),
            "DO: " + self.do.format(subject=subject, level=level),
        )
        last = "\nRUNBOOK: " + " and ".join(self.runbooks(base))
        return "\n".join(parts)[: LONGEST_DESCRIPTION - len(last)] + last


BOUNCE_RATE: Final = AlarmKind(
    "bounce-rate",
    SEVERITIES,
    "Hard bounces of {subject} are {level} of its mail or more. AWS reviews an account at 5% and may stop it at 10%.",
    "The suppressions of the last day, `ses-feedback list --environment E --reason hard_bounce --since 1d`, and the "
    "mail since.",
    "Stop the mailing that goes to bad addresses; find where they came from; then send on to confirmed ones.",
)
COMPLAINT_RATE: Final = AlarmKind(
    "complaint-rate",
    SEVERITIES,
    "Complaints about {subject} are {level} of the mail to receivers that report them, or more. "
    "AWS reviews an account at 0.1% and may stop it at 0.5%.",
    "The suppressions of the last day, `ses-feedback list --environment E --reason complaint --since 1d`, and their "
    "mailing.",
    "Stop that mailing; check its consent and its unsubscribe link before it goes on.",
)
RATES: Final = AlarmKind(
    "rates",
    SEVERITIES,
    "The bounce or complaint rate of {subject} is too high: {level}.",
    "The alarms of {subject} with the word bounce or complaint: the reason of this message names them.",
    "Follow the runbook of that rate. Addresses that bounced or complained are suppressed already.",
    leads_to=("bounce-rate", "complaint-rate"),
)
ROLLED_UP: Final = AlarmKind(
    "rolled-up-rates",
    SEVERITIES,
    "The bounce or complaint rate of {subject}, all identities together, is too high: {level}. "
    "No identity is paged by itself.",
    "The alarms of {subject} with the word bounce or complaint: the reason of this message names them. Whose mail: the "
    "suppressions of the last day, `ses-feedback list --environment E --since 1d`.",
    "Look for what they have in common: a shared list, import or form. Then follow the runbook of that rate.",
    leads_to=("bounce-rate", "complaint-rate"),
)
PAGED: Final = AlarmKind(
    "paged",
    (),
    "One of these is on: {subject}. This alarm tells nobody: it keeps alarms over the same mail silent meanwhile.",
    "Its rule names the alarms.",
    "Follow the runbook of the alarm that is on.",
    leads_to=("bounce-rate", "complaint-rate"),
)
REPUTATION: Final = AlarmKind(
    "reputation",
    SEVERITIES,
    "AWS's own bounce or complaint rate of {subject} is too high: {level}. AWS reviews an account at 5% and 0.1%, and "
    "may stop it at 10% and 0.5%. No page about the rates of the same mail is on.",
    "The alarms of the same name with the word bounce or complaint: the reason of this message names them. Nobody "
    "else's alarm is on: a sender outside the configuration.",
    "Follow the runbook of that rate. AWS's figure covers a representative volume and falls only with good mail.",
    leads_to=("reputation-bounce-rate", "reputation-complaint-rate"),
)
REPUTATION_BOUNCE: Final = AlarmKind(
    "reputation-bounce-rate",
    SEVERITIES,
    "AWS's own bounce rate of {subject} is {level} or more. AWS reviews an account at 5% and may stop it at 10%.",
    "SES console, Reputation metrics; the bounce alarms of the identities say which of them it is. None: a sender "
    "outside the configuration.",
    "Stop the mailing that bounces. AWS's figure covers a representative volume and falls only with good mail.",
)
REPUTATION_COMPLAINT: Final = AlarmKind(
    "reputation-complaint-rate",
    SEVERITIES,
    "AWS's own complaint rate of {subject} is {level} or more. AWS reviews an account at 0.1% and may stop it at 0.5%.",
    "SES console, Reputation metrics; the complaint alarms of the identities say which of them it is. None: a sender "
    "outside the configuration.",
    "Stop the mailing complained about. AWS's figure covers a representative volume and falls only with good mail.",
)
BLOCKED_MAIL: Final = AlarmKind(
    "blocked-mail",
    (WARN,),
    "Receivers block mail of {subject}: {level} was refused for what they think of its sender (5.7.x and the like). "
    "Our reputation falls at one or more of them.",
    "Which receivers, and what they say: `ses-feedback list --environment E --reason blocked --since 7d`, and "
    "`ses-feedback show ADDRESS --environment E` of one; Google Postmaster Tools, Microsoft SNDS, a blocklist that the "
    "answer names.",
    "Stop large mailings to that receiver; check SPF, DKIM and DMARC of the From domain; then send little, to those "
    "who open, and slowly more.",
)
TALLY_BEHIND: Final = AlarmKind(
    "tally-behind",
    (PAGE,),
    "Counting is {level} behind: rates are old, and alarms about rates are held back until it has caught up, and hours "
    "more where it was three hours late (then `counted late` warns). AWS's own rates still page.",
    "The age of the oldest message in the queue {subject}; errors and throttles of the function tally_feedback.",
    "If the function fails, read its log; if it is throttled, raise the account's Lambda concurrency.",
)
COUNTED_LATE: Final = AlarmKind(
    "counted-late",
    (WARN,),
    "Feedback was counted {level} after it came. CloudWatch may show such counts later still, so that rates have "
    "holes: {subject}. Suppressing is not affected, and AWS's own rates still page.",
    "Meanwhile SES console, Reputation metrics, and the suppressions since, `ses-feedback list --environment E "
    "--reason hard_bounce`: this is what no page tells until then.",
    "Send no large mailing to new addresses until then. Why counting was late: the runbook tally-behind.",
)
DEAD_LETTERS: Final = AlarmKind(
    "dead-letters",
    (PAGE,),
    "Feedback was given up after many tries and waits in {subject}, for 14 days. "
    "Its addresses may not be suppressed yet.",
    "`ses-feedback redrive --dry-run` says how many, how old, from where and why, without an address; the logs of "
    "retry_feedback and tally_feedback.",
    "Mend what made them fail, then `ses-feedback redrive` sends them round again.",
)
TEAM_DEAD_LETTERS: Final = AlarmKind(
    "team-dead-letters",
    (WARN,),
    "A destination of a team or of on-call did not take notifications; they wait in {subject} for 14 days. "
    "Suppressing is not affected.",
    "The messages in this queue: TopicArn says whose they are.",
    "Tell the owner of the destination, or mend the configuration; then hand the messages over, as the runbook says: "
    "`ses-feedback redrive` leaves this queue alone.",
)
DIGESTS_WAITING: Final = AlarmKind(
    "digests-waiting",
    (WARN,),
    "Feedback has been waiting {level} to be told to the people of a team ({subject}). Suppressing is not affected.",
    "Whether the function tell_teams is run each minute (EventBridge rule of its name), and its log.",
    "Enable the rule, or deploy again; what waits is told with the next run, for two weeks.",
)
RETRY_WAITING: Final = AlarmKind(
    "retry-waiting",
    (WARN,),
    "Feedback has been waiting {level} to be recorded, in the queue {subject}. It is tried again for days.",
    "The log of the function retry_feedback: each failure says why.",
    "Mend the cause (throttling, permissions, a bug); what waits is then recorded by itself.",
)
QUARANTINED: Final = AlarmKind(
    "quarantined",
    (WARN,),
    "Feedback that could not be read, or belongs to no configured identity, was put aside in {subject}.",
    "`ses-feedback quarantine list --since 1d` says when, why and from which topic, and counts the reasons.",
    "An unknown identity: add it to feedback.toml and deploy. Anything else: `ses-feedback quarantine show ID`, and "
    "report it without addresses. What can be read by then, `ses-feedback quarantine retry --all` puts back to work.",
)
HANDLER_ERRORS: Final = AlarmKind(
    "handler-errors",
    SEVERITIES,
    "The function {subject} fails: {level}. Feedback it fails on comes back by itself; a deployment rolls back.",
    "Its log group, /aws/lambda/{subject}.",
    "Undo the last deployment if it began with it; else mend what the log names.",
)
DESTINATION_FAILURES: Final = AlarmKind(
    "destination-failures",
    (PAGE,),
    "Lambda could not hand failed feedback of {subject} to the retry queue: its addresses are not suppressed.",
    "Permission of the function's role to send to the retry queue, and the policy of that queue.",
    "Mend the permission; then `ses-feedback replay --since 1d` suppresses by what the archive has of that day.",
)
EVENTS_DROPPED: Final = AlarmKind(
    "events-dropped",
    (PAGE,),
    "Lambda dropped feedback for {subject} without running it.",
    "Throttles of the function and the concurrency left in the account.",
    "Raise the account's Lambda concurrency. What was dropped comes back from the retry queue, unless the alarm "
    "destination failures is on too.",
)
THROTTLED: Final = AlarmKind(
    "throttled",
    (WARN,),
    "Lambda throttles functions of {subject}, {level}: the concurrency of the account or of a function is used up. "
    "Feedback is late, and lost after hours.",
    "The metric Throttles of each function; ConcurrentExecutions of the account; whether anything is reserved.",
    "Stop what eats the concurrency, or ask AWS for more; take a reservation off our functions.",
)
SLOW_FUNCTIONS: Final = AlarmKind(
    "slow-functions",
    (WARN,),
    "A function of {subject} takes {level}: soon it is cut off half-way, and what it had in hand comes back again and "
    "again.",
    "The metric Duration, maximum, of record_feedback, retry_feedback and tally_feedback; the log of the slow one.",
    "DynamoDB, KMS or SES slow: AWS's status page, throttled tables. Since a deployment: deploy the former version.",
)
ON_CALL_UNDELIVERED: Final = AlarmKind(
    "on-call-undelivered",
    SEVERITIES,
    "A message to on-call ({subject}) reached one of its destinations not at all. Somebody may not have been paged.",
    "The subscriptions of these topics: deleted or unconfirmed e-mail, failing endpoint. The message is in the team "
    "dead-letter queue.",
    "Read that message and act on it; then mend the destination.",
)
LOOP_SILENT: Final = AlarmKind(
    "loop-silent",
    (PAGE,),
    "The account sent {level} and this deployment ({subject}) counted nothing: the loop may be dead.",
    "`ses-feedback doctor`: SES drops a topic after a failed publish. Senders outside the configuration raise AWS's "
    "Send too: if only they sent, nothing is wrong.",
    "`ses-feedback doctor --fix` points the identities at their topics again. Until then bounces come by e-mail only.",
)
DRIFT: Final = AlarmKind(
    "drift",
    (WARN,),
    "SES or SNS is not as the file of {subject} says: the hourly check found it, and has set right what it could. "
    "While a topic was missing, feedback was lost.",
    "The log of the function check_loop: each line `drift` names the identity, what was wrong, and what was mended. "
    "`ses-feedback doctor` shows what still is.",
    "`ses-feedback doctor --fix`, and the command in the row of what it leaves. A topic that is dropped again and "
    "again: its policy, or its key's, keeps SES from publishing.",
)
ARCHIVE_STALLED: Final = AlarmKind(
    "archive-stalled",
    (WARN,),
    "Feedback was counted in {level} and nothing came into the archive for hours: {subject} does not deliver. "
    "Suppressing is not affected.",
    "The log group /aws/kinesisfirehose/{subject}, and whether topics still have their subscription to it: "
    "`ses-feedback doctor`.",
    "Mend what the log names (the bucket, its key, the role); Firehose tries for a day, then what it holds goes to the "
    "folder errors/ or is lost.",
)
ARCHIVE_WAITING: Final = AlarmKind(
    "archive-waiting",
    (WARN,),
    "Feedback did not become lines of the archive, and waits: {subject}. Suppressing is not affected.",
    "`ses-feedback redrive archive --dry-run` says how much and why; the log of the function archive_feedback.",
    "Mend the cause, then `ses-feedback redrive archive`.",
)
CHANGES_BEHIND: Final = AlarmKind(
    "changes-behind",
    (WARN,),
    "The function {subject} is {level} or more behind the suppression table: who follows the changes hears late, and "
    "after a day never. Suppressing is not affected.",
    "Its log group, /aws/lambda/{subject}: each failure says why; whether it is throttled.",
    "Mend what the log names: permission, topic, key. What was not announced is handed over again by itself.",
)
CANARY: Final = AlarmKind(
    "canary",
    SEVERITIES,
    "Feedback of test mail that an identity of {subject} sent to SES's simulator did not come back within {level}: its "
    "bounces and complaints may be lost.",
    "The log of the function send_canaries: it names the identity, and what is missing: act_… is what suppresses, "
    "count_… is what rates are made of, sending is that SES did not take the mail.",
    "`ses-feedback doctor --fix` finds and mends dropped topics; a sender that is paused has to be resumed first.",
)
DRILL: Final = AlarmKind(
    "drill",
    SEVERITIES,
    f"{DRILL_WORD}: nothing is wrong. Somebody ran `ses-feedback prove --drill` to see whether alarms of {{subject}} "
    "reach on-call; the reason of this message names them.",
    "Nowhere: no mail, identity or function has to do with it. This alarm never goes off by itself.",
    "Tell whoever asked for it that this message has come, and when. The alarm ends by itself.",
)

KINDS: Final = (
    BOUNCE_RATE,
    COMPLAINT_RATE,
    RATES,
    ROLLED_UP,
    PAGED,
    REPUTATION,
    REPUTATION_BOUNCE,
    REPUTATION_COMPLAINT,
    BLOCKED_MAIL,
    TALLY_BEHIND,
    COUNTED_LATE,
    DEAD_LETTERS,
    TEAM_DEAD_LETTERS,
    DIGESTS_WAITING,
    RETRY_WAITING,
    QUARANTINED,
    HANDLER_ERRORS,
    DESTINATION_FAILURES,
    EVENTS_DROPPED,
    THROTTLED,
    SLOW_FUNCTIONS,
    ON_CALL_UNDELIVERED,
    LOOP_SILENT,
    DRIFT,
    ARCHIVE_STALLED,
    ARCHIVE_WAITING,
    CHANGES_BEHIND,
    CANARY,
    DRILL,
)
