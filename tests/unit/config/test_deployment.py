"""[deployment]: name, region, regions, alarms and overwrite."""

import pytest

from ses_feedback import naming
from tests.unit.config.files import config, problems


def deployment(**values: str) -> str:
    lines = {"region": '"us-east-1"', **values}
    return "[deployment]\n" + "\n".join(f"{name} = {value}" for name, value in lines.items())


@pytest.mark.parametrize("name", ["a", "ses-feedback", "x1", "a-b-c-1", "n" * 29])
def test_right_names(name: str) -> None:
    """Lower-case letters, digits and inner hyphens, a letter first."""
    assert config(deployment(name=f'"{name}"')).deployment.name == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ses_feedback", "ses-feedback"),
        ("Ses-Feedback", "ses-feedback"),
        ("my name", "my-name"),
        ("a--b", "a-b"),
        ("a-", "a"),
        ("1a", None),
        ("", None),
        ("a" * 33, None),
        ("é", None),
        ("a/b", "a-b"),
    ],
)
def test_wrong_names_come_with_the_right_one_where_there_is_one(name: str, meant: str | None) -> None:
    """What stacks, topics or buckets could not be named after is refused before anything is deployed."""
    (line,) = problems(deployment(name=f'"{name}"'))
    assert line.startswith("deployment.name: ")
    assert line.endswith(f'did you mean "{meant}"?' if meant else "a letter first")


def test_an_underscore_is_refused_with_its_reason() -> None:
    """NAME_* must match the topics of this deployment and of no other."""
    (line,) = problems(deployment(name='"a_b"'))
    assert '"_" is not allowed' in line


@pytest.mark.parametrize(
    ("name", "reserved", "of"),
    [
        ("aws", "aws", "SSM parameters"),
        ("aws-feedback", "aws", "SSM parameters"),
        ("awsome", "aws", "SSM parameters"),
        ("ssm", "ssm", "SSM parameters"),
        ("ssmail", "ssm", "SSM parameters"),
        ("sthree-mail", "sthree-", "buckets"),
        ("amzn-s3-demo-x", "amzn-s3-demo-", "buckets"),
    ],
)
def test_a_beginning_that_aws_keeps_for_itself_is_refused(name: str, reserved: str, of: str) -> None:
    """It would fail in CloudFormation, after half a deployment."""
    (line,) = problems(f'[deployment]\nname = "{name}"')
    assert line.startswith(
        f'deployment.name: "{name}" begins with "{reserved}", which AWS keeps for itself in names of {of}'
    )
    assert config(f'[deployment]\nname = "{line.split(chr(34))[-2]}"'), "what is suggested is right"


@pytest.mark.parametrize("name", ["a", "aw", "my-aws", "s", "ss", "sthree", "amzn-s3", "ses-ssm"])
def test_other_beginnings_are_right(name: str) -> None:
    """Only these, and only at the beginning."""
    assert config(f'[deployment]\nname = "{name}"').deployment.name == name


@pytest.mark.parametrize(("region", "longest"), [("us-east-1", 29), ("ap-southeast-1", 24)])
def test_a_name_too_long_for_its_bucket_is_refused(region: str, longest: int) -> None:
    """The bucket's name must fit into S3's 63 letters, or the deployment would fail half way."""
    right, wrong = "a" * longest, "a" * (longest + 1)
    values = {"region": f'"{region}"'}
    loaded = config(deployment(name=f'"{right}"', **values)).deployment
    assert len(naming.quarantine_bucket_name(loaded.name, "1" * 12, loaded.region)) == 63
    (line,) = problems(deployment(name=f'"{wrong}"', **values))
    assert line.startswith(f'deployment.name: "{wrong}" is 1 too long: with it the bucket {wrong}-')


@pytest.mark.parametrize(
    "region", ["us-east-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eusc-de-east-1"]
)
def test_regions_of_every_partition_are_regions(region: str) -> None:
    """The form of a region, not a list that ages."""
    assert config(deployment(region=f'"{region}"')).deployment.regions == (region,)


@pytest.mark.parametrize(
    "region", ["", "us-east", "us_east_1", "US-EAST-1", "useast1", "us-east-1a", "eu", "us-east-1 "]
)
def test_what_is_no_region(region: str) -> None:
    """Zones, spellings of other tools, and half regions."""
    (line,) = problems(deployment(region=f'"{region}"'))
    assert line == f'deployment.region: "{region}" is not an AWS region such as us-east-1'


def test_regions_keep_their_order_and_include_the_region() -> None:
    """The deployment's own region is one of those whose lists a release clears."""
    assert config(deployment(regions='["eu-west-1", "us-east-1"]')).deployment.regions == ("eu-west-1", "us-east-1")
    assert problems(deployment(regions='["eu-west-1"]')) == [
        'deployment.regions: must include deployment.region "us-east-1"'
    ]


@pytest.mark.parametrize(
    ("regions", "line"),
    [
        ("[]", 'deployment.regions: empty; name at least one, such as ["us-east-1", "eu-west-1"]'),
        ('["us-east-1", "us-east-1"]', 'deployment.regions[1]: "us-east-1" is named twice; once is enough'),
        ('["us-east-1", 3]', "deployment.regions[1]: must be a string, not the integer 3"),
        ('["us-east-1", "mars"]', 'deployment.regions[1]: "mars" is not an AWS region such as us-east-1'),
        (
            '["us-east-1", "cn-north-1"]',
            "deployment.regions[1]: cn-north-1 is in another partition of AWS than deployment.region us-east-1, "
            "and needs other credentials",
        ),
        (
            '"us-east-1"',
            'deployment.regions: must be an array of strings such as ["us-east-1", "eu-west-1"], '
            'not the string "us-east-1"',
        ),
    ],
)
def test_wrong_regions(regions: str, line: str) -> None:
    """Each element is named by its place."""
    assert problems(deployment(regions=regions)) == [line]


def test_alarms_are_for_identities_or_environments() -> None:
    """One of two words; a near one is recognised."""
    assert config(deployment(alarms='"environment"')).deployment.alarms == "environment"
    assert problems(deployment(alarms='"environments"')) == [
        'deployment.alarms: "environments" is not one of its values; known: environment, identity; '
        'did you mean "environment"?'
    ]


def test_nothing_of_others_is_overwritten_unless_asked() -> None:
    """A topic that somebody else set is an error by default."""
    assert not config().deployment.overwrite
    assert not config(deployment(overwrite="false")).deployment.overwrite
    assert config(deployment(overwrite="true")).deployment.overwrite
    assert problems(deployment(overwrite='"yes"')) == [
        'deployment.overwrite: must be a boolean such as true, not the string "yes"'
    ]


def test_an_unknown_key_is_an_error_with_the_nearest_known_one() -> None:
    """And a required key that is only misspelt is not missed besides."""
    assert problems('[deployment]\nregoin = "us-east-1"') == [
        'deployment.regoin: unknown key; known: alarms, name, overwrite, region, regions; did you mean "region"?'
    ]
    assert problems(deployment(colour='"red"')) == [
        "deployment.colour: unknown key; known: alarms, name, overwrite, region, regions"
    ]
