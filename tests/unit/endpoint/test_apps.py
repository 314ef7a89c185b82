"""The endpoint as WSGI and ASGI applications, and in Django and FastAPI as the examples mount it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from local.authority import body
from ses_feedback import endpoint as package
from ses_feedback.endpoint import asgi_app, wsgi_app
from ses_feedback.endpoint.posts import MAX_BODY

from .world import World, bounced

ROOT = Path(__file__).resolve().parents[3]
TEXT = "text/plain; charset=UTF-8"


def wsgi(app: Callable[..., Iterable[bytes]], data: bytes, **environ: Any) -> tuple[str, bytes]:
    """Ask a WSGI application, under the eyes of the standard library's validator."""
    given: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "",
        "CONTENT_TYPE": TEXT,
        "CONTENT_LENGTH": str(len(data)),
    }
    given |= {"wsgi.input": io.BytesIO(data), "HTTP_X_AMZ_SNS_MESSAGE_TYPE": "Notification", **environ}
    setup_testing_defaults(given)
    given = {name: value for name, value in given.items() if value is not None}
    said: list[str] = []
    answer = validator(app)(given, lambda status, headers, exc_info=None: said.append(status))
    content = b"".join(answer)
    answer.close()  # type: ignore[attr-defined]
    return said[0], content


async def asgi(app: Any, pieces: list[dict[str, Any]], **scope: Any) -> list[dict[str, Any]]:
    """Ask an ASGI application; the last piece says whether more would come."""
    sent: list[dict[str, Any]] = []
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {"type": "http", "method": "POST", "path": "/sns", "headers": [(b"content-type", TEXT.encode())], **scope}
    await app(whole, receive, send)
    return sent


def http(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def test_wsgi(world: World) -> None:
    """A post is stored, and what the server says of it is an answer that the validator finds right."""
    app = wsgi_app(world.endpoint)
    assert wsgi(app, body(bounced())) == ("200 OK", b"stored\n")
    assert wsgi(app, b"x") == ("400 Bad Request", b"the body is not JSON in UTF-8\n")
    assert wsgi(app, body(bounced()), CONTENT_LENGTH=None)[0] == "411 Length Required"
    assert wsgi(app, body(bounced()), CONTENT_LENGTH=None, **{"wsgi.input_terminated": True})[0] == "200 OK"
    assert wsgi(app, b"", REQUEST_METHOD="GET")[0] == "405 Method Not Allowed"


def test_wsgi_reads_nothing_of_a_huge_body(world: World) -> None:
    """Nor of one that does not say how long it is, beyond the limit."""
    app = wsgi_app(world.endpoint)
    never = io.BytesIO(b"x" * 10)
    assert wsgi(app, b"", CONTENT_LENGTH=str(10**12), **{"wsgi.input": never})[0].startswith("413")
    assert never.tell() == 0
    endless = io.BytesIO(b"x" * (3 * MAX_BODY))
    terminated = {"wsgi.input": endless, "wsgi.input_terminated": True}
    assert wsgi(app, b"", CONTENT_LENGTH=None, **terminated)[0].startswith("413")
    assert endless.tell() == MAX_BODY + 1


def test_asgi(world: World) -> None:
    """A body in pieces, one that is too large (of which no more is read), a client that left, and the rest of ASGI."""
    app = asgi_app(world.endpoint)
    data = body(bounced())
    start, end = asyncio.run(asgi(app, [http(data[:99], more=True), http(data[99:])]))
    assert (start["status"], end["body"]) == (200, b"stored\n")
    assert (b"content-length", b"7") in start["headers"]
    huge = [http(b"x" * 400_000, more=True)] * 3 + [http(b"never read")]
    assert asyncio.run(asgi(app, huge))[0]["status"] == 413
    assert asyncio.run(asgi(app, [], method="GET"))[0]["status"] == 405
    assert asyncio.run(asgi(app, [{"type": "http.disconnect"}])) == []
    closed = asyncio.run(asgi(app, [{"type": "websocket.connect"}], type="websocket"))
    assert closed == [{"type": "websocket.close", "code": 1008}]
    lives = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    lived = asyncio.run(asgi(app, lives, type="lifespan"))
    assert [message["type"] for message in lived] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def example(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import an example whose endpoint is that of a world."""
    monkeypatch.setattr(package, "open_endpoint", lambda path: world.endpoint)
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # FastAPI's own
        spec.loader.exec_module(module)
    return module


def test_the_fastapi_example_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the endpoint at /sns/, and the application's own paths beside it."""
    app = example("endpoint_fastapi", world, monkeypatch).app

    def ask(path: str, data: bytes, method: str = "POST") -> int:
        scope = {"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"", "method": method}
        scope |= {"scheme": "https", "server": ("example.com", 443), "client": None, "http_version": "1.1"}
        sent = asyncio.run(asgi(app, [http(data)], **scope))
        return int(sent[0]["status"])

    assert ask("/sns/", body(bounced())) == 200
    assert ask("/sns/", b"x") == 400
    assert ask("/health", b"", "GET") == 200
    assert len(world.store.items) == 1


def test_the_django_example_runs() -> None:
    """In a process of its own, since Django is set up once in each."""
    command = [sys.executable, "-m", "tests.unit.endpoint.django_example"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"genuine": 200, "forged": 403, "get": 405, "stored": 1}


def test_the_code_of_the_page_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of docs/endpoint.md as it stands."""
    monkeypatch.setattr(package, "open_endpoint", lambda path: world.endpoint)
    page = (ROOT / "docs" / "endpoint.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block, "docs/endpoint.md", "exec"), {})


def test_it_needs_neither_the_command_line_nor_the_cdk() -> None:
    """Importing it in an application loads what it uses, and nothing that only an operator or a function has."""
    code = "import sys, ses_feedback.endpoint; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"typer", "rich", "aws_cdk", "aws_lambda_powertools", "boto3", "moto", "local", "django", "fastapi"}
    assert not heavy & set(done.stdout.split())
