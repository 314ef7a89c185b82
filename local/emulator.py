"""The embedded AWS in a process of its own: ministack with its gaps filled, on 127.0.0.1 and nowhere else.

    python -m local.emulator --port 4566 --region us-east-1 --state FOLDER

``--port 0`` takes a free port. When requests are answered, one line says so on standard output: ``{"port": 4566}``. A
taken port is one line on standard error and exit code 2. The process ends when its standard input does
(``local/lifeline.py``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Final

from hypercorn.asyncio import serve
from hypercorn.config import Config

from local import lifeline

HOST: Final = "127.0.0.1"


class PortTaken(Exception):
    """Another program listens on the port."""


def listen(port: int) -> socket.socket:
    """Return a listening socket on the loopback address; raises ``PortTaken``."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((HOST, port))
        server.listen(512)
    except OSError as error:
        server.close()
        raise PortTaken(
            f"port {port} of {HOST} cannot be used ({error.strerror}); name another one with PORT=N"
        ) from None
    return server


def _settle_environment(port: int, region: str, state: Path) -> None:
    """Set what ministack reads when it is imported."""
    temporary = state / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        MINISTACK_REGION=region,
        AWS_DEFAULT_REGION=region,
        AWS_REGION=region,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - the emulator's account has no secret
        IOT_MTLS_ENABLED="0",  # it would bind port 8883 on every address
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        STATE_DIR=str(state / "state"),
        S3_DATA_DIR=str(state / "s3"),
        TMPDIR=str(temporary),
        DOCKER_HOST=f"unix://{state / 'no-docker'}",  # never looks for a daemon
        LOG_LEVEL=os.environ.get("LOCAL_LOG_LEVEL", "WARNING"),
    )


async def _serve(server: socket.socket, port: int) -> None:
    from ministack.app import app  # noqa: PLC0415 - it reads its environment when it is imported

    config = Config()
    config.bind = [f"fd://{server.detach()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    print(json.dumps({"port": port}), flush=True)
    # Nothing has to be saved or said goodbye to, and a custom resource that still waits holds a thread that nothing can
    # wake: SIGTERM ends the process as it is.
    await serve(app, config, shutdown_trigger=asyncio.Event().wait)


def main() -> int:
    """Run until told to stop; return the process's exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--region", required=True)
    options.add_argument("--state", type=Path, required=True)
    chosen = options.parse_args()
    lifeline.guard()
    try:
        server = listen(chosen.port)
    except PortTaken as problem:
        print(problem, file=sys.stderr)
        return 2
    port = server.getsockname()[1]
    _settle_environment(port, chosen.region, chosen.state.resolve())
    logging.basicConfig(level=os.environ["LOG_LEVEL"], stream=sys.stderr)
    from local import gaps  # noqa: PLC0415 - the same

    gaps.install()
    asyncio.run(_serve(server, port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
