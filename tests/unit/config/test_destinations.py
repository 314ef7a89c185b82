"""Destinations of teams and of on-call: every protocol, and every way to get one wrong."""

from dataclasses import replace

import pytest

from ses_feedback.config.model import PROTOCOLS, SET_KINDS, SNS_PROTOCOL, Destination
from tests.unit.config.files import config, problems

RIGHT = {
    "http": "http://hooks.example.com:8080/ses?x=1",
    "https": "https://hooks.example.com/ses",
    "email": "support+ses@example.com",
    "email_json": "robot@example.com",
    "sms": "+12065550100",
    "sqs": "arn:aws:sqs:us-east-1:111122223333:dev-bounces",
    "lambda": "arn:aws:lambda:us-east-1:111122223333:function:on-bounce:live",
    "firehose": "arn:aws:firehose:us-east-1:111122223333:deliverystream/feedback",
    "application": "arn:aws:sns:us-east-1:111122223333:endpoint/GCM/pager/5e3e9847-3183-3f18-a7e8-671c3a57d4b3",
}
ROLE = "arn:aws:iam::111122223333:role/service/sns-to-firehose"


def inline(protocol: str, endpoint: str, rest: str = "") -> str:
    role = f', role = "{ROLE}"' if protocol == "firehose" else ""
    return f'{{ {protocol} = "{endpoint}"{role}{rest} }}'


def notify(*destinations: str, region: str = "us-east-1") -> str:
    return f'[deployment]\nregion = "{region}"\n[teams.x]\nnotify = [{", ".join(destinations)}]'


def why(destination: str, region: str = "us-east-1") -> str:
    """Return the one problem of a team's only destination, without its path's beginning."""
    (line,) = problems(notify(destination, region=region))
    assert line.startswith("teams.x.notify[0]")
    return line.removeprefix("teams.x.notify[0]").removeprefix(".")


def test_every_protocol_of_sns_has_a_right_example_here() -> None:
    """The next tests cover all of them."""
    assert set(RIGHT) == set(PROTOCOLS) == set(SNS_PROTOCOL)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_a_destination_of_teams_and_of_on_call(protocol: str) -> None:
    """A team gets bounces and complaints unless it says otherwise; only Firehose has a role, and is raw."""
    one = inline(protocol, RIGHT[protocol])
    loaded = config(f"[on_call]\npage = [{one}]\n[teams.x]\nnotify = [{one}]")
    firehose = protocol == "firehose"
    alarms = Destination(protocol, RIGHT[protocol], ("bounce", "complaint"), ROLE if firehose else None, raw=firehose)
    on_call = replace(alarms, format="text" if protocol in ("email", "sms") else "json")
    assert loaded.on_call.page == loaded.on_call.warn == (on_call,)
    assert loaded.teams["x"].notify == (replace(alarms, format="text" if protocol == "email" else "json"),)


@pytest.mark.parametrize(
    "on", [("delivery",), ("complaint", "bounce"), ("bounce", "complaint", "delivery"), SET_KINDS, ("open", "bounce")]
)
def test_a_team_chooses_its_kinds(on: tuple[str, ...]) -> None:
    """Any of the kinds that have a topic."""
    chosen = ", ".join(f'"{kind}"' for kind in on)
    text = notify(inline("email", "a@example.com", f", on = [{chosen}]"))
    published = ", ".join(f'"{kind}"' for kind in SET_KINDS)
    text += f'\n[identities."example.com"]\nteam = "x"\nconfiguration_set = {{ events = [{published}] }}'
    assert config(text).teams["x"].notify[0].on == on


@pytest.mark.parametrize(
    ("on", "line"),
    [
        ("[]", 'on: empty; name at least one, such as ["bounce", "complaint", "delivery"]'),
        (
            '["bonce"]',
            'on[0]: "bonce" is not one of its values; known: bounce, click, complaint, delay, delivery, open, reject, '
            'rendering_failure, send, subscription; did you mean "bounce"?',
        ),
        (
            '["open"]',
            'on[0]: no identity of this team publishes "open"; none has team = "x": add that to one, and '
            'configuration_set = { events = ["open"] }',
        ),
        ('["bounce", "bounce"]', 'on[1]: "bounce" is named twice; once is enough'),
        ("[1]", "on[0]: must be a string, not the integer 1"),
        (
            '"bounce"',
            'on: must be an array of strings such as ["bounce", "complaint", "delivery"], not the string "bounce"',
        ),
    ],
)
def test_wrong_kinds(on: str, line: str) -> None:
    """Kinds without a topic, nothing, and things twice."""
    assert why(inline("email", "a@example.com", f", on = {on}")) == line


def test_on_call_has_no_kinds() -> None:
    """Alarms reach on-call, not feedback."""
    assert problems('[on_call]\npage = [{ email = "a@example.com", on = ["bounce"] }]') == [
        "on_call.page[0].on: on-call is reached by alarms, not by kinds of feedback; leave it out"
    ]


