"""docs/guard.md runs: each example in order, on moto, prints what the page shows; each option is in its table."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import django
import pytest
from django.conf import settings
from django.test import override_settings

from ses_feedback.domain.history import History
from ses_feedback.guard.core import Options
from tests.unit.cli.fakes import hard
from tests.unit.cli.test_connection import deploy

from .fakes import DEAD
from .test_aws import REGION, aws

__all__ = ["aws"]

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "guard.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n(?:```text\n(.*?)```\n)?", PAGE, re.DOTALL)
CONFIG = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
stream = "transactional"
"""


@pytest.fixture
def place(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment in which one address is dead, its file, a mail server that takes everything, and Django."""
    monkeypatch.chdir(tmp_path)
    Path("feedback.toml").write_text(CONFIG)
    deploy().put_new("production", DEAD, History({"k": hard()}))
    boto3.client("ses", region_name=REGION).verify_domain_identity(Domain="example.com")
    for name in ("connect", "starttls", "quit"):
        monkeypatch.setattr(smtplib.SMTP, name, lambda *_, **__: (220, b"ready"))
    monkeypatch.setattr(smtplib.SMTP, "__exit__", lambda *_: None)
    monkeypatch.setattr(smtplib.SMTP, "ehlo_or_helo_if_needed", lambda _: None)
    monkeypatch.setattr(smtplib.SMTP, "sendmail", lambda *_, **__: {})
    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8")
        django.setup()
    yield


@pytest.mark.usefixtures("place")
def test_every_example_prints_what_the_page_shows() -> None:
    """In one process, in order, as a reader would type them."""
    names: dict[str, Any] = {}
    assert len(EXAMPLES) == 7
    for code, shown in EXAMPLES:
        said = StringIO()
        own = {name: names[name] for name in ("EMAIL_BACKEND", "SES_FEEDBACK_GUARD") if name in names}
        if own:
            own["SES_FEEDBACK_GUARD"] = {
                **own["SES_FEEDBACK_GUARD"],
                "backend": "django.core.mail.backends.locmem.EmailBackend",
            }
        with redirect_stdout(said), override_settings(**own):
            exec(compile(code, "docs/guard.md", "exec"), names)
        assert said.getvalue() == shown


def test_every_option_is_documented_with_its_default() -> None:
    table = PAGE.partition("## Options")[2].partition("## ")[0]
    for name, default in Options._field_defaults.items():
        (row,) = re.findall(rf"^\| `{name}` \| (.*?) \|", table, re.MULTILINE)
        said = {"report": "none", "session": "the usual credentials"}.get(name)
        assert row == (said or (f'`"{default}"`' if isinstance(default, str) else f"`{default:g}`"))
