"""A WebSocket client that uses little CPU time: with two cores, the server lacks the time that the client uses."""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from typing import Self, TypeAlias, cast
from urllib.parse import urlsplit

OnFrame: TypeAlias = "Callable[[Socket, float, bytes], None]"

TEXT, CLOSE, PING = 0x81, 0x88, 0x89  # unfragmented frames, since neither server fragments messages
TIMEOUT = 30.0  # seconds for the authentication


class Socket(asyncio.Protocol):
    """Calls `receive(socket, when, frame)` for each text frame. `when` is a time of the machine's clock, which all
    processes share.

    Frames are not decoded here, but after the measurement.
    """

    __slots__ = ("_opened", "_receive", "_request", "_rest", "_transport", "_upgraded", "closed", "frames")

    def __init__(self, request: bytes, receive: OnFrame) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.closed = False
        self._receive = receive
        self._request = request
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._upgraded = False

    @classmethod
    async def open(cls, server: str, path: str, receive: OnFrame, *, token: str = "") -> Self:
        """Connects, and waits for the first frame, which confirms the authentication."""
        address = urlsplit(server)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {address.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {token}"] if token else []),
        ]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        loop = asyncio.get_running_loop()
        host, port = address.hostname or "", address.port or 80
        _, socket = await loop.create_connection(lambda: cls(request, receive), host, port)
        async with asyncio.timeout(TIMEOUT):
            await socket._opened
        return socket

    def drop(self) -> None:
        """Disconnects without a closing frame, like a browser that loses its network."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport has the same methods
        self._transport.write(self._request)

    def connection_lost(self, failure: Exception | None) -> None:
        self.closed = True
        if not self._opened.done():
            self._opened.set_exception(ConnectionError(f"refused: {self._rest[:200]!r} {self.frames[:1]}"))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            head, end_of_head, data = data.partition(b"\r\n\r\n")
            if not end_of_head or not head.startswith(b"HTTP/1.1 101"):
                self._rest = head
                return
            self._upgraded = True
        at, end = 0, len(data)
        while end - at >= 2:
            length, body = data[at + 1], at + 2
            if length > 125:
                body = at + (4 if length == 126 else 10)
                length = int.from_bytes(data[at + 2 : body])
            if body + length > end or body > end:
                break
            self._take(data[at], data[body : body + length], now)
            at = body + length
        self._rest = data[at:]

    def _take(self, kind: int, frame: bytes, now: float) -> None:
        if kind == TEXT:
            self.frames.append((now, frame))
            self._receive(self, now, frame)
            if not self._opened.done():
                self._opened.set_result(None)
        elif kind == PING:
            # Clients must mask their frames. A mask of zeros leaves the bytes unchanged.
            self._transport.write(bytes((0x8A, 0x80 | len(frame), 0, 0, 0, 0)) + frame)
        elif kind == CLOSE:
            self._transport.close()
