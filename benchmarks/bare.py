"""A minimal ASGI relay, which shows the cost of the same work without any of the application's guarantees.

It has no permissions, no database, no sequence numbers and no second process. It runs in the same server program with
the same options, uses the same model, and sends frames of the same shape.
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MODEL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"

listeners: dict[str, set[Send]] = defaultdict(set)
running: set[asyncio.Task[None]] = set()
clients: list[aiohttp.ClientSession] = []


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await listen(scope["path"].rpartition("/")[2], receive, send)
    else:
        _, verb, name = scope["path"].rsplit("/", 2)
        await post(verb, name, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    await receive()
    clients.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await clients.pop().close()
    await send({"type": "lifespan.shutdown.complete"})


async def listen(name: str, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": frame("authentication", statusCode=200)})
    listeners[name].add(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    listeners[name].discard(send)


async def post(verb: str, name: str, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    if verb == "ask":
        task = asyncio.create_task(relay(name, json.loads(body)["content"]))
        running.add(task)
        task.add_done_callback(running.discard)
    else:
        await broadcast(name, frame("conversation_updated", **json.loads(body)))
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def relay(name: str, question: str) -> None:
    length = 0
    asked = {"model": "bare", "messages": [{"role": "user", "content": question}], "stream": True}
    async with clients[0].post(MODEL, json=asked) as response:
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            choices = json.loads(line[6:])["choices"]
            if choices and (content := choices[0]["delta"].get("content")):
                await broadcast(name, frame("streaming", content=content, offset=length))
                length += len(content)
    await broadcast(name, frame("complete_streaming", status="complete", length=length))


async def broadcast(name: str, text: str) -> None:
    for send in tuple(listeners[name]):
        await send({"type": "websocket.send", "text": text})


def frame(action: str, **payload: Any) -> str:
    return json.dumps({"action": action, "payload": payload}, ensure_ascii=False, separators=(",", ":"))
