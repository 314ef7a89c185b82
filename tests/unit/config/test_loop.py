"""What the functions that check the loop and tell teams read: all of the configuration, in a file of its own."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ses_feedback import naming
from ses_feedback.config.loop import asset_files, from_loop, loop_config, to_loop
from ses_feedback.config.runtime import to_runtime
from tests.unit.config.files import config

TEXT = """
[deployment]
name = "acme"
region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]
overwrite = true
[canary]
every = "12h"
within = "10m"
[archive]
keep = "1000d"
cold_after = "forever"
[on_call]
page = [{ https = "https://pager.example.com/v1/sns", max_per_second = 5 }]
warn = [{ email = "warn@example.com" }]
[teams.developers]
notify = [
    { email = "dev@example.com" },
  { firehose = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/f", role = "arn:aws:iam::111122223333:role/r" },
    { https = "https://hooks.example.com/ses", on = ["bounce", "click"], raw = true, max_per_second = 7 },
]
[identities."dev@example.com"]
environment = "dev"
create = true
[identities."example.com"]
team = "developers"
configuration_set = { events = ["reject", "click"], tls = "require", suppress = [] }
[identities."news.example.com"]
configuration_set = true
canary = false
[[policy.hard_bounce]]
count = 2
suppress_for = "forever"
"""


def test_the_configuration_comes_back_whole() -> None:
    """As the command line has it, so that one check serves both."""
    loaded = config(TEXT)
    assert from_loop(to_loop(loaded)) == replace(
        loaded, teams=dict(loaded.teams), identities=dict(loaded.identities), policy=dict(loaded.policy)
    )


def test_the_order_of_the_file_changes_nothing() -> None:
    """Destinations, kinds and regions in another order are the same text, so that no function is deployed for it."""
    one = '[teams.a]\nnotify = [{ sms = "+12065550100", on = ["bounce", "open"] }, { email = "a@example.com" }]\n'
    other = '[teams.a]\nnotify = [{ email = "a@example.com" }, { sms = "+12065550100", on = ["open", "bounce"] }]\n'
    first = '[identities."b.example.com"]\nteam = "a"\nconfiguration_set = { events = ["open", "send"] }\n'
    second = '[identities."b.example.com"]\nteam = "a"\nconfiguration_set = { events = ["send", "open"] }\n'
    assert to_loop(config(one + first + '[identities."a.example.com"]')) == to_loop(
        config(other + '[identities."a.example.com"]\n' + second)
    )


def test_it_is_read_from_the_root_of_the_asset(tmp_path: Path) -> None:
    """Under the name that the bundler writes; what every function reads stands beside it, without teams."""
    files = asset_files(config(TEXT))
    assert files[naming.RUNTIME_CONFIG_FILE] == to_runtime(config(TEXT))
    assert "dev@example.com" in files[naming.LOOP_CONFIG_FILE]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert loop_config(tmp_path).deployment == config(TEXT).deployment
    with pytest.raises(FileNotFoundError):
        loop_config(tmp_path / "elsewhere")


def test_a_thousand_identities_are_read_in_a_fraction_of_a_second() -> None:
    """At each start of a function that runs every few minutes."""
    text = to_loop(
        config("".join(f'[identities."team{n}.example.com"]\nconfiguration_set = true\n' for n in range(1_000)))
    )
    start = time.process_time()
    assert len(from_loop(text).identities) == 1_000
    assert time.process_time() - start < 0.25


def test_importing_it_loads_no_toml_and_no_checks() -> None:
    """The file is parsed and checked at synth."""
    code = "import sys, ses_feedback.config.loop; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert (
        loaded & {"tomllib", "difflib", "idna", "ses_feedback.config.loader", "ses_feedback.config.problems"} == set()
    )