@pytest.mark.parametrize(
    ("destination", "line"),
    [
        (
            '"a@example.com"',
            ': must be a destination such as { email = "oncall@example.com" }, not the string "a@example.com"',
        ),
        ("{}", f": says nowhere to deliver to; give one of: {', '.join(sorted(PROTOCOLS))}"),
        ('{ on = ["bounce"] }', f": says nowhere to deliver to; give one of: {', '.join(sorted(PROTOCOLS))}"),
        (
            '{ email = "a@example.com", sms = "+12065550100" }',
            ": has email and sms; a destination has one of them: give each its own { … }",
        ),
        ("{ email = 3 }", 'email: must be a string such as "support@example.com", not the integer 3'),
    ],
)
def test_what_is_no_destination(destination: str, line: str) -> None:
    """Exactly one protocol, with a text."""
    assert why(destination) == line


def test_a_protocol_as_sns_spells_it_is_recognised() -> None:
    """`email-json` is SNS's name for what the file calls `email_json`; one mistake, one problem."""
    assert why('{ email-json = "a@example.com" }').endswith('did you mean "email_json"?')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "support",
        "@example.com",
        "a@",
        "a@b",
        "a b@example.com",
        "a@exa mple.com",
        "<a@example.com>",
        "a@@example.com",
    ],
)
@pytest.mark.parametrize("protocol", ["email", "email_json"])
def test_what_is_no_address(protocol: str, text: str) -> None:
    """SNS would take none of them."""
    assert " is not an e-mail address such as dev@example.com" in why(inline(protocol, text))


@pytest.mark.parametrize("text", ["12065550100", "+0123456789", "+1", "+1234567890123456", "+1206555010x", "٣"])
def test_what_is_no_telephone_number(text: str) -> None:
    """E.164 and nothing else."""
    assert why(inline("sms", text)).endswith(f'"{text}" is not a telephone number in E.164 form such as +12065550100')


def test_a_number_with_spaces_comes_with_the_right_one() -> None:
    """What people write is turned into what SNS takes."""
    assert why(inline("sms", "+1 (206) 555-0100")).endswith('did you mean "+12065550100"?')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hooks.example.com",
        "https:hooks.example.com",
        "https:///ses",
        "https://:443/",
        "https://exa mple.com/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:0/",
        "https://[::1/",
        "https://-bad-/",
        "ftp://hooks.example.com/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/é",
        "https://hooks.example.com/#part",
    ],
)
def test_what_is_no_url(text: str) -> None:
    """Each with a right one beside it."""
    line = why(inline("https", text))
    assert line.startswith("https: ")
    assert line.endswith("right is a URL such as https://hooks.example.com/ses")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "HOOKS.example.com"])
def test_hosts_of_every_form_are_hosts(host: str) -> None:
    """The embedded AWS delivers to the machine it runs on."""
    assert problems(notify(inline("http", f"http://{host}:9000/x"))) == []


@pytest.mark.parametrize("user", ["me", "me:hunter2", ":hunter2", ""])
def test_a_password_in_a_url_is_refused_and_not_shown(user: str) -> None:
    """A template is no place for a secret, and neither is an error message."""
    line = why(inline("https", f"https://{user}@hooks.example.com/"))
    assert line.startswith("https: the URL holds a user name or password")
    assert "hunter2" not in line


def test_a_url_under_the_key_of_the_other_scheme() -> None:
    """The right key is named."""
    assert why(inline("https", "http://example.com/")) == (
        'https: "http://example.com/" is http, not https; give https, or use the key "http"'
    )


@pytest.mark.parametrize("protocol", ["sqs", "lambda", "firehose", "application"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "dev-bounces",
        "arn:aws",
        "arn:aws:s3:::bucket",
        "arn:aws:{s}:us-east-1:111122223333:",
        "arn:aws:{s}:us-east-1::{r}",
        "arn:aws:{s}::111122223333:{r}",
        "arn:aws:{s}:us-east-1:1111:{r}",
        "arn:aws:{s}:moon:111122223333:{r}",
        "arn:aws:{s}:us-east-1:111122223333:{r}\\n",
    ],
)
def test_what_is_no_arn_of_the_service(protocol: str, text: str) -> None:
    """The right service, a region, an account and a name."""
    parts = RIGHT[protocol].split(":", 5)
    line = why(inline(protocol, text.format(s=parts[2], r=parts[5])))
    assert line.startswith(f"{protocol}: ")
    assert " is not the ARN of a" in line
    assert f", such as arn:aws:{parts[2]}:us-east-1:111122223333:" in line


@pytest.mark.parametrize(
    ("key", "other"), [("sqs", "lambda"), ("lambda", "sqs"), ("firehose", "application"), ("application", "firehose")]
)
def test_an_arn_under_the_wrong_key_comes_with_the_right_key(key: str, other: str) -> None:
    """The ARN says what it is."""
    assert why(inline(key, RIGHT[other])).endswith(f'did you mean the key "{other}"?')


