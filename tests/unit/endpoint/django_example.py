"""Runs examples/endpoint_django.py with a genuine post, a forged one and a question; prints what was answered."""

from __future__ import annotations

import json
from typing import Any

from local.authority import body, signed
from ses_feedback import endpoint as package

from .world import World, bounced


def main() -> None:
    world = World()
    package.open_endpoint = lambda path: world.endpoint
    from django.test import Client

    import examples.endpoint_django as example

    assert example.endpoint is world.endpoint
    client = Client()

    def post(values: dict[str, Any]) -> int:
        return int(client.post("/sns", body(values), content_type="text/plain; charset=UTF-8").status_code)

    said = {"genuine": post(bounced()), "forged": post(signed(bounced(), "stranger"))}
    said |= {"get": client.get("/sns").status_code, "stored": len(world.store.items)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
