"""A proxy in front of the embedded AWS that throttles, fails, dawdles and hangs up as it is told: microburst."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local import lifeline
from local.cloud import Cloud, clean_environment
from local.emulator import HOST
from local.loop import until

Rule = Mapping[str, Any]
_FAULTS = re.compile(r"^microburst_faults_total\{.*\} (\d+)$", re.MULTILINE)
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Proxy:
    """microburst in a process of its own, always on the same port, so that it can go away and come back."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.endpoint = f"http://{HOST}:{self.port}"
        self._upstream = cloud.endpoint
        self._log = (folder / "microburst.log").open("wb")
        self._process: lifeline.Process | None = None
        self.start()

    def start(self) -> None:
        """Run, without any rule."""
        command = [sys.executable, "-m", "microburst", "--host", HOST, "--port", str(self.port)]
        self._process = lifeline.spawn_guarded(
            [*command, "--upstream", self._upstream], env=clean_environment(), stdout=self._log
        )
        until("the proxy", lambda: self._ask("GET", "health"), seconds=20, every=0.05)

    def stop(self) -> None:
        """Be gone: whoever calls is refused."""
        if self._process is not None:
            lifeline.stop(self._process, grace=0.1)  # it would wait for the connections it holds
            self._process = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._log.close()

    @contextlib.contextmanager
    def weather(self, *rules: Rule) -> Iterator[None]:
        """Break what the rules say for as long as the block takes; it must have broken something."""
        before = self.broken()
        self.obey(*rules)
        yield
        broken = self.broken() - before
        self.obey()
        assert broken > 0, "the proxy had nothing to break: the functions do not talk through it"

    def obey(self, *rules: Rule) -> None:
        """Break what these rules say, and nothing else. The first that matches a request decides."""
        found = self._ask("POST", "rules", list(rules))
        assert found is not None and len(found) == len(rules)

    def broken(self) -> int:
        """Return how many requests were not let through unharmed."""
        with _direct.open(f"{self.endpoint}/_microburst/metrics", timeout=10) as answer:
            return sum(int(number) for number in _FAULTS.findall(answer.read().decode()))

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.endpoint}/_microburst/{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with _direct.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError:  # not there yet
            return None