def test_a_queue_url_comes_with_its_arn() -> None:
    """The console shows the URL first."""
    line = why(inline("sqs", "https://sqs.eu-west-1.amazonaws.com/111122223333/dev"))
    assert line.endswith('did you mean "arn:aws:sqs:eu-west-1:111122223333:dev"?')


def test_a_fifo_queue_is_refused() -> None:
    """The topics are standard ones, as SES needs, and do not deliver to FIFO queues."""
    assert "is not the ARN of a standard SQS queue" in why(inline("sqs", RIGHT["sqs"] + ".fifo"))


@pytest.mark.parametrize("protocol", ["sqs", "lambda"])
def test_queues_and_functions_may_be_in_another_region(protocol: str) -> None:
    """SNS delivers to them across regions."""
    assert problems(notify(inline(protocol, RIGHT[protocol].replace("us-east-1", "eu-west-1")))) == []


@pytest.mark.parametrize("protocol", ["firehose", "application"])
def test_other_resources_must_be_in_the_region(protocol: str) -> None:
    """SNS delivers to them within its own region only; the message says so."""
    line = why(inline(protocol, RIGHT[protocol].replace("us-east-1", "eu-west-1")))
    assert line.startswith(f'{protocol}: "{RIGHT[protocol].replace("us-east-1", "eu-west-1")}" is in eu-west-1; ')
    assert line.endswith(
        "right is one in deployment.region us-east-1: SNS delivers to SQS and Lambda across regions, to others not"
    )


def test_no_arn_leaves_the_partition() -> None:
    """China and GovCloud are other clouds."""
    assert problems(notify(inline("sqs", "arn:aws-cn:sqs:cn-north-1:111122223333:q"), region="cn-northwest-1")) == []
    assert why(inline("sqs", RIGHT["sqs"]), region="cn-north-1").endswith(
        "is not in partition aws-cn, which SNS in cn-north-1 cannot leave"
    )


@pytest.mark.parametrize("key", [*PROTOCOLS, "sns", "topic"])
def test_an_sns_topic_is_no_destination_under_any_key(key: str) -> None:
    """And one outside the region is told so."""
    topic = "arn:aws:sns:eu-west-1:111122223333:alerts"
    line = why(inline(key, topic))
    assert line.startswith(f'{key}: "{topic}" is an SNS topic (in eu-west-1, outside deployment.region us-east-1); ')
    assert line.endswith('such as { sqs = "arn:aws:sqs:us-east-1:111122223333:dev-bounces" }')
    assert "outside" not in why(inline(key, topic.replace("eu-west-1", "us-east-1")))


def test_firehose_needs_a_role_and_nothing_else_takes_one() -> None:
    """SNS writes to Firehose under a role, and to nothing else."""
    firehose = RIGHT["firehose"]
    assert why(f'{{ firehose = "{firehose}" }}').startswith(
        "role: missing; SNS needs a role to write to Firehose, such as"
    )
    assert why(f'{{ firehose = "{firehose}", role = "admin" }}') == (
        'role: "admin" is not the ARN of an IAM role such as arn:aws:iam::111122223333:role/sns-to-firehose'
    )
    assert why(f'{{ email = "a@example.com", role = "{ROLE}" }}') == (
        "role: only firehose takes a role, email does not; leave it out"
    )


def test_a_destination_stands_once_in_a_list() -> None:
    """SNS keeps one subscription for each endpoint; which kinds it would have would be chance."""
    twice = [inline("email", "a@example.com"), inline("email", "A@example.com", ', on = ["delivery"]')]
    assert problems(notify(*twice)) == [
        'teams.x.notify[1]: the same destination as teams.x.notify[0]; give it once, with all its kinds in "on"'
    ]
    urls = [inline("https", "https://a.example.com/x"), inline("https", "https://a.example.com/X")]
    assert problems(notify(*urls)) == []
    both = [inline("email", "a@example.com"), inline("email_json", "a@example.com")]
    assert problems(notify(*both)) == []


def test_nobody_to_tell_is_an_error() -> None:
    """An empty list is a forgotten one."""
    assert problems("[teams.x]\nnotify = []") == [
        'teams.x.notify: empty; name at least one destination, such as { email = "oncall@example.com" }'
    ]
    assert problems("[on_call]\npage = []") == [
        'on_call.page: empty; name at least one destination, such as { email = "oncall@example.com" }'
    ]
    assert problems("[teams.x]") == [
        "teams.x.notify: missing; right is an array of destinations such as "
        '[{ email = "support@example.com", on = ["bounce", "complaint"] }]'
    ]
    (warn,) = problems('[on_call]\npage = [{ email = "a@example.com" }]\nwarn = []')
    assert warn.startswith("on_call.warn: empty; ")


def test_without_a_region_no_endpoint_is_blamed_for_its_own() -> None:
    """One mistake, one problem."""
    text = f'[deployment]\nregion = "x"\n[teams.x]\nnotify = [{inline("firehose", RIGHT["firehose"])}]'
    assert problems(text) == ['deployment.region: "x" is not an AWS region such as us-east-1']
