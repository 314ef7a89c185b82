"""What keeps SES's list in step: deployed where the file asks for it, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ses_feedback import naming
from tests.infra.synthesis import ACCOUNT, Assembly

if TYPE_CHECKING:
    from typing import Any

BUCKET = f"arn:aws:s3:::ses-feedback-archive-{ACCOUNT}-"


def by_ses(assembly: Assembly) -> list[dict[str, Any]]:
    """What policies of buckets let SES do."""
    return [
        statement
        for found in assembly.find("AWS::S3::BucketPolicy")
        for statement in found.properties["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "ses.amazonaws.com"}
    ]


def test_without_being_asked_for_nothing_is_there(small: Assembly) -> None:
    """No function, no schedule, no permission of SES, no rule for its folder."""
    text = str(small.templates)
    assert naming.SYNC_LISTS not in text
    assert not by_ses(small)
    assert f"{naming.ARCHIVE_SYNC}/" not in text


def test_it_looks_every_hour_and_has_a_quarter_of_an_hour(full: Assembly) -> None:
    """What is due is for the function to say; it may call SES as often as all functions together."""
    rule = full.one("AWS::Events::Rule", Name="ses-feedback-sync_lists").properties
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    function = full.one("AWS::Lambda::Function", FunctionName="ses-feedback-sync_lists").properties
    assert function["Timeout"] == 900
    variables = function["Environment"]["Variables"]
    assert variables[naming.ENV_SES_INTERVAL] == "1000"
    assert variables[naming.ENV_ARCHIVE_BUCKET] == f"ses-feedback-archive-{ACCOUNT}-eu-west-1"
    assert variables[naming.ENV_WIRING_TABLE] == "ses-feedback-wiring"
    assert naming.ENV_ADDRESS_KEY in variables
    alarm = full.one("AWS::CloudWatch::Alarm", AlarmName="ses-feedback sync lists errors").properties
    assert alarm["EvaluationPeriods"] == 1


def test_ses_reads_the_lists_put_there_for_it_and_nothing_else(full: Assembly) -> None:
    """For this account alone, whichever of both ways it says for whom it comes; its key is ours."""
    assert [(s["Action"], s["Resource"], s["Condition"]) for s in by_ses(full)] == [
        ("s3:GetObject", f"{BUCKET}eu-west-1/sync/*", {"StringEquals": {f"aws:{name}": ACCOUNT}})
        for name in ("Referer", "SourceAccount")
    ]
    key = full.one("AWS::KMS::Key").properties["KeyPolicy"]["Statement"]
    assert any(s["Principal"] == {"Service": "ses.amazonaws.com"} and "kms:Decrypt" in s["Action"] for s in key)


def test_the_function_reaches_no_other_item_and_folder(full: Assembly) -> None:
    """Of the wiring table the slots and its own notes, of the archive its own folder."""
    (role,) = [
        r.properties
        for r in full.find("AWS::IAM::Role")
        if r.properties["Description"].split()[1] == "ses-feedback-sync_lists"
    ]
    statements = {s["Sid"]: s for s in role["Policies"][0]["PolicyDocument"]["Statement"]}
    keys = "ForAllValues:StringLike"
    assert statements["Slots"]["Condition"] == {keys: {"dynamodb:LeadingKeys": ["slots"]}}
    assert statements["PutNotes"]["Condition"] == {keys: {"dynamodb:LeadingKeys": ["ses-list#*"]}}
    assert statements["SyncFolder"]["Condition"] == {"StringLike": {"s3:prefix": "sync/*"}}
    assert statements["SyncObjects"]["Resource"] == f"{BUCKET}eu-west-1/sync/*"
