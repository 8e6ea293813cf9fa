"""Sends one request to the ASGI application, as the server does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.asgi import AsyncView, Lifespan, SingleHandoffHandler


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    blocks: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.blocks)

    def header(self, name: str) -> str:
        return dict(self.headers).get(name.encode(), b"").decode()


async def request(
    path: str,
    *body: bytes,
    method: str = "GET",
    headers: Sequence[tuple[bytes, bytes]] = (),
    in_loop: Mapping[str, AsyncView] | None = None,
) -> Answer:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *headers],
    }
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    incoming.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await SingleHandoffHandler(Lifespan(periodic=[]), in_loop)(scope, receive, send)
    assert [message.get("more_body", False) for message in sent[1:]] == [*[True] * (len(sent) - 2), False]
    return Answer(sent[0]["status"], sent[0]["headers"], [message["body"] for message in sent[1:]])
