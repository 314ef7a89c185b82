"""What Lambdas read: only what they need, the same for every way to write it, and quick."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ses_feedback import naming
from ses_feedback.config import directory
from ses_feedback.config.model import KINDS
from ses_feedback.config.runtime import from_runtime, load_runtime, to_runtime
from ses_feedback.domain.identities import Place
from tests.unit.config.files import config

TEXT = """
[deployment]
name = "acme"
region = "eu-west-1"
regions = ["us-east-1", "eu-west-1"]
alarms = "environment"
[teams.developers]
notify = [{ email = "secret-team@example.com" }]
[identities."example.com"]
team = "developers"
stream = "transactional"
[identities."dev@example.com"]
environment = "dev"
[identities."news.example.com"]
stream = "marketing"
[policy]
unsubscribe = []
[[policy.hard_bounce]]
count = 2
suppress_for = "forever"
"""


def test_it_holds_what_the_configuration_says() -> None:
    """Deployment, places and policy come back as they were."""
    loaded = config(TEXT)
    runtime = from_runtime(to_runtime(loaded))
    assert (runtime.deployment, runtime.region, runtime.alarms) == ("acme", "eu-west-1", "environment")
    assert runtime.regions == ("eu-west-1", "us-east-1")
    assert dict(runtime.policy) == dict(loaded.policy)
    assert runtime.streams("production") == ("marketing", "transactional")
    assert runtime.streams("dev") == ("default",)
    assert runtime.streams("nowhere") == ()


def test_feedback_finds_its_identity_by_source_and_by_topic() -> None:
    """The directory knows the topics of every kind, in the command line as in Lambda."""
    loaded = config(TEXT)
    for known in (directory(loaded), from_runtime(to_runtime(loaded)).directory):
        assert known.resolve(None, "a@example.com", None) == Place("example.com", "production", "transactional")
        for kind in KINDS:
            topic = naming.topic_name("acme", kind, "dev@example.com")
            arn = f"arn:aws:sns:eu-west-1:111122223333:{topic}"
            assert known.resolve(None, None, arn) == Place("dev@example.com", "dev", "default")
        other = naming.topic_name("other", "bounce", "dev@example.com")
        assert known.resolve(None, None, f"arn:aws:sns:eu-west-1:111122223333:{other}") is None


def test_it_says_nothing_that_a_function_does_not_need() -> None:
    """Teams and on-call stand in a file of their own, which the functions that act and count never open."""
    text = to_runtime(config(TEXT))
    assert "secret-team" not in text
    assert "oncall" not in text
    assert set(json.loads(text)) == {"alarms", "deployment", "identities", "policy", "region", "regions"}


def test_it_is_read_from_the_root_of_the_asset(tmp_path: Path) -> None:
    """Under the name that the bundler writes."""
    loaded = config(TEXT)
    (tmp_path / naming.RUNTIME_CONFIG_FILE).write_text(to_runtime(loaded), encoding="utf-8")
    assert load_runtime(tmp_path).deployment == "acme"
    with pytest.raises(FileNotFoundError):
        load_runtime(tmp_path / "elsewhere")


def test_a_thousand_identities_are_read_in_milliseconds() -> None:
    """A cold start pays for it: no topic name is made before one is asked for."""
    text = to_runtime(config("".join(f'[identities."team{n}.example.com"]\n' for n in range(1_000))))
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        assert len(from_runtime(text).places) == 1_000
        best = min(best, time.process_time() - start)
    # Making 3,000 topic names takes three times as long on any machine, hence a machine's own measure.
    start = time.process_time()
    for n in range(1_000):
        for kind in ("bounce", "complaint", "delivery"):
            naming.topic_name("ses-feedback", kind, f"team{n}.example.com")
    assert best < time.process_time() - start


def test_importing_it_loads_no_toml_and_no_checks() -> None:
    """What only synth and the command line need stays out of a function's start."""
    code = "import sys, ses_feedback.config.runtime; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "ses_feedback.config.runtime" in loaded
    heavy = {"tomllib", "difflib", "idna", "ses_feedback.config.loader", "ses_feedback.config.model"}
    assert loaded & heavy == set()
