"""Clients that are deliberately slow or silent are disconnected (over real sockets)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.test import SimpleTestCase, override_settings
from uvicorn import Config
from uvicorn.server import ServerState

from core.http_protocol import MAX_HEAD_SIZE, BoundedHttpProtocol

TIMEOUT = 10.0


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that returns the body, after reading all of it as ours does."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    async def response(self) -> bytes:
        """Returns the head of a response, after reading its body of known length."""
        async with asyncio.timeout(TIMEOUT):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return head + await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Returns everything until the server closes the connection."""
        async with asyncio.timeout(TIMEOUT):
            return await self.reader.read()


@override_settings(REQUEST_HEAD_TIMEOUT=0.3, REQUEST_BODY_TIMEOUT=0.6)
class SlowClientTests(SimpleTestCase):
    @asynccontextmanager
    async def connect(self, keep_alive: float = 75) -> AsyncIterator[Connection]:
        config = Config(echo, lifespan="off", log_level="critical", timeout_keep_alive=keep_alive)  # type: ignore[arg-type]  # a fraction will do
        config.load()
        state, loop = ServerState(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0)
        async with server:
            connection = Connection(*await asyncio.open_connection(*server.sockets[0].getsockname()[:2]))
            yield connection
            connection.writer.close()

    async def test_a_silent_connection_is_closed(self) -> None:
        async with self.connect() as connection:
            assert await connection.rest() == b""

    async def test_a_head_that_does_not_end_is_408(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert (await connection.rest()).startswith(b"HTTP/1.1 408 ")

    async def test_a_head_that_trickles_is_408(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"GET / HTTP/1.1\r\n")
            reading = asyncio.create_task(connection.rest())
            started_at = time.monotonic()
            while not reading.done():
                connection.writer.write(b"A: b\r\n")
                await asyncio.wait([reading], timeout=0.05)
            assert (await reading).startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - started_at < TIMEOUT / 2

    async def test_the_next_request_of_a_connection_has_the_same_time(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await connection.response()).startswith(b"HTTP/1.1 200 ")
            await connection.send(b"GET / HTTP/1.1\r\n")
            assert (await connection.rest()).startswith(b"HTTP/1.1 408 ")

    async def test_an_idle_connection_stays_open_between_requests(self) -> None:
        async with self.connect() as connection:
            for _ in range(2):
                await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
                assert (await connection.response()).endswith(b"hi")
                await asyncio.sleep(0.5)  # longer than the time limit for a head
            await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await connection.response()).startswith(b"HTTP/1.1 200 ")

    async def test_an_idle_connection_is_closed_in_the_end(self) -> None:
        async with self.connect(keep_alive=0.3) as connection:
            await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await connection.rest()).startswith(b"HTTP/1.1 200 ")

    async def test_a_body_that_stops_is_408(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
            assert (await connection.rest()).startswith(b"HTTP/1.1 408 ")

    async def test_a_body_that_trickles_is_408(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            reading = asyncio.create_task(connection.rest())
            while not reading.done():
                connection.writer.write(b"1\r\nx\r\n")
                await asyncio.wait([reading], timeout=0.05)
            assert (await reading).startswith(b"HTTP/1.1 408 ")

    async def test_a_body_in_pieces_arrives(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
            for piece in (b"a", b"b", b"c"):
                await connection.send(piece)
                await asyncio.sleep(0.01)
            assert (await connection.response()).endswith(b"abc")

    async def test_large_headers_are_431(self) -> None:
        half = b"X-Large: " + b"x" * (MAX_HEAD_SIZE // 2) + b"\r\n"
        many = b"".join(b"X-%d: y\r\n" % number for number in range(201))
        for headers in (2 * half, many):
            async with self.connect() as connection:
                await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
                assert (await connection.rest()).startswith(b"HTTP/1.1 431 ")

    @override_settings(REQUEST_HEAD_TIMEOUT=TIMEOUT)
    async def test_a_header_without_an_end_is_431(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"GET / HTTP/1.1\r\nX-Large: ")
            reading = asyncio.create_task(connection.response())
            sent = 0
            while not reading.done() and sent < 10 * MAX_HEAD_SIZE:
                connection.writer.write(b"x" * 1000)
                sent += 1000
                await asyncio.wait([reading], timeout=0.001)
            assert (await reading).startswith(b"HTTP/1.1 431 ")

    async def test_headers_that_fit_are_taken(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"GET / HTTP/1.1\r\nX-Large: " + b"x" * (MAX_HEAD_SIZE - 100) + b"\r\n\r\n")
            assert (await connection.response()).startswith(b"HTTP/1.1 200 ")
            await connection.send(b"GET / HTTP/1.1\r\nX-Large: " + b"x" * (MAX_HEAD_SIZE - 100) + b"\r\n\r\n")
            assert (await connection.response()).startswith(b"HTTP/1.1 200 ")

    async def test_nonsense_is_400(self) -> None:
        async with self.connect() as connection:
            await connection.send(b"nonsense\r\n\r\n")
            assert (await connection.rest()).startswith(b"HTTP/1.1 400 ")
