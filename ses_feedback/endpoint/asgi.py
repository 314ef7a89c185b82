"""The endpoint as an ASGI 3 application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ses_feedback.endpoint.answering import Answer, Endpoint
from ses_feedback.endpoint.posts import MAX_BODY

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def asgi_app(endpoint: Endpoint) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """Return an ASGI application that answers every path as the endpoint. The work is done in threads."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            answer = await _answer(endpoint, scope, receive)
            if answer is not None:
                await _send(answer, send)

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _answer(endpoint: Endpoint, scope: Message, receive: Receive) -> Answer | None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    early = endpoint.refuse_early(scope["method"], headers)
    if early is not None:
        return early
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None  # nobody is there to be answered
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False) and size <= MAX_BODY
    return await asyncio.to_thread(endpoint.answer, scope["method"], headers, b"".join(pieces))


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.all_headers]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
